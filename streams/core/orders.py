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
from typing import Final

from .attribution import share
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
from .ledger import Booking
from .measures import NO_LABELS, Labels
from .policy import Policy
from .profile import Entry

__all__ = ["CREDITED", "Order", "benefit_bookings", "read", "read_cart", "revenue_bookings"]


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


def read(events: Sequence[OrderEvent], policy: Policy) -> Order:
    """Reads an order's events, sorted by ``order``."""
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
            payments.append((order(event), _amount(found, event, 1, unrated, policy)))
        elif isinstance(event, OrderCancelled):
            back.append((order(event), None))
        elif isinstance(event, OrderRefunded | OrderChargedBack) and event.refund_id not in refunds:
            refunds.add(event.refund_id)
            amount = _amount(found, event, -1, unrated, policy)
            back.append((order(event), amount))
            found.entries.append((order(event), "revenue_refunded", NO_LABELS, amount))
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
    return order(events[0]) if events else None


#: What is booked of orders that any touch is credited with.
CREDITED: Final = ("attributed_revenue", "net_attributed_revenue", "attributed_orders", "benefit_revenue")


def revenue_bookings(bought: Order, labels: Sequence[Labels], weights: Sequence[int]) -> list[Booking]:
    """What an order books at the touches it is credited to, in the order of their times; the last is its own.

    ``labels`` are whole: those of a touch hold at the touch, not at the payment they are booked at.
    """
    booked: list[Booking] = []
    if bought.paid_key is None:
        return booked
    at = bought.paid_key[0]

    def book(name: str, at: int, amounts: Sequence[int]) -> None:
        booked.extend((at, name, where, amount) for where, amount in zip(labels, amounts, strict=True) if amount)

    book("attributed_revenue", at, share(bought.left, weights))
    remaining = bought.paid
    before = share(remaining, weights)
    book("net_attributed_revenue", at, before)
    for key, taken in bought.taken:
        remaining -= taken
        after = share(remaining, weights)
        book("net_attributed_revenue", key[0], [new - old for new, old in zip(after, before, strict=True)])
        before = after
    return booked


def benefit_bookings(bought: Order, saved_cart: bool, repeat: bool) -> list[Booking]:
    """The benefit of a credited order by class; together exactly what is left of the order."""
    if bought.paid_key is None or bought.placed is None or not bought.left:
        return []
    at = bought.paid_key[0]
    totals = _by_class(bought.placed, bought.left, saved_cart, repeat)
    return [(at, "benefit_revenue", (name,), amount) for name, amount in totals.items() if amount]


def _by_class(placed: OrderPlaced, left: int, saved_cart: bool, repeat: bool) -> dict[str, int]:
    """What is left of an order by its lines' classes, in proportion to their amounts.

    A discount is a negative line and lessens its own class. Where that would leave a class below 0, the classes
    share in proportion to what they come to, those below 0 nothing: a benefit is never negative. An order whose
    lines come to nothing is one standard line.
    """
    classes = [_class(placed, line.class_, saved_cart, repeat) for line in placed.lines]
    amounts = [line.amount_minor for line in placed.lines]
    if sum(amounts) <= 0:
        return {_class(placed, None, saved_cart, repeat): left}
    totals = _sums(classes, share(left, amounts))
    if min(totals.values()) < 0:
        told = {name: max(amount, 0) for name, amount in _sums(classes, amounts).items()}
        totals = dict(zip(told, share(left, list(told.values())), strict=True))
    return totals


def _sums(names: Sequence[str], amounts: Sequence[int]) -> dict[str, int]:
    sums: dict[str, int] = {}
    for name, amount in zip(names, amounts, strict=True):
        sums[name] = sums.get(name, 0) + amount
    return sums


def _class(placed: OrderPlaced, line: str | None, saved_cart: bool, repeat: bool) -> str:
    """The first class that applies: a line has one, so that nothing counts twice."""
    if saved_cart:
        return "saved_cart"
    if line is not None and line != "standard":
        return line
    if placed.referred_by is not None:
        return "referral"
    return "repeat" if repeat else "other"
