"""What a survey books: its sending, its answer and score, and repetitions of NPS answers in a window.

Rules of this file (docs/definitions.md#surveys):

* Labels are those of the ticket at the sending, else at the answer; the survey's own agent comes first.
* A survey about a voided ticket books nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from streams.core.events.keys import Key, last_key
from streams.core.ledger.bookings import Entry, Interval
from streams.core.ledger.dimensions import NO_LABELS, SURVEYED, Labels
from streams.core.ledger.measures import Measure, declare, per_window
from streams.core.surveys import scores
from streams.core.surveys.reader import Survey
from streams.core.surveys.scores import score_measures
from streams.core.temporal.windows import Window, holding
from streams.core.tickets.view import Ticket

__all__ = ["BOOKS", "nps_repetitions", "survey_entries"]

_SURVEYED: Final = Measure(scheme=SURVEYED)
BOOKS: Final = (
    *declare(surveys_sent=_SURVEYED, sendings_answered=_SURVEYED, surveys_answered=_SURVEYED),
    *scores.BOOKS,
)


def survey_entries(survey: Survey, ticket: Ticket | None) -> list[Entry]:
    """The entries of a survey by itself. ``ticket``: the one it names, None if the customer has no such ticket."""
    if ticket is not None and ticket.voided:
        return []
    entries: list[Entry] = []
    labels = _labels_of(survey, ticket)
    if survey.sent is not None:
        entries.append((survey.sent, "surveys_sent", labels, 1))
        if survey.answered is not None:
            entries.append((survey.sent, "sendings_answered", labels, 1))
    if survey.answered is not None:
        entries.append((survey.answered, "surveys_answered", labels, 1))
        values = score_measures(survey.kind, survey.position)
        entries.extend((survey.answered, name, labels, value) for name, value in values if value)
    return entries


def nps_repetitions(survey: Survey, ticket: Ticket | None, following: Key, windows: Sequence[Window]) -> list[Interval]:
    """Takes back an NPS answer in the windows that hold the customer's next answer in the program too."""
    if survey.answered is None:
        return []
    labels = _labels_of(survey, ticket)
    return [
        (per_window(name, window.name), following, None if end is None else last_key(end), labels, 1)
        for window, end in holding(windows, survey.answered[0], following[0])
        for name, value in score_measures(survey.kind, survey.position)
        if value
    ]


def _labels_of(survey: Survey, ticket: Ticket | None) -> Labels:
    at = survey.anchor
    labels = NO_LABELS if ticket is None or at is None else ticket.labels_at(at)
    return labels if survey.agent is None else (*labels[:-1], survey.agent)
