"""Cost and return on investment. Source of every formula: definitions.md."""

from __future__ import annotations

from typing import Final

from .base import MONEY, Metric, Sums, Value, cost_per
from .revenue import benefit_total

__all__ = ["ROI"]


def _cost(sums: Sums) -> Value:
    return Value(sums.cost, sums.cost)


def _roi(sums: Sums, net: bool) -> Value:
    benefit = benefit_total(sums).value
    if not sums.cost or benefit is None:
        return Value(None, sums.cost)
    return Value((benefit - sums.cost if net else benefit) / sums.cost, sums.cost)


ROI: Final = [
    Metric("service_cost", "money", MONEY, "Cost of service accrued in the window, shared over members.",
           "accrued(end) - accrued(start), accrued(t) = floor(amount * elapsed / period)", _cost, ("cost",)),
    Metric("cost_per_resolution", "money", MONEY, "Cost of service for each solving.", "service_cost / tickets_solved",
           cost_per("tickets_solved"), ("tickets_solved",)),
    Metric("roi_net_ratio", "ratio", "ratio", "Return on investment of service, net.",
           "(benefit_total - service_cost) / service_cost", lambda sums: _roi(sums, net=True), ("cost",)),
    Metric("roi_gross_ratio", "ratio", "ratio", "Return on investment of service, gross.",
           "benefit_total / service_cost", lambda sums: _roi(sums, net=False), ("cost",)),
]  # fmt: skip
