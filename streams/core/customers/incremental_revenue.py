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
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from functools import lru_cache
from operator import itemgetter
from typing import Any, Final, NamedTuple, TypeAlias

from streams.core.customers.spells import Spell
from streams.core.ledger.bookings import Booking
from streams.core.ledger.measures import per_window
from streams.core.temporal.instants import DAY, EVER
from streams.core.temporal.periods import Aligned
from streams.core.temporal.window_set import WindowSet
from streams.core.tickets.view import Touch

__all__ = ["BOOKS", "Concerned", "Moves", "People", "Span", "booked", "moved", "spans"]

#: Longer than any window with its pane.
_LONGEST: Final = 800 * DAY
#: Instants of which a window remembers until when it holds them.
_REMEMBERED: Final = 10_000
_start: Final = itemgetter(0)
#: Per window; in the order of ``Span``.
BOOKS: Final = ("compared_active", "compared_touched", "touched_bought", "untouched_bought")
#: What holds for T in (begin, upto].
_Piece: TypeAlias = tuple[int, int]
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


class Span(NamedTuple):
    """A window as the clock moves: ``until(at)`` is the last T for which it holds ``at``, before all time if none.

    ``opens(at)``: where the aligned window of an instant, or ``period``, begins; a spell in it ends after that.
    """

    until: Callable[[int], int]
    #: For at least so long a rolling window holds what it holds; 0 of others.
    length: int
    opens: Callable[[int], int] | None
    aligned: bool
    #: The measures' names.
    active: str
    touched: str
    after: str
    untouched: str


def booked(people: People, concerned: Concerned, spans: Sequence[Span], times: int, into: Moves) -> None:
    """Adds ``times`` what the concerned and their neighbours book; to be asked before a change and after it."""
    runs = [_run(people.touches, first, last) for first, last in _runs(_touches(people, concerned))]
    orders = [_bought(people, index) for index in _paid(people, concerned)]
    spells = _spells(people, concerned)
    for span in spans:
        for index in spells:
            moves = into[span.active]
            for at, value in _active(people.spells, index, span):
                moves[at] = moves.get(at, 0) + value * times
        for run in runs:
            _hold(_touched(run, people.spells, span), span, times, into[span.touched])
        for bought in orders:
            touched = -EVER if bought.before is None else span.until(bought.before)
            _hold(((bought.at, min(touched, bought.following)),), span, times, into[span.after])
            upto = min(span.until(bought.at), bought.after, bought.following)
            _hold(((max(bought.at, touched), upto),), span, times, into[span.untouched])


def _hold(pieces: Iterable[_Piece], span: Span, times: int, moves: dict[int, int]) -> None:
    for begin, upto in pieces:
        if begin < upto:
            moves[begin] = moves.get(begin, 0) + times
            # The sums of an aligned window end with it: what holds until then has no end to be booked.
            if upto < (span.until(begin) if span.aligned else EVER):
                moves[upto] = moves.get(upto, 0) - times


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
    low = bisect_left(spells, first, key=_begin)
    while low and _end(spells[low - 1]) >= first:
        low -= 1
    return range(max(low - 1, 0), min(bisect_left(spells, last + 1, low, key=_begin) + 1, len(spells)))


def _instant(touch: Touch) -> int:
    return touch.key[0]


def _begin(spell: Spell) -> int:
    return spell.start[0]


def _end(spell: Spell) -> int:
    return spell.edges[1]


def _following(entries: Sequence[Any], index: int, instant: Callable[[Any], int]) -> int:
    return instant(entries[index + 1]) if index + 1 < len(entries) else EVER


# -- windows, and what holds in them ------------------------------------------------------------------------------


def spans(windows: WindowSet) -> list[Span]:
    """All windows that are asked for."""
    found = [_span(window.name, window.leaves, window.length) for window in windows.rolling]
    found.extend(map(_aligned, windows.aligned))
    start = windows.start
    if start is not None:
        found.append(_span("period", lambda at: EVER if at >= start else -EVER, 0, lambda at: start))
    return found


def _aligned(kind: Aligned) -> Span:
    return _span(kind.name, lambda at: kind.period(at).end, 0, lambda at: kind.period(at).start, aligned=True)


def _span(
    name: str,
    until: Callable[[int], int],
    length: int,
    opens: Callable[[int], int] | None = None,
    aligned: bool = False,
) -> Span:
    until = lru_cache(_REMEMBERED)(until)  # a customer's touches and payments are asked about again and again
    return Span(until, length, opens, aligned, *(per_window(measure, name) for measure in BOOKS))


def _leaves(spell: Spell, span: Span) -> int:
    """The last T for which a rolling window holds any of a spell; one that ends where it begins is not in it."""
    return EVER if spell.end is None else span.until(spell.end[0] - 1)


def _active(spells: Sequence[Spell], index: int, span: Span) -> Iterator[tuple[int, int]]:
    """What a spell books of being active in a window, each customer once: (instant, value).

    Of an aligned window only what is to be added to who is active at its start.
    """
    spell = spells[index]
    begin, end, following = _begin(spell), _end(spell), _following(spells, index, _begin)
    if span.aligned and span.opens is not None:
        if index == 0 or _end(spells[index - 1]) <= span.opens(begin):
            yield begin, 1
        if begin < end < EVER and span.opens(end) == end:
            yield end, -1  # active at the start, by what happened before it, and never in it
    elif span.opens is None or end > span.opens(begin):
        upto = following if span.opens is not None else min(_leaves(spell, span), following)
        if begin < upto:
            yield begin, 1
            if upto < EVER:
                yield upto, -1


def _touched(run: Sequence[int], spells: Sequence[Spell], span: Span) -> Iterator[_Piece]:
    """While one of these touches, neighbours all, is in a window, none of a later one is, and its customer active."""
    index, last = 0, len(run) - 1
    stays = _begin(spells[0]) if len(spells) == 1 and spells[0].end is None else None  # as most: came once, and stayed
    while index < last:
        begin = at = run[index]
        holds = span.until(begin)
        index += 1
        following = run[index]
        # A touch in the window before goes on in the next one: only the last of them lets go.
        while index < last and (following - at <= span.length or following <= holds):
            at = following
            holds = span.until(at) if span.length else holds
            index += 1
            following = run[index]
        upto = min(holds, following)
        if stays is not None:
            yield max(begin, stays), upto
        elif begin < upto:
            yield from _while_active(spells, begin, upto, span)


def _while_active(spells: Sequence[Spell], begin: int, upto: int, span: Span) -> Iterator[_Piece]:
    """The part of a piece in which the customer is active in the window."""
    if span.opens is not None:
        opens = span.opens(begin)
        spell = next((spell for spell in spells if _end(spell) > opens), None)
        if spell is not None:
            yield max(begin, _begin(spell)), upto
        return
    number = bisect_left(spells, upto, key=_begin) - 1
    while number >= 0 and (leaves := _leaves(spells[number], span)) > begin:
        yield max(begin, _begin(spells[number])), min(upto, leaves, _following(spells, number, _begin))
        number -= 1
