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
from collections.abc import Iterable, Iterator, Sequence
from operator import itemgetter
from typing import Final, NamedTuple

from .events import Key
from .measures import per_window
from .periods import Asked
from .profile import Entry, Interval
from .segments import HORIZON

__all__ = [
    "AGAIN",
    "EVER",
    "JOINED",
    "LEFT",
    "PAID",
    "STANDING",
    "Plan",
    "Spell",
    "Spells",
    "bought_again",
    "complaint",
    "repurchase",
    "standing",
]

#: After all instants.
EVER: Final = 1 << 60
#: What begins, goes on with, and ends spells.
JOINED, PAID, LEFT = range(3)
#: What is booked per window of spells and of orders.
STANDING: Final = ("active_at_start", "left_since_start", "joined_and_left")
AGAIN: Final = ("bought_again", "bought_twice_again")
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
                spells.append(Spell(running, (paid + self.quiet, -1, "")))
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
            spells.append(Spell(running, (paid + self.quiet, -1, "") if self.quiet else None))
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


def standing(spell: Spell, asked: Asked) -> Iterator[Interval]:
    """For which windows a spell runs at their start, and for which of these it has ended inside.

    Of aligned windows, who was active at the start follows from who is now and the flows since; only those who joined
    and left in the same one have to be told apart.
    """
    end, period = spell.end, asked.start
    if end is not None:
        for kind in asked.aligned:
            if end[0] < kind.period(spell.start[0]).end:
                yield per_window("joined_and_left", kind.name), end, None, (), 1
    for window in asked.rolling:
        enters = window.leaves(spell.start[0])
        leaves = None if end is None else window.leaves(end[0])
        if leaves is not None and leaves <= enters:
            continue
        upto = None if leaves is None else _at(leaves)
        yield per_window("active_at_start", window.name), _at(enters), upto, (), 1
        if end is not None and leaves is not None and max(enters, end[0]) < leaves:
            yield per_window("left_since_start", window.name), _at(max(enters, end[0])), upto, (), 1
    if period is not None and spell.start[0] < period and (end is None or end[0] >= period):
        yield per_window("active_at_start", "period"), _at(period - 1), None, (), 1
        if end is not None:
            yield per_window("left_since_start", "period"), end, None, (), 1


def bought_again(paid: int, following: Sequence[int], asked: Asked) -> Iterator[Interval]:
    """A paid order and the customer's next ones, as far as they are in a window together.

    Of k orders in a window, k − 1 are followed by another there and k − 2 by two: so customers with one or more are
    the orders less the first number, those with more than one are the first number less the second.
    """
    for name, at in zip(AGAIN, following, strict=False):
        for window, end in asked.holding(paid, _at(at)):
            yield per_window(name, window), _at(at), end, (), 1


def repurchase(answered: Key, satisfied: bool, next_paid: int | None) -> Iterator[Entry]:
    """What a CSAT answer books when 90 days are over; ``next_paid``: the first paid order at or after it."""
    key, labels = _at(answered[0] + HORIZON), ("satisfied" if satisfied else "unsatisfied",)
    yield key, "csat_followed", labels, 1
    if next_paid is not None and next_paid < answered[0] + HORIZON:
        yield key, "csat_repurchased", labels, 1


def complaint(at: int, spell: Spell | None) -> Iterator[Entry]:
    """What a complaint of an active customer books when 90 days are over; ``spell``: the one that ran then."""
    if spell is None:
        return
    key = _at(at + HORIZON)
    yield key, "complaints", (), 1
    if spell.end is None or spell.end[0] >= at + HORIZON:
        yield key, "complaints_retained", (), 1


def _at(instant: int) -> Key:
    """The key of an instant at which nothing happens, before whatever does."""
    return (instant, -1, "")
