"""Warnings: findings about members, and the judgement on all records of one instant: warnings and goals.

Source: docs/definitions.md#warnings. Nothing of it is booked. A finding holds, does not hold, or is undefined where its
value is.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Final, NamedTuple, TypeAlias

from streams.core.ledger.dimensions import OTHER
from streams.core.metrics.goals import Targets, goal_records, progress_of
from streams.core.metrics.judgement import JUDGEMENT, SURGE_BY, WARNINGS, derived_record
from streams.core.metrics.records import MetricRecord
from streams.core.temporal.instants import format_instant

__all__ = ["ENOUGH_ANSWERS", "SURGE_CONTACTS", "SURGE_TIMES", "Finding", "Judgement", "judge"]


#: The fewest answers by which a ratio warns of anything.
ENOUGH_ANSWERS: Final = 30
#: A surge is at least so many contacts in the hour, and so many times the trailing hourly rate.
SURGE_CONTACTS: Final = 10
SURGE_TIMES: Final = 3.0
#: The hours of the trailing rate.
_HOURS: Final = 7 * 24 - 1
#: The members of ``customers_active`` that are at risk, by dimension. Waits past any target come on top.
_AT_RISK: Final = (("satisfaction", "unsatisfied"), ("contact_frequency", "frequent"))

#: A record of the running windows: metric, window, dimension, member.
_RecordKey: TypeAlias = tuple[str, str, str, str]


class Finding(NamedTuple):
    """One warning about one member, and the value that it follows from."""

    warning: str
    dimension: str
    member: str
    #: None: undefined.
    holds: bool | None
    metric: str
    window: str
    #: None: undefined.
    value: int | float | None
    #: What the value is compared with: a limit, the value before, or the goal's line now; None: undefined.
    threshold: int | float | None


def _satisfaction_findings(records: Mapping[_RecordKey, MetricRecord], benchmark: float) -> Iterator[Finding]:
    """Satisfaction below the benchmark; undefined with too few answers. None at all without a record."""
    csat = records.get(("csat_ratio", "30d", "all", "all"))
    if csat is not None:
        below = None
        if csat.value is not None and csat.count >= ENOUGH_ANSWERS:
            below = csat.value < benchmark
        yield Finding("csat_below_benchmark", "all", "all", below, "csat_ratio", "30d", csat.value, benchmark)


def _risk_findings(records: Mapping[_RecordKey, MetricRecord]) -> Iterator[Finding]:
    """Customers at risk, by each sign of it: a low score, contact after contact, a wait past its target."""
    for dimension, member in _AT_RISK:
        level = _active_customers(records, dimension, member)
        if level is not None:
            yield Finding("customer_at_risk", dimension, member, level > 0, "customers_active", "now", level, 0)
    for (metric, window, dimension, member), record in records.items():
        if metric == "sla_open_breached" and dimension == "target":
            yield Finding("customer_at_risk", dimension, member, bool(record.value), metric, window, record.value, 0)


def _active_customers(records: Mapping[_RecordKey, MetricRecord], dimension: str, member: str) -> int | float | None:
    """The active customers of a member, 0 without a record of its own; None if no record tells of the dimension."""
    members = {key[3]: record.value for key, record in records.items() if key[::2] == ("customers_active", dimension)}
    if member in members:
        return members[member]
    everybody = records.get(("customers_active", "now", "all", "all"))
    nobody = everybody is not None and everybody.value == 0
    return 0 if nobody or (members and not members.get(OTHER)) else None


def _return_findings(records: Mapping[_RecordKey, MetricRecord]) -> Iterator[Finding]:
    """A return on investment that falls, and one below 0. None at all without a record."""
    roi = records.get(("roi_net_ratio", "30d", "all", "all"))
    if roi is not None:
        value, before = roi.value, roi.previous if isinstance(roi.previous, int | float) else None
        falling = None if value is None or before is None else value < before
        yield Finding("roi_falling", "all", "all", falling, "roi_net_ratio", "30d", value, before)
        yield Finding("roi_negative", "all", "all", None if value is None else value < 0, roi.metric, "30d", value, 0)


def _surge_records(records: Mapping[_RecordKey, MetricRecord], as_of: str) -> Iterator[MetricRecord]:
    """The records of ``surge_ratio``: contacts of the last hour over the trailing hourly rate of the week before it.

    The rate is taken as at least one contact in that week, so that a new kind can surge. Undefined on a desk without
    any contact before the hour.
    """
    contacts = {key[1]: record.count for key, record in records.items() if key[::2] == ("tickets_created", "all")}
    has_history = max(contacts.values(), default=0) > contacts.get("1h", 0)
    for (metric, window, dimension, member), record in records.items():
        if metric != "tickets_created" or window != "1h" or dimension not in SURGE_BY:
            continue
        week = records.get((metric, "7d", dimension, member))
        times = None
        if week is not None and has_history:
            times = record.count * _HOURS / max(week.count - record.count, 1)
        yield derived_record("surge_ratio", "1h", dimension, member, times, record.count, as_of)


def _surge_finding(record: MetricRecord) -> Finding:
    """The surge, or its absence, by a record of ``surge_ratio``."""
    times = record.value
    holds = record.count >= SURGE_CONTACTS and times is not None and times >= SURGE_TIMES
    return Finding("surge", record.dimension, record.member, holds, record.metric, "1h", times, SURGE_TIMES)


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
    surges = list(_surge_records(running, stamp))
    findings = [
        *_satisfaction_findings(running, targets.csat_benchmark),
        *_risk_findings(running),
        *_return_findings(running),
        *map(_surge_finding, surges),
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


def _running(records: Iterable[MetricRecord], targets: Targets) -> dict[_RecordKey, MetricRecord]:
    """The records that warnings and goals are derived from, the first of each key, without those of final periods."""
    sources = {goal.metric for goal in targets.goals}.union(*(metric.derived_from for metric in JUDGEMENT))
    running: dict[_RecordKey, MetricRecord] = {}
    for record in records:
        if record.metric in sources and not record.final:
            running.setdefault((record.metric, record.window, record.dimension, record.member), record)
    return running
