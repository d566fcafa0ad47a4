"""What values are held against: a value, its interval and its target make a verdict, nothing else does."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from streams.core.metrics.families import METRICS
from streams.core.metrics.judging import Targets
from streams.core.metrics.records import MetricRecord
from streams.core.metrics.warnings import ENOUGH_ANSWERS

__all__ = ["MET", "MISSED", "UNSURE", "Target", "targets", "verdict"]

MET: Final = "met"
MISSED: Final = "missed"
#: The target lies inside the value's 95 % interval, or the samples are too few to tell.
UNSURE: Final = "unsure"


@dataclass(frozen=True, slots=True)
class Target:
    """What one metric is to reach. ``window`` None: in every window; ``name`` says whose target it is."""

    metric: str
    aim: float
    name: str
    window: str | None = None
    dimension: str = "all"
    member: str = "all"
    #: Fewer samples prove nothing.
    enough: int = 1

    def covers(self, record: MetricRecord) -> bool:
        return (
            self.metric == record.metric
            and self.window in (None, record.window)
            and (self.dimension, self.member) == (record.dimension, record.member)
        )


def targets(yardstick: Targets) -> Iterator[Target]:
    """Goals first: what somebody set for one window goes before what holds for all.

    A relative goal names no value here; ``goal_progress_ratio`` says how far it is.
    """
    for goal in yardstick.goals:
        if goal.target is not None:
            yield Target(goal.metric, goal.target, goal.name, goal.window, goal.dimension, goal.member)
    yield Target("csat_ratio", yardstick.csat_benchmark, "benchmark", enough=ENOUGH_ANSWERS)
    yield Target("roi_net_ratio", 0.0, "break-even")


def verdict(record: MetricRecord, target: Target) -> str | None:
    """MET, UNSURE or MISSED; None where the value is undefined."""
    if record.value is None:
        return None
    low = record.value if record.low is None else record.low
    high = record.value if record.high is None else record.high
    known = METRICS.get(record.metric)
    if known is not None and known.lower_is_better:
        surely, surely_not = high <= target.aim, low > target.aim
    else:
        surely, surely_not = low >= target.aim, high < target.aim
    if record.count < target.enough or not (surely or surely_not):
        return UNSURE
    return MET if surely else MISSED
