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

from collections.abc import Iterable, Iterator, Sequence
from typing import Any, Final

from .events import Key, SurveyAnswered, SurveyEvent, SurveySent, order
from .measures import NO_LABELS, Labels, per_window
from .periods import Asked
from .profile import Entry, Interval
from .tickets import Ticket

__all__ = ["MEASURES", "SCORE_UNIT", "Survey", "entries", "followed", "read", "satisfied", "sentiments", "verdicts"]

#: Divisible by every range of scale from 1 to 12, by 99 and 100, and by 1000: their scores are exact.
SCORE_UNIT: Final = 277_200_000
#: What surveys book by themselves.
MEASURES: Final = (
    "surveys_sent", "sendings_answered", "surveys_answered", "csat_answers", "csat_score", "csat_satisfied",
    "ces_answers", "ces_score", "ces_positive", "resolution_answers", "resolution_yes", "nps_answers", "nps_promoters",
    "nps_detractors",
)  # fmt: skip
_SCALES: Final = {"csat": (1.0, 5.0), "nps": (0.0, 10.0), "ces": (1.0, 7.0), "resolution": (0.0, 1.0)}


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


def read(events: Sequence[SurveyEvent]) -> Survey:
    """Reads a survey's events, sorted by ``order``."""
    found = Survey()
    sent = next((event for event in events if type(event) is SurveySent), None)
    answers = [event for event in events if type(event) is SurveyAnswered]
    says = ([sent] if sent else []) + answers[::-1]
    found.kind = _said(says, "kind")
    found.ticket_id = _said(says, "ticket_id")
    found.agent = _said(says, "agent_id")
    found.program = _said(says, "program") or ("transactional" if found.ticket_id else "relationship")
    found.sent = order(sent) if sent else None
    if answers and found.kind is not None:
        found.answered = order(answers[-1])
        found.position = _position(answers[-1].score, found.kind, _said(says, "scale_min"), _said(says, "scale_max"))
        if found.kind == "ces" and found.position is not None and _said(says, "direction") == "effort":
            found.position = SCORE_UNIT - found.position
    return found


def _said(says: Iterable[SurveyEvent], name: str) -> Any:
    return next((value for event in says if (value := getattr(event, name)) is not None), None)


def _position(score: float, kind: str, low: float | None, high: float | None) -> int | None:
    least, most = _SCALES[kind]
    least = least if low is None else low
    most = most if high is None else high
    if not least <= score <= most or least >= most:
        return None
    return round((score - least) * SCORE_UNIT / (most - least))


def entries(survey: Survey, ticket: Ticket | None) -> list[Entry]:
    """What a survey books by itself. ``ticket`` is the one it names, if the customer has it."""
    if ticket is not None and ticket.voided:
        return []
    booked: list[Entry] = []
    labels = labels_of(survey, ticket)
    if survey.sent is not None:
        booked.append((survey.sent, "surveys_sent", labels, 1))
        if survey.answered is not None:
            booked.append((survey.sent, "sendings_answered", labels, 1))
    if survey.answered is not None:
        booked.append((survey.answered, "surveys_answered", labels, 1))
        booked.extend((survey.answered, name, labels, value) for name, value in _scores(survey) if value)
    return booked


def _scores(survey: Survey) -> list[tuple[str, int]]:
    """What the answer that counts says: (measure, value) pairs."""
    position = survey.position
    if position is None:
        return []
    if survey.kind == "csat":  # satisfied: the upper quarter of the scale, 4-5 of 5
        return [("csat_answers", 1), ("csat_score", position), ("csat_satisfied", int(satisfied(position)))]
    if survey.kind == "ces":  # positive: 5-7 of 1-7
        return [("ces_answers", 1), ("ces_score", position), ("ces_positive", int(position * 3 >= SCORE_UNIT * 2))]
    if survey.kind == "resolution":
        return [("resolution_answers", 1), ("resolution_yes", int(position == SCORE_UNIT))]
    score = position * 10  # promoters: 9-10, detractors: 0-6
    promoter, detractor = int(score >= 9 * SCORE_UNIT), int(score <= 6 * SCORE_UNIT)
    return [("nps_answers", 1), ("nps_promoters", promoter), ("nps_detractors", detractor)]


def verdicts(events: Sequence[SurveyEvent]) -> list[tuple[Key, bool]]:
    """Whether a CSAT survey's customer was satisfied by each answer as it was given; nothing for other surveys."""
    answers = [event for event in events if type(event) is SurveyAnswered]
    says = [event for event in events if type(event) is SurveySent][:1] + answers[::-1]
    if _said(says, "kind") != "csat":
        return []
    scale = _said(says, "scale_min"), _said(says, "scale_max")
    scores = [(order(answer), _position(answer.score, "csat", *scale)) for answer in answers]
    return [(key, satisfied(position)) for key, position in scores if position is not None]


def satisfied(position: int) -> bool:
    """Whether a CSAT score is in the upper quarter of its scale."""
    return position * 4 >= SCORE_UNIT * 3


def sentiments(told: Iterable[tuple[Key, Labels, float]]) -> Iterator[Entry]:
    """What a ticket's scores of sentiment book, -1..1, in units of ``SCORE_UNIT``."""
    for key, labels, score in told:
        yield key, "sentiments", labels, 1
        yield key, "sentiment_score", labels, round(score * SCORE_UNIT)


def labels_of(survey: Survey, ticket: Ticket | None) -> Labels:
    """The labels of a survey: its ticket's at the sending, else at the answer; its own agent first."""
    at = survey.anchor
    labels = NO_LABELS if ticket is None or at is None else ticket.labels_at(at)
    return labels if survey.agent is None else (*labels[:-1], survey.agent)


def followed(survey: Survey, ticket: Ticket | None, following: Key, asked: Asked) -> list[Interval]:
    """What an NPS answer takes back of itself where the customer's next one in the program is in the window too."""
    if survey.answered is None:
        return []
    labels = labels_of(survey, ticket)
    return [
        (per_window(name, window), following, end, labels, 1)
        for window, end in asked.holding(survey.answered[0], following)
        for name, value in _scores(survey)
        if value
    ]
