"""What a ticket's scores of sentiment book, in the unit of survey scores. Source: docs/definitions.md#sentiment."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Final

from streams.core.events.keys import Key
from streams.core.ledger.bookings import Entry
from streams.core.ledger.dimensions import Labels
from streams.core.ledger.measures import COUNT, declare
from streams.core.surveys.scores import SCORE_UNIT

__all__ = ["BOOKS", "sentiment_entries"]

BOOKS: Final = declare(sentiments=COUNT, sentiment_score=COUNT)


def sentiment_entries(sentiments: Iterable[tuple[Key, Labels, float]]) -> Iterator[Entry]:
    """The entries of scores from -1 to 1, each with the ticket's labels at its instant."""
    for key, labels, score in sentiments:
        yield key, "sentiments", labels, 1
        yield key, "sentiment_score", labels, round(score * SCORE_UNIT)
