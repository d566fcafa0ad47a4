"""Warnings: findings about members, derived from the records of values and never booked.

Source: docs/definitions.md#warnings. A finding holds, does not hold, or is undefined where its value is.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Final, NamedTuple, TypeAlias

from streams.core.metrics.judgement import SURGE_BY, derived_record
from streams.core.metrics.records import MetricRecord

__all__ = [
    "ENOUGH_ANSWERS", "SURGE_CONTACTS", "SURGE_TIMES", "Finding", "RecordKey", "return_findings", "risk_findings",
    "satisfaction_findings", "surge_finding", "surge_records",
]  # fmt: skip

#: The fewest answers by which a ratio warns of anything.
ENOUGH_ANSWERS: Final = 30
#: A surge is at least so many contacts in the hour, and so many times the trailing hourly rate.
SURGE_CONTACTS: Final = 10
SURGE_TIMES: Final = 3.0
#: The hours of the trailing rate.
_HOURS: Final = 7 * 24 - 1
#: Levels of customers at risk: metric, dimension, member. Waits past any target come on top.
_AT_RISK: Final = (
    ("customers_active", "satisfaction", "unsatisfied"),
    ("customers_active", "contact_frequency", "frequent"),
)

#: A record of the running windows: metric, window, dimension, member.
RecordKey: TypeAlias = tuple[str, str, str, str]


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


def satisfaction_findings(records: Mapping[RecordKey, MetricRecord], benchmark: float) -> Iterator[Finding]:
    """Satisfaction below the benchmark; undefined with too few answers. None at all without a record."""
    csat = records.get(("csat_ratio", "30d", "all", "all"))
    if csat is not None:
        below = None
        if csat.value is not None and csat.count >= ENOUGH_ANSWERS:
            below = csat.value < benchmark
        yield Finding("csat_below_benchmark", "all", "all", below, "csat_ratio", "30d", csat.value, benchmark)


def risk_findings(records: Mapping[RecordKey, MetricRecord]) -> Iterator[Finding]:
    """Customers at risk, by each sign of it: a low score, contact after contact, a wait past its target."""
    for (metric, window, dimension, member), record in records.items():
        if (metric, dimension, member) in _AT_RISK or (metric == "sla_open_breached" and dimension == "target"):
            yield Finding("customer_at_risk", dimension, member, bool(record.value), metric, window, record.value, 0)


def return_findings(records: Mapping[RecordKey, MetricRecord]) -> Iterator[Finding]:
    """A return on investment that falls, and one below 0. None at all without a record."""
    roi = records.get(("roi_net_ratio", "30d", "all", "all"))
    if roi is not None:
        value, before = roi.value, roi.previous if isinstance(roi.previous, int | float) else None
        falling = None if value is None or before is None else value < before
        yield Finding("roi_falling", "all", "all", falling, "roi_net_ratio", "30d", value, before)
        yield Finding("roi_negative", "all", "all", None if value is None else value < 0, roi.metric, "30d", value, 0)


def surge_records(records: Mapping[RecordKey, MetricRecord], as_of: str) -> Iterator[MetricRecord]:
    """The records of ``surge_ratio``: contacts of the last hour over the trailing hourly rate of the week before it."""
    for (metric, window, dimension, member), record in records.items():
        if metric != "tickets_created" or window != "1h" or dimension not in SURGE_BY:
            continue
        week = records.get((metric, "7d", dimension, member))
        rate = (week.count - record.count) / _HOURS if week is not None else 0
        times = record.count / rate if rate > 0 else None
        yield derived_record("surge_ratio", "1h", dimension, member, times, record.count, as_of)


def surge_finding(record: MetricRecord) -> Finding:
    """The surge, or its absence, by a record of ``surge_ratio``."""
    times = record.value
    holds = record.count >= SURGE_CONTACTS and times is not None and times >= SURGE_TIMES
    return Finding("surge", record.dimension, record.member, holds, record.metric, "1h", times, SURGE_TIMES)
