"""Orders and carts: what was paid, what is left of it, and to which touches it is credited.

Rules of this file (definitions.md, "Revenue"):

* An order nobody placed waits. Every amount is converted once, at its own instant; money without a rate is 0, but what
  was paid in it counts: an order is kept as long as anything is left of it in any currency.
* What is left of an order is its payments less refunds and charge-backs, never below 0, and 0 once cancelled.
* The cohort view books all of it at the first payment; the net view books what is taken back at its own time,
  what was taken back before the first payment at that.
* Refunds and charge-backs are also booked as they are, gross: what a customer got back, whatever was paid.
"""

from __future__ import annotations

from collections.abc import Sequence

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
from streams.core.ledger.bookings import Entry
from streams.core.ledger.dimensions import NO_LABELS
from streams.core.policy import Policy

__all__ = ["Order", "read_cart", "read_order"]


class Order:
    """What an order's events come to. Instants are ms, amounts minor units of the reporting currency."""

    __slots__ = ("entries", "kept", "left", "paid", "paid_key", "placed", "taken", "unconverted")

    def __init__(self) -> None:
        self.placed: OrderPlaced | None = None
        #: The first payment's key.
        self.paid_key: Key | None = None
        self.paid = 0
        #: What was taken back, in order of time: (key, amount); together never more than was paid.
        self.taken: list[tuple[Key, int]] = []
        self.left = 0
        #: Whether anything is left of it: of none else is an order counted anywhere.
        self.kept = False
        self.unconverted = 0
        self.entries: list[Entry] = []

    @property
    def paid_at(self) -> int | None:
        """When it was first paid."""
        return None if self.paid_key is None else self.paid_key[0]


def read_order(events: Sequence[OrderEvent], policy: Policy) -> Order:
    """Reads an order's events, sorted by ``sort_key``."""
    found = Order()
    found.placed = next((event for event in events if type(event) is OrderPlaced), None)
    if found.placed is None:
        return found
    unrated: dict[str, int] = {}
    payments: list[tuple[Key, int]] = []
    back: list[tuple[Key, int | None]] = []
    refunds: set[str] = set()
    for event in events:
        if isinstance(event, OrderPaid):
            payments.append((sort_key(event), _amount(found, event, 1, unrated, policy)))
        elif isinstance(event, OrderCancelled):
            back.append((sort_key(event), None))
        elif isinstance(event, OrderRefunded | OrderChargedBack) and event.refund_id not in refunds:
            refunds.add(event.refund_id)
            amount = _amount(found, event, -1, unrated, policy)
            back.append((sort_key(event), amount))
            found.entries.append((sort_key(event), "revenue_refunded", NO_LABELS, amount))
    found.entries.extend((key, "revenue_paid", NO_LABELS, amount) for key, amount in payments)
    if payments:
        _take(found, payments, back)
        cancelled = any(amount is None for _, amount in back)
        found.kept = found.left > 0 or (not cancelled and any(balance > 0 for balance in unrated.values()))
    return found


def _take(found: Order, payments: Sequence[tuple[Key, int]], back: Sequence[tuple[Key, int | None]]) -> None:
    """Takes back what was taken back, as long as anything is left; None takes all."""
    found.paid_key = first = payments[0][0]
    found.paid = found.left = sum(amount for _, amount in payments)
    for key, amount in back:
        taken = found.left if amount is None else min(amount, found.left)
        if taken:
            found.left -= taken
            found.taken.append((max(key, first), taken))


def _amount(
    found: Order,
    event: OrderPaid | OrderRefunded | OrderChargedBack,
    sign: int,
    unrated: dict[str, int],
    policy: Policy,
) -> int:
    """An amount in the reporting currency; 0 without a rate, and then added to what is ``unrated`` of its own."""
    amount = policy.convert(event.amount_minor, event.currency, event.occurred_at)
    if amount is None:
        found.unconverted += 1
        unrated[event.currency] = unrated.get(event.currency, 0) + sign * event.amount_minor
        return 0
    return amount


def read_cart(events: Sequence[CartAbandoned]) -> Key | None:
    """When a cart was first abandoned."""
    return sort_key(events[0]) if events else None
