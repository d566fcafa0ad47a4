"""Service levels: promises kept and broken, by target. Source of every formula: definitions.md."""

from __future__ import annotations

from typing import Final

from .base import Metric, Sums, Value, count

__all__ = ["SERVICE_LEVELS"]


def _sla(sums: Sums) -> Value:
    met = sums.flow("sla_met")
    decided = met + sums.flow("sla_breached")
    return Value(met / decided if decided else None, decided)


SERVICE_LEVELS: Final = [
    Metric("sla_attained_ratio", "ratio", "ratio", "Share of a target's decided tickets that met it.",
           "met / (met + breached)", _sla, ("sla_met", "sla_breached"), dimensions=("target",)),
    Metric("sla_breaches", "count", "breaches", "Breaches of a target, at their deadlines.",
           "count at the deadline", count("sla_breached"), ("sla_met", "sla_breached"), dimensions=("target",)),
]  # fmt: skip
