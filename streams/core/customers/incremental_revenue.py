"""Touched and untouched customers of a window: what ``incremental_revenue`` compares. A comparison, not a proof.

Of each customer four things hold at a window's end T or do not: active in the window; that and touched in it; bought in
it after a touch in it; bought in it untouched. Each is told in pieces (begin, upto] of T, one after the other, so that
a change concerns its neighbours alone:

    touches      t1          t2
    touched      (---------- (---------------]      up to the next touch, or until this one leaves the window
    paid             p1            p2
    bought after     (------------ (---------]      up to the next order, or until the last touch before it leaves

Source: definitions.md, ``incremental_revenue``.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import defaultdict
from collections.abc import Callable, Collection, Sequence
from operator import itemgetter
from typing import Any, Final, NamedTuple, TypeAlias

from streams.core.customers.spells import Spell
from streams.core.customers.window_pieces import active_in, begin_of, end_of, hold, touched_in
from streams.core.ledger.bookings import Booking
from streams.core.ledger.dimensions import TOTAL
from streams.core.ledger.measures import Measure, declare, per_window
from streams.core.temporal.instants import DAY, EVER
from streams.core.temporal.windows import Window
from streams.core.tickets.view import Touch

__all__ = ["BOOKS", "Concerned", "Measured", "Moves", "People", "booked", "measured", "moved"]

#: Longer than any window with its pane.
_LONGEST: Final = 800 * DAY
_start: Final = itemgetter(0)
#: Per window; in the order of ``Measured``.
BOOKS: Final = declare(
    compared_active=Measure(scheme=TOTAL),
    compared_touched=Measure(scheme=TOTAL),
    touched_bought=Measure(scheme=TOTAL),
    untouched_bought=Measure(scheme=TOTAL),
)
#: How what holds changes, by measure and instant: summed up by plain numbers, for most of it cancels out.
Moves: TypeAlias = defaultdict[str, dict[int, int]]


class People(NamedTuple):
    """What is compared of one customer, each sorted by time: touches, (instant, order) of payments, spells."""

    touches: Sequence[Touch]
    paid: Sequence[tuple[int, str]]
    spells: Sequence[Spell]


class Concerned(NamedTuple):
    """What a unit changes of them: instants of touches and payments, starts and ends of spells that come or go."""

    touches: set[int]
    paid: set[int]
    spells: set[int]


class _Bought(NamedTuple):
    """A paid order among what is around it, in ms: the last touch at or before it, the next touch, the next order.

    It is the last order of a window until the next one; bought after a touch while that touch is in it, untouched from
    then on until the order leaves or the next touch comes.
    """

    at: int
    before: int | None
    after: int
    following: int


class Measured(NamedTuple):
    """A window, and the names of the four measures that are booked for it."""

    window: Window
    active: str
    touched: str
    after: str
    untouched: str


def measured(windows: Sequence[Window]) -> list[Measured]:
    """The windows with the names of their measures."""
    return [Measured(window, *(per_window(measure, window.name) for measure in BOOKS)) for window in windows]


def booked(people: People, concerned: Concerned, windows: Sequence[Measured], times: int, into: Moves) -> None:
    """Adds ``times`` what the concerned and their neighbours book; to be asked before a change and after it."""
    runs = [_run(people.touches, first, last) for first, last in _runs(_touches(people, concerned))]
    orders = [_bought(people, index) for index in _paid(people, concerned)]
    spells = _spells(people, concerned)
    for window, active, touched, after, untouched in windows:
        for index in spells:
            moves = into[active]
            for at, value in active_in(people.spells, index, window):
                moves[at] = moves.get(at, 0) + value * times
        for run in runs:
            hold(touched_in(run, people.spells, window), window, times, into[touched])
        for bought in orders:
            touch_until = -EVER if bought.before is None else window.until(bought.before)
            hold(((bought.at, min(touch_until, bought.following)),), window, times, into[after])
            upto = min(window.until(bought.at), bought.after, bought.following)
            hold(((max(bought.at, touch_until), upto),), window, times, into[untouched])


def moved(moves: Moves) -> dict[Booking, int]:
    """As bookings, what is left of moves."""
    return {(at, name, (), 1): times for name, at_once in moves.items() for at, times in at_once.items() if times}


# -- who is concerned, as indexes: what changed and its nearest unchanged neighbours, the same before and after ----


def _touches(people: People, concerned: Concerned) -> set[int]:
    """The touches that changed, and the one before each; those in reach of spells that changed."""
    found: set[int] = set()
    for at in concerned.touches:
        found.update(_around(people.touches, _instant, at, at, concerned.touches))
    if concerned.spells:
        upto = max(concerned.spells) + _LONGEST
        found.update(_around(people.touches, _instant, min(concerned.spells), upto, concerned.touches))
    return found


def _runs(indexes: set[int]) -> list[tuple[int, int]]:
    """Neighbours together: (first, last)."""
    runs: list[tuple[int, int]] = []
    for index in sorted(indexes):
        if runs and runs[-1][1] == index - 1:
            runs[-1] = (runs[-1][0], index)
        else:
            runs.append((index, index))
    return runs


def _run(touches: Sequence[Touch], first: int, last: int) -> list[int]:
    """The instants of neighbours, and that of the touch after them."""
    return [*map(_instant, touches[first : last + 1]), _following(touches, last, _instant)]


def _paid(people: People, concerned: Concerned) -> set[int]:
    """The payments that changed, and the one before each; those from before a touch that changed to the next one."""
    found: set[int] = set()
    for at in concerned.paid:
        found.update(_around(people.paid, _start, at, at, concerned.paid))
    for at in concerned.touches:
        until = at + _LONGEST
        index = bisect_left(people.touches, at + 1, key=_instant)
        while index < len(people.touches) and _instant(people.touches[index]) < until:
            if _instant(people.touches[index]) not in concerned.touches:
                until = _instant(people.touches[index])
            index += 1
        found.update(_around(people.paid, _start, at, until, concerned.paid))
    return found


def _bought(people: People, index: int) -> _Bought:
    at, touches = people.paid[index][0], people.touches
    after = bisect_left(touches, at + 1, key=_instant)  # at one instant a touch precedes a payment
    before = _instant(touches[after - 1]) if after else None
    coming = _instant(touches[after]) if after < len(touches) else EVER
    return _Bought(at, before, coming, _following(people.paid, index, _start))


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


def _spells(people: People, concerned: Concerned) -> range:
    """The spells that changed, and those beside them."""
    if not concerned.spells:
        return range(0)
    first, last, spells = min(concerned.spells), max(concerned.spells), people.spells
    low = bisect_left(spells, first, key=begin_of)
    while low and end_of(spells[low - 1]) >= first:
        low -= 1
    return range(max(low - 1, 0), min(bisect_left(spells, last + 1, low, key=begin_of) + 1, len(spells)))


def _instant(touch: Touch) -> int:
    return touch.key[0]


def _following(entries: Sequence[Any], index: int, instant: Callable[[Any], int]) -> int:
    return instant(entries[index + 1]) if index + 1 < len(entries) else EVER
