"""Goals and other targets: a goal's progress, and its line, the straight one from its baseline to its target when due.

Source: docs/definitions.md#goals. Goals are judged in whole fractions, so that a value exactly on the line is on it;
what is shown is rounded.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from fractions import Fraction
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
    "exact",
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

    def value_to_reach(self, baseline_value: Fraction | None) -> Fraction | None:
        """The target as an absolute value; None while a relative goal has no baseline value."""
        if self.target is not None:
            return exact(self.target)
        if self.change is None or baseline_value is None:
            return None
        return baseline_value * (1 + exact(self.change))


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
    begun = None if baseline_value is None else exact(baseline_value)
    target = goal.value_to_reach(begun)
    if value is None or target is None:
        return Progress(value)
    now = exact(value)
    if begun is not None and begun != target:
        progress = (now - begun) / (target - begun)
        span = goal.due - goal.baseline if goal.baseline is not None else 0
        pace = Fraction(1) if as_of >= goal.due or span <= 0 else Fraction(as_of - (goal.baseline or 0), span)
        return Progress(value, float(progress), float(begun + pace * (target - begun)), progress < pace)
    low, high = (target, now) if METRICS[goal.metric].lower_is_better else (now, target)
    reached = low >= high
    ratio = 1.0 if reached else float(low / high) if high > 0 else 0.0
    return Progress(value, ratio, float(target), as_of >= goal.due and not reached)


def exact(value: int | float) -> Fraction:
    """The first of the ever closer fractions of a number that is told by the same number: 0.35 is 7/20.

    Equal numbers give equal fractions, and a lower number a lower one.
    """
    if isinstance(value, int):
        return Fraction(value)
    above, below = 1, 0
    earlier_above, earlier_below = 0, 1
    rest, divisor = value.as_integer_ratio()
    while divisor:
        whole, remainder = divmod(rest, divisor)
        above, earlier_above = whole * above + earlier_above, above
        below, earlier_below = whole * below + earlier_below, below
        if above / below == value:
            break
        rest, divisor = divisor, remainder
    return Fraction(above, below)


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
    return start, calendar.shift(calendar.start(date.fromisoformat(due)), 1)


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
