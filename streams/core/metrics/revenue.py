"""The family ``revenue``: revenue, its part credited to service, benefit. Source: each metric's heading."""

from __future__ import annotations

from fractions import Fraction
from typing import Final

from streams.core.metrics.base import LABELS, MONEY, Metric, Sums, Value, count, factored, money, rounded, under

__all__ = ["REVENUE", "benefit_total"]


def _benefit(sums: Sums) -> Value:
    saved = sums.flow("benefit_deflected")
    value = factored(sums.flow("benefit_revenue"), sums) + saved * sums.policy.cost_per_contact_saved
    return Value(rounded(value), sums.flow("benefit_revenue.n") + saved)


def benefit_total(sums: Sums) -> Fraction:
    """The benefit of all classes together, exact, in minor units.

    Source: docs/definitions.md#benefit.
    """
    savings = sums.flow("contacts_deflected") * sums.policy.cost_per_contact_saved
    return factored(sums.flow("attributed_revenue"), sums) + savings


def _benefit_total(sums: Sums) -> Value:
    count = sums.flow("attributed_revenue.n") + sums.flow("contacts_deflected")
    return Value(rounded(benefit_total(sums)), count)


REVENUE: Final = [
    *under("revenue",
        Metric("revenue_paid", "money", MONEY, "Payments received, before refunds.", "sum of payments",
               money("revenue_paid"), ("revenue_paid",)),
        Metric("revenue_refunded", "money", MONEY,
               "Refunds and charge-backs, gross, at their own time; a cancellation alone pays nothing back.",
               "sum of refunds and charge-backs, at the rates of their payments",
               money("revenue_refunded"), ("revenue_refunded",), version=2),
    ),
    *under("attribution",
        Metric("attributed_revenue", "money", MONEY,
               "Paid orders credited to service contacts, at their first payment, less what was taken back since.",
               "shares of what is left of each order", money("attributed_revenue"), ("attributed_revenue",),
               dimensions=(*LABELS, "model"), version=2),
        Metric("net_attributed_revenue", "money", MONEY,
               "The same with refunds, charge-backs and cancellations booked at their own time.",
               "shares of payments less shares of what is taken back",
               money("net_attributed_revenue"), ("net_attributed_revenue",), dimensions=(*LABELS, "model"),
               version=2),
        Metric("attributed_orders", "count", "orders",
               "Paid orders credited to service contacts of which something is left, each under its last touch.",
               "count at the first payment", count("attributed_orders"), ("attributed_orders",)),
    ),
    *under("benefit",
        Metric("benefit", "money", MONEY,
               "What service returned, by class of benefit; margin and incrementality are assumed, see roi.toml.",
               "attributed revenue of the class * contribution_margin * incrementality; savings: deflections * "
               "cost_per_contact_saved", _benefit, ("benefit_revenue", "benefit_deflected"), dimensions=("class",),
               has_comparison=True),
        Metric("benefit_total", "money", MONEY, "What service returned, all classes together.", "sum of benefit",
               _benefit_total, ("attributed_revenue", "contacts_deflected"), has_comparison=True),
    ),
]  # fmt: skip
