"""All measures, by the file that books them. Importing this file declares every one."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from streams.core.customers import incremental_revenue, lifecycle, standing, value_at_risk
from streams.core.derivation import groups
from streams.core.ledger.measures import MEASURES, Measure
from streams.core.orders import benefit, revenue
from streams.core.orders import reader as order_reader
from streams.core.policy import Policy
from streams.core.surveys import bookings as survey_bookings
from streams.core.surveys import sentiment
from streams.core.tickets import deflections, handled, service_levels
from streams.core.tickets import reader as ticket_reader

__all__ = ["BOOKED_BY", "booked_measures"]

#: The measures that each file books, by what it derives.
BOOKED_BY: Final[Mapping[str, tuple[str, ...]]] = {
    "tickets": ticket_reader.BOOKS,
    "tickets handled": handled.BOOKS,
    "service levels": service_levels.BOOKS,
    "deflections": deflections.BOOKS,
    "surveys": survey_bookings.BOOKS,
    "sentiment": sentiment.BOOKS,
    "orders": order_reader.BOOKS,
    "attributed revenue": revenue.BOOKS,
    "benefit": benefit.BOOKS,
    "customers": lifecycle.BOOKS,
    "purchases": standing.PURCHASES,
    "followed answers": standing.FOLLOWED_ANSWERS,
    "incremental revenue": incremental_revenue.BOOKS,
    "value at risk": value_at_risk.BOOKS,
    "merged customers": groups.BOOKS,
}


def booked_measures(policy: Policy) -> dict[str, Measure]:
    """The measures that are booked under a policy, by name."""
    return {name: measure for name, measure in MEASURES.items() if policy.needs(name)}
