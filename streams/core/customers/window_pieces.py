"""One customer in a window by the window's end T: active, and touched while active, as pieces (begin, upto] of T.

Source: docs/definitions.md#incremental-revenue.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Iterator, Sequence
from typing import TypeAlias

from streams.core.customers.spells import Spell
from streams.core.temporal.instants import EVER
from streams.core.temporal.windows import Window

__all__ = ["Piece", "active_steps", "add_pieces", "begin_of", "end_of", "touched_pieces"]

#: A span (begin, upto] of ends of a window, ms; empty unless begin < upto.
Piece: TypeAlias = tuple[int, int]


def begin_of(spell: Spell) -> int:
    """A spell's first instant, ms."""
    return spell.start[0]


def end_of(spell: Spell) -> int:
    """A spell's end, ms; ``EVER`` while it runs."""
    return spell.edges[1]


def add_pieces(pieces: Iterable[Piece], window: Window, times: int, amounts: dict[int, int]) -> None:
    """Adds ``times`` where pieces begin, and takes it off where they end, to amounts by instant (ms)."""
    for begin, upto in pieces:
        if begin < upto:
            amounts[begin] = amounts.get(begin, 0) + times
            # The sums of an aligned window end with it: a piece that lasts until then has no end to book.
            if upto < (window.until(begin) if window.resets else EVER):
                amounts[upto] = amounts.get(upto, 0) - times


def active_steps(spells: Sequence[Spell], index: int, window: Window) -> Iterator[tuple[int, int]]:
    """A spell's part in the customer's being active in a window, each customer once: (instant in ms, value).

    Of an aligned window only the difference to the customers active at its start.
    """
    spell = spells[index]
    begin, end, next_begin = begin_of(spell), end_of(spell), _next_begin(spells, index)
    if window.resets and window.opens is not None:
        if index == 0 or end_of(spells[index - 1]) <= window.opens(begin):
            yield begin, 1
        if begin < end < EVER and window.opens(end) == end:
            yield end, -1  # active at the start, by events before it, and never in it
    elif window.opens is None or end > window.opens(begin):
        upto = next_begin if window.opens is not None else min(_last_holding(spell, window), next_begin)
        if begin < upto:
            yield begin, 1
            if upto < EVER:
                yield upto, -1


def touched_pieces(run: Sequence[int], spells: Sequence[Spell], window: Window) -> Iterator[Piece]:
    """The pieces in which a window holds one of the run's touches, none of a later one, and an active customer.

    ``run``: instants (ms) of neighbouring touches, and last that of the touch after them.
    """
    index, last = 0, len(run) - 1
    # Most customers have one spell, which still runs.
    only_begin = begin_of(spells[0]) if len(spells) == 1 and spells[0].end is None else None
    while index < last:
        begin = at = run[index]
        until = window.until(begin)
        index += 1
        following = run[index]
        # While the next touch comes before the window drops this one, the piece goes on.
        while index < last and (following - at <= window.length_ms or following <= until):
            at = following
            until = window.until(at) if window.length_ms else until
            index += 1
            following = run[index]
        upto = min(until, following)
        if only_begin is not None:
            yield max(begin, only_begin), upto
        elif begin < upto:
            yield from _while_active(spells, begin, upto, window)


def _while_active(spells: Sequence[Spell], begin: int, upto: int, window: Window) -> Iterator[Piece]:
    """The parts of a piece in which the customer is active in the window."""
    if window.opens is not None:
        opens = window.opens(begin)
        spell = next((spell for spell in spells if end_of(spell) > opens), None)
        if spell is not None:
            yield max(begin, begin_of(spell)), upto
        return
    index = bisect_left(spells, upto, key=begin_of) - 1
    while index >= 0 and (last_holding := _last_holding(spells[index], window)) > begin:
        yield max(begin, begin_of(spells[index])), min(upto, last_holding, _next_begin(spells, index))
        index -= 1


def _last_holding(spell: Spell, window: Window) -> int:
    """The last T (ms) for which a rolling window holds any of a spell; ``EVER`` while the spell runs.

    A spell that ends where it begins is in no window.
    """
    return EVER if spell.end is None else window.until(spell.end[0] - 1)


def _next_begin(spells: Sequence[Spell], index: int) -> int:
    """The begin (ms) of the spell after one; ``EVER`` if there is none."""
    return begin_of(spells[index + 1]) if index + 1 < len(spells) else EVER
