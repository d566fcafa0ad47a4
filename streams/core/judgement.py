"""Warnings and goals: what the values say about themselves. Derived from records, never booked.

Source: definitions.md, "Warnings and goals". A warning is 1 while it holds, 0 while it does not, and undefined
where what it is judged by is. A goal's pace is the straight line from its baseline to its target at its due date.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Final, NamedTuple

from .business_time import LocalDays
from .catalogue import METRICS
from .catalogue.judgement import JUDGEMENT, SURGE_BY, WARNINGS
from .costs import Slope
from .evaluation import value_in
from .events import format_instant
from .frames import Stretch
from .policy import Policy
from .records import MetricRecord
from .windows import Window

__all__ = [
    "NO_YARDSTICK",
    "Finding",
    "Goal",
    "Judgement",
    "Yardstick",
    "baseline_values",
    "baselines_of",
    "goal_instants",
    "judge",
]

#: A ratio over fewer answers than this warns of nothing.
ENOUGH_ANSWERS: Final = 30
#: A surge is at least so many contacts in the hour, and so many times the trailing hourly rate.
SURGE_CONTACTS: Final = 10
SURGE_TIMES: Final = 3.0
_HOURS: Final = 7 * 24 - 1
#: Levels of customers at risk, besides waits past any target.
_AT_RISK: Final = (
    ("customers_active", "satisfaction", "unsatisfied"),
    ("customers_active", "contact_frequency", "frequent"),
)

_Key = tuple[str, str, str, str]


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


@dataclass(frozen=True, slots=True)
class Yardstick:
    """What values are judged by. It changes no sums, so it may differ from board to board."""

    csat_benchmark: float = 0.78
    goals: Sequence[Goal] = ()


class Finding(NamedTuple):
    """One warning about one member: whether it holds (None: undefined), and the value that says so.

    ``threshold`` is what the value is held against: a limit, the value before, or where the goal's line is now.
    """

    warning: str
    dimension: str
    member: str
    holds: bool | None
    metric: str
    window: str
    value: int | float | None
    threshold: int | float | None


class Judgement(NamedTuple):
    """The records of warnings and goals, and the findings behind them, one a member."""

    records: list[MetricRecord]
    findings: list[Finding]


def judge(
    records: Iterable[MetricRecord],
    yardstick: Yardstick,
    baselines: Mapping[str, float | None],
    as_of: int,
) -> Judgement:
    """What the values say about themselves; ``baselines`` are goals' values at their baseline, by name."""
    seen: dict[_Key, MetricRecord] = {}
    wanted = {goal.metric for goal in yardstick.goals}.union(*(metric.judges for metric in JUDGEMENT))
    for record in records:
        if record.metric in wanted and not record.final:
            seen.setdefault((record.metric, record.window, record.dimension, record.member), record)
    told = _Teller(format_instant(as_of))
    surges = list(_surges(seen, told))
    found = [*_satisfaction(seen, yardstick), *_at_risk(seen), *_return(seen), *map(_surging, surges)]
    judged = list(surges)
    for goal in yardstick.goals:
        reached = seen.get((goal.metric, goal.window, goal.dimension, goal.member))
        progress = _progress(goal, None if reached is None else reached.value, baselines.get(goal.name), as_of)
        judged += _goal(goal, progress, told)
        aim, value, off = progress.line, progress.value, bool(progress.off)
        found.append(Finding("goal_off_pace", "goal", goal.name, off, goal.metric, goal.window, value, aim))
    for name in WARNINGS:
        held = [finding.holds for finding in found if finding.warning == name and finding.holds is not None]
        judged.append(told("warning_active", "now", "warning", name, int(any(held)) if held else None, 1))
    return Judgement(judged, found)


def _satisfaction(seen: Mapping[_Key, MetricRecord], yardstick: Yardstick) -> Iterator[Finding]:
    csat = seen.get(("csat_ratio", "30d", "all", "all"))
    if csat is not None:
        below = None
        if csat.value is not None and csat.count >= ENOUGH_ANSWERS:
            below = csat.value < yardstick.csat_benchmark
        yield Finding(
            "csat_below_benchmark", "all", "all", below, "csat_ratio", "30d", csat.value, yardstick.csat_benchmark
        )


def _at_risk(seen: Mapping[_Key, MetricRecord]) -> Iterator[Finding]:
    """Customers at risk by what shows it: a low score, contact after contact, a wait past its target."""
    for (metric, window, dimension, member), record in seen.items():
        if (metric, dimension, member) in _AT_RISK or (metric == "sla_open_breached" and dimension == "target"):
            yield Finding("customer_at_risk", dimension, member, bool(record.value), metric, window, record.value, 0)


def _return(seen: Mapping[_Key, MetricRecord]) -> Iterator[Finding]:
    roi = seen.get(("roi_net_ratio", "30d", "all", "all"))
    if roi is not None:
        value, before = roi.value, roi.previous if isinstance(roi.previous, int | float) else None
        falling = None if value is None or before is None else value < before
        yield Finding("roi_falling", "all", "all", falling, "roi_net_ratio", "30d", value, before)
        yield Finding("roi_negative", "all", "all", None if value is None else value < 0, roi.metric, "30d", value, 0)


def _surging(record: MetricRecord) -> Finding:
    times = record.value
    surging = record.count >= SURGE_CONTACTS and times is not None and times >= SURGE_TIMES
    return Finding("surge", record.dimension, record.member, surging, record.metric, "1h", times, SURGE_TIMES)


class _Teller:
    """Makes records of derived metrics."""

    def __init__(self, stamp: str) -> None:
        self._stamp = stamp

    def __call__(
        self, metric: str, window: str, dimension: str, member: str, value: int | float | None, count: int
    ) -> MetricRecord:
        known = METRICS[metric]
        return MetricRecord(
            metric=metric,
            window=window,
            period_start=None,
            dimension=dimension,
            member=member,
            value=value,
            count=count,
            low=None,
            high=None,
            unit=known.unit,
            as_of=self._stamp,
            final=False,
            definition=known.definition,
        )


def _surges(seen: Mapping[_Key, MetricRecord], told: _Teller) -> Iterator[MetricRecord]:
    """Contacts of the last hour against the trailing hourly rate of the week before it, by issue and product."""
    for (metric, window, dimension, member), record in seen.items():
        if metric != "tickets_created" or window != "1h" or dimension not in SURGE_BY:
            continue
        week = seen.get((metric, "7d", dimension, member))
        trailing = (week.count - record.count) / _HOURS if week is not None else 0
        yield told(
            "surge_ratio", "1h", dimension, member, record.count / trailing if trailing > 0 else None, record.count
        )


class _Progress(NamedTuple):
    """Where a goal is: its value, how far from baseline (0) to target (1), where its line is now, whether behind it."""

    value: int | float | None
    reached: float | None = None
    line: float | None = None
    off: bool | None = None


def _progress(goal: Goal, value: int | float | None, base: float | None, as_of: int) -> _Progress:
    aim = goal.aim(base)
    if value is None or aim is None:
        return _Progress(value)
    if base is not None and base != aim:
        reached = (value - base) / (aim - base)
        span = goal.due - goal.baseline if goal.baseline is not None else 0
        due = 1.0 if as_of >= goal.due or span <= 0 else (as_of - (goal.baseline or 0)) / span
        return _Progress(value, reached, base + due * (aim - base), reached < due)
    low, high = (aim, value) if METRICS[goal.metric].lower_is_better else (value, aim)
    met = low >= high
    return _Progress(value, 1.0 if met else low / high if high > 0 else 0.0, aim, as_of >= goal.due and not met)


def _goal(goal: Goal, progress: _Progress, told: _Teller) -> Iterator[MetricRecord]:
    off = None if progress.off is None else int(progress.off)
    count = 0 if progress.value is None else 1
    yield told("goal_progress_ratio", goal.window, "goal", goal.name, progress.reached, count)
    yield told("goal_off_pace", goal.window, "goal", goal.name, off, 1)


NO_YARDSTICK: Final = Yardstick()


def baselines_of(yardstick: Yardstick, windows: Sequence[Window]) -> dict[str, tuple[Window, int]]:
    """The windows at past midnights that goals are measured from."""
    named = {window.name: window for window in windows}
    return {
        goal.name: (named[goal.window], goal.baseline)
        for goal in yardstick.goals
        if goal.baseline is not None and goal.window in named
    }


def baseline_values(
    yardstick: Yardstick, stretches: Mapping[str, Stretch], slopes: Mapping[Slope, int], policy: Policy
) -> dict[str, float | None]:
    """The goals' values at their baseline; None for metrics made of levels."""
    return {
        goal.name: value_in(
            METRICS[goal.metric], stretches[goal.name], goal.window, (goal.dimension, goal.member), slopes, policy
        )
        for goal in yardstick.goals
        if goal.name in stretches
    }


def goal_instants(calendar: LocalDays, baseline: str | None, due: str) -> tuple[int | None, int]:
    """The baseline's first instant and the due date's end, of ISO dates in the business time zone."""
    start = None if baseline is None else calendar.start(date.fromisoformat(baseline))
    return start, calendar.start(date.fromisoformat(due) + timedelta(days=1))
