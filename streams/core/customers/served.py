"""Distinct customers in a window: those with a ticket they created, and those with a solving.

Every contact counts, and every solving; a repetition is taken back in the windows that hold it and the customer's next
one, so that each customer is left once. Source: docs/definitions.md#customers-contacting-and-served.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator, Sequence
from typing import Final

from streams.core.ledger.bookings import Booking
from streams.core.ledger.dimensions import TOTAL
from streams.core.ledger.measures import Measure, declare, per_window
from streams.core.temporal.windows import Window, holding

__all__ = ["BOOKS", "occurrence_bookings"]

BOOKS: Final = declare(customers_contacting=Measure(scheme=TOTAL), customers_served=Measure(scheme=TOTAL))


def occurrence_bookings(
    measure: str, own: Sequence[int], name: str, all_of: Sequence[tuple[int, str]], windows: Sequence[Window]
) -> Iterator[Booking]:
    """The bookings of a ticket's occurrences (``own``, ms, ascending) among all of its customer's.

    ``all_of``: (instant, ticket) of the customer's occurrences, sorted, the ticket's own among them.
    """
    for number, at in enumerate(own):
        yield at, measure, (), 1
        index = bisect_left(all_of, (at, name)) + number - bisect_left(own, at) + 1
        if index < len(all_of):
            following = all_of[index][0]
            for window, until in holding(windows, at, following):
                repetition = per_window(measure, window.name)
                yield following, repetition, (), 1
                if until is not None:
                    yield until, repetition, (), -1
