"""What the wall is drawn from: a short form of the snapshot, and the waits past their target.

Every list of values is positional, because the wall gets all windows every few seconds; the keys are told below.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from itertools import islice
from typing import Any, Final

import msgspec

from streams.board.pages.api import health_of
from streams.board.prometheus.exposition import MetricInfo, running
from streams.board.snapshot import Snapshot
from streams.board.targets import targets, verdict
from streams.core.metrics.judging import Targets
from streams.core.metrics.records import MetricRecord
from streams.core.metrics.warnings import SURGE_CONTACTS, SURGE_TIMES, Finding

__all__ = ["breaches_json", "wall_json"]

#: What the wall shows of ``all``, in every window, and the metrics it shows by one dimension.
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
_GROUPS: Final = {"benefit": "class"}
_JUDGED: Final = frozenset({"surge_ratio", "goal_progress_ratio", "goal_off_pace"})
_RECENT: Final = 20
_OF_BREACH: Final = ("ticket_id", "target", "deadline", "channel", "priority")
_WAITS: Final = frozenset({"sla_open_breached", "sla_due_soon", "sla_attained_ratio"})


def wall_json(snapshot: Snapshot, catalogue: Mapping[str, MetricInfo], yardstick: Targets) -> dict[str, Any]:
    """The wall's data; all windows of it, so that switching needs no question. About 25 kB for twelve windows.

    ``values[window][metric]`` = [value, count, low, high]; ``groups`` the same by the members of the one dimension
    the wall shows of a metric; ``before`` = [previous, year before] where a metric is compared; ``verdicts`` =
    [verdict, target, whose]; ``days[metric]`` = [first day, values] of the ended days, oldest first.
    """
    newest = running(snapshot.records)
    values, groups, before, verdicts = (defaultdict[str, dict[str, Any]](dict) for _ in range(4))
    units: dict[str, str] = {}
    judged: list[MetricRecord] = []
    for record in _running_only(snapshot.records, newest):
        metric, window = record.metric, record.window
        if record.dimension == "all" and metric in _WALL:
            values[window][metric] = [record.value, record.count, record.low, record.high]
            before[window] |= _compared(record)
            verdicts[window] |= _judgement(record, yardstick)
        elif record.dimension == _GROUPS.get(metric):
            row = [record.member, record.value, record.count, record.low, record.high]
            groups[window].setdefault(metric, []).append(row)
        else:
            if metric in _JUDGED:
                judged.append(record)
            continue
        units[metric] = record.unit
    return {
        "as_of": snapshot.as_of,
        "values": values,
        "groups": groups,
        "before": {window: found for window, found in before.items() if found},
        "verdicts": {window: found for window, found in verdicts.items() if found},
        "days": _days(snapshot.records, newest.get("day")),
        "periods": newest,
        "dimensions": list(dict.fromkeys(record.dimension for record in snapshot.records)),
        "metrics": {
            metric: {"kind": catalogue[metric].kind, "unit": unit, "help": catalogue[metric].help}
            for metric, unit in units.items()
        },
        "attention": _attention(judged, snapshot.findings),
        "health": health_of(snapshot.health),
    }


def breaches_json(snapshot: Snapshot, yardstick: Targets) -> bytes:
    """The waits by target, the worst first.

    ``{"as_of", "open_breached", "due_soon", "targets": [{"target", "open_breached", "due_soon", "attained":
    {window: {"value", "count", "verdict"}}}], "recent": [{"ticket_id", "target", "deadline", …}]}``.
    The totals are waits: a ticket past two targets is two. ``recent`` are the newest breaches before ``as_of``.
    """
    found: dict[str, dict[str, Any]] = {}
    for record in _running_only(snapshot.records, running(snapshot.records)):
        if record.dimension != "target" or record.metric not in _WAITS:
            continue
        row = found.setdefault(record.member, {"target": record.member, "open_breached": 0, "due_soon": 0})
        attained = row.setdefault("attained", {})
        if record.metric == "sla_attained_ratio":
            judged = _judgement(record, yardstick).get(record.metric, [None])
            attained[record.window] = {"value": record.value, "count": record.count, "verdict": judged[0]}
        else:
            row[record.metric.removeprefix("sla_")] = record.value or 0
    rows = sorted(found.values(), key=lambda row: (-row["open_breached"], -row["due_soon"], row["target"]))
    totals = {name: sum(row[name] for row in rows) for name in ("open_breached", "due_soon")}
    past = islice((breach for breach in snapshot.breaches if breach.at < snapshot.as_of), _RECENT)
    recent = [{name: getattr(breach, name) for name in _OF_BREACH} for breach in past]
    return msgspec.json.encode({"as_of": snapshot.as_of, **totals, "targets": rows, "recent": recent})


def _running_only(records: Iterable[MetricRecord], newest: Mapping[str, str]) -> Iterable[MetricRecord]:
    """Of every aligned window the running period alone."""
    for record in records:
        start = record.period_start
        if start is None or (not record.final and newest[record.window] == start):
            yield record


def _compared(record: MetricRecord) -> dict[str, list[Any]]:
    """[previous] or [previous, year before]; a comparison that is not made is left out, an undefined one null."""
    if record.previous is msgspec.UNSET:
        return {}
    year = [] if record.year_before is msgspec.UNSET else [record.year_before]
    return {record.metric: [record.previous, *year]}


def _judgement(record: MetricRecord, yardstick: Targets) -> dict[str, list[Any]]:
    target = next((target for target in targets(yardstick) if target.covers(record)), None)
    found = None if target is None else verdict(record, target)
    return {} if target is None or found is None else {record.metric: [found, target.aim, target.name]}


def _days(records: Iterable[MetricRecord], today: str | None) -> dict[str, list[Any]]:
    """The ended days of every metric on the wall, from the first that has anything to show."""
    found: dict[str, dict[str, Any]] = {}
    for record in records:
        if record.window == "day" and record.dimension == "all" and record.metric in _WALL:
            start = record.period_start or ""
            if today is None or start < today:
                found.setdefault(record.metric, {})[start] = record.value
    days: dict[str, list[Any]] = {}
    for metric, by_day in found.items():
        rows = sorted(by_day.items())
        while rows and not rows[0][1]:
            rows.pop(0)
        if rows:
            days[metric] = [rows[0][0][:10], [value for _, value in rows]]
    return days


def _attention(records: Iterable[MetricRecord], findings: Iterable[Finding]) -> dict[str, Any]:
    """``warnings`` = {name: 1, 0 or null} of all that there is anything to judge by; ``at_risk`` = [dimension, member,

    value] of what shows customers at risk; ``surges`` = [dimension, member, times, contacts], the highest first;
    ``goals`` = {name: {"window", "progress", "off_pace"}}.
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
