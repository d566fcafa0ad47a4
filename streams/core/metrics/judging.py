"""Warnings and goals together: what the values say about themselves."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple

from streams.core.costs.accrual import CostAccrual
from streams.core.ledger.frames import FlowSums
from streams.core.metrics.derived import Teller
from streams.core.metrics.evaluation import value_in
from streams.core.metrics.families import METRICS
from streams.core.metrics.goals import Goal, goal_records, progress_of
from streams.core.metrics.judgement import JUDGEMENT, WARNINGS
from streams.core.metrics.records import MetricRecord
from streams.core.metrics.warnings import Finding, MemberKey, at_risk, falling_return, low_satisfaction, surges, surging
from streams.core.policy import Policy
from streams.core.temporal.instants import format_instant
from streams.core.temporal.rolling import RollingWindow

__all__ = ["NO_TARGETS", "Judgement", "Targets", "baseline_values", "baselines_of", "judge"]


@dataclass(frozen=True, slots=True)
class Targets:
    """What values are judged by. It changes no sums, so it may differ from board to board."""

    csat_benchmark: float = 0.78
    goals: Sequence[Goal] = ()


class Judgement(NamedTuple):
    """The records of warnings and goals, and the findings behind them, one a member."""

    records: list[MetricRecord]
    findings: list[Finding]


def judge(
    records: Iterable[MetricRecord],
    yardstick: Targets,
    baselines: Mapping[str, float | None],
    as_of: int,
) -> Judgement:
    """What the values say about themselves; ``baselines`` are goals' values at their baseline, by name."""
    seen: dict[MemberKey, MetricRecord] = {}
    wanted = {goal.metric for goal in yardstick.goals}.union(*(metric.judges for metric in JUDGEMENT))
    for record in records:
        if record.metric in wanted and not record.final:
            seen.setdefault((record.metric, record.window, record.dimension, record.member), record)
    told = Teller(format_instant(as_of))
    surging_records = list(surges(seen, told))
    found = [
        *low_satisfaction(seen, yardstick.csat_benchmark),
        *at_risk(seen),
        *falling_return(seen),
        *map(surging, surging_records),
    ]
    judged = list(surging_records)
    for goal in yardstick.goals:
        reached = seen.get((goal.metric, goal.window, goal.dimension, goal.member))
        progress = progress_of(goal, None if reached is None else reached.value, baselines.get(goal.name), as_of)
        judged += goal_records(goal, progress, told)
        aim, value, off = progress.line, progress.value, bool(progress.off)
        found.append(Finding("goal_off_pace", "goal", goal.name, off, goal.metric, goal.window, value, aim))
    for name in WARNINGS:
        held = [finding.holds for finding in found if finding.warning == name and finding.holds is not None]
        judged.append(told("warning_active", "now", "warning", name, int(any(held)) if held else None, 1))
    return Judgement(judged, found)


NO_TARGETS: Final = Targets()


def baselines_of(yardstick: Targets, windows: Sequence[RollingWindow]) -> dict[str, tuple[RollingWindow, int]]:
    """The windows at past midnights that goals are measured from."""
    named = {window.name: window for window in windows}
    return {
        goal.name: (named[goal.window], goal.baseline)
        for goal in yardstick.goals
        if goal.baseline is not None and goal.window in named
    }


def baseline_values(
    yardstick: Targets, stretches: Mapping[str, FlowSums], accruals: Mapping[CostAccrual, int], policy: Policy
) -> dict[str, float | None]:
    """The goals' values at their baseline; None for metrics made of levels."""
    return {
        goal.name: value_in(
            METRICS[goal.metric], stretches[goal.name], goal.window, (goal.dimension, goal.member), accruals, policy
        )
        for goal in yardstick.goals
        if goal.name in stretches
    }
