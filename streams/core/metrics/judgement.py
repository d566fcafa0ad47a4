"""The family ``judgement``, metrics derived from the records of others, and their records.

Source: docs/definitions.md#warnings, docs/definitions.md#goals.
"""

from __future__ import annotations

from typing import Final

from streams.core.metrics.base import Metric, under
from streams.core.metrics.records import MetricRecord

__all__ = ["JUDGEMENT", "SURGE_BY", "WARNINGS", "derived_record"]

#: The dimensions of ``surge_ratio``.
SURGE_BY: Final = ("issue_type", "product")
#: The members of ``warning_active``.
WARNINGS: Final = ("csat_below_benchmark", "customer_at_risk", "goal_off_pace", "roi_falling", "roi_negative", "surge")

JUDGEMENT: Final = [
    *under("warnings",
        Metric("surge_ratio", "ratio", "ratio",
               "Contacts of the last hour against the hourly rate of the seven days up to it, at least one contact in "
               "these.",
               "tickets_created in 1h / (max(tickets_created in 7d before that hour, 1) / 167); none on a desk without "
               "contacts before that hour", None, (),
               derived_from=("tickets_created",), dimensions=SURGE_BY, version=2),
        Metric("warning_active", "count", "warnings", "1 while a warning holds, 0 while it does not.",
               "csat_below_benchmark: csat_ratio of 30d < csat_benchmark with 30 answers; roi_negative: "
               "roi_net_ratio of 30d < 0; roi_falling: below that of the 30 days before; surge: surge_ratio >= 3 "
               "with 10 contacts; goal_off_pace: any goal is; customer_at_risk: an active customer's last score is "
               "unsatisfied, or contacts are frequent, or a wait is past a target", None, (),
               derived_from=("csat_ratio", "roi_net_ratio", "tickets_created", "customers_active", "sla_open_breached"),
               dimensions=("warning",), level=True, version=2),
    ),
    *under("goals",
        Metric("goal_progress_ratio", "ratio", "ratio", "How far a goal is: 0 at its baseline, 1 at its target.",
               "(value - baseline) / (target - baseline); without a baseline 1 when reached, else value / target, "
               "or target / value where less is better", None, (), dimensions=("goal",), version=2),
        Metric("goal_off_pace", "count", "goals",
               "1 while a goal is behind the straight line to its target, or missed.",
               "progress < elapsed / time from baseline to due, in exact fractions; without a baseline: due and not "
               "reached", None, (), dimensions=("goal",), version=2),
    ),
]  # fmt: skip

_BY_ID: Final = {metric.id: metric for metric in JUDGEMENT}


def derived_record(
    metric_id: str, window: str, dimension: str, member: str, value: int | float | None, count: int, as_of: str
) -> MetricRecord:
    """The record of a metric of this family. ``as_of`` in RFC 3339; value None: undefined."""
    metric = _BY_ID[metric_id]
    return MetricRecord(
        metric=metric_id,
        window=window,
        period_start=None,
        dimension=dimension,
        member=member,
        value=value,
        count=count,
        low=None,
        high=None,
        unit=metric.unit,
        as_of=as_of,
        final=False,
        definition=metric.definition,
    )
