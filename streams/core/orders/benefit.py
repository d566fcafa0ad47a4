"""The benefit of a credited order, by class. Source: docs/definitions.md#benefit."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from streams.core.events.types import OrderPlaced
from streams.core.ledger.amounts import Kind
from streams.core.ledger.bookings import Booking
from streams.core.ledger.dimensions import BY_CLASS, Labels
from streams.core.ledger.measures import Measure, declare
from streams.core.money import share
from streams.core.orders.reader import Order

__all__ = ["BOOKS", "CLASSES", "benefit_bookings"]

#: The members of the dimension ``class``; ``savings`` are those of deflected contacts.
CLASSES: Final[Labels] = (
    "saved_cart", "renewal", "upsell", "cross_sell", "upgrade", "referral", "repeat", "other", "savings",
)  # fmt: skip

BOOKS: Final = declare(benefit_revenue=Measure(Kind.AMOUNT, BY_CLASS))


def benefit_bookings(order: Order, saved_cart: bool, repeat: bool) -> list[Booking]:
    """The benefit of a credited order by class; together exactly what is left of the order.

    ``saved_cart``: its cart was abandoned and touched before. ``repeat``: the customer paid another order before.
    """
    if order.paid_key is None or order.placed is None or not order.left:
        return []
    at = order.paid_key[0]
    totals = _by_class(order.placed, order.left, saved_cart, repeat)
    return [(at, "benefit_revenue", (name,), amount) for name, amount in totals.items() if amount]


def _by_class(placed: OrderPlaced, left: int, saved_cart: bool, repeat: bool) -> dict[str, int]:
    """The rest of an order by its lines' classes, in proportion to their amounts.

    A discount is a negative line and lessens its own class. Where that would leave a class below 0, the classes share
    in proportion to their sums, those below 0 get nothing: a benefit is never negative. An order whose lines sum to 0
    or less is one standard line.
    """
    classes = [_class(placed, line.class_, saved_cart, repeat) for line in placed.lines]
    amounts = [line.amount_minor for line in placed.lines]
    if sum(amounts) <= 0:
        return {_class(placed, None, saved_cart, repeat): left}
    totals = _sums(classes, share(left, amounts))
    if min(totals.values()) < 0:
        positive = {name: max(amount, 0) for name, amount in _sums(classes, amounts).items()}
        totals = dict(zip(positive, share(left, list(positive.values())), strict=True))
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
