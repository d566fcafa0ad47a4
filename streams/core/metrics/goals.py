"""Goals: how far each is, and whether it is behind its line."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from typing import NamedTuple

from streams.core.metrics.derived import Teller
from streams.core.metrics.families import METRICS
from streams.core.metrics.records import MetricRecord
from streams.core.temporal.calendar import LocalDays

__all__ = ["Goal", "goal_instants"]


@dataclass(frozen=True, slots=True)
class Goal:
    """A SMART goal. ``target`` is absolute; else ``change`` is relative to the value at ``baseline``."""

    name: str
    metric: str
    window: str
    dimension: str
    member: str
    target: float | None
    change: float | None
    #: Instants (ms): the baseline's local midnight, and the end of the due date.
    baseline: int | None
    due: int

    def aim(self, base: float | None) -> float | None:
        """The value to reach; None while a relative goal has no baseline value."""
        if self.target is not None:
            return self.target
        if self.change is None or base is None:
            return None
        return base * (1 + self.change)


class Progress(NamedTuple):
    """Where a goal is: its value, how far from baseline (0) to target (1), where its line is now, whether behind it."""

    value: int | float | None
    reached: float | None = None
    line: float | None = None
    off: bool | None = None


def progress_of(goal: Goal, value: int | float | None, base: float | None, as_of: int) -> Progress:
    aim = goal.aim(base)
    if value is None or aim is None:
        return Progress(value)
    if base is not None and base != aim:
        reached = (value - base) / (aim - base)
        span = goal.due - goal.baseline if goal.baseline is not None else 0
        due = 1.0 if as_of >= goal.due or span <= 0 else (as_of - (goal.baseline or 0)) / span
        return Progress(value, reached, base + due * (aim - base), reached < due)
    low, high = (aim, value) if METRICS[goal.metric].lower_is_better else (value, aim)
    met = low >= high
    return Progress(value, 1.0 if met else low / high if high > 0 else 0.0, aim, as_of >= goal.due and not met)


def goal_records(goal: Goal, progress: Progress, told: Teller) -> Iterator[MetricRecord]:
    off = None if progress.off is None else int(progress.off)
    count = 0 if progress.value is None else 1
    yield told("goal_progress_ratio", goal.window, "goal", goal.name, progress.reached, count)
    yield told("goal_off_pace", goal.window, "goal", goal.name, off, 1)


def goal_instants(calendar: LocalDays, baseline: str | None, due: str) -> tuple[int | None, int]:
    """The baseline's first instant and the due date's end, of ISO dates in the business time zone."""
    start = None if baseline is None else calendar.start(date.fromisoformat(baseline))
    return start, calendar.start(date.fromisoformat(due) + timedelta(days=1))
