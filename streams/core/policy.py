"""The parameters of the definitions: an organisation's choices. ``streams.config`` builds them from ``roi.toml``.

The names of the fields are part of the fingerprint of the state (``derivation.state_format``).
"""

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

#: How long after a payment its refunds usually come in, fixed by docs/definitions.md#maturity.
REFUND_HORIZON_MS: Final = 30 * DAY


@dataclass(frozen=True, slots=True)
class ServiceLevel:
    """A promise: ``metric`` within ``seconds`` on ``clock``, for the tickets that match every filter.

    Source: docs/definitions.md#service-levels.
    """

    name: str
    metric: str
    clock: str
    seconds: int
    #: Dimension -> admitted members, by the labels in force at the start; a dimension without an entry admits all.
    filter: Mapping[str, frozenset[str]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Attribution:
    """The model that credits an order to touches, and how far back those may be.

    Source: docs/definitions.md#attribution.
    """

    model: str = "last_touch"
    look_back_ms: int = 5 * DAY
    #: Of ``time_decay``: the age by which a touch weighs half.
    half_life_ms: int = 2 * DAY


@dataclass(frozen=True, slots=True)
class Policy:
    """All parameters of the formulas; durations in ms, money in minor units. ``roi.toml`` explains each."""

    currency: str = "EUR"
    #: By currency, ascending by date.
    rates: Mapping[str, tuple[Rate, ...]] = field(default_factory=dict)
    contribution_margin: Fraction = Fraction(1)
    incrementality: Fraction = Fraction(1)
    cost_per_contact_saved: int = 0
    attribution: Attribution = field(default_factory=Attribution)
    repeat_ms: int = 7 * DAY
    #: Touches less than this apart are one session.
    session_gap_ms: int = 30 * MINUTE
    #: From this long before its deadline on, a wait is due soon.
    due_soon_ms: int = HOUR
    service_levels: tuple[ServiceLevel, ...] = ()
    #: The age past which a quiet entity takes no more events. It is in no formula.
    retention_ms: int = 400 * DAY
    #: A customer without a paid order for this long has left; 0: only ``customer.left`` ends a spell.
    inactivity_ms: int = 0
    #: In years.
    clv_cap: Fraction = Fraction(5)
    #: The amounts paid from which a customer's value is low, medium, high.
    value_tiers: tuple[int, ...] = (0, 10_000, 100_000)
    #: The dimensions of labels that are published, so that no others are booked; None: all.
    dimensions: tuple[str, ...] | None = None
    #: The measures that published metrics read (``metrics.families``), so that no others are booked; None: all.
    measures: frozenset[str] | None = None
    #: True: each breach of a service level is published as a record of its own.
    breaches: bool = True
    days: LocalDays = field(default_factory=LocalDays)
    business: BusinessClock = field(default_factory=BusinessClock)

    @property
    def longest_horizon_ms(self) -> int:
        """How long after an instant its value can still change: the longest of look-back, refunds and repeats, ms.

        Source: docs/definitions.md#maturity.
        """
        return max(self.attribution.look_back_ms, REFUND_HORIZON_MS, self.repeat_ms)

    def needs(self, *names: str) -> bool:
        """True if any of these measures is booked. The name of a window's measure is the part before the ``@``."""
        return self.measures is None or not self.measures.isdisjoint(names)

    def convert(self, amount: int, currency: str, at: int) -> int | None:
        """An amount in the reporting currency at the rate of the local date of ``at`` (ms); None: there is no rate.

        Source: docs/definitions.md#money-without-a-rate.
        """
        if currency == self.currency:
            return amount
        rates = self.rates.get(currency)
        return convert(amount, rates, self.days.local_date(at).isoformat()) if rates else None
