"""Bookings and the difference between two sets of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol, TypeAlias

from streams.core.events.keys import Key
from streams.core.ledger.dimensions import Labels

__all__ = ["Booking", "Entry", "Interval", "Poster", "difference"]

#: (instant in ms, measure, labels, value). An entity's bookings are a multiset.
Booking: TypeAlias = tuple[int, str, Labels, int]
#: A view's booking without the customer's labels: (key of the event it is booked at, measure, own labels, value).
Entry: TypeAlias = tuple[Key, str, Labels, int]
#: A level or instant in force in [start, end), end None: still in force: (measure, start, end, own labels, value).
Interval: TypeAlias = tuple[str, Key, Key | None, Labels, int]


class Poster(Protocol):
    """The receiver of differences: a ledger."""

    def post(self, delta: Mapping[Booking, int]) -> None:
        """Adds a difference: booking -> how many times, negative where it is taken back."""


def difference(old: Sequence[Booking], new: Sequence[Booking]) -> Mapping[Booking, int]:
    """The way from the old bookings to the new ones: booking -> how many times, negative: taken back, never 0."""
    delta: dict[Booking, int] = {}
    same = 0  # most changes add bookings at the end, so equal ones at the beginning are skipped
    for one, other in zip(old, new, strict=False):
        if one != other:
            break
        same += 1
    for booking in new[same:]:
        delta[booking] = delta.get(booking, 0) + 1
    for booking in old[same:]:
        times = delta.get(booking, 0) - 1
        if times:
            delta[booking] = times
        else:
            del delta[booking]
    return delta
