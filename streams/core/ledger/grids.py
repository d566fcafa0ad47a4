"""Grids: the division of time into panes. Source: docs/definitions.md#windows."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Sequence
from typing import Final, Protocol

from streams.core.ledger.panes import Pane, Range
from streams.core.temporal.calendar import LocalDays
from streams.core.temporal.instants import DAY, EVER, HOUR
from streams.core.temporal.ladder import DAYS, LADDER, ceiling, floor
from streams.core.temporal.rolling import RollingWindow

__all__ = ["CutGrid", "Grid", "LiveGrid", "Tiling"]


class Grid(Protocol):
    """A division of time into panes. Instants are ms; resolutions count from the finest, 0."""

    @property
    def resolutions(self) -> int:
        """The number of resolutions."""

    def finest(self, at: int) -> Pane:
        """The smallest pane that holds ``at``: a booking is posted to it."""

    def level_pane(self, at: int) -> Pane:
        """The coarsest pane in whose last finest part ``at`` lies: a level that ends at a pane's edge is posted to it.

        Levels are sums up to edges of the finest panes, so they need no finer pane.
        """

    def above(self, pane: Pane) -> Pane:
        """The pane of the next coarser resolution that contains a pane."""


class Tiling(Protocol):
    """A grid that tiles intervals of time with slots. Instants are ms."""

    def ever(self, as_of: int) -> Sequence[Range]:
        """All slots before ``as_of``: levels are their sum."""

    def tile(self, start: int, end: int, coarsest: int) -> Sequence[Range]:
        """The slots of [start, end). ``start`` is an edge of the resolution ``coarsest``."""


class LiveGrid:
    """Panes for a moving clock: fine ones for the recent past and the future, day panes for all time.

    ``clock`` (ms) is set by the caller. It only decides which fine panes are still of use: a booking is posted to every
    resolution whose windows can still reach it. ``comparison_panes`` are the resolutions at which running periods are
    compared, each with the greatest age of such a pane (ms).
    """

    def __init__(
        self,
        windows: Iterable[RollingWindow],
        calendar: LocalDays,
        clock: int,
        comparison_panes: Iterable[tuple[int, int]] = (),
    ) -> None:
        self.calendar: Final = calendar
        self.clock = clock
        #: How far back each resolution is needed, ms: for its windows, their panes, and a board behind this clock.
        self._reach_ms = [pane_ms + 2 * HOUR for pane_ms in (*LADDER[1:], DAY)]
        for window in windows:
            if window.resolution < DAYS:
                self._extend(window.resolution, 2 * (window.length_ms + LADDER[window.resolution]) + HOUR)
        for coarsest, age_ms in comparison_panes:
            for resolution in range(coarsest, DAYS):  # all of these tile a part of a day
                self._extend(resolution, age_ms + HOUR)

    def _extend(self, resolution: int, reach_ms: int) -> None:
        self._reach_ms[resolution] = max(self._reach_ms[resolution], reach_ms)

    @property
    def resolutions(self) -> int:
        """Those of the ladder, and local days."""
        return DAYS + 1

    def keeps_from(self, resolution: int) -> int:
        """The edge (ms) before which no window reaches the slots of a resolution; before all time for days."""
        return -EVER if resolution == DAYS else self.clock - self._reach_ms[resolution]

    def finest(self, at: int) -> Pane:
        """The pane that holds ``at``, of the finest resolution that still reaches back to it."""
        age = self.clock - at
        for resolution, reach_ms in enumerate(self._reach_ms):
            if age < reach_ms:
                return (resolution, floor(at, resolution, self.calendar))
        return (DAYS, self.calendar.midnight(at))

    def level_pane(self, at: int) -> Pane:
        """The coarsest pane that ends with the finest pane of ``at``."""
        finest = resolution, _ = self.finest(at)
        if resolution == DAYS:
            return finest
        end = ceiling(at, resolution, self.calendar)
        since_midnight = end - self.calendar.midnight(end)
        if not since_midnight:
            return (DAYS, self.calendar.midnight(at))
        while resolution + 1 < DAYS and not since_midnight % LADDER[resolution + 1]:  # edges are nested
            resolution += 1
        return (resolution, floor(at, resolution, self.calendar))

    def above(self, pane: Pane) -> Pane:
        """The pane of the next coarser resolution that contains a pane; the ladder is nested."""
        resolution, slot = pane
        return (resolution + 1, floor(slot, resolution + 1, self.calendar))

    def ever(self, as_of: int) -> Sequence[Range]:
        """All slots before ``as_of``: day panes, then ever finer ones."""
        return self.tile(-EVER, as_of, DAYS)

    def tile(self, start: int, end: int, coarsest: int) -> Sequence[Range]:
        """The slots from ``start``, an edge of ``coarsest``, up to the last finest edge at or before ``end``."""
        ranges = []
        for resolution in range(coarsest, -1, -1):
            edge = max(floor(end, resolution, self.calendar), start)
            ranges.append((resolution, start, edge))
            start = edge
        return ranges


class CutGrid:
    """Panes for instants known beforehand (a replay), with a cut at every edge of a window.

    There is one resolution; slot i is [cuts[i-1], cuts[i]). Each booking is posted once, and each window is exact to
    the ms.
    """

    def __init__(self, cuts: Iterable[int]) -> None:
        self._cuts: Final = sorted(set(cuts))

    @property
    def resolutions(self) -> int:
        """One."""
        return 1

    def finest(self, at: int) -> Pane:
        """The slot that holds ``at``; also its ``level_pane``."""
        return (0, bisect_right(self._cuts, at))

    level_pane = finest

    def above(self, pane: Pane) -> Pane:
        """Raises ``NotImplementedError``: there is no coarser resolution."""
        raise NotImplementedError("there is one resolution")

    def ever(self, as_of: int) -> Sequence[Range]:
        """All slots before ``as_of``. Raises ``ValueError`` where it is no cut."""
        return ((0, -EVER, self._slot(as_of)),)

    def tile(self, start: int, end: int, coarsest: int) -> Sequence[Range]:
        """The slots of [start, end). Raises ``ValueError`` where an edge is no cut."""
        return ((0, self._slot(start), self._slot(end)),)

    def _slot(self, edge: int) -> int:
        index = bisect_left(self._cuts, edge)
        if index == len(self._cuts) or self._cuts[index] != edge:
            raise ValueError(f"no cut at {edge}")
        return index + 1
