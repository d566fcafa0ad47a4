"""The family ``service_levels``: promises by target, and value at risk. Source: each metric's heading."""

from __future__ import annotations

from typing import Final

from streams.core.metrics.base import MONEY, Metric, Sums, Value, count, level, under

__all__ = ["SERVICE_LEVELS"]

_TARGET: Final = ("target",)
#: Every measure of a target, so that a target with any verdict is published with its zeros.
_ANY: Final = ("sla_met", "sla_breached", "sla_open_breached", "sla_due_soon")


def _attained(sums: Sums) -> Value:
    met = sums.flow("sla_met")
    decided = met + sums.flow("sla_breached")
    return Value(met / decided if decided else None, decided)


SERVICE_LEVELS: Final = [
    *under("service-levels",
        Metric("sla_attained_ratio", "ratio", "ratio", "Share of a target's decided waits that met it.",
               "met / (met + breached)", _attained, ("sla_met", "sla_breached"), _ANY, dimensions=_TARGET),
        Metric("sla_breaches", "count", "breaches", "Breaches of a target, at their deadlines.",
               "count at the deadline", count("sla_breached"), ("sla_breached",), _ANY, dimensions=_TARGET,
               lower_is_better=True),
        Metric("sla_open_breached", "count", "waits", "Waits past a target's deadline that still run.",
               "waits running with deadline < as_of", level("sla_open_breached"), ("sla_open_breached",), _ANY,
               dimensions=_TARGET, level=True, lower_is_better=True),
        Metric("sla_due_soon", "count", "waits",
               "Waits still running whose deadline is near, an hour unless configured.",
               "waits running with as_of <= deadline < as_of + due_soon_seconds", level("sla_due_soon"),
               ("sla_due_soon",),
               _ANY, dimensions=_TARGET, level=True, lower_is_better=True),
    ),
    *under("value-at-risk",
        Metric("value_at_risk", "money", MONEY,
               "What the customers paid in the last 365 days for whom a wait is late or due soon, each customer once.",
               "payments of 365 d of customers with any wait open and breached, or due soon",
               lambda sums: Value(sums.level("value_at_risk"), sums.level("customers_valued")),
               ("value_at_risk", "customers_valued"), ("value_at_risk",),
               dimensions=("all",), level=True, lower_is_better=True),
    ),
]  # fmt: skip
