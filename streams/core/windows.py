"""Windows over panes: which slots tile them, and their sums kept while the clock moves.

A rolling window of length w at ``as_of`` is [start, as_of), where ``start`` is ``as_of - w`` taken back to the
edge of the window's pane. Panes form a ladder, each nested in the next, counted from local midnight:

    1d   |-----------------------------------------------|-------- … ------|
    12h  |-----------------------|-----------------------|
    2h   |---|---|---|---|---|---|                            a window's left end is an edge of its own pane,
    …                                                         its right end is tiled by ever finer panes:

         [start                                  as_of)
          |----p----|----p----|----p----|-q-|-q-|r|r|
"""

from __future__ import annotations

import re
from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final, Protocol

from .business_time import LocalDays
from .events import DAY, HOUR, MINUTE, SECOND
from .ledger import Cell, Changes, Pane, Panes, Range, merge
from .measures import LEVEL, Margin

__all__ = ["CutGrid", "LiveGrid", "Sliding", "Tiling", "Window", "rolling"]

#: Pane lengths below a day; each divides the next and the day.
LADDER: Final = (5 * SECOND, MINUTE, 20 * MINUTE, 2 * HOUR, 12 * HOUR)
#: The resolution of local days, the coarsest one.
DAYS: Final = len(LADDER)
_EVER: Final = 1 << 60
_NOWHERE: Final = (0, 0)
_UNITS: Final = {"m": MINUTE, "h": HOUR, "d": DAY}


@dataclass(frozen=True, slots=True)
class Window:
    """A rolling window. ``days`` > 0: that many local days, on day panes; else ``length`` ms on ``resolution``."""

    name: str
    length: int
    days: int
    resolution: int
    calendar: LocalDays

    @property
    def whole_days(self) -> int:
        """Its length in days; 0 where that is no whole number."""
        return self.days or (self.length // DAY if self.length % DAY == 0 else 0)

    def start(self, as_of: int) -> int:
        """Where the window that ends at ``as_of`` begins: an edge of its pane."""
        if self.days:
            return self.calendar.shift(as_of, -self.days)
        return floor(as_of - self.length, self.resolution, self.calendar)

    def leaves(self, at: int) -> int:
        """The last ``as_of`` for which the window still holds ``at``: there a level's −1 is booked."""
        if self.days:
            return self.calendar.shift(at, self.days + 1) - 1
        return ceiling(at, self.resolution, self.calendar) + self.length - 1


def rolling(name: str, calendar: LocalDays) -> Window:
    """The rolling window of a name like ``5m``, ``24h`` or ``90d``; ``ValueError`` for any other."""
    match = re.fullmatch(r"([1-9]\d{0,3})([mhd])", name)
    if match is None:
        raise ValueError(f"window {name!r}: expected a number and m, h or d, such as 24h")
    length = int(match[1]) * _UNITS[match[2]]
    if not LADDER[0] * 60 <= length <= 731 * DAY:
        raise ValueError(f"window {name!r}: from 5m to 731d")
    if length >= 60 * DAY:
        return Window(name, length, length // DAY, DAYS, calendar)
    resolution = max(index for index, pane in enumerate(LADDER) if pane * 60 <= length)
    return Window(name, length, 0, resolution, calendar)


def floor(at: int, resolution: int, calendar: LocalDays) -> int:
    """The edge of a resolution at or before an instant."""
    midnight = calendar.midnight(at)
    if resolution == DAYS:
        return midnight
    pane = LADDER[resolution]
    return midnight + (at - midnight) // pane * pane


def ceiling(at: int, resolution: int, calendar: LocalDays) -> int:
    """The first edge of a resolution after an instant; a day's last pane ends with the day."""
    following = calendar.shift(at, 1)
    if resolution == DAYS:
        return following
    return min(floor(at, resolution, calendar) + LADDER[resolution], following)


class Tiling(Protocol):
    """A grid that can say which slots tile a stretch of time."""

    def ever(self, as_of: int) -> Sequence[Range]:
        """All slots before ``as_of``: what levels are the sum of."""

    def tile(self, start: int, end: int, coarsest: int) -> Sequence[Range]:
        """The slots of [start, end). ``start`` is an edge of the resolution ``coarsest``."""


class LiveGrid:
    """Panes for a clock that moves: fine ones while recent, day panes for all time.

    ``clock`` (ms) is set by the caller and only says which fine panes are still of use: a booking is posted to
    every resolution whose windows can still reach it, the future included. ``compared`` are the resolutions that
    running periods are compared on, each with the greatest age of such a pane (ms).
    """

    def __init__(
        self, windows: Iterable[Window], calendar: LocalDays, clock: int, compared: Iterable[tuple[int, int]] = ()
    ) -> None:
        self.calendar: Final = calendar
        self.clock = clock
        #: How far back each resolution is needed: its windows, their panes, and a margin for a board behind us.
        self._reach = [pane + 2 * HOUR for pane in (*LADDER[1:], DAY)]
        for window in windows:
            if window.resolution < DAYS:
                pane = LADDER[window.resolution]
                self._reach[window.resolution] = max(self._reach[window.resolution], 2 * (window.length + pane) + HOUR)
        for finest, age in compared:
            for resolution in range(finest, DAYS):  # a part of a day is tiled by all of these
                self._reach[resolution] = max(self._reach[resolution], age + HOUR)

    @property
    def resolutions(self) -> int:
        return DAYS + 1

    def horizon(self, resolution: int) -> int:
        """Slots before this edge are out of every window's reach (never for days)."""
        return -_EVER if resolution == DAYS else self.clock - self._reach[resolution]

    def finest(self, at: int) -> Pane:
        age = self.clock - at
        for resolution, reach in enumerate(self._reach):
            if age < reach:
                return (resolution, floor(at, resolution, self.calendar))
        return (DAYS, self.calendar.midnight(at))

    def standing(self, at: int) -> Pane:
        """Levels are the sum of all time before an edge of the finest panes, which never falls inside of one."""
        finest = resolution, _ = self.finest(at)
        if resolution == DAYS:
            return finest
        end = ceiling(at, resolution, self.calendar)
        within = end - self.calendar.midnight(end)
        if not within:
            return (DAYS, self.calendar.midnight(at))
        while resolution + 1 < DAYS and not within % LADDER[resolution + 1]:  # edges are nested
            resolution += 1
        return (resolution, floor(at, resolution, self.calendar))

    def above(self, pane: Pane) -> Pane:
        resolution, slot = pane
        return (resolution + 1, floor(slot, resolution + 1, self.calendar))

    def ever(self, as_of: int) -> Sequence[Range]:
        return self.tile(-_EVER, as_of, DAYS)

    def tile(self, start: int, end: int, coarsest: int) -> Sequence[Range]:
        """``end`` counts to the finest edge before it."""
        ranges = []
        for resolution in range(coarsest, -1, -1):
            edge = max(floor(end, resolution, self.calendar), start)
            ranges.append((resolution, start, edge))
            start = edge
        return ranges


class CutGrid:
    """Panes for instants known beforehand (a replay): cut exactly at every edge that will be asked for.

    One resolution; slot i holds [cuts[i-1], cuts[i]). Each booking is posted once, each window is exact to the ms.
    """

    def __init__(self, cuts: Iterable[int]) -> None:
        self._cuts: Final = sorted(set(cuts))

    @property
    def resolutions(self) -> int:
        return 1

    def finest(self, at: int) -> Pane:
        return (0, bisect_right(self._cuts, at))

    standing = finest

    def above(self, pane: Pane) -> Pane:
        raise NotImplementedError("there is one resolution")

    def ever(self, as_of: int) -> Sequence[Range]:
        return ((0, -_EVER, self._slot(as_of)),)

    def tile(self, start: int, end: int, coarsest: int) -> Sequence[Range]:
        return ((0, self._slot(start), self._slot(end)),)

    def _slot(self, edge: int) -> int:
        index = bisect_left(self._cuts, edge)
        if index == len(self._cuts) or self._cuts[index] != edge:
            raise ValueError(f"no cut at {edge}")
        return index + 1


class Sliding:
    """The sums of a stretch of time by margin, kept by adding panes that enter and subtracting those that leave.

    ``levels`` chooses the cells: those of levels (their names without the mark), or those of flows.
    """

    def __init__(self, panes: Panes, levels: bool = False) -> None:
        self._panes = panes
        self._levels = levels
        self._ranges: dict[int, tuple[int, int]] = {}
        self.sums: dict[Margin, Cell] = {}
        #: Counts the changes to the sums.
        self.version = 0

    def absorb(self, changes: Changes) -> None:
        """Takes over what was just added to the panes."""
        ranges = self._ranges
        for (resolution, slot), cells in changes.items():
            covered = ranges.get(resolution)
            if covered is not None and covered[0] <= slot < covered[1]:
                for margin, cell in cells.items():
                    self._add(margin, cell, 1)

    def copy(self) -> Sliding:
        """Another one of the same panes, at the same slots."""
        other = Sliding(self._panes, self._levels)
        other._ranges = self._ranges.copy()
        other.sums = {margin: cell.copy() for margin, cell in self.sums.items()}
        return other

    def advance(self, ranges: Sequence[Range]) -> None:
        """Moves to other slots."""
        for span, times in self._moves(ranges):
            for _, cells in self._panes.within(span):
                for margin, cell in cells.items():
                    self._add(margin, cell, times)
        self._ranges = {resolution: (start, end) for resolution, start, end in ranges}

    def away(self, ranges: Sequence[Range]) -> int:
        """How many panes it takes to move there."""
        return sum(self._panes.count(span) for span, _ in self._moves(ranges))

    def _moves(self, ranges: Sequence[Range]) -> Iterator[tuple[Range, int]]:
        """What to add (1) and to take out (-1) to get to other slots."""
        wanted = {resolution: (start, end) for resolution, start, end in ranges}
        for resolution in wanted.keys() | self._ranges.keys():
            old, new = self._ranges.get(resolution, _NOWHERE), wanted.get(resolution, _NOWHERE)
            for low, high, times in _moves(old, new):
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


def _moves(old: tuple[int, int], new: tuple[int, int]) -> list[tuple[int, int, int]]:
    """What to add (1) and to take out (−1) to get from one half-open range to another."""
    if old[0] >= old[1] or new[0] >= new[1] or old[1] <= new[0] or new[1] <= old[0]:
        return [(old[0], old[1], -1), (new[0], new[1], 1)]
    moves = []
    for low, high, times in ((old[0], new[0], -1), (new[1], old[1], -1), (new[0], old[0], 1), (old[1], new[1], 1)):
        if low < high:
            moves.append((low, high, times))
    return moves
