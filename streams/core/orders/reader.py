"""An order, read from its events in one walk: what was paid, what is left of it, and what it says of its customer.

Rules of this file (docs/definitions.md#revenue):

* An order that nobody placed waits. A payment is converted at its own instant, a refund at its payments' (``refunds``).
  Money without a rate is 0, but its payment counts: an order is kept as long as anything is left of it in any currency.
* What is left of an order is its payments less refunds and charge-backs, never below 0, and 0 once cancelled.
* The cohort view books all of it at the first payment. The net view books money taken back at its own time, or at the
  first payment if it was taken back before.
* Refunds and charge-backs are also booked as they are, gross: the money a customer got back, whatever was paid.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Final, NamedTuple

from streams.core.events.keys import Key, sort_key
from streams.core.events.types import (
    CartAbandoned,
    OrderCancelled,
    OrderChargedBack,
    OrderEvent,
    OrderPaid,
    OrderPlaced,
    OrderRefunded,
)
from streams.core.ledger.amounts import Kind
from streams.core.ledger.bookings import Entry
from streams.core.ledger.dimensions import NO_LABELS
from streams.core.ledger.measures import Measure, declare
from streams.core.orders.refunds import Refunds
from streams.core.policy import Policy

__all__ = ["BOOKS", "BalanceStep", "Cart", "Order", "read_cart", "read_order"]

BOOKS: Final = declare(revenue_paid=Measure(Kind.AMOUNT), revenue_refunded=Measure(Kind.AMOUNT))


class BalanceStep(NamedTuple):
    """A change of an order's balance.

    ``amount`` is the change of what is left, in minor units of the reporting currency. ``orders`` is 1 where the order
    has something left in any currency from then on, -1 where it has nothing any more, else 0.
    """

    key: Key
    amount: int
    orders: int


class Order:
    """An order as its events leave it. Instants are ms, amounts minor units of the reporting currency."""

    __slots__ = (
        "balance_steps",
        "entries",
        "has_remainder",
        "left",
        "paid",
        "paid_key",
        "placed",
        "taken",
        "unconverted",
    )

    def __init__(self) -> None:
        #: None: nobody placed it, and it counts nowhere.
        self.placed: OrderPlaced | None = None
        #: The first payment's key; None: never paid.
        self.paid_key: Key | None = None
        self.paid = 0
        #: Money taken back, in order of time: (key, amount); together never more than was paid.
        self.taken: list[tuple[Key, int]] = []
        self.left = 0
        #: True while anything is left of it; no other order is counted anywhere.
        self.has_remainder = False
        #: Amounts without a rate.
        self.unconverted = 0
        self.entries: list[Entry] = []
        self.balance_steps: list[BalanceStep] = []

    @property
    def paid_at(self) -> int | None:
        """The instant of the first payment, ms; None: never paid."""
        return None if self.paid_key is None else self.paid_key[0]


class Cart(NamedTuple):
    """A cart, and when it was first abandoned."""

    abandoned: Key


def read_order(events: Sequence[OrderEvent], policy: Policy) -> Order:
    """Reads an order's events, sorted by ``sort_key``."""
    reader = _Reader(events, policy)
    reader.order.placed = next((event for event in events if type(event) is OrderPlaced), None)
    if reader.order.placed is not None:
        for event in events:
            reader.take(event)
        reader.finish()
    return reader.order


def read_cart(events: Sequence[CartAbandoned]) -> Cart | None:
    """Reads a cart's events, sorted by ``sort_key``; None without any."""
    return Cart(sort_key(events[0])) if events else None


class _Reader:
    """The state of one order while its events are read."""

    __slots__ = (
        "_balances", "_cancelled", "_last", "_policy", "_refund_ids", "_refunds", "_unrated", "order", "payments",
        "taken_back",
    )  # fmt: skip

    def __init__(self, events: Sequence[OrderEvent], policy: Policy) -> None:
        self.order = Order()
        self.payments: list[tuple[Key, int]] = []
        #: (key, amount) of what was taken back; None: all that is left.
        self.taken_back: list[tuple[Key, int | None]] = []
        self._policy = policy
        self._refunds = Refunds(events, policy)
        self._refund_ids: set[str] = set()
        self._cancelled = False
        #: What is left by currency so far: the reporting currency's, and those of others without a rate.
        self._balances: Counter[str] = Counter()
        #: What was left, in amount and in orders, at the last step.
        self._last = (0, 0)
        #: Payments less refunds in currencies without a rate, whatever was cancelled in between.
        self._unrated: Counter[str] = Counter()

    def take(self, event: OrderEvent) -> None:
        key = sort_key(event)
        if isinstance(event, OrderPaid):
            self.payments.append((key, self._pay(event)))
        elif isinstance(event, OrderCancelled):
            self.taken_back.append((key, None))
            self._balances.clear()
        elif isinstance(event, OrderRefunded | OrderChargedBack) and event.refund_id not in self._refund_ids:
            self._refund_ids.add(event.refund_id)
            amount = self._refund(event)
            self.taken_back.append((key, amount))
            self.order.entries.append((key, "revenue_refunded", NO_LABELS, amount))
        else:
            return
        if not self._cancelled:
            self._step(key)
            self._cancelled = isinstance(event, OrderCancelled)

    def _pay(self, event: OrderPaid) -> int:
        """A payment in the reporting currency; 0 without a rate."""
        amount = self._policy.convert(event.amount_minor, event.currency, event.occurred_at)
        if amount is None:
            self._add_unrated(event.currency, event.amount_minor)
            return 0
        self._balances[self._policy.currency] += amount
        return amount

    def _refund(self, event: OrderRefunded | OrderChargedBack) -> int:
        """A refund in the reporting currency; what of it has no rate is 0."""
        amount, unrated = self._refunds.convert(event)
        if unrated is not None:
            self._add_unrated(event.currency, -unrated)
        self._balances[self._policy.currency] -= amount
        return amount

    def _add_unrated(self, currency: str, amount_minor: int) -> None:
        self.order.unconverted += 1
        self._unrated[currency] += amount_minor
        self._balances[currency] += amount_minor

    def _step(self, key: Key) -> None:
        """Notes how the balance changed, which is never below 0."""
        amount = max(self._balances[self._policy.currency], 0)
        orders = int(any(balance > 0 for balance in self._balances.values()))
        if (amount, orders) != self._last:
            self.order.balance_steps.append(BalanceStep(key, amount - self._last[0], orders - self._last[1]))
            self._last = (amount, orders)

    def finish(self) -> None:
        order = self.order
        order.entries.extend((key, "revenue_paid", NO_LABELS, amount) for key, amount in self.payments)
        if not self.payments:
            return
        order.paid_key = first = self.payments[0][0]
        order.paid = order.left = sum(amount for _, amount in self.payments)
        for key, amount in self.taken_back:
            taken = order.left if amount is None else min(amount, order.left)
            if taken:
                order.left -= taken
                order.taken.append((max(key, first), taken))
        unrated_left = not self._cancelled and any(balance > 0 for balance in self._unrated.values())
        order.has_remainder = order.left > 0 or unrated_left
