"""The definitions' parameters: what an organisation agreed on. Built by ``streams.config`` from ``roi.toml``."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Final

from streams.core.money import Rate, convert
from streams.core.temporal.business_clock import BusinessClock
from streams.core.temporal.calendar import LocalDays
from streams.core.temporal.instants import DAY, HOUR, MINUTE

__all__ = ["REFUND_HORIZON_MS", "Attribution", "Policy", "ServiceLevel"]

#: How long refunds usually take to come in.
REFUND_HORIZON_MS: Final = 30 * DAY


@dataclass(frozen=True, slots=True)
class ServiceLevel:
    """A promise: ``metric`` within ``seconds`` on ``clock`` for the tickets that match every filter."""

    name: str
    metric: str
    clock: str
    seconds: int
    #: Dimension -> admitted members, as of the start; a dimension not named admits all.
    filter: Mapping[str, frozenset[str]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Attribution:
    """Which touch an order is credited to, and how far back one is looked for."""

    model: str = "last_touch"
    look_back_ms: int = 5 * DAY
    half_life_ms: int = 2 * DAY


@dataclass(frozen=True, slots=True)
class Policy:
    """All parameters of the formulas; durations in ms, money in minor units. See ``roi.toml`` for each."""

    currency: str = "EUR"
    rates: Mapping[str, tuple[Rate, ...]] = field(default_factory=dict)
    contribution_margin: Fraction = Fraction(1)
    incrementality: Fraction = Fraction(1)
    cost_per_contact_saved: int = 0
    attribution: Attribution = field(default_factory=Attribution)
    repeat_ms: int = 7 * DAY
    #: Touches less than this apart are one session.
    session_gap_ms: int = 30 * MINUTE
    #: How long before its deadline a promise is due soon.
    due_soon_ms: int = HOUR
    service_levels: tuple[ServiceLevel, ...] = ()
    #: What is older takes no more events once it is quiet. It changes no formula.
    retention_ms: int = 400 * DAY
    #: Quiet for this long, a customer has left; 0 = only by saying so.
    inactivity_ms: int = 0
    clv_cap: Fraction = Fraction(5)
    #: Paid so far from which a customer's value is low, medium, high.
    value_tiers: tuple[int, ...] = (0, 10_000, 100_000)
    #: The dimensions of labels that are published, so that others need not be booked; None = all.
    dimensions: tuple[str, ...] | None = None
    #: The measures that any published metric reads (``selection``), so that others need not be booked; None = all.
    measures: frozenset[str] | None = None
    #: Whether each breach of a service level is told by itself.
    breaches: bool = True
    days: LocalDays = field(default_factory=LocalDays)
    business: BusinessClock = field(default_factory=BusinessClock)

    @property
    def longest_horizon_ms(self) -> int:
        """How long after an instant money can still come to or go from it: the longest of the horizons, in ms."""
        return max(self.attribution.look_back_ms, REFUND_HORIZON_MS, self.repeat_ms)

    def needs(self, *names: str) -> bool:
        """Whether any of these measures is booked; those of a window go by the name before the ``@``."""
        return self.measures is None or not self.measures.isdisjoint(names)

    def convert(self, amount: int, currency: str, at: int) -> int | None:
        """An amount in the reporting currency at the rate in force at ``at`` (ms); None where there is none."""
        if currency == self.currency:
            return amount
        rates = self.rates.get(currency)
        return convert(amount, rates, self.days.local_date(at).isoformat()) if rates else None
