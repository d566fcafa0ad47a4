"""The family ``roi``: cost and return on investment. Source: each metric's heading in docs/definitions.md."""

from __future__ import annotations

from fractions import Fraction
from typing import Final

from streams.core.metrics.base import ALLOCATED, COST, MONEY, Metric, Sums, Value, cost_per, factored, under
from streams.core.metrics.revenue import benefit_total

__all__ = ["ROI"]

_RETURN: Final = (*ALLOCATED, "attributed_revenue", "contacts_deflected")
#: A member with benefit but no cost has no return on investment, yet its benefit is part of that of ``other``.
_BOTH: Final = (COST, "attributed_revenue", "contacts_deflected")


def _cost(sums: Sums) -> Value:
    """The count is that of all accruing costs for every member that bears any, because most costs fall on many."""
    return Value(sums.cost, sums.accrued.costs if sums.cost and sums.accrued else 0)


def _estimated(sums: Sums) -> Value:
    part = sums.accrued.estimated if sums.accrued else 0
    return Value(part / sums.cost if sums.cost else None, sums.cost)


def _return(benefit: Fraction, sums: Sums, net: bool) -> Value:
    if not sums.cost:
        return Value(None, 0)
    return Value(float((benefit - sums.cost if net else benefit) / sums.cost), sums.cost)


def _net(sums: Sums) -> Value:
    return _return(benefit_total(sums), sums, net=True)


def _gross(sums: Sums) -> Value:
    return _return(benefit_total(sums), sums, net=False)


def _excluding_savings(sums: Sums) -> Value:
    return _return(factored(sums.flow("attributed_revenue"), sums), sums, net=True)


def _break_even(sums: Sums) -> Value:
    """Undefined where nothing is credited, or the margin is 0. In whole numbers up to the last step."""
    credited = sums.flow("attributed_revenue")
    worth = credited * sums.policy.contribution_margin
    if not worth:
        return Value(None, credited)
    savings = sums.flow("contacts_deflected") * sums.policy.cost_per_contact_saved
    return Value(float(max(0, sums.cost - savings) / worth), credited)


def _maturity(sums: Sums) -> Value:
    start, end = sums.span
    past = min(end, sums.as_of - sums.policy.longest_horizon_ms) - start
    return Value(max(past, 0) / (end - start), 1) if end > start else Value(None, 0)


ROI: Final = [
    *under("cost",
        Metric("service_cost", "money", MONEY,
               "Cost of service accrued in the window; what has no label of a dimension is shared over its members.",
               "accrued(end) - accrued(start), accrued(t) = floor(amount * elapsed / period); shared by handle "
               "seconds, else tickets created", _cost, ALLOCATED, (COST,), has_comparison=True, lower_is_better=True),
        Metric("cost_estimated_ratio", "ratio", "ratio", "Share of the cost of service that is estimated so far.",
               "service_cost of estimates / service_cost", _estimated, ALLOCATED, (), dimensions=("all",)),
        Metric("cost_per_resolution", "money", MONEY, "Cost of service for each solving.",
               "service_cost / tickets_solved",
               cost_per("tickets_solved"), (*ALLOCATED, "tickets_solved"), (COST, "tickets_solved"),
               lower_is_better=True),
        Metric("cost_per_contact", "money", MONEY, "Cost of service for each ticket created by a customer.",
               "service_cost / tickets created by the customer", cost_per("contacts_created"),
               (*ALLOCATED, "contacts_created"), (COST, "contacts_created"), lower_is_better=True),
    ),
    *under("roi",
        Metric("roi_net_ratio", "ratio", "ratio", "Return on investment of service, net; undefined without cost.",
               "(benefit_total - service_cost) / service_cost", _net, _RETURN, _BOTH, has_comparison=True),
        Metric("roi_gross_ratio", "ratio", "ratio", "Return on investment of service, gross; undefined without cost.",
               "benefit_total / service_cost", _gross, _RETURN, _BOTH, has_comparison=True),
        Metric("roi_net_excluding_savings_ratio", "ratio", "ratio",
               "Return on investment of service, net, by revenue alone: nothing for contacts that never came.",
               "(benefit_total - savings - service_cost) / service_cost", _excluding_savings,
               (*ALLOCATED, "attributed_revenue"), _BOTH, has_comparison=True),
        Metric("roi_break_even_incrementality", "ratio", "ratio",
               "Share of the credited revenue that must truly be due to service for a return of 0; above 1, not even "
               "all of it pays the cost.",
               "max(0, service_cost - savings) / (attributed_revenue * contribution_margin)", _break_even, _RETURN,
               _BOTH, has_comparison=True, lower_is_better=True),
    ),
    *under("maturity",
        Metric("maturity_ratio", "ratio", "ratio",
               "Share of the window past every horizon: refunds, attribution and repeats can change the rest.",
               "share before as_of - max(look-back, 30 d, repeat)", _maturity, (), dimensions=("all",)),
    ),
]  # fmt: skip
