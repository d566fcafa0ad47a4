"""Refunds in the reporting currency, at the rates of the payments they give back.

Rules of this file (docs/definitions.md#refunds-and-cancellations):

* Money given back in the currency it was paid in has the rate of its payment; the first payment is given back first.
  What goes beyond the payments has the rate of the refund's own day.
* What was given back of a payment so far is converted together, so that a payment given back in parts is given back to
  the last minor unit, however its parts are rounded.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from streams.core.events.types import OrderChargedBack, OrderEvent, OrderPaid, OrderRefunded
from streams.core.policy import Policy

__all__ = ["MoneyBack", "Refunds"]


class MoneyBack(NamedTuple):
    """A refund: ``amount`` in minor units of the reporting currency, ``unrated`` in those of its own without a rate.

    ``unrated`` None: all of it has a rate.
    """

    amount: int
    unrated: int | None


class Refunds:
    """The refunds of one order, converted in the order of the calls."""

    __slots__ = ("_events", "_open", "_policy")

    def __init__(self, events: Sequence[OrderEvent], policy: Policy) -> None:
        self._events = events
        self._policy = policy
        #: By currency, the payments not given back in full, the first one last, each with what was given back of it.
        self._open: dict[str, list[tuple[OrderPaid, int]]] = {}

    def convert(self, refund: OrderRefunded | OrderChargedBack) -> MoneyBack:
        """A refund in the reporting currency, also beyond what was paid."""
        if refund.currency == self._policy.currency:
            return MoneyBack(refund.amount_minor, None)
        amount, unrated = 0, None
        for part, value in self._parts(refund):
            if value is None:
                unrated = (unrated or 0) + part
            else:
                amount += value
        return MoneyBack(amount, unrated)

    def _parts(self, refund: OrderRefunded | OrderChargedBack) -> Iterator[tuple[int, int | None]]:
        """The parts of a refund, by payment: (own minor units, reporting ones); None: there is no rate."""
        rest = refund.amount_minor
        payments = self._payments(refund.currency)
        while rest and payments:
            payment, before = payments.pop()
            after = min(before + rest, payment.amount_minor)
            if after < payment.amount_minor:
                payments.append((payment, after))
            rest -= after - before
            value = self._value(payment, after)
            yield after - before, None if value is None else value - (self._value(payment, before) or 0)
        if rest or not refund.amount_minor:
            yield rest, self._policy.convert(rest, refund.currency, refund.occurred_at)

    def _payments(self, currency: str) -> list[tuple[OrderPaid, int]]:
        payments = self._open.get(currency)
        if payments is None:
            paid = (event for event in reversed(self._events) if type(event) is OrderPaid)
            payments = self._open[currency] = [(event, 0) for event in paid if event.currency == currency]
        return payments

    def _value(self, payment: OrderPaid, amount_minor: int) -> int | None:
        """A part of a payment in the reporting currency."""
        return self._policy.convert(amount_minor, payment.currency, payment.occurred_at)
