"""Bookings and their difference."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol, TypeAlias

from streams.core.events.keys import Key
from streams.core.ledger.dimensions import Labels

__all__ = ["Booking", "Entry", "Interval", "Poster", "difference"]


class Poster(Protocol):
    """What takes differences: a ledger."""

    def post(self, delta: Mapping[Booking, int]) -> None: ...


Booking: TypeAlias = tuple[int, str, Labels, int]


def difference(old: Sequence[Booking], new: Sequence[Booking]) -> Mapping[Booking, int]:
    """What is to be posted to get from the old bookings to the new ones: booking -> multiplicity (never 0)."""
    delta: dict[Booking, int] = {}
    same = 0  # an entity's books mostly grow at the end
    for one, other in zip(old, new, strict=False):
        if one != other:
            break
        same += 1
    for booking in new[same:]:
        delta[booking] = delta.get(booking, 0) + 1
    for booking in old[same:]:
        left = delta.get(booking, 0) - 1
        if left:
            delta[booking] = left
        else:
            del delta[booking]
    return delta


#: What a view books: (key of the event that makes it, measure, own labels, value).
Entry = tuple[Key, str, Labels, int]
#: A level or mark that holds from one key to another (None: still): (measure, from, to, own labels, value).
Interval = tuple[str, Key, Key | None, Labels, int]
