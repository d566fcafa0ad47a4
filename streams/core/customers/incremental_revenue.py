"""Touched and untouched customers of a window, by which ``incremental_revenue`` compares. A comparison, not a proof.

Of each customer four things are true at a window's end T or not: active in the window; active and touched in it; bought
in it after a touch in it; bought in it untouched. Each is booked in pieces (begin, upto] of T, one after the other, so
that a change concerns its neighbours alone:

    touches      t1          t2
    touched      (---------- (---------------]      up to the next touch, or until this one leaves the window
    paid             p1            p2
    bought after     (------------ (---------]      up to the next order, or until the last touch before it leaves

Source: docs/definitions.md#incremental-revenue.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import defaultdict
from collections.abc import Callable, Collection, Sequence
from operator import itemgetter
from typing import Any, Final, NamedTuple, TypeAlias

from streams.core.customers.spells import Spell
from streams.core.customers.window_pieces import active_steps, add_pieces, begin_of, end_of, touched_pieces
from streams.core.ledger.bookings import Booking
from streams.core.ledger.dimensions import TOTAL
from streams.core.ledger.measures import Measure, declare, per_window
from streams.core.temporal.instants import DAY, EVER
from streams.core.temporal.windows import Window
from streams.core.tickets.view import Touch

__all__ = [
    "BOOKS", "Amounts", "Timeline", "TimelineChange", "WindowMeasures", "add_amounts", "amount_bookings",
    "window_measures",
]  # fmt: skip

#: Longer than any window with its pane.
_LONGEST_MS: Final = 800 * DAY
_start: Final = itemgetter(0)
#: Per window; in the order of ``WindowMeasures``.
BOOKS: Final = declare(
    compared_active=Measure(scheme=TOTAL),
    compared_touched=Measure(scheme=TOTAL),
    touched_bought=Measure(scheme=TOTAL),
    untouched_bought=Measure(scheme=TOTAL),
)
#: Amounts by measure and instant (ms), as plain numbers: most of a change cancels out before any booking is made.
Amounts: TypeAlias = defaultdict[str, dict[int, int]]


class Timeline(NamedTuple):
    """One customer's touches, payments as (instant in ms, order), and spells, each in order of time."""

    touches: Sequence[Touch]
    paid: Sequence[tuple[int, str]]
    spells: Sequence[Spell]


class TimelineChange(NamedTuple):
    """Instants (ms) at which a unit changes a timeline: of touches, of payments, of starts and ends of spells."""

    touches: set[int]
    paid: set[int]
    spells: set[int]


class _Purchase(NamedTuple):
    """A paid order and its neighbours, in ms: the last touch at or before it, the next touch, the next paid order.

    It is the last order of a window until the next one. It is bought after a touch while that touch is in the window,
    then bought untouched until it leaves the window itself or the next touch comes.
    """

    at: int
    touch_before: int | None
    touch_after: int
    following: int


class WindowMeasures(NamedTuple):
    """A window, and the names of the four measures booked for it."""

    window: Window
    active: str
    touched: str
    after: str
    untouched: str


def window_measures(windows: Sequence[Window]) -> list[WindowMeasures]:
    """The windows with the names of their measures."""
    return [WindowMeasures(window, *(per_window(measure, window.name) for measure in BOOKS)) for window in windows]


def add_amounts(
    timeline: Timeline, change: TimelineChange, windows: Sequence[WindowMeasures], times: int, into: Amounts
) -> None:
    """Adds ``times`` the amounts of the changed entries and their neighbours.

    Called with -1 before a change and with 1 after it, ``into`` has the difference.
    """
    runs = [_run(timeline.touches, first, last) for first, last in _runs(_touches(timeline, change))]
    purchases = [_purchase(timeline, index) for index in _payments(timeline, change)]
    spells = _spells(timeline, change)
    for window, active, touched, after, untouched in windows:
        for index in spells:
            amounts = into[active]
            for at, value in active_steps(timeline.spells, index, window):
                amounts[at] = amounts.get(at, 0) + value * times
        for run in runs:
            add_pieces(touched_pieces(run, timeline.spells, window), window, times, into[touched])
        for at, touch_before, touch_after, following in purchases:
            touch_until = -EVER if touch_before is None else window.until(touch_before)
            add_pieces(((at, min(touch_until, following)),), window, times, into[after])
            upto = min(window.until(at), touch_after, following)
            add_pieces(((max(at, touch_until), upto),), window, times, into[untouched])


def amount_bookings(amounts: Amounts) -> dict[Booking, int]:
    """The bookings of amounts that are not 0."""
    return {
        (at, name, (), 1): times for name, by_instant in amounts.items() for at, times in by_instant.items() if times
    }


# -- concerned entries, by index: those changed and their nearest unchanged neighbours, the same before and after ----


def _touches(timeline: Timeline, change: TimelineChange) -> set[int]:
    """The touches that changed, and the one before each; those in reach of spells that changed."""
    indexes: set[int] = set()
    for at in change.touches:
        indexes.update(_around(timeline.touches, _instant, at, at, change.touches))
    if change.spells:
        upto = max(change.spells) + _LONGEST_MS
        indexes.update(_around(timeline.touches, _instant, min(change.spells), upto, change.touches))
    return indexes


def _runs(indexes: set[int]) -> list[tuple[int, int]]:
    """Consecutive indexes together: (first, last)."""
    runs: list[tuple[int, int]] = []
    for index in sorted(indexes):
        if runs and runs[-1][1] == index - 1:
            runs[-1] = (runs[-1][0], index)
        else:
            runs.append((index, index))
    return runs


def _run(touches: Sequence[Touch], first: int, last: int) -> list[int]:
    """The instants (ms) of neighbouring touches, and of the touch after them; ``EVER`` if there is none."""
    return [*map(_instant, touches[first : last + 1]), _following(touches, last, _instant)]


def _payments(timeline: Timeline, change: TimelineChange) -> set[int]:
    """The payments that changed, and the one before each; those from before a touch that changed to the next one."""
    indexes: set[int] = set()
    for at in change.paid:
        indexes.update(_around(timeline.paid, _start, at, at, change.paid))
    for at in change.touches:
        until = at + _LONGEST_MS
        index = bisect_left(timeline.touches, at + 1, key=_instant)
        while index < len(timeline.touches) and _instant(timeline.touches[index]) < until:
            if _instant(timeline.touches[index]) not in change.touches:
                until = _instant(timeline.touches[index])
            index += 1
        indexes.update(_around(timeline.paid, _start, at, until, change.paid))
    return indexes


def _purchase(timeline: Timeline, index: int) -> _Purchase:
    at, touches = timeline.paid[index][0], timeline.touches
    after = bisect_left(touches, at + 1, key=_instant)  # at one instant a touch precedes a payment
    touch_before = _instant(touches[after - 1]) if after else None
    touch_after = _instant(touches[after]) if after < len(touches) else EVER
    return _Purchase(at, touch_before, touch_after, _following(timeline.paid, index, _start))


def _around(
    entries: Sequence[Any], instant: Callable[[Any], int], first: int, last: int, changed: Collection[int]
) -> range:
    """The entries in [first, last], back to the nearest one before them that does not change."""
    low = bisect_left(entries, first, key=instant)
    high = bisect_left(entries, last + 1, low, key=instant)
    while low > 0:
        low -= 1
        if instant(entries[low]) not in changed:
            break
    return range(low, high)


def _spells(timeline: Timeline, change: TimelineChange) -> range:
    """The spells that changed, and their neighbours."""
    if not change.spells:
        return range(0)
    first, last, spells = min(change.spells), max(change.spells), timeline.spells
    low = bisect_left(spells, first, key=begin_of)
    while low and end_of(spells[low - 1]) >= first:
        low -= 1
    return range(max(low - 1, 0), min(bisect_left(spells, last + 1, low, key=begin_of) + 1, len(spells)))


def _instant(touch: Touch) -> int:
    return touch.key[0]


def _following(entries: Sequence[Any], index: int, instant: Callable[[Any], int]) -> int:
    """The instant (ms) of the entry after one; ``EVER`` if there is none."""
    return instant(entries[index + 1]) if index + 1 < len(entries) else EVER
