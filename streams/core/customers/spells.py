"""A customer's spells of being active.

Rules of this file (docs/definitions.md#spells):

* A spell begins with joining or a paid order of which something is left, when none is running, and ends with leaving
  or after ``inactivity_ms`` without a paid order. Instants are ms.
* The end by inactivity is booked ahead, as a leaving: it comes after the payments of its instant.
* Active at T: begun before T and not ended before T, i.e. by events before T.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right, insort
from collections.abc import Iterable, Sequence
from operator import itemgetter
from typing import Final, NamedTuple, TypeAlias

from streams.core.events.keys import Key, leaving_key
from streams.core.temporal.instants import EVER

__all__ = ["JOINED", "LEFT", "PAID", "Marker", "Plan", "Spell", "Spells"]

#: The kinds of markers: JOINED begins a spell, PAID begins or prolongs one, LEFT ends one.
JOINED, PAID, LEFT = range(3)
#: An event that matters to spells: (key, kind).
Marker: TypeAlias = tuple[Key, int]

_start: Final = itemgetter(0)


class Spell(NamedTuple):
    """A span [start, end) of being active; an end of None: it still runs."""

    start: Key
    end: Key | None

    @property
    def edges(self) -> tuple[int, int]:
        """Its start and end, in ms; the end is ``EVER`` while it runs."""
        return self.start[0], EVER if self.end is None else self.end[0]

    def holds(self, at: int) -> bool:
        """True if it runs at an instant (ms), by events up to it, that instant included."""
        return self.start[0] <= at and (self.end is None or self.end[0] > at)


class Plan(NamedTuple):
    """A replacement of ``spells[start:stop]`` by other spells."""

    start: int
    stop: int
    spells: list[Spell]


class Spells:
    """One customer's spells, and the markers that they follow from. ``inactivity_ms`` 0: only leaving ends a spell."""

    __slots__ = ("inactivity_ms", "markers", "spells")

    def __init__(self, inactivity_ms: int) -> None:
        self.inactivity_ms = inactivity_ms
        #: Both in order, ``spells`` as of the last ``commit``.
        self.markers: list[Marker] = []
        self.spells: list[Spell] = []

    def plan(self, old: Iterable[Marker], new: Iterable[Marker]) -> Plan:
        """Exchanges markers; the change of spells that follows, which stay as they are until ``commit``.

        Runs from the first change to where everything is as before again. Raises ``ValueError`` without a change.
        """
        removed, added = set(old), set(new)
        for marker in removed - added:
            del self.markers[bisect_left(self.markers, marker)]
        for marker in added - removed:
            insort(self.markers, marker)
        changed = [key for key, _ in removed ^ added]
        return self._replan(min(changed), max(changed))

    def commit(self, plan: Plan) -> None:
        """Takes a plan into force."""
        self.spells[plan.start : plan.stop] = plan.spells

    def _replan(self, first: Key, last: Key) -> Plan:
        """The plan for markers that changed in [first, last]."""
        index = bisect_left(self.spells, first, key=_start)
        begin: Key | None = None  # of the running spell
        last_paid = 0  # the instant from which inactivity counts
        if index and ((end := self.spells[index - 1].end) is None or end >= first):
            index -= 1
            begin = self.spells[index].start
            last_paid = self._paid_before(first, begin)
        inactivity_ms = self.inactivity_ms
        spells: list[Spell] = []
        for key, kind in self.markers[bisect_left(self.markers, (first,)) :]:
            if begin is not None and inactivity_ms and (over := leaving_key(last_paid + inactivity_ms)) <= key:
                spells.append(Spell(begin, over))
                begin = None
            if kind == LEFT:
                if begin is not None:
                    spells.append(Spell(begin, key))
                    begin = None
                if key > last:
                    return Plan(index, bisect_right(self.spells, key, key=_start), spells)
            elif begin is None:
                begin, last_paid = key, key[0]
            elif kind == PAID:
                last_paid = key[0]
            if kind == PAID and key > last:
                before = bisect_right(self.spells, key, key=_start) - 1
                if self.spells[before].start == begin:  # from here on all is as before
                    return Plan(index, before + 1, [*spells, self.spells[before]])
        if begin is not None:
            spells.append(Spell(begin, leaving_key(last_paid + inactivity_ms) if inactivity_ms else None))
        return Plan(index, len(self.spells), spells)

    def _paid_before(self, key: Key, start: Key) -> int:
        """The last payment (ms) before a key in the spell that begins at ``start``, else that start."""
        position = bisect_left(self.markers, (key,)) - 1
        while position >= 0 and self.markers[position][0] > start:
            if self.markers[position][1] == PAID:
                return self.markers[position][0][0]
            position -= 1
        return start[0]

    def within(self, first: Key, last: Key | None) -> Sequence[Spell]:
        """The spells that run anywhere in [first, last]; ``last`` None: from ``first`` on."""
        low = bisect_left(self.spells, first, key=_start)
        if low and ((end := self.spells[low - 1].end) is None or end >= first):
            low -= 1
        return self.spells[low : len(self.spells) if last is None else bisect_right(self.spells, last, key=_start)]

    def at(self, at: int) -> Spell | None:
        """The spell that runs at an instant (ms), that instant included; None: the customer is not active."""
        index = bisect_left(self.spells, (at + 1,), key=_start) - 1
        return self.spells[index] if index >= 0 and self.spells[index].holds(at) else None
