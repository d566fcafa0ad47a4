"""The revenue of a paid order at the touches it is credited to. Source: docs/definitions.md#attribution."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from streams.core.ledger.amounts import Kind
from streams.core.ledger.bookings import Booking
from streams.core.ledger.dimensions import DIMENSIONS, Labels, Scheme
from streams.core.ledger.measures import COUNT, Measure, declare
from streams.core.money import share
from streams.core.orders.attribution import MODELS, Credit
from streams.core.orders.reader import Order

__all__ = ["BOOKS", "revenue_bookings"]

#: The shares have the configured model's labels. They add up to the same total in every model, so each share is a
#: member of all models; to book the models apart would say the same total as many times.
_BY_MODEL: Final = Scheme((*DIMENSIONS, *("model",) * len(MODELS)))

BOOKS: Final = declare(
    attributed_revenue=Measure(Kind.AMOUNT, _BY_MODEL),
    net_attributed_revenue=Measure(Kind.AMOUNT, _BY_MODEL),
    attributed_orders=COUNT,
)


def revenue_bookings(order: Order, credited: Sequence[Credit], labels: Sequence[Labels]) -> list[Booking]:
    """The bookings of an order at its credited touches, which are in order of time; the last touch has the order.

    ``labels`` are the touches' whole labels at the touch, not at the payment they are booked at.
    """
    if order.paid_key is None or not credited:
        return []
    at, weights = order.paid_key[0], [credit.weight for credit in credited]
    by_model = [own + tuple(MODELS) for own in labels]

    def book(name: str, at: int, amounts: Sequence[int]) -> list[Booking]:
        return [(at, name, where, amount) for where, amount in zip(by_model, amounts, strict=True) if amount]

    booked = book("attributed_revenue", at, share(order.left, weights))
    left = order.paid
    before = share(left, weights)
    booked += book("net_attributed_revenue", at, before)
    for key, taken in order.taken:
        left -= taken
        after = share(left, weights)
        booked += book("net_attributed_revenue", key[0], [new - old for new, old in zip(after, before, strict=True)])
        before = after
    if order.has_remainder:
        booked.append((at, "attributed_orders", labels[-1], 1))
    return booked
