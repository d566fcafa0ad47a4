"""Grids: how time is cut into panes."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Sequence
from typing import Final, Protocol

from streams.core.ledger.panes import Pane, Range
from streams.core.temporal.calendar import LocalDays
from streams.core.temporal.instants import DAY, HOUR
from streams.core.temporal.ladder import DAYS, LADDER, ceiling, floor
from streams.core.temporal.rolling import RollingWindow

__all__ = ["CutGrid", "Grid", "LiveGrid", "Tiling"]


class Grid(Protocol):
    """How time is cut into panes. Resolutions count from the finest, 0."""

    @property
    def resolutions(self) -> int:
        """How many there are."""

    def finest(self, at: int) -> Pane:
        """The smallest pane that a booking at ``at`` is posted to."""

    def standing(self, at: int) -> Pane:
        """The coarsest pane in whose last finest part ``at`` lies: enough for levels, which are asked for at edges."""

    def above(self, pane: Pane) -> Pane:
        """The pane of the next coarser resolution that contains this one."""


_EVER: Final = 1 << 60


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
        self,
        windows: Iterable[RollingWindow],
        calendar: LocalDays,
        clock: int,
        compared: Iterable[tuple[int, int]] = (),
    ) -> None:
        self.calendar: Final = calendar
        self.clock = clock
        #: How far back each resolution is needed: its windows, their panes, and a margin for a board behind us.
        self._reach = [pane + 2 * HOUR for pane in (*LADDER[1:], DAY)]
        for window in windows:
            if window.resolution < DAYS:
                pane = LADDER[window.resolution]
                self._reach[window.resolution] = max(
                    self._reach[window.resolution], 2 * (window.length_ms + pane) + HOUR
                )
        for finest, age in compared:
            for resolution in range(finest, DAYS):  # a part of a day is tiled by all of these
                self._reach[resolution] = max(self._reach[resolution], age + HOUR)

    @property
    def resolutions(self) -> int:
        return DAYS + 1

    def keeps_from(self, resolution: int) -> int:
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
