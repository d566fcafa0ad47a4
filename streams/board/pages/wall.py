"""The data of the wall: a short form of the snapshot, and the waits past their target.

Lists of values are positional, because the wall gets all windows every few seconds; the docstrings name the positions.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from itertools import islice
from typing import Any, Final

import msgspec

from streams.board.pages.api import health_json
from streams.board.prometheus.exposition import MetricInfo, running_periods
from streams.board.snapshot import Snapshot
from streams.board.targets import all_targets, verdict
from streams.core.metrics.goals import Targets
from streams.core.metrics.records import MetricRecord
from streams.core.metrics.warnings import SURGE_CONTACTS, SURGE_TIMES, Finding

__all__ = ["breaches_json", "wall_json"]

#: The metrics that the wall shows of ``all`` in every window.
_WALL_NAMES: Final = """
    roi_net_ratio roi_gross_ratio roi_net_excluding_savings_ratio maturity_ratio cost_estimated_ratio
    benefit_total service_cost cost_per_resolution cost_per_contact incremental_revenue net_attributed_revenue
    tickets_created tickets_solved contacts_deflected resolution_ratio reopen_ratio handle_time_mean_seconds
    first_response_p50_seconds first_response_p90_seconds
    full_resolution_p50_seconds full_resolution_p90_seconds
    tickets_open tickets_unanswered oldest_unanswered_seconds value_at_risk
    nps csat_ratio ces_positive_ratio survey_response_ratio
    fcr_one_touch_ratio fcr_one_session_ratio fcr_no_repeat_ratio fcr_surveyed_ratio
"""
_WALL: Final = frozenset(_WALL_NAMES.split())
#: The metrics that the wall shows by the members of one dimension.
_GROUPS: Final = {"benefit": "class"}
_ATTENTION: Final = frozenset({"surge_ratio", "goal_progress_ratio", "goal_off_pace"})
_MAX_BREACHES: Final = 20
_BREACH_FIELDS: Final = ("ticket_id", "target", "deadline", "channel", "priority")
_WAITS: Final = frozenset({"sla_open_breached", "sla_due_soon", "sla_attained_ratio"})


def wall_json(snapshot: Snapshot, catalogue: Mapping[str, MetricInfo], targets: Targets) -> dict[str, Any]:
    """The wall's data in all windows, so that switching needs no request. About 25 kB for twelve windows.

    ``values[window][metric]`` = [value, count, low, high]; ``groups`` the same by the members of the one dimension
    the wall shows of a metric; ``before`` = [previous, year before] of metrics that are compared; ``verdicts`` =
    [verdict, target, name]; ``days[metric]`` = [first day, values] of the ended days, oldest first.
    """
    periods = running_periods(snapshot.records)
    values, groups, before, verdicts = (defaultdict[str, dict[str, Any]](dict) for _ in range(4))
    units: dict[str, str] = {}
    attention: list[MetricRecord] = []
    for record in _running_only(snapshot.records, periods):
        metric, window = record.metric, record.window
        if record.dimension == "all" and metric in _WALL:
            values[window][metric] = [record.value, record.count, record.low, record.high]
            before[window] |= _before(record)
            verdicts[window] |= _verdict(record, targets)
        elif record.dimension == _GROUPS.get(metric):
            row = [record.member, record.value, record.count, record.low, record.high]
            groups[window].setdefault(metric, []).append(row)
        else:
            if metric in _ATTENTION:
                attention.append(record)
            continue
        units[metric] = record.unit
    return {
        "as_of": snapshot.as_of,
        "values": values,
        "groups": groups,
        "before": _non_empty(before),
        "verdicts": _non_empty(verdicts),
        "days": _days(snapshot.records, periods.get("day")),
        "periods": periods,
        "dimensions": list(dict.fromkeys(record.dimension for record in snapshot.records)),
        "metrics": {metric: _metric(catalogue[metric], unit) for metric, unit in units.items()},
        "attention": _attention(attention, snapshot.findings),
        "health": health_json(snapshot.health),
    }


def _non_empty(by_window: Mapping[str, dict[str, Any]]) -> dict[str, dict[str, Any]]:
    return {window: by_metric for window, by_metric in by_window.items() if by_metric}


def _metric(metric: MetricInfo, unit: str) -> dict[str, str]:
    return {"kind": metric.kind, "unit": unit, "help": metric.help}


def breaches_json(snapshot: Snapshot, targets: Targets) -> bytes:
    """The waits by target, the worst first.

    ``{"as_of", "open_breached", "due_soon", "targets": [{"target", "open_breached", "due_soon", "attained":
    {window: {"value", "count", "verdict"}}}], "recent": [{"ticket_id", "target", "deadline", …}]}``.
    The totals count waits: a ticket past two targets is two. ``recent`` are the newest breaches before ``as_of``.
    """
    by_target: dict[str, dict[str, Any]] = {}
    for record in _running_only(snapshot.records, running_periods(snapshot.records)):
        if record.dimension != "target" or record.metric not in _WAITS:
            continue
        row = by_target.setdefault(record.member, {"target": record.member, "open_breached": 0, "due_soon": 0})
        attained = row.setdefault("attained", {})
        if record.metric == "sla_attained_ratio":
            reached = _verdict(record, targets).get(record.metric, [None])[0]
            attained[record.window] = {"value": record.value, "count": record.count, "verdict": reached}
        else:
            row[record.metric.removeprefix("sla_")] = record.value or 0
    rows = sorted(by_target.values(), key=lambda row: (-row["open_breached"], -row["due_soon"], row["target"]))
    totals = {name: sum(row[name] for row in rows) for name in ("open_breached", "due_soon")}
    past = islice((breach for breach in snapshot.breaches if breach.at < snapshot.as_of), _MAX_BREACHES)
    recent = [{name: getattr(breach, name) for name in _BREACH_FIELDS} for breach in past]
    return msgspec.json.encode({"as_of": snapshot.as_of, **totals, "targets": rows, "recent": recent})


def _running_only(records: Iterable[MetricRecord], periods: Mapping[str, str]) -> Iterable[MetricRecord]:
    """The records without those of ended periods."""
    for record in records:
        start = record.period_start
        if start is None or (not record.final and periods[record.window] == start):
            yield record


def _before(record: MetricRecord) -> dict[str, list[Any]]:
    """[previous] or [previous, year before] by metric; without a comparison empty, None if it is undefined."""
    if record.previous is msgspec.UNSET:
        return {}
    year_before = [] if record.year_before is msgspec.UNSET else [record.year_before]
    return {record.metric: [record.previous, *year_before]}


def _verdict(record: MetricRecord, targets: Targets) -> dict[str, list[Any]]:
    """[verdict, target, name] by metric, of the first target that covers the record; empty without one."""
    target = next((target for target in all_targets(targets) if target.covers(record)), None)
    reached = None if target is None else verdict(record, target)
    return {} if target is None or reached is None else {record.metric: [reached, target.threshold, target.name]}


def _days(records: Iterable[MetricRecord], today: str | None) -> dict[str, list[Any]]:
    """[first day, values] of the ended days by metric on the wall, from the first day with a value other than 0."""
    by_metric: dict[str, dict[str, Any]] = {}
    for record in records:
        if record.window == "day" and record.dimension == "all" and record.metric in _WALL:
            start = record.period_start or ""
            if today is None or start < today:
                by_metric.setdefault(record.metric, {})[start] = record.value
    days: dict[str, list[Any]] = {}
    for metric, by_day in by_metric.items():
        rows = sorted(by_day.items())
        while rows and not rows[0][1]:
            rows.pop(0)
        if rows:
            days[metric] = [rows[0][0][:10], [value for _, value in rows]]
    return days


def _attention(records: Iterable[MetricRecord], findings: Iterable[Finding]) -> dict[str, Any]:
    """Warnings, customers at risk, surges and goals.

    ``warnings`` = {name: 1, 0 or null (undefined)}; ``at_risk`` = [dimension, member, value] of findings that show
    customers at risk; ``surges`` = [dimension, member, times, contacts], the highest first; ``goals`` =
    {name: {"window", "progress", "off_pace"}}.
    """
    warnings: dict[str, int | None] = {}
    at_risk: list[list[Any]] = []
    for finding in findings:
        before = warnings.get(finding.warning)
        warnings[finding.warning] = before if finding.holds is None else max(before or 0, int(finding.holds))
        if finding.warning == "customer_at_risk" and finding.holds:
            at_risk.append([finding.dimension, finding.member, finding.value])
    surges: list[list[Any]] = []
    goals: dict[str, dict[str, Any]] = defaultdict(dict)
    for record in records:
        if record.metric == "surge_ratio":
            if record.value is not None and record.value >= SURGE_TIMES and record.count >= SURGE_CONTACTS:
                surges.append([record.dimension, record.member, record.value, record.count])
        else:
            name = "progress" if record.metric == "goal_progress_ratio" else "off_pace"
            goals[record.member] |= {"window": record.window, name: record.value}
    surges.sort(key=lambda row: -row[2])
    return {"warnings": warnings, "at_risk": at_risk, "surges": surges, "goals": goals}
