"""Value at risk: the payments of the last 365 days by customers for whom a promised wait is late or due soon.

A customer's waits cover spans of the clock, however many tickets and targets make them up; while any does, the
customer's payments of the window are at risk, each customer's once.

    waits      (------]     (--]
                  (------]
    at risk    (---------]  (--]       on these, the payments of the 365 days up to T: a step function of T

Source: docs/definitions.md#value-at-risk.
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

__all__ = ["BOOKS", "YEAR", "RunningSum", "ValueAtRisk", "add_payments", "add_waits"]

#: The window of the payments, configured or not.
YEAR: Final = "365d"
BOOKS: Final = declare(
    value_at_risk=Measure(scheme=TOTAL_LEVELS),
    customers_valued=Measure(scheme=TOTAL_LEVELS),
)
_WAITS: Final = frozenset(("sla_open_breached", "sla_due_soon"))


def add_waits(bookings: Iterable[Booking], times: int, into: dict[int, int]) -> None:
    """Adds ``times`` the begins (1) and ends (-1) of waits that are late or due soon, by instant (ms)."""
    for at, name, _, value in bookings:
        if name in _WAITS:
            _add(into, at, value * times)


def add_payments(entries: Iterable[Entry], times: int, into: dict[int, int]) -> None:
    """Adds ``times`` the payments among an order's entries, in minor units by instant (ms)."""
    for key, name, _, amount in entries:
        if name == "revenue_paid":
            _add(into, key[0], amount * times)


def _add(into: dict[int, int], at: int, amount: int) -> None:
    total = into.get(at, 0) + amount
    if total:
        into[at] = total
    else:
        into.pop(at, None)


class RunningSum:
    """A sum over time: amounts at instants (ms), and the total just after each."""

    __slots__ = ("_amounts", "_instants", "_totals")

    def __init__(self) -> None:
        self._instants: list[int] = []
        self._amounts: list[int] = []
        self._totals: list[int] = []

    def change(self, delta: Mapping[int, int]) -> None:
        """Adds amounts by instant. Costs a search for each, and a sum over all after the first."""
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
        """The sum of everything up to an instant, that instant included."""
        index = bisect_right(self._instants, at)
        return self._totals[index - 1] if index else 0

    def within(self, first: int, last: int) -> list[int]:
        """The instants in (first, last)."""
        return self._instants[bisect_right(self._instants, first) : bisect_left(self._instants, last)]


class ValueAtRisk:
    """One customer's waits and payments. ``window``: the one of the payments."""

    __slots__ = ("_paid", "_waits", "_window")

    def __init__(self, window: RollingWindow) -> None:
        self._window = window
        self._waits = RunningSum()
        self._paid = RunningSum()

    def change(self, waits: Mapping[int, int], paid: Mapping[int, int]) -> dict[Booking, int]:
        """Adds changes of both, as amounts by instant (ms); the difference in bookings that follows."""
        difference: dict[Booking, int] = {}
        instants = [*waits, *paid, *map(self._window.until, paid)]
        if not instants:
            return difference
        first, last = min(instants), EVER if sum(waits.values()) else max(instants)
        self._add_bookings(first, last, -1, difference)
        self._waits.change(waits)
        self._paid.change(paid)
        self._add_bookings(first, last, 1, difference)
        return difference

    def _add_bookings(self, first: int, last: int, times: int, into: dict[Booking, int]) -> None:
        """Adds ``times`` the bookings for T in (first, last], as if the value were 0 outside of it.

        What is outside is the same before and after a change, and cancels out.
        """
        value_before = 0
        for at in self._steps(first, last):
            value = self._after(at)
            _add_step(into, at, value_before, value, times)
            value_before = value
        if last < EVER:
            _add_step(into, last, value_before, 0, times)

    def _steps(self, first: int, last: int) -> list[int]:
        """The instants in [first, last) at which the value may change, in order."""
        paid = self._paid.within(self._window.start(first) - 1, last)
        steps = {first, *self._waits.within(first, last), *paid, *map(self._window.until, paid)}
        return sorted(at for at in steps if first <= at < last)

    def _after(self, at: int) -> int:
        """The value just after an instant, minor units."""
        if not self._waits.after(at):
            return 0
        return self._paid.after(at) - self._paid.after(self._window.start(at + 1) - 1)


def _add_step(into: dict[Booking, int], at: int, before: int, after: int, times: int) -> None:
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
