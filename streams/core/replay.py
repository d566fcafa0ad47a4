"""The replay: the core over events in hand, at instants that are known beforehand. Used by ``support-roi replay``."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from streams.core.derivation.derive import Flaws
from streams.core.derivation.event_store import EventStore
from streams.core.events.types import Event
from streams.core.ledger.frames import Frames
from streams.core.ledger.grids import CutGrid
from streams.core.ledger.ledger import Ledger
from streams.core.ledger.panes import Panes
from streams.core.metrics.base import Metric
from streams.core.metrics.evaluation import evaluate
from streams.core.metrics.families import METRICS, sources
from streams.core.metrics.goals import NO_TARGETS, Targets, baseline_values, baselines_of
from streams.core.metrics.records import MetricRecord
from streams.core.metrics.warnings import judge
from streams.core.policy import Policy
from streams.core.temporal.periods import AlignedWindow
from streams.core.temporal.rolling import RollingWindow
from streams.core.temporal.windows import all_windows

__all__ = ["Replay"]


class Replay:
    """Values at each of ``instants`` (ms, ascending), each from the events before it alone.

    ``start`` adds the window ``period`` = [start, instant). ``warm`` bounds what is held decoded.
    """

    def __init__(
        self,
        policy: Policy,
        windows: Sequence[RollingWindow],
        instants: Sequence[int],
        start: int | None = None,
        warm: int = 2_000_000,
        aligned: Sequence[AlignedWindow] = (),
        targets: Targets = NO_TARGETS,
    ) -> None:
        self.policy = policy
        panes = Panes()
        baselines = baselines_of(targets, windows)
        edges = Frames(panes, CutGrid(()), windows, aligned, start, baselines)
        grid = CutGrid(edge for at in instants for edge in edges.edges(at))
        self.ledger = Ledger(grid, panes=panes, dimensions=policy.dimensions, measures=policy.measures)
        self.store = EventStore(policy, self.ledger, all_windows(windows, aligned, start), warm)
        self._frames = Frames(panes, grid, windows, aligned, start, baselines)
        self._targets = targets

    @property
    def flaws(self) -> Flaws:
        """Entities that wait for what they belong to, and amounts of money without a rate."""
        return self.store.derivation.flaws

    def add(self, event: Event) -> str:
        """Takes an event that occurred before the next instant; see ``EventStore.add``."""
        return self.store.add(event)

    def close(self) -> Iterator[None]:
        """Derives and posts what was added; yields now and then, so that the caller can show progress."""
        for _ in self.store.close():
            yield
        self._frames.absorb(self.ledger.flush())

    def records(
        self, as_of: int, metrics: Sequence[Metric] = tuple(METRICS.values()), limit: int = 50,
        dimensions: Sequence[str] | None = None,
    ) -> Iterator[MetricRecord]:  # fmt: skip
        """The records of ``metrics`` at one of the instants, in ascending order of calls."""
        wanted = {metric.id for metric in metrics}
        running, ended = self._frames.at(as_of)
        levels, accruals = self._frames.levels.sums, self.store.derivation.accruals
        records = list(evaluate(running, levels, as_of, accruals, self.policy, sources(metrics), limit, dimensions))
        yield from (record for record in records if record.metric in wanted)
        for frame, _ in ended:
            yield from evaluate([frame], levels, as_of, accruals, self.policy, metrics, limit, dimensions)
        baselines = baseline_values(self._targets, self._frames.baselines(), accruals, self.policy)
        judged = judge(records, self._targets, baselines, as_of).records
        yield from (record for record in judged if record.metric in wanted)
