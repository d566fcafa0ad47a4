"""Evaluates the catalogue over the panes topic: merges the partitions' sums and slides the windows."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import Final, NamedTuple

from streams.board.snapshot import Health, Snapshot
from streams.core.costs.accrual import CostAccrual
from streams.core.derivation import state_format
from streams.core.derivation.state_format import Stats
from streams.core.ledger.dimensions import Margin
from streams.core.ledger.frames import Frame, Frames
from streams.core.ledger.grids import LiveGrid
from streams.core.ledger.panes import Cell, Changes, Pane, Panes, merge
from streams.core.metrics.base import Metric
from streams.core.metrics.evaluation import evaluate
from streams.core.metrics.families import METRICS, sources
from streams.core.metrics.goals import NO_TARGETS, Targets, baseline_values, baselines_of
from streams.core.metrics.records import MetricRecord
from streams.core.metrics.warnings import judge
from streams.core.policy import Policy
from streams.core.temporal.instants import HOUR
from streams.core.temporal.periods import AlignedWindow
from streams.core.temporal.rolling import RollingWindow

__all__ = ["Reader"]


#: The time that a snapshot may spend on ended periods.
_ENDED_SECONDS: Final = 0.5


class _EndedPeriod(NamedTuple):
    """The records of an ended period, the state of the sums they were evaluated from, and when (counted up)."""

    evaluation: int
    state: tuple[int, int, int, int | None]
    records: list[MetricRecord]


class Reader:
    """All partitions' panes as one ledger.

    ``take`` the records of the panes topic in the order of each partition, then evaluate a ``snapshot``. A record
    replaces the partition's earlier one of the same key; only the difference is added to the sums.
    """

    def __init__(
        self,
        policy: Policy,
        windows: Sequence[RollingWindow],
        metrics: Sequence[Metric] = tuple(METRICS.values()),
        limit: int = 50,
        dimensions: Sequence[str] | None = None,
        aligned: Sequence[AlignedWindow] = (),
        targets: Targets = NO_TARGETS,
    ) -> None:
        self._policy: Final = policy
        self._metrics: Final = metrics
        self._published: Final = frozenset(metric.id for metric in metrics)
        self._sources: Final = sources(metrics)
        self._limit = limit
        self._dimensions = dimensions
        self._panes = Panes()
        self._targets = targets
        baselines = baselines_of(targets, windows)
        grid = LiveGrid(windows, policy.days, 0)
        self._frames = Frames(self._panes, grid, windows, aligned, baselines=baselines)
        self._ended_periods: dict[tuple[str, str], _EndedPeriod] = {}
        self._evaluations = 0
        #: The last value of each partition and key, as it was written.
        self._last_written: dict[tuple[int, bytes], bytes] = {}
        self._costs: dict[tuple[int, CostAccrual], int] = {}
        self._stats: dict[int, Stats] = {}
        self._last_unit: dict[int, int] = {}
        self._origins: dict[int, state_format.Origin] = {}
        #: The differences since the last snapshot; not recorded before the first one, which evaluates everything.
        self._changes: Changes = {}
        self._snapshot_taken = False
        #: The number of changes of costs, in steps of 2: 1 is added for a period that is final.
        self._costs_version = 0
        self._origin = state_format.origin(
            policy, [*(window.name for window in windows), *(kind.name for kind in aligned)]
        )

    def take(self, partition: int, key: bytes, value: bytes | None, written_ms: int = 0) -> None:
        """Takes one record. Raises ``StateError`` for a record that this version cannot read."""
        kind, name = state_format.read_pane_key(key)
        if kind == "p":
            self._take_cell(partition, key, name, value)
        elif kind == "c":
            self._costs_version += 2
            if value is None:
                self._costs.pop((partition, name), None)
            else:
                self._costs[partition, name] = state_format.read_count(value)
        elif kind == "s" and value is not None:
            self._stats[partition] = state_format.read_stats(value)
            self._last_unit[partition] = written_ms
        elif kind == "v" and value is not None:
            self._origins[partition] = state_format.read_origin(value)

    def _take_cell(self, partition: int, key: bytes, name: tuple[Pane, Margin], value: bytes | None) -> None:
        pane, margin = name
        before = self._last_written.pop((partition, key), None)
        if value is not None:
            self._last_written[partition, key] = value
        delta: Cell = {} if value is None else state_format.read_cell(value)
        if before is not None:
            merge(delta, state_format.read_cell(before), -1)
        if delta:
            self._panes.add(pane, margin, delta)
            if self._snapshot_taken:
                merge(self._changes.setdefault(pane, {}).setdefault(margin, {}), delta)

    def snapshot(self, as_of: int, ready: bool, panes_lag: int = 0) -> Snapshot:
        """All values at ``as_of`` (ms, an edge of the finest panes).

        Raises ``StateError`` if a partition was last booked with other definitions.
        """
        started = time.perf_counter()
        self._check_origins()
        changes, self._changes, self._snapshot_taken = self._changes, {}, True
        self._frames.absorb(changes)
        running, ended = self._frames.at(as_of)
        accruals: Counter[CostAccrual] = Counter()
        for (_, accrual), count in self._costs.items():
            accruals[accrual] += count
        records = list(self._evaluate(running, as_of, accruals, self._sources))
        baselines = baseline_values(self._targets, self._frames.baselines(), accruals, self._policy)
        judgement = judge(records, self._targets, baselines, as_of)
        records = [record for record in (*records, *judgement.records) if record.metric in self._published]
        if ready:
            records.extend(self._ended(ended, as_of, accruals))
        health = self._health(ready, panes_lag)
        findings = judgement.findings if "warning_active" in self._published else []
        return Snapshot(as_of, records, health, time.perf_counter() - started, findings=findings)

    def _check_origins(self) -> None:
        # At a snapshot and not when a record is taken: until it is compacted, the topic also holds earlier origins.
        for partition, origin in self._origins.items():
            if origin != self._origin:
                raise state_format.StateError(
                    f"partition {partition} of support.panes was booked with other definitions than this board's: "
                    "start worker and board with the same roi.toml"
                )

    def _ended(
        self, ended: Sequence[tuple[Frame, int]], as_of: int, accruals: Mapping[CostAccrual, int]
    ) -> Iterator[MetricRecord]:
        """The records of ended periods, evaluated again when their sums have changed.

        There are some forty periods, so that the time for one snapshot is limited; the stalest go first.
        """
        frames = {(frame.window, frame.period_start or ""): (frame, version) for frame, version in ended}
        periods = self._ended_periods = {name: period for name, period in self._ended_periods.items() if name in frames}
        deadline = time.perf_counter() + _ENDED_SECONDS
        for name in sorted(frames, key=lambda name: periods[name].evaluation if name in periods else -1):
            frame, version = frames[name]
            state = (version, self._costs_version + frame.final, as_of // HOUR, frame.active)
            period = periods.get(name)
            if period is None or (period.state != state and time.perf_counter() < deadline):
                self._evaluations += 1
                records = list(self._evaluate([frame], as_of, accruals, self._metrics))
                periods[name] = _EndedPeriod(self._evaluations, state, records)
            yield from periods[name].records

    def _evaluate(
        self, frames: Sequence[Frame], as_of: int, accruals: Mapping[CostAccrual, int], metrics: Sequence[Metric]
    ) -> Iterator[MetricRecord]:
        levels = self._frames.levels.sums
        return evaluate(frames, levels, as_of, accruals, self._policy, metrics, self._limit, self._dimensions)

    def _health(self, ready: bool, panes_lag: int) -> Health:
        counters: Counter[str] = Counter()
        dead_letters: Counter[str] = Counter()
        newest: dict[str, int] = {}
        for stats in self._stats.values():
            counters.update(stats.counters)
            dead_letters.update(stats.dead_letters)
            for topic, at in stats.newest.items():
                newest[topic] = max(at, newest.get(topic, 0))
        return Health(ready, newest, dict(counters), dict(dead_letters), dict(self._last_unit), panes_lag)
