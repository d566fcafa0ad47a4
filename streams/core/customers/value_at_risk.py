"""Value at risk: what customers paid in the last 365 days while a wait of theirs is late or due soon.

A customer's waits cover stretches of the clock, however many tickets and targets make them up; while any does, the
customer's payments of the window are at risk, each customer's once.

    waits      (------]     (--]
                  (------]
    at risk    (---------]  (--]       on these, what was paid in the 365 days up to then: a step function of its own

Source: definitions.md, ``value_at_risk``.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Mapping
from typing import Final

from streams.core.ledger.bookings import Booking, Entry
from streams.core.ledger.dimensions import TOTAL_LEVELS
from streams.core.ledger.measures import Measure, declare
from streams.core.temporal.instants import EVER
from streams.core.temporal.rolling import RollingWindow

__all__ = ["BOOKS", "YEAR", "Risk", "Steps", "add_payments", "add_waits"]

#: The window that payments count in, configured or not.
YEAR: Final = "365d"
BOOKS: Final = declare(
    value_at_risk=Measure(scheme=TOTAL_LEVELS),
    customers_valued=Measure(scheme=TOTAL_LEVELS),
)
_WAITS: Final = frozenset(("sla_open_breached", "sla_due_soon"))


def add_waits(booked: Iterable[Booking], times: int, into: dict[int, int]) -> None:
    """Adds ``times`` where waits that are late or due soon begin (1) and end (-1), in ms."""
    for at, name, _, value in booked:
        if name in _WAITS:
            _add(into, at, value * times)


def add_payments(booked: Iterable[Entry], times: int, into: dict[int, int]) -> None:
    """Adds ``times`` what an order's entries say was paid, by instant."""
    for key, name, _, amount in booked:
        if name == "revenue_paid":
            _add(into, key[0], amount * times)


def _add(into: dict[int, int], at: int, amount: int) -> None:
    total = into.get(at, 0) + amount
    if total:
        into[at] = total
    else:
        into.pop(at, None)


class Steps:
    """A sum over time: amounts at instants (ms), and what they come to just after each."""

    __slots__ = ("_amounts", "_instants", "_totals")

    def __init__(self) -> None:
        self._instants: list[int] = []
        self._amounts: list[int] = []
        self._totals: list[int] = []

    def change(self, delta: Mapping[int, int]) -> None:
        """Adds amounts. Costs a search for each, and a sum over what lies after the first."""
        for at, amount in delta.items():
            index = bisect_left(self._instants, at)
            if index == len(self._instants) or self._instants[index] != at:
                self._instants.insert(index, at)
                self._amounts.insert(index, amount)
            elif self._amounts[index] + amount:
                self._amounts[index] += amount
            else:
                del self._instants[index], self._amounts[index]
        first = bisect_left(self._instants, min(delta, default=EVER))
        total = self._totals[first - 1] if first else 0
        del self._totals[first:]
        for amount in self._amounts[first:]:
            total += amount
            self._totals.append(total)

    def after(self, at: int) -> int:
        """The sum of everything up to an instant, that included."""
        index = bisect_right(self._instants, at)
        return self._totals[index - 1] if index else 0

    def within(self, first: int, last: int) -> list[int]:
        """The instants in (first, last)."""
        return self._instants[bisect_right(self._instants, first) : bisect_left(self._instants, last)]


class Risk:
    """One customer's waits and payments. ``window`` is the one that payments count in."""

    __slots__ = ("_paid", "_waiting", "_window")

    def __init__(self, window: RollingWindow) -> None:
        self._window = window
        self._waiting = Steps()
        self._paid = Steps()

    def change(self, waits: Mapping[int, int], paid: Mapping[int, int]) -> dict[Booking, int]:
        """Takes over what changed (amounts by instant, ms); gives what is to be posted."""
        booked: dict[Booking, int] = {}
        touched = [*waits, *paid, *map(self._window.until, paid)]
        if not touched:
            return booked
        first, last = min(touched), EVER if sum(waits.values()) else max(touched)
        self._book(first, last, -1, booked)
        self._waiting.change(waits)
        self._paid.change(paid)
        self._book(first, last, 1, booked)
        return booked

    def _book(self, first: int, last: int, times: int, into: dict[Booking, int]) -> None:
        """What is at risk for T in (first, last], as if nothing were outside: that is the same before and after."""
        held = 0
        for at in self._turns(first, last):
            value = self._after(at)
            _post(into, at, held, value, times)
            held = value
        if last < EVER:
            _post(into, last, held, 0, times)

    def _turns(self, first: int, last: int) -> list[int]:
        """Where in [first, last) what is at risk may change, in order."""
        paid = self._paid.within(self._window.start(first) - 1, last)
        turns = {first, *self._waiting.within(first, last), *paid, *map(self._window.until, paid)}
        return sorted(at for at in turns if first <= at < last)

    def _after(self, at: int) -> int:
        """What is at risk just after an instant."""
        if not self._waiting.after(at):
            return 0
        return self._paid.after(at) - self._paid.after(self._window.start(at + 1) - 1)


def _post(into: dict[Booking, int], at: int, before: int, after: int, times: int) -> None:
    for name, amount in (
        ("value_at_risk", after - before),
        ("customers_valued", (after > 0) - (before > 0)),
    ):
        booking: Booking = (at, name, (), 1)
        total = into.get(booking, 0) + amount * times
        if total:
            into[booking] = total
        else:
            into.pop(booking, None)
