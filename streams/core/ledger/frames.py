"""Frames: every window at one instant, with the flows it is compared to.

Replay and board both take their sums from ``Frames``. It derives the intervals whose flows an instant needs, keeps
their sums while panes change and the clock moves, and drops the sums that are no longer needed.

Comparisons (docs/definitions.md#comparison-with-earlier-windows): ``previous`` is the window before; for a running
period the same elapsed part, up to the edge of a pane. ``year_before`` is 364 days back, and a calendar year back for
aligned windows, both up to a local midnight, because no panes finer than a day are kept for a year. Rolling windows
that are not of whole days have no ``year_before``. The comparisons of ``period`` are exact to the ms.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final, NamedTuple, TypeAlias

from streams.core.ledger.dimensions import ALL, Margin
from streams.core.ledger.grids import Tiling
from streams.core.ledger.panes import Cell, Changes, Panes
from streams.core.ledger.sliding import Sliding
from streams.core.temporal.instants import DAY, format_instant
from streams.core.temporal.ladder import DAYS, floor
from streams.core.temporal.periods import AlignedWindow, Period
from streams.core.temporal.rolling import RollingWindow

__all__ = ["FlowSums", "Frame", "Frames"]

#: 52 weeks, so that weekdays match.
_YEAR_DAYS: Final = 364

#: (window, comparison, period start): stays the same while the clock moves, so that the flows' sums can slide. The
#: comparison is "", "previous", "year_before" or "baseline"; the period start (ms) is 0 but for aligned windows.
_FlowId: TypeAlias = tuple[str, str, int]


@dataclass(frozen=True, slots=True)
class FlowSums:
    """The flows of [start, end), in ms, by margin. ``sums`` is live: it changes when the clock moves."""

    start: int
    end: int
    sums: Mapping[Margin, Cell]


@dataclass(frozen=True, slots=True)
class Frame:
    """One window at one instant, with the flows it is compared to; None: there is no such comparison.

    ``flows`` is None for ``now``, which has levels alone. ``period_start`` is RFC 3339; None for rolling windows and
    ``now``. ``final`` is true once no event within the horizons can change the period.
    """

    window: str
    flows: FlowSums | None
    period_start: str | None = None
    final: bool = False
    previous: FlowSums | None = None
    year_before: FlowSums | None = None
    #: Customers active at the start of an aligned window; None for other windows.
    active: int | None = None


class _FlowSpec(NamedTuple):
    """An interval whose flows are needed: [start, end) in ms; ``start`` is an edge of ``resolution``."""

    id: _FlowId
    start: int
    end: int
    resolution: int


class Frames:
    """All frames over some panes. ``start`` (ms) adds the window ``period``, [start, as_of); None: without it.

    ``baselines`` names windows at past midnights (ms) whose flows are needed as well: the baselines of goals.
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
        self._baselines = {name: _baseline(name, *at) for name, at in (baselines or {}).items()}
        self._sliding: dict[_FlowId, Sliding] = {}
        self.levels: Final = Sliding(panes, levels=True)

    def absorb(self, changes: Changes) -> None:
        """Takes over what was added to the panes."""
        self.levels.absorb(changes)
        for sliding in self._sliding.values():
            sliding.absorb(changes)

    def edges(self, as_of: int) -> Iterator[int]:
        """Every instant (ms) at which flows that ``as_of`` needs start or end."""
        yield as_of
        for spec in (*self._baselines.values(), *self._specs(as_of)):
            yield spec.start
            yield spec.end

    def at(self, as_of: int) -> tuple[list[Frame], list[tuple[Frame, int]]]:
        """The frames of running windows, and those of periods that are over, each with the version of its sums."""
        self.levels.advance(self._grid.ever(as_of))
        specs = {spec.id: spec for spec in self._specs(as_of)}
        for flow_id in self._sliding.keys() - specs.keys() - {spec.id for spec in self._baselines.values()}:
            del self._sliding[flow_id]
        flows = {flow_id: self._flow_sums(spec) for flow_id, spec in specs.items()}
        running = [Frame("now", None)]
        running += [_frame(window.name, None, flows) for window in self._windows]
        if self._start is not None and self._start < as_of:
            running.append(replace(_frame("period", None, flows), period_start=format_instant(self._start)))
        over: list[tuple[Frame, int]] = []
        for window in self._aligned:
            (latest, _), *earlier = self._aligned_frames(window, as_of, flows)
            running.append(latest)
            over += earlier
        return running, over

    def _aligned_frames(
        self, window: AlignedWindow, as_of: int, flows: Mapping[_FlowId, FlowSums]
    ) -> Iterator[tuple[Frame, int]]:
        """The frames of an aligned window, the running period's first, each with the version of its sums."""
        active = self.levels.sums.get(ALL, {}).get("customers_active", 0)
        for period in window.published_at(as_of):
            # Backwards, period by period: active at the start are those active at the end, without the period's flows.
            flow_id = (window.name, "", period.start)
            sums = flows[flow_id].sums.get(ALL, {})
            departures = sums.get("customers_left", 0) + sums.get("customers_merged", 0)
            active += departures - sums.get("customers_joined", 0)
            frame = replace(_frame(window.name, period, flows, final=period.final(as_of)), active=active)
            yield frame, self._sliding[flow_id].version

    def baselines(self) -> dict[str, FlowSums]:
        """The flows of each baseline's window: whole local days up to its midnight."""
        return {name: self._flow_sums(spec) for name, spec in self._baselines.items()}

    def _flow_sums(self, spec: _FlowSpec) -> FlowSums:
        ranges = self._grid.tile(spec.start, spec.end, spec.resolution)
        sliding = self._sliding.get(spec.id)
        if sliding is None:  # a year to date and 365 days share all panes but a few
            empty = Sliding(self._panes)
            nearest = min((empty, *self._sliding.values()), key=lambda candidate: candidate.distance(ranges))
            sliding = self._sliding[spec.id] = nearest.copy()
        sliding.advance(ranges)
        return FlowSums(spec.start, spec.end, sliding.sums)

    def _specs(self, as_of: int) -> Iterator[_FlowSpec]:
        """The intervals whose flows ``as_of`` needs, without those of baselines."""
        for window in self._windows:
            start = window.start(as_of)
            yield _FlowSpec((window.name, "", 0), start, as_of, window.resolution)
            yield _FlowSpec((window.name, "previous", 0), window.start(start), start, window.resolution)
            if window.whole_days:
                year_start = window.calendar.shift(as_of, -_YEAR_DAYS - window.whole_days)
                year_end = window.calendar.shift(as_of, -_YEAR_DAYS)
                yield _FlowSpec((window.name, "year_before", 0), year_start, year_end, DAYS)
        if self._start is not None and self._start < as_of:
            start, year_ms = self._start, _YEAR_DAYS * DAY
            yield _FlowSpec(("period", "", 0), start, as_of, 0)
            yield _FlowSpec(("period", "previous", 0), 2 * start - as_of, start, 0)
            yield _FlowSpec(("period", "year_before", 0), start - year_ms, as_of - year_ms, 0)
        for aligned_window in self._aligned:
            for period in aligned_window.published_at(as_of):
                yield from _period_specs(aligned_window, period, as_of)


def _baseline(name: str, window: RollingWindow, at: int) -> _FlowSpec:
    return _FlowSpec((name, "baseline", 0), window.calendar.shift(at, -window.whole_days), at, DAYS)


def _period_specs(window: AlignedWindow, period: Period, as_of: int) -> Iterable[_FlowSpec]:
    """A period up to ``as_of``, the previous one, and the one a year before, both by the same elapsed part."""
    end = min(period.end, as_of)
    yield _FlowSpec((window.name, "", period.start), period.start, end, DAYS)
    previous = window.previous(period)
    is_over = as_of >= period.end
    elapsed_end = previous.end if is_over else min(previous.end, previous.start + as_of - period.start)
    edge = floor(elapsed_end, DAYS if is_over else window.comparison_pane[0], window.calendar)
    yield _FlowSpec((window.name, "previous", period.start), previous.start, max(previous.start, edge), DAYS)
    year_start = window.calendar.midnight(window.year_before(period.start))
    year_end = window.calendar.midnight(window.year_before(end))
    yield _FlowSpec((window.name, "year_before", period.start), year_start, max(year_start, year_end), DAYS)


def _frame(name: str, period: Period | None, flows: Mapping[_FlowId, FlowSums], final: bool = False) -> Frame:
    start = period.start if period else 0
    return Frame(
        name,
        flows[name, "", start],
        period.label if period else None,
        final,
        flows.get((name, "previous", start)),
        flows.get((name, "year_before", start)),
    )
