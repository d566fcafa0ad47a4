"""What holds of one customer in a window, in pieces (begin, upto] of its end T: active, and touched while active.

Source: docs/definitions.md#incremental-revenue.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Iterator, Sequence
from typing import TypeAlias

from streams.core.customers.spells import Spell
from streams.core.temporal.instants import EVER
from streams.core.temporal.windows import Window

__all__ = ["Piece", "active_in", "begin_of", "end_of", "hold", "touched_in"]

#: What holds for T in (begin, upto], ms.
Piece: TypeAlias = tuple[int, int]


def begin_of(spell: Spell) -> int:
    """A spell's first instant, ms."""
    return spell.start[0]


def end_of(spell: Spell) -> int:
    """A spell's end, ms; ``EVER`` while it runs."""
    return spell.edges[1]


def hold(pieces: Iterable[Piece], window: Window, times: int, moves: dict[int, int]) -> None:
    for begin, upto in pieces:
        if begin < upto:
            moves[begin] = moves.get(begin, 0) + times
            # The sums of an aligned window end with it: what holds until then has no end to be booked.
            if upto < (window.until(begin) if window.resets else EVER):
                moves[upto] = moves.get(upto, 0) - times


def _leaves(spell: Spell, window: Window) -> int:
    """The last T for which a rolling window holds any of a spell; one that ends where it begins is not in it."""
    return EVER if spell.end is None else window.until(spell.end[0] - 1)


def active_in(spells: Sequence[Spell], index: int, window: Window) -> Iterator[tuple[int, int]]:
    """What a spell books of being active in a window, each customer once: (instant, value).

    Of an aligned window only what is to be added to who is active at its start.
    """
    spell = spells[index]
    begin, end, following = begin_of(spell), end_of(spell), _next_begin(spells, index)
    if window.resets and window.opens is not None:
        if index == 0 or end_of(spells[index - 1]) <= window.opens(begin):
            yield begin, 1
        if begin < end < EVER and window.opens(end) == end:
            yield end, -1  # active at the start, by what happened before it, and never in it
    elif window.opens is None or end > window.opens(begin):
        upto = following if window.opens is not None else min(_leaves(spell, window), following)
        if begin < upto:
            yield begin, 1
            if upto < EVER:
                yield upto, -1


def touched_in(run: Sequence[int], spells: Sequence[Spell], window: Window) -> Iterator[Piece]:
    """While one of these touches, neighbours all, is in a window, none of a later one is, and its customer active."""
    index, last = 0, len(run) - 1
    stays = (
        begin_of(spells[0]) if len(spells) == 1 and spells[0].end is None else None
    )  # as most: came once, and stayed
    while index < last:
        begin = at = run[index]
        holds = window.until(begin)
        index += 1
        following = run[index]
        # A touch in the window before goes on in the next one: only the last of them lets go.
        while index < last and (following - at <= window.length_ms or following <= holds):
            at = following
            holds = window.until(at) if window.length_ms else holds
            index += 1
            following = run[index]
        upto = min(holds, following)
        if stays is not None:
            yield max(begin, stays), upto
        elif begin < upto:
            yield from _while_active(spells, begin, upto, window)


def _while_active(spells: Sequence[Spell], begin: int, upto: int, window: Window) -> Iterator[Piece]:
    """The part of a piece in which the customer is active in the window."""
    if window.opens is not None:
        opens = window.opens(begin)
        spell = next((spell for spell in spells if end_of(spell) > opens), None)
        if spell is not None:
            yield max(begin, begin_of(spell)), upto
        return
    number = bisect_left(spells, upto, key=begin_of) - 1
    while number >= 0 and (leaves := _leaves(spells[number], window)) > begin:
        yield max(begin, begin_of(spells[number])), min(upto, leaves, _next_begin(spells, number))
        number -= 1


def _next_begin(spells: Sequence[Spell], index: int) -> int:
    """The beginning of the spell after one, ms; ``EVER`` if there is none."""
    return begin_of(spells[index + 1]) if index + 1 < len(spells) else EVER
