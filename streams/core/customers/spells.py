"""Customers: when they are active, who comes back, and what satisfaction is worth.

Rules of this file (definitions.md, "Customers"):

* A spell begins with joining or a paid order of which something is left, when none is running, and ends with leaving
  or when ``inactivity`` has passed without a paid order; that end is booked ahead. Instants are ms.
* Active at T: begun before T and not ended before T, i.e. by what happened before T.
* What depends on the window's length is an interval on the clock: +1 at the last instant for which it does not hold
  yet, -1 at the last for which it does.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right, insort
from collections.abc import Iterable, Sequence
from operator import itemgetter
from typing import Final, NamedTuple

from streams.core.events.keys import Key, first_key
from streams.core.temporal.instants import EVER

__all__ = ["JOINED", "LEFT", "PAID", "Marker", "Plan", "Spell", "Spells"]
#: What begins, goes on with, and ends spells.
JOINED, PAID, LEFT = range(3)
Marker = tuple[Key, int]
_start: Final = itemgetter(0)


class Spell(NamedTuple):
    """Active in [start, end); None = still."""

    start: Key
    end: Key | None

    @property
    def edges(self) -> tuple[int, int]:
        """Where it begins and ends, in ms."""
        return self.start[0], EVER if self.end is None else self.end[0]

    def holds(self, at: int) -> bool:
        """Whether it runs at an instant, that instant included."""
        return self.start[0] <= at and (self.end is None or self.end[0] > at)


class Plan(NamedTuple):
    """Which spells take the place of ``spells[start:stop]``."""

    start: int
    stop: int
    spells: list[Spell]


class Spells:
    """One customer's spells, in order, and what they are made of. ``quiet`` (ms): 0 = only leaving ends one."""

    __slots__ = ("markers", "quiet", "spells")

    def __init__(self, quiet: int) -> None:
        self.quiet = quiet
        self.markers: list[Marker] = []
        self.spells: list[Spell] = []

    def plan(self, old: Iterable[Marker], new: Iterable[Marker]) -> Plan:
        """Exchanges markers and says what becomes of the spells, which stay as they are until ``commit``.

        Runs from the first change to where everything is as before again.
        """
        gone, come = set(old), set(new)
        for marker in gone - come:
            del self.markers[bisect_left(self.markers, marker)]
        for marker in come - gone:
            insort(self.markers, marker)
        changed = [key for key, _ in gone ^ come]
        return self._run(min(changed), max(changed))

    def commit(self, plan: Plan) -> None:
        self.spells[plan.start : plan.stop] = plan.spells

    def _run(self, first: Key, last: Key) -> Plan:
        index = bisect_left(self.spells, first, key=_start)
        running: Key | None = None
        paid = 0  # since when nothing was paid
        if index and ((end := self.spells[index - 1].end) is None or end >= first):
            index -= 1
            running = self.spells[index].start
            paid = self._paid_before(first, running)
        spells: list[Spell] = []
        for key, kind in self.markers[bisect_left(self.markers, (first,)) :]:
            if running is not None and self.quiet and paid + self.quiet <= key[0]:
                spells.append(Spell(running, first_key(paid + self.quiet)))
                running = None
            if kind == LEFT:
                if running is not None:
                    spells.append(Spell(running, key))
                    running = None
                if key > last:
                    return Plan(index, bisect_right(self.spells, key, key=_start), spells)
            elif running is None:
                running, paid = key, key[0]
            elif kind == PAID:
                paid = key[0]
            if kind == PAID and key > last:
                before = bisect_right(self.spells, key, key=_start) - 1
                if self.spells[before].start == running:  # from here on all is as it was
                    return Plan(index, before + 1, [*spells, self.spells[before]])
        if running is not None:
            spells.append(Spell(running, first_key(paid + self.quiet) if self.quiet else None))
        return Plan(index, len(self.spells), spells)

    def _paid_before(self, key: Key, start: Key) -> int:
        """The last payment before a key in the spell that begins at ``start``, else that."""
        position = bisect_left(self.markers, (key,)) - 1
        while position >= 0 and self.markers[position][0] > start:
            if self.markers[position][1] == PAID:
                return self.markers[position][0][0]
            position -= 1
        return start[0]

    def since(self, first: Key, last: Key | None) -> Sequence[Spell]:
        """The spells that run anywhere in a stretch."""
        low = bisect_left(self.spells, first, key=_start)
        if low and ((end := self.spells[low - 1].end) is None or end >= first):
            low -= 1
        return self.spells[low : len(self.spells) if last is None else bisect_right(self.spells, last, key=_start)]

    def at(self, at: int) -> Spell | None:
        """The spell that runs at an instant, that instant included."""
        index = bisect_left(self.spells, (at + 1,), key=_start) - 1
        return self.spells[index] if index >= 0 and self.spells[index].holds(at) else None
