"""Sliding sums: the sums of an interval of time, kept while the clock moves."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

from streams.core.ledger.dimensions import LEVEL, Margin
from streams.core.ledger.panes import Cell, Changes, Panes, Range, merge

__all__ = ["Sliding"]

_NOWHERE: Final = (0, 0)


class Sliding:
    """The sums of an interval by margin: panes that enter it are added, panes that leave it are subtracted.

    ``levels`` True: the cells of levels, their dimensions without the mark ``LEVEL``; False: the cells of flows.
    """

    def __init__(self, panes: Panes, levels: bool = False) -> None:
        self._panes = panes
        self._levels = levels
        #: Resolution -> [first slot, end slot).
        self._ranges: dict[int, tuple[int, int]] = {}
        self.sums: dict[Margin, Cell] = {}
        #: The number of changes to the sums: equal versions have equal sums.
        self.version = 0

    def absorb(self, changes: Changes) -> None:
        """Adds those changes of the panes that lie in the interval."""
        ranges = self._ranges
        for (resolution, slot), cells in changes.items():
            covered = ranges.get(resolution)
            if covered is not None and covered[0] <= slot < covered[1]:
                for margin, cell in cells.items():
                    self._add(margin, cell, 1)

    def copy(self) -> Sliding:
        """An independent copy, over the same panes and at the same slots."""
        other = Sliding(self._panes, self._levels)
        other._ranges = self._ranges.copy()
        other.sums = {margin: cell.copy() for margin, cell in self.sums.items()}
        return other

    def advance(self, ranges: Sequence[Range]) -> None:
        """Moves to other slots, one range a resolution."""
        for span, times in self._moves(ranges):
            for _, cells in self._panes.within(span):
                for margin, cell in cells.items():
                    self._add(margin, cell, times)
        self._ranges = {resolution: (start, end) for resolution, start, end in ranges}

    def distance(self, ranges: Sequence[Range]) -> int:
        """The number of panes to add and subtract to move to other slots."""
        return sum(self._panes.count(span) for span, _ in self._moves(ranges))

    def _moves(self, ranges: Sequence[Range]) -> Iterator[tuple[Range, int]]:
        """The ranges to add (1) and to subtract (−1) to move to other slots."""
        target = {resolution: (start, end) for resolution, start, end in ranges}
        for resolution in target.keys() | self._ranges.keys():
            old, new = self._ranges.get(resolution, _NOWHERE), target.get(resolution, _NOWHERE)
            for low, high, times in _slot_moves(old, new):
                yield (resolution, low, high), times

    def _add(self, margin: Margin, cell: Cell, times: int) -> None:
        if (margin[0][0] == LEVEL) is not self._levels:
            return
        if self._levels:
            margin = (margin[0][1:], margin[1])
        self.version += 1
        total = self.sums.get(margin)
        if total is None:
            total = self.sums[margin] = {}
        merge(total, cell, times)
        if not total:
            del self.sums[margin]


def _slot_moves(old: tuple[int, int], new: tuple[int, int]) -> list[tuple[int, int, int]]:
    """The slots, [low, high), to add (1) and to subtract (−1) to move from one range of slots to another."""
    if old[0] >= old[1] or new[0] >= new[1] or old[1] <= new[0] or new[1] <= old[0]:
        return [(old[0], old[1], -1), (new[0], new[1], 1)]
    moves = []
    for low, high, times in ((old[0], new[0], -1), (new[1], old[1], -1), (new[0], old[0], 1), (old[1], new[1], 1)):
        if low < high:
            moves.append((low, high, times))
    return moves
