"""What surveys book."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Final

from streams.core.events.keys import Key, last_key
from streams.core.ledger.bookings import Entry, Interval
from streams.core.ledger.dimensions import NO_LABELS, Labels
from streams.core.ledger.measures import per_window
from streams.core.surveys.reader import Survey
from streams.core.surveys.scores import SCORE_UNIT, scored
from streams.core.temporal.window_set import WindowSet
from streams.core.tickets.view import Ticket

__all__ = ["BOOKS", "entries", "followed", "sentiments"]
#: What surveys book by themselves.
BOOKS: Final = (
    "surveys_sent", "sendings_answered", "surveys_answered", "csat_answers", "csat_score", "csat_satisfied",
    "ces_answers", "ces_score", "ces_positive", "resolution_answers", "resolution_yes", "nps_answers", "nps_promoters",
    "nps_detractors",
)  # fmt: skip


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
        scores = scored(survey.kind, survey.position)
        booked.extend((survey.answered, name, labels, value) for name, value in scores if value)
    return booked


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


def followed(survey: Survey, ticket: Ticket | None, following: Key, windows: WindowSet) -> list[Interval]:
    """What an NPS answer takes back of itself where the customer's next one in the program is in the window too."""
    if survey.answered is None:
        return []
    labels = labels_of(survey, ticket)
    return [
        (per_window(name, window), following, None if end is None else last_key(end), labels, 1)
        for window, end in windows.holding(survey.answered[0], following[0])
        for name, value in scored(survey.kind, survey.position)
        if value
    ]
