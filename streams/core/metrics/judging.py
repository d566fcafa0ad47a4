"""Judging: the warnings and goals of one instant, derived from its records and the targets.

Source: docs/definitions.md#warnings, docs/definitions.md#goals.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple

from streams.core.costs.accrual import CostAccrual
from streams.core.ledger.frames import FlowSums
from streams.core.metrics.evaluation import value_in
from streams.core.metrics.families import METRICS
from streams.core.metrics.goals import Goal, goal_records, progress_of
from streams.core.metrics.judgement import JUDGEMENT, WARNINGS, derived_record
from streams.core.metrics.records import MetricRecord
from streams.core.metrics.warnings import (
    Finding,
    RecordKey,
    return_findings,
    risk_findings,
    satisfaction_findings,
    surge_finding,
    surge_records,
)
from streams.core.policy import Policy
from streams.core.temporal.instants import format_instant
from streams.core.temporal.rolling import RollingWindow

__all__ = ["NO_TARGETS", "Judgement", "Targets", "baseline_values", "baselines_of", "judge"]


@dataclass(frozen=True, slots=True)
class Targets:
    """The targets of values. They change no sums, so that boards may differ in them."""

    csat_benchmark: float = 0.78
    goals: Sequence[Goal] = ()


NO_TARGETS: Final = Targets()


class Judgement(NamedTuple):
    """The records of warnings and goals, and the findings that they follow from, one a member."""

    records: list[MetricRecord]
    findings: list[Finding]


def judge(
    records: Iterable[MetricRecord], targets: Targets, baselines: Mapping[str, float | None], as_of: int
) -> Judgement:
    """The judgement on records at ``as_of`` (ms). ``baselines``: the values at goals' baselines, by the goal's name."""
    stamp = format_instant(as_of)
    running = _running(records, targets)
    surges = list(surge_records(running, stamp))
    findings = [
        *satisfaction_findings(running, targets.csat_benchmark),
        *risk_findings(running),
        *return_findings(running),
        *map(surge_finding, surges),
    ]
    judged = list(surges)
    for goal in targets.goals:
        record = running.get((goal.metric, goal.window, goal.dimension, goal.member))
        progress = progress_of(goal, None if record is None else record.value, baselines.get(goal.name), as_of)
        judged += goal_records(goal, progress, stamp)
        line, value, off_pace = progress.line, progress.value, bool(progress.off_pace)
        findings.append(Finding("goal_off_pace", "goal", goal.name, off_pace, goal.metric, goal.window, value, line))
    for name in WARNINGS:
        defined = [finding.holds for finding in findings if finding.warning == name and finding.holds is not None]
        active = int(any(defined)) if defined else None
        judged.append(derived_record("warning_active", "now", "warning", name, active, 1, stamp))
    return Judgement(judged, findings)


def _running(records: Iterable[MetricRecord], targets: Targets) -> dict[RecordKey, MetricRecord]:
    """The records that warnings and goals are derived from, the first of each key, without those of final periods."""
    sources = {goal.metric for goal in targets.goals}.union(*(metric.derived_from for metric in JUDGEMENT))
    running: dict[RecordKey, MetricRecord] = {}
    for record in records:
        if record.metric in sources and not record.final:
            running.setdefault((record.metric, record.window, record.dimension, record.member), record)
    return running


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
