"""Orders and carts: what was paid, what is left of it, and to which touches it is credited.

Rules of this file (definitions.md, "Revenue"):

* An order nobody placed waits. Every amount is converted once, at its own instant; money without a rate is 0.
* What is left of an order is its payments less refunds and charge-backs, never below 0, and 0 once cancelled.
* The cohort view books all of it at the first payment; the net view books what is taken back at its own time.
"""

from __future__ import annotations

from collections.abc import Sequence

from .attribution import Credit, share
from .events import (
    CartAbandoned,
    Key,
    OrderCancelled,
    OrderChargedBack,
    OrderEvent,
    OrderPaid,
    OrderPlaced,
    OrderRefunded,
    order,
)
from .measures import NO_LABELS
from .policy import Policy
from .profile import Entry

__all__ = ["Order", "benefit_entries", "read", "read_cart", "revenue_entries"]


class Order:
    """What an order's events come to. Instants are ms, amounts minor units of the reporting currency."""

    __slots__ = ("entries", "left", "paid", "paid_key", "placed", "taken", "unconverted")

    def __init__(self) -> None:
        self.placed: OrderPlaced | None = None
        #: The first payment's key.
        self.paid_key: Key | None = None
        self.paid = 0
        #: What was taken back, in order of time: (key, amount); together never more than was paid.
        self.taken: list[tuple[Key, int]] = []
        self.left = 0
        self.unconverted = 0
        self.entries: list[Entry] = []

    @property
    def paid_at(self) -> int | None:
        """When it was first paid."""
        return None if self.paid_key is None else self.paid_key[0]


def read(events: Sequence[OrderEvent], policy: Policy) -> Order:
    """Reads an order's events, sorted by ``order``."""
    found = Order()
    found.placed = next((event for event in events if type(event) is OrderPlaced), None)
    if found.placed is None:
        return found
    payments: list[tuple[Key, int]] = []
    back: list[tuple[Key, int | None]] = []
    refunds: set[str] = set()
    for event in events:
        kind = type(event)
        if kind is OrderPaid:
            payments.append((order(event), _amount(found, event, policy)))  # type: ignore[arg-type]
        elif kind is OrderCancelled:
            back.append((order(event), None))
        elif kind in (OrderRefunded, OrderChargedBack) and event.refund_id not in refunds:  # type: ignore[union-attr]
            refunds.add(event.refund_id)  # type: ignore[union-attr]
            back.append((order(event), _amount(found, event, policy)))  # type: ignore[arg-type]
    if not payments:
        return found
    found.paid_key = first = payments[0][0]
    found.paid = found.left = sum(amount for _, amount in payments)
    for key, amount in back:
        taken = found.left if amount is None else min(amount, found.left)
        if taken:
            found.left -= taken
            found.taken.append((max(key, first), taken))
    for key, amount in payments:
        found.entries.append((key, "revenue_paid", NO_LABELS, amount))
        found.entries.append((key, "payments", NO_LABELS, 1))
    return found


def _amount(found: Order, event: OrderPaid | OrderRefunded | OrderChargedBack, policy: Policy) -> int:
    amount = policy.convert(event.amount_minor, event.currency, event.occurred_at)
    if amount is None:
        found.unconverted += 1
        return 0
    return amount


def read_cart(events: Sequence[CartAbandoned]) -> int | None:
    """When a cart was first abandoned."""
    return events[0].occurred_at if events else None


def revenue_entries(bought: Order, credits: Sequence[Credit]) -> list[Entry]:
    """What an order books at the touches it is credited to; ``credits`` are in order of the touches' times."""
    entries: list[Entry] = []
    if bought.paid_key is None or not credits:
        return entries
    weights = [credit.weight for credit in credits]
    labels = [credit.labels for credit in credits]

    def book(name: str, key: Key, amounts: Sequence[int]) -> None:
        entries.extend((key, name, where, amount) for where, amount in zip(labels, amounts, strict=True) if amount)

    book("attributed_revenue", bought.paid_key, share(bought.left, weights))
    remaining = bought.paid
    before = share(remaining, weights)
    book("net_attributed_revenue", bought.paid_key, before)
    for key, taken in bought.taken:
        remaining -= taken
        after = share(remaining, weights)
        book("net_attributed_revenue", key, [new - old for new, old in zip(after, before, strict=True)])
        before = after
    if bought.left:
        entries.append((bought.paid_key, "attributed_orders", labels[-1], 1))
    return entries


def benefit_entries(bought: Order, saved_cart: bool, repeat: bool) -> list[Entry]:
    """The benefit of a credited order, one class a line; together exactly what is left of the order."""
    if bought.paid_key is None or bought.placed is None or not bought.left:
        return []
    lines = bought.placed.lines
    weights = [max(line.amount_minor, 0) for line in lines]
    if not any(weights):
        lines, weights = (), [1]
    classes = [_class(bought.placed, line.class_, saved_cart, repeat) for line in lines]
    if not classes:
        classes = [_class(bought.placed, None, saved_cart, repeat)]
    totals: dict[str, int] = {}
    for name, amount in zip(classes, share(bought.left, weights), strict=True):
        totals[name] = totals.get(name, 0) + amount
    entries: list[Entry] = []
    for name, amount in totals.items():
        entries.append((bought.paid_key, "benefit_revenue", (name,), amount))
        entries.append((bought.paid_key, "benefit_orders", (name,), 1))
    return entries


def _class(placed: OrderPlaced, line: str | None, saved_cart: bool, repeat: bool) -> str:
    """The first class that applies: a line has one, so that nothing counts twice."""
    if saved_cart:
        return "saved_cart"
    if line is not None and line != "standard":
        return line
    if placed.referred_by is not None:
        return "referral"
    return "repeat" if repeat else "other"
