"""Warnings and goals: what the values say about themselves. Derived from records, never booked.

Source: definitions.md, "Warnings and goals". A warning is 1 while it holds, 0 while it does not, and undefined
where what it is judged by is. A goal's pace is the straight line from its baseline to its target at its due date.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Final, NamedTuple

from streams.core.metrics.derived import Teller
from streams.core.metrics.judgement import SURGE_BY
from streams.core.metrics.records import MetricRecord

__all__ = ["ENOUGH_ANSWERS", "SURGE_CONTACTS", "SURGE_TIMES", "Finding"]

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

MemberKey = tuple[str, str, str, str]


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


def low_satisfaction(seen: Mapping[MemberKey, MetricRecord], benchmark: float) -> Iterator[Finding]:
    csat = seen.get(("csat_ratio", "30d", "all", "all"))
    if csat is not None:
        below = None
        if csat.value is not None and csat.count >= ENOUGH_ANSWERS:
            below = csat.value < benchmark
        yield Finding("csat_below_benchmark", "all", "all", below, "csat_ratio", "30d", csat.value, benchmark)


def at_risk(seen: Mapping[MemberKey, MetricRecord]) -> Iterator[Finding]:
    """Customers at risk by what shows it: a low score, contact after contact, a wait past its target."""
    for (metric, window, dimension, member), record in seen.items():
        if (metric, dimension, member) in _AT_RISK or (metric == "sla_open_breached" and dimension == "target"):
            yield Finding("customer_at_risk", dimension, member, bool(record.value), metric, window, record.value, 0)


def falling_return(seen: Mapping[MemberKey, MetricRecord]) -> Iterator[Finding]:
    roi = seen.get(("roi_net_ratio", "30d", "all", "all"))
    if roi is not None:
        value, before = roi.value, roi.previous if isinstance(roi.previous, int | float) else None
        falling = None if value is None or before is None else value < before
        yield Finding("roi_falling", "all", "all", falling, "roi_net_ratio", "30d", value, before)
        yield Finding("roi_negative", "all", "all", None if value is None else value < 0, roi.metric, "30d", value, 0)


def surging(record: MetricRecord) -> Finding:
    times = record.value
    surging = record.count >= SURGE_CONTACTS and times is not None and times >= SURGE_TIMES
    return Finding("surge", record.dimension, record.member, surging, record.metric, "1h", times, SURGE_TIMES)


def surges(seen: Mapping[MemberKey, MetricRecord], told: Teller) -> Iterator[MetricRecord]:
    """Contacts of the last hour against the trailing hourly rate of the week before it, by issue and product."""
    for (metric, window, dimension, member), record in seen.items():
        if metric != "tickets_created" or window != "1h" or dimension not in SURGE_BY:
            continue
        week = seen.get((metric, "7d", dimension, member))
        trailing = (week.count - record.count) / _HOURS if week is not None else 0
        yield told(
            "surge_ratio", "1h", dimension, member, record.count / trailing if trailing > 0 else None, record.count
        )
