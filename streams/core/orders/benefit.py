"""The benefit of a credited order by class."""

from __future__ import annotations

from collections.abc import Sequence

from streams.core.events.types import (
    OrderPlaced,
)
from streams.core.ledger.bookings import Booking
from streams.core.money import share
from streams.core.orders.reader import Order

__all__ = ["benefit_bookings"]


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
