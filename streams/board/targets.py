"""Targets of metrics, and the verdict on a value: it follows from the value, its interval and the target alone."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from streams.core.metrics.families import METRICS
from streams.core.metrics.goals import Targets
from streams.core.metrics.records import MetricRecord
from streams.core.metrics.warnings import ENOUGH_ANSWERS

__all__ = ["MET", "MISSED", "UNSURE", "Target", "all_targets", "verdict"]

MET: Final = "met"
MISSED: Final = "missed"
#: The target lies inside the value's 95 % interval, or the samples are too few.
UNSURE: Final = "unsure"


@dataclass(frozen=True, slots=True)
class Target:
    """The value that a metric should reach in ``window`` (None: in every window)."""

    metric: str
    threshold: float
    name: str
    window: str | None = None
    dimension: str = "all"
    member: str = "all"
    #: Fewer samples than this prove nothing.
    min_samples: int = 1

    def covers(self, record: MetricRecord) -> bool:
        """True if it is a target of this record's value."""
        return (
            self.metric == record.metric
            and self.window in (None, record.window)
            and (self.dimension, self.member) == (record.dimension, record.member)
        )


def all_targets(targets: Targets) -> Iterator[Target]:
    """The targets of single metrics. Goals come first, as a goal for one window goes before a target for all.

    A relative goal has no value to reach; its progress is the metric ``goal_progress_ratio``.
    """
    for goal in targets.goals:
        if goal.target is not None:
            yield Target(goal.metric, goal.target, goal.name, goal.window, goal.dimension, goal.member)
    yield Target("csat_ratio", targets.csat_benchmark, "benchmark", min_samples=ENOUGH_ANSWERS)
    yield Target("roi_net_ratio", 0.0, "break-even")


def verdict(record: MetricRecord, target: Target) -> str | None:
    """MET, UNSURE or MISSED; None if the value is undefined."""
    if record.value is None:
        return None
    low = record.value if record.low is None else record.low
    high = record.value if record.high is None else record.high
    metric = METRICS.get(record.metric)
    if metric is not None and metric.lower_is_better:
        surely, surely_not = high <= target.threshold, low > target.threshold
    else:
        surely, surely_not = low >= target.threshold, high < target.threshold
    if record.count < target.min_samples or not (surely or surely_not):
        return UNSURE
    return MET if surely else MISSED
