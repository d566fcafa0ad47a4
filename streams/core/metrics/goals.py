"""Goals and other targets: a goal's progress, and its line, the straight one from its baseline to its target when due.

Source: docs/definitions.md#goals.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Final, NamedTuple

from streams.core.costs.accrual import CostAccrual
from streams.core.ledger.frames import FlowSums
from streams.core.metrics.evaluation import value_in
from streams.core.metrics.families import METRICS
from streams.core.metrics.judgement import derived_record
from streams.core.metrics.records import MetricRecord
from streams.core.policy import Policy
from streams.core.temporal.calendar import LocalDays
from streams.core.temporal.rolling import RollingWindow

__all__ = [
    "NO_TARGETS",
    "Goal",
    "Progress",
    "Targets",
    "baseline_values",
    "baselines_of",
    "goal_instants",
    "goal_records",
    "progress_of",
]


@dataclass(frozen=True, slots=True)
class Goal:
    """A SMART goal. ``target`` is absolute; if it is None, ``change`` is relative to the value at ``baseline``."""

    name: str
    metric: str
    window: str
    dimension: str
    member: str
    target: float | None
    change: float | None
    #: Instants (ms): the local midnight that begins the baseline date (None: no baseline), and the due date's end.
    baseline: int | None
    due: int

    def value_to_reach(self, baseline_value: float | None) -> float | None:
        """The target as an absolute value; None while a relative goal has no baseline value."""
        if self.target is not None:
            return self.target
        if self.change is None or baseline_value is None:
            return None
        return baseline_value * (1 + self.change)


class Progress(NamedTuple):
    """The progress of a goal. All but ``value`` are None while the value or the target is undefined."""

    value: int | float | None
    #: 0 at the baseline, 1 at the target.
    ratio: float | None = None
    #: The value of the goal's line now.
    line: float | None = None
    off_pace: bool | None = None


def progress_of(goal: Goal, value: int | float | None, baseline_value: float | None, as_of: int) -> Progress:
    """The progress of a goal by its metric's value at ``as_of`` (ms), and its value at the baseline, if any."""
    target = goal.value_to_reach(baseline_value)
    if value is None or target is None:
        return Progress(value)
    if baseline_value is not None and baseline_value != target:
        ratio = (value - baseline_value) / (target - baseline_value)
        span = goal.due - goal.baseline if goal.baseline is not None else 0
        pace = 1.0 if as_of >= goal.due or span <= 0 else (as_of - (goal.baseline or 0)) / span
        return Progress(value, ratio, baseline_value + pace * (target - baseline_value), ratio < pace)
    low, high = (target, value) if METRICS[goal.metric].lower_is_better else (value, target)
    reached = low >= high
    ratio = 1.0 if reached else low / high if high > 0 else 0.0
    return Progress(value, ratio, target, as_of >= goal.due and not reached)


def goal_records(goal: Goal, progress: Progress, as_of: str) -> Iterator[MetricRecord]:
    """The records of a goal's progress and pace. ``as_of`` in RFC 3339."""
    off_pace = None if progress.off_pace is None else int(progress.off_pace)
    count = 0 if progress.value is None else 1
    yield derived_record("goal_progress_ratio", goal.window, "goal", goal.name, progress.ratio, count, as_of)
    yield derived_record("goal_off_pace", goal.window, "goal", goal.name, off_pace, 1, as_of)


def goal_instants(calendar: LocalDays, baseline: str | None, due: str) -> tuple[int | None, int]:
    """The baseline date's first instant and the due date's end (ms), by ISO dates in the business time zone.

    Raises ``ValueError`` for a text that is no date.
    """
    start = None if baseline is None else calendar.start(date.fromisoformat(baseline))
    return start, calendar.start(date.fromisoformat(due) + timedelta(days=1))


@dataclass(frozen=True, slots=True)
class Targets:
    """The targets of values. They change no sums, so that boards may differ in them."""

    csat_benchmark: float = 0.78
    goals: Sequence[Goal] = ()


NO_TARGETS: Final = Targets()


def baselines_of(targets: Targets, windows: Sequence[RollingWindow]) -> dict[str, tuple[RollingWindow, int]]:
    """The baseline of each goal with one, by its name: the window, and the midnight (ms) at which it ends."""
    by_name = {window.name: window for window in windows}
    return {
        goal.name: (by_name[goal.window], goal.baseline)
        for goal in targets.goals
        if goal.baseline is not None and goal.window in by_name
    }


def baseline_values(
    targets: Targets, flows: Mapping[str, FlowSums], accruals: Mapping[CostAccrual, int], policy: Policy
) -> dict[str, float | None]:
    """The values at goals' baselines, by the goal's name; None if undefined, and for metrics of levels.

    ``flows``: those of the baselines, by the goal's name; ``accruals``: each cost with how often it is booked.
    """
    return {
        goal.name: value_in(
            METRICS[goal.metric], flows[goal.name], goal.window, (goal.dimension, goal.member), accruals, policy
        )
        for goal in targets.goals
        if goal.name in flows
    }
