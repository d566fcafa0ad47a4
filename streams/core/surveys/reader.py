"""A survey, read from its events in one walk: a sending and its answers, as one answer with score, scale and labels.

Rules of this file (docs/definitions.md#surveys):

* The latest answer counts, booked at its instant. Fields it lacks stay from earlier answers; where the sending says a
  field too, the sending wins.
* A score outside its scale is no sample, though its survey is answered.
* Effort is reflected first: whatever the question was, a high CES position is an easy one.
* A survey that names no kind and was never sent counts nowhere.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from streams.core.events.keys import Key, sort_key
from streams.core.events.types import SurveyAnswered, SurveyEvent, SurveySent
from streams.core.surveys.scores import SCORE_UNIT, is_satisfied, position_on_scale

__all__ = ["Survey", "read_survey"]


class Survey:
    """A survey as its events leave it."""

    __slots__ = ("agent", "answered", "csat_answers", "kind", "position", "program", "sent", "ticket_id")

    def __init__(self) -> None:
        self.kind: str | None = None
        self.program = ""
        self.ticket_id: str | None = None
        self.agent: str | None = None
        self.sent: Key | None = None
        #: The answer that counts; None while there is none.
        self.answered: Key | None = None
        #: The position of its score on its scale, 0..1 in ``SCORE_UNIT``; None outside of the scale.
        self.position: int | None = None
        #: Every CSAT answer on its scale, as it was given: its key, and True for a satisfied customer.
        self.csat_answers: list[tuple[Key, bool]] = []

    @property
    def anchor(self) -> Key | None:
        """The event whose labels all of the survey's samples carry; None: the survey counts nowhere."""
        return self.sent or self.answered


def read_survey(events: Sequence[SurveyEvent]) -> Survey:
    """Reads a survey's events, sorted by ``sort_key``."""
    survey = Survey()
    sent = next((event for event in events if type(event) is SurveySent), None)
    answers = [event for event in events if type(event) is SurveyAnswered]
    sources = ([sent] if sent else []) + answers[::-1]
    survey.kind = _first(sources, "kind")
    survey.ticket_id = _first(sources, "ticket_id")
    survey.agent = _first(sources, "agent_id")
    survey.program = _first(sources, "program") or ("transactional" if survey.ticket_id else "relationship")
    survey.sent = sort_key(sent) if sent else None
    if answers and survey.kind is not None:
        scale = _first(sources, "scale_min"), _first(sources, "scale_max")
        positions = [position_on_scale(answer.score, survey.kind, *scale) for answer in answers]
        survey.answered, survey.position = sort_key(answers[-1]), positions[-1]
        if survey.kind == "ces" and survey.position is not None and _first(sources, "direction") == "effort":
            survey.position = SCORE_UNIT - survey.position
        if survey.kind == "csat":
            given = zip(map(sort_key, answers), positions, strict=True)
            survey.csat_answers = [(key, is_satisfied(position)) for key, position in given if position is not None]
    return survey


def _first(sources: Iterable[SurveyEvent], name: str) -> Any:
    """The first value of a field among events that have it; None if none has."""
    return next((value for event in sources if (value := getattr(event, name)) is not None), None)
