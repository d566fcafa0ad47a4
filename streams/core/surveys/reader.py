"""Surveys: a sending and its answers, read into one answer with its score, scale and labels.

Rules of this file (definitions.md, "Surveys"):

* The latest answer counts, booked at its instant; fields it lacks stay from earlier answers; where the sending
  says a field too, the sending wins.
* Labels are those of the ticket at the sending, else at the answer; its own agent first.
* A score outside its scale is no sample, though its survey is answered. Scores are kept in units of ``SCORE_UNIT``
  so that sums are exact.
* Effort is reflected first: whatever a customer was asked, a high CES position is an easy one.
* What names no kind and was never sent is an orphan: it counts nowhere.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from streams.core.events.keys import Key, sort_key
from streams.core.events.types import SurveyAnswered, SurveyEvent, SurveySent
from streams.core.surveys.scores import SCORE_UNIT, position_of, satisfied

__all__ = ["Survey", "read_survey", "verdicts"]


class Survey:
    """What a survey's events come to."""

    __slots__ = ("agent", "answered", "kind", "position", "program", "sent", "ticket_id")

    def __init__(self) -> None:
        self.kind: str | None = None
        self.program = ""
        self.ticket_id: str | None = None
        self.agent: str | None = None
        self.sent: Key | None = None
        #: The answer that counts; None while there is none.
        self.answered: Key | None = None
        #: Where on its scale the score is, 0..1, in SCORE_UNIT; None outside of it.
        self.position: int | None = None

    @property
    def anchor(self) -> Key | None:
        """The event whose labels all of the survey's samples carry; None for an orphan."""
        return self.sent or self.answered


def read_survey(events: Sequence[SurveyEvent]) -> Survey:
    """Reads a survey's events, sorted by ``sort_key``."""
    found = Survey()
    sent = next((event for event in events if type(event) is SurveySent), None)
    answers = [event for event in events if type(event) is SurveyAnswered]
    says = ([sent] if sent else []) + answers[::-1]
    found.kind = _said(says, "kind")
    found.ticket_id = _said(says, "ticket_id")
    found.agent = _said(says, "agent_id")
    found.program = _said(says, "program") or ("transactional" if found.ticket_id else "relationship")
    found.sent = sort_key(sent) if sent else None
    if answers and found.kind is not None:
        found.answered = sort_key(answers[-1])
        found.position = position_of(answers[-1].score, found.kind, _said(says, "scale_min"), _said(says, "scale_max"))
        if found.kind == "ces" and found.position is not None and _said(says, "direction") == "effort":
            found.position = SCORE_UNIT - found.position
    return found


def _said(says: Iterable[SurveyEvent], name: str) -> Any:
    return next((value for event in says if (value := getattr(event, name)) is not None), None)


def verdicts(events: Sequence[SurveyEvent]) -> list[tuple[Key, bool]]:
    """Whether a CSAT survey's customer was satisfied by each answer as it was given; nothing for other surveys."""
    answers = [event for event in events if type(event) is SurveyAnswered]
    says = [event for event in events if type(event) is SurveySent][:1] + answers[::-1]
    if _said(says, "kind") != "csat":
        return []
    scale = _said(says, "scale_min"), _said(says, "scale_max")
    scores = [(sort_key(answer), position_of(answer.score, "csat", *scale)) for answer in answers]
    return [(key, satisfied(position)) for key, position in scores if position is not None]
