"""The frames that values are evaluated in: every window at one instant, with what it is compared to.

Replay and board both take their sums from ``Frames``: it knows which stretches of time are asked for at an instant,
keeps the sums of each while panes change and the clock moves, and lets go of those no longer asked for.

``previous`` is the window before; of a running period the same elapsed part, to the edge of a pane. ``year_before``
is 364 days back, and the calendar's for aligned windows, both to the local midnight, because no panes finer than a day
are kept for a year; rolling windows that are not of whole days have none. Those of ``period`` are exact to the ms.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

from streams.core.ledger.dimensions import ALL, Margin
from streams.core.ledger.grids import Tiling
from streams.core.ledger.panes import Cell, Changes, Panes
from streams.core.ledger.sliding import Sliding
from streams.core.temporal.instants import DAY, format_instant
from streams.core.temporal.ladder import DAYS, floor
from streams.core.temporal.periods import AlignedWindow, Period
from streams.core.temporal.rolling import RollingWindow

__all__ = ["FlowSums", "Frame", "Frames"]

_YEAR: Final = 364


@dataclass(frozen=True, slots=True)
class FlowSums:
    """The flows of [start, end) by margin."""

    start: int
    end: int
    sums: Mapping[Margin, Cell]


@dataclass(frozen=True, slots=True)
class Frame:
    """One window at one instant; ``flows`` is None for ``now``, which has levels alone."""

    window: str
    flows: FlowSums | None
    period_start: str | None = None
    final: bool = False
    previous: FlowSums | None = None
    year_before: FlowSums | None = None
    #: Customers active at the start of an aligned window; None for other windows.
    active: int | None = None


@dataclass(frozen=True, slots=True)
class _Request:
    """A stretch that is asked for: its name stays while the clock moves, so that its sums can slide."""

    name: tuple[str, str, int]
    start: int
    end: int
    resolution: int


class Frames:
    """All frames over some panes. ``start`` (ms) adds the window ``period`` = [start, as_of).

    ``baselines`` names windows at past midnights whose flows are asked for as well: what goals began with.
    """

    def __init__(
        self,
        panes: Panes,
        grid: Tiling,
        windows: Sequence[RollingWindow],
        aligned: Sequence[AlignedWindow] = (),
        start: int | None = None,
        baselines: Mapping[str, tuple[RollingWindow, int]] | None = None,
    ) -> None:
        self._panes = panes
        self._grid = grid
        self._windows = windows
        self._aligned = aligned
        self._start = start
        self._baselines = baselines or {}
        self._sliding: dict[tuple[str, str, int], Sliding] = {}
        self.levels: Final = Sliding(panes, levels=True)

    def absorb(self, changes: Changes) -> None:
        """Takes over what was added to the panes."""
        self.levels.absorb(changes)
        for sliding in self._sliding.values():
            sliding.absorb(changes)

    def edges(self, as_of: int) -> Iterator[int]:
        """Every instant at which a stretch asked for at ``as_of`` begins or ends."""
        yield as_of
        for name, at in self._baselines.items():
            request = _baseline(name, *at)
            yield from (request.start, request.end)
        for request in self._requests(as_of):
            yield request.start
            yield request.end

    def at(self, as_of: int) -> tuple[list[Frame], list[tuple[Frame, int]]]:
        """The frames of running windows, and those of ended periods, each with the version of its sums."""
        self.levels.advance(self._grid.ever(as_of))
        requests = {request.name: request for request in self._requests(as_of)}
        kept = {_baseline(name, *at).name for name, at in self._baselines.items()}
        for name in self._sliding.keys() - requests.keys() - kept:
            del self._sliding[name]
        stretches = {name: self._stretch(request) for name, request in requests.items()}
        running = [Frame("now", None)]
        running += [_frame(window.name, None, stretches) for window in self._windows]
        if self._start is not None and self._start < as_of:
            running.append(replace(_frame("period", None, stretches), period_start=format_instant(self._start)))
        ended: list[tuple[Frame, int]] = []
        now = self.levels.sums.get(ALL, {}).get("customers_active", 0)
        for kind in self._aligned:
            active = now
            for index, period in enumerate(kind.published_at(as_of)):
                # Back from now, period by period: who was active at its start is who was at its end, less the flows.
                flows = stretches[kind.name, "", period.start].sums.get(ALL, {})
                gone = flows.get("customers_left", 0) + flows.get("customers_merged", 0)
                active += gone - flows.get("customers_joined", 0)
                frame = replace(_frame(kind.name, period, stretches, final=period.final(as_of)), active=active)
                if index == 0:
                    running.append(frame)
                else:
                    ended.append((frame, self._sliding[kind.name, "", period.start].version))
        return running, ended

    def baselines(self) -> dict[str, FlowSums]:
        """The flows of each baseline's window, whole local days up to its midnight."""
        return {name: self._stretch(_baseline(name, *at)) for name, at in self._baselines.items()}

    def _stretch(self, request: _Request) -> FlowSums:
        ranges = self._grid.tile(request.start, request.end, request.resolution)
        sliding = self._sliding.get(request.name)
        if sliding is None:  # a year to date and 365 days are the same panes but for a few
            empty = Sliding(self._panes)
            nearest = min((empty, *self._sliding.values()), key=lambda held: held.away(ranges))
            sliding = self._sliding[request.name] = nearest.copy()
        sliding.advance(ranges)
        return FlowSums(request.start, request.end, sliding.sums)

    # -- requests --------------------------------------------------------------------------------------------

    def _requests(self, as_of: int) -> Iterator[_Request]:
        for window in self._windows:
            start = window.start(as_of)
            yield _Request((window.name, "", 0), start, as_of, window.resolution)
            yield _Request((window.name, "previous", 0), window.start(start), start, window.resolution)
            if window.whole_days:
                end = window.calendar.shift(as_of, -_YEAR)
                begin = window.calendar.shift(as_of, -_YEAR - window.whole_days)
                yield _Request((window.name, "year_before", 0), begin, end, DAYS)
        if self._start is not None and self._start < as_of:
            start, year = self._start, _YEAR * DAY
            yield _Request(("period", "", 0), start, as_of, 0)
            yield _Request(("period", "previous", 0), 2 * start - as_of, start, 0)
            yield _Request(("period", "year_before", 0), start - year, as_of - year, 0)
        for kind in self._aligned:
            for period in kind.published_at(as_of):
                yield from _of_period(kind, period, as_of)


def _baseline(name: str, window: RollingWindow, at: int) -> _Request:
    return _Request((name, "baseline", 0), window.calendar.shift(at, -window.whole_days), at, DAYS)


def _of_period(kind: AlignedWindow, period: Period, as_of: int) -> Iterable[_Request]:
    """A period up to ``as_of``, the one before it, and the year before's, by the same elapsed part."""
    end = min(period.end, as_of)
    yield _Request((kind.name, "", period.start), period.start, end, DAYS)
    before = kind.previous(period)
    over = as_of >= period.end
    cut = before.end if over else min(before.end, before.start + as_of - period.start)
    cut = max(before.start, floor(cut, DAYS if over else kind.comparison_pane[0], kind.calendar))
    yield _Request((kind.name, "previous", period.start), before.start, cut, DAYS)
    year = kind.calendar.midnight(kind.year_before(period.start))
    year_end = kind.calendar.midnight(kind.year_before(end))
    yield _Request((kind.name, "year_before", period.start), year, max(year, year_end), DAYS)


def _frame(
    name: str, period: Period | None, stretches: Mapping[tuple[str, str, int], FlowSums], final: bool = False
) -> Frame:
    key = period.start if period else 0
    return Frame(
        name,
        stretches[name, "", key],
        period.label if period else None,
        final,
        stretches.get((name, "previous", key)),
        stretches.get((name, "year_before", key)),
    )
