"""The revenue of an order at the touches it is credited to."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from streams.core.ledger.bookings import Booking
from streams.core.ledger.dimensions import Labels
from streams.core.money import share
from streams.core.orders.reader import Order

__all__ = ["CREDITED", "revenue_bookings"]


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
