"""Reads the panes topic: merges the partitions' sums, slides the windows, evaluates the catalogue."""

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
from streams.core.metrics.judging import NO_TARGETS, Targets, baseline_values, baselines_of, judge
from streams.core.metrics.records import MetricRecord
from streams.core.policy import Policy
from streams.core.temporal.instants import HOUR
from streams.core.temporal.periods import AlignedWindow
from streams.core.temporal.rolling import RollingWindow

__all__ = ["Reader"]


#: Seconds that a snapshot may spend on ended periods.
_PATIENCE: Final = 0.5


class _Told(NamedTuple):
    """What was told of an ended period, in which state of its sums, and when."""

    turn: int
    state: tuple[int, int, int, int | None]
    records: list[MetricRecord]


class Reader:
    """All partitions' panes as one ledger.

    ``take`` the records of the panes topic in the order of each partition, then ask for a ``snapshot``. What a
    partition says replaces what it said before under the same key; only the difference moves the sums.
    """

    def __init__(
        self,
        policy: Policy,
        windows: Sequence[RollingWindow],
        metrics: Sequence[Metric] = tuple(METRICS.values()),
        limit: int = 50,
        dimensions: Sequence[str] | None = None,
        aligned: Sequence[AlignedWindow] = (),
        yardstick: Targets = NO_TARGETS,
    ) -> None:
        self._policy: Final = policy
        self._metrics: Final = metrics
        self._published: Final = frozenset(metric.id for metric in metrics)
        self._sources: Final = sources(metrics)
        self._limit = limit
        self._dimensions = dimensions
        self._panes = Panes()
        self._yardstick = yardstick
        baselines = baselines_of(yardstick, windows)
        grid = LiveGrid(windows, policy.days, 0)
        self._frames = Frames(self._panes, grid, windows, aligned, baselines=baselines)
        self._told: dict[tuple[str, str], _Told] = {}
        self._turn = 0
        #: What each partition said last, as it was written.
        self._said: dict[tuple[int, bytes], bytes] = {}
        self._costs: dict[tuple[int, CostAccrual], int] = {}
        self._stats: dict[int, Stats] = {}
        self._last_unit: dict[int, int] = {}
        self._origins: dict[int, state_format.Origin] = {}
        #: What changed since the last snapshot; before the first one, nothing holds any sums that it could change.
        self._changes: Changes = {}
        self._asked = False
        self._costed = 0
        self._origin = state_format.origin(
            policy, [*(window.name for window in windows), *(kind.name for kind in aligned)]
        )

    def take(self, partition: int, key: bytes, value: bytes | None, written: int = 0) -> None:
        """Takes one record, ``written`` then (ms). Raises ``StateError`` for what this version cannot read."""
        kind, name = state_format.read_pane_key(key)
        if kind == "p":
            self._cell(partition, key, name, value)
        elif kind == "c":
            self._costed += 2
            if value is None:
                self._costs.pop((partition, name), None)
            else:
                self._costs[partition, name] = state_format.read_count(value)
        elif kind == "s" and value is not None:
            self._stats[partition] = state_format.read_stats(value)
            self._last_unit[partition] = written
        elif kind == "v" and value is not None:
            self._origins[partition] = state_format.read_origin(value)

    def _cell(self, partition: int, key: bytes, name: tuple[Pane, Margin], value: bytes | None) -> None:
        pane, margin = name
        before = self._said.pop((partition, key), None)
        if value is not None:
            self._said[partition, key] = value
        delta: Cell = {} if value is None else state_format.read_cell(value)
        if before is not None:
            merge(delta, state_format.read_cell(before), -1)
        if delta:
            self._panes.add(pane, margin, delta)
            if self._asked:
                merge(self._changes.setdefault(pane, {}).setdefault(margin, {}), delta)

    def snapshot(self, as_of: int, ready: bool, lag: int = 0) -> Snapshot:
        """All values at ``as_of`` (ms; taken back to the finest pane's edge by the caller).

        Raises ``StateError`` where a partition was last booked with other definitions.
        """
        began = time.perf_counter()
        for partition, origin in self._origins.items():
            # Judged now and not when read: until it is compacted, the topic also holds what was booked before.
            if origin != self._origin:
                raise state_format.StateError(
                    f"partition {partition} of support.panes was booked with other definitions than this board's: "
                    "start worker and board with the same roi.toml"
                )
        changes, self._changes, self._asked = self._changes, {}, True
        self._frames.absorb(changes)
        running, ended = self._frames.at(as_of)
        accruals: Counter[CostAccrual] = Counter()
        for (_, slope), times in self._costs.items():
            accruals[slope] += times
        records = list(self._evaluate(running, as_of, accruals, self._sources))
        origins = baseline_values(self._yardstick, self._frames.baselines(), accruals, self._policy)
        judgement = judge(records, self._yardstick, origins, as_of)
        records = [record for record in (*records, *judgement.records) if record.metric in self._published]
        if ready:
            records.extend(self._ended(ended, as_of, accruals))
        health = self._health(ready, lag)
        findings = judgement.findings if "warning_active" in self._published else []
        return Snapshot(as_of, records, health, time.perf_counter() - began, findings=findings)

    def _ended(
        self, ended: Sequence[tuple[Frame, int]], as_of: int, accruals: Mapping[CostAccrual, int]
    ) -> Iterator[MetricRecord]:
        """The records of ended periods, each as of when it was computed: again when something in it changed.

        There are some forty of them, so that a snapshot spends only so long on those that changed, the stalest first.
        """
        told = {(frame.window, frame.period_start or ""): (frame, version) for frame, version in ended}
        self._told = {name: seen for name, seen in self._told.items() if name in told}
        until = time.perf_counter() + _PATIENCE
        for name in sorted(told, key=lambda name: self._told[name].turn if name in self._told else -1):
            frame, version = told[name]
            state = (version, self._costed + frame.final, as_of // HOUR, frame.active)
            seen = self._told.get(name)
            if seen is None or (seen.state != state and time.perf_counter() < until):
                self._turn += 1
                self._told[name] = _Told(
                    self._turn, state, list(self._evaluate([frame], as_of, accruals, self._metrics))
                )
            yield from self._told[name].records

    def _evaluate(
        self, frames: Sequence[Frame], as_of: int, accruals: Mapping[CostAccrual, int], metrics: Sequence[Metric]
    ) -> Iterator[MetricRecord]:
        levels = self._frames.levels.sums
        return evaluate(frames, levels, as_of, accruals, self._policy, metrics, self._limit, self._dimensions)

    def _health(self, ready: bool, lag: int) -> Health:
        counters: Counter[str] = Counter()
        letters: Counter[str] = Counter()
        newest: dict[str, int] = {}
        for stats in self._stats.values():
            counters.update(stats.counters)
            letters.update(stats.dead_letters)
            for topic, at in stats.newest.items():
                newest[topic] = max(at, newest.get(topic, 0))
        return Health(ready, newest, dict(counters), dict(letters), dict(self._last_unit), lag)
