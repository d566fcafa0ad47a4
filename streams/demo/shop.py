"""Customers and their orders: joining, buying, refunds, tiers, leaving; and the effect of good service on them."""

from __future__ import annotations

from math import exp
from typing import Any

from streams.core.temporal.instants import DAY, HOUR, MINUTE, SECOND
from streams.demo.company import BASKET, BUYING, PRODUCTS
from streams.demo.world import Customer, Process, World
from streams.kafka.topics import CUSTOMERS, ORDERS

#: Tiers by the amount paid so far, in minor units.
TIERS = (("gold", 150_000), ("silver", 40_000))


def newcomer(world: World, customer: Customer, referred_by: str | None = None) -> Process:
    """A customer who joins, is labelled with a segment, and usually buys soon."""
    world.emit(CUSTOMERS, customer.id, "customer.joined")
    yield world.now + 30 * SECOND
    world.emit(CUSTOMERS, customer.id, "customer.updated", segment=customer.segment, tier=customer.tier)
    if world.chance(0.8):
        world.spawn(purchase(world, customer, referred_by=referred_by), world.after(1 * HOUR, 1.5))


def react(world: World, customer: Customer, score: float, issue: str, product: str, cart: str | None) -> None:
    """The effects of a solved ticket: an order, a saved cart, or a departure."""
    if cart is not None:
        if world.chance(min(0.85, 0.45 * exp(0.7 * score))):
            world.spawn(purchase(world, customer, cart=cart), world.after(25 * MINUTE, 0.9))
        return
    order_probability = 0.065 * exp(0.9 * score) * BUYING[customer.segment]
    if issue in ("presales", "contract"):
        order_probability *= 1.7
    if world.chance(min(0.6, order_probability)):
        world.spawn(
            purchase(world, customer, extra_class=_offer(world, issue, score), product=product),
            world.after(13 * HOUR, 1.1),
        )
    disloyalty = 0.3 if customer.segment == "enterprise" else 1.0
    if world.chance(min(0.3, 0.006 * disloyalty * exp(-1.8 * (score + customer.mood)))):
        world.spawn(leave(world, customer, "service" if score < 0 else "other"), world.after(2 * DAY))


def _offer(world: World, issue: str, score: float) -> str | None:
    """The class of the line that an agent adds to an order; None = no such line."""
    if issue == "contract":
        return "renewal"
    if score < 0.2 or not world.chance(0.3):
        return None
    return world.rng.choice(("upsell", "cross_sell", "cross_sell", "upgrade"))


def _lines(world: World, customer: Customer, extra_class: str | None, product: str | None) -> list[dict[str, Any]]:
    rng = world.rng
    lines: list[dict[str, Any]] = []
    for index in range(1 + (rng.random() < 0.3) + (rng.random() < 0.08)):
        amount = int(BASKET[customer.segment] * exp(rng.gauss(-0.18, 0.6)))
        line_product = product if product and index == 0 else PRODUCTS.pick(rng)
        lines.append({"line_id": str(index + 1), "amount_minor": amount - amount % 5, "product": line_product})
    if extra_class == "renewal":
        lines[0]["class"] = "renewal"
    elif extra_class is not None:
        amount = int(lines[0]["amount_minor"] * rng.uniform(0.25, 0.7))
        lines.append({"line_id": "x", "amount_minor": amount, "class": extra_class, "product": PRODUCTS.pick(rng)})
    return lines


def purchase(
    world: World,
    customer: Customer,
    *,
    extra_class: str | None = None,
    product: str | None = None,
    cart: str | None = None,
    referred_by: str | None = None,
) -> Process:
    """An order from its placing to its payment, and sometimes to its refund."""
    if not customer.active:
        return
    order_id = f"O{world.number()}"
    lines = _lines(world, customer, extra_class, product)
    total = sum(line["amount_minor"] for line in lines)
    optional = {"cart_id": cart, "referred_by": referred_by}
    fields = {name: value for name, value in optional.items() if value is not None}
    world.emit(ORDERS, customer.id, "order.placed", order_id=order_id, currency=world.currency, lines=lines, **fields)
    if world.chance(0.015):
        yield world.after(3 * HOUR)
        world.emit(ORDERS, customer.id, "order.cancelled", order_id=order_id)
        return
    yield from _payment(world, customer, order_id, total)
    customer.paid_minor += total
    _promote(world, customer)
    yield from _return(world, customer, order_id, total, lines[0]["amount_minor"])


def _payment(world: World, customer: Customer, order_id: str, total: int) -> Process:
    """The payment of an order at once or by invoice, sometimes in two parts."""
    by_invoice = customer.segment != "consumer" and world.chance(0.35)
    yield world.after(4 * DAY if by_invoice else 40 * SECOND)
    money = {"order_id": order_id, "currency": world.currency}
    if by_invoice and world.chance(0.2):
        world.emit(ORDERS, customer.id, "order.paid", amount_minor=total // 2, **money)
        yield world.after(6 * DAY)
        world.emit(ORDERS, customer.id, "order.paid", amount_minor=total - total // 2, **money)
    else:
        world.emit(ORDERS, customer.id, "order.paid", amount_minor=total, **money)


def _return(world: World, customer: Customer, order_id: str, total: int, first_line: int) -> Process:
    """A refund, a chargeback or a cancellation of a paid order, more often of an unhappy customer; usually none."""
    chance = world.rng.random()
    unhappiness = max(0.0, -customer.mood)
    money = {"order_id": order_id, "currency": world.currency}
    if chance < 0.04 + 0.08 * unhappiness:
        yield world.after(5 * DAY)
        amount = total if world.chance(0.6) else first_line
        world.emit(ORDERS, customer.id, "order.refunded", refund_id=f"R{order_id}", amount_minor=amount, **money)
    elif chance > 0.997 - 0.01 * unhappiness:
        yield world.after(12 * DAY)
        world.emit(ORDERS, customer.id, "order.charged_back", refund_id=f"R{order_id}", amount_minor=total, **money)
    elif chance > 0.99 - 0.01 * unhappiness:
        yield world.after(6 * HOUR)
        world.emit(ORDERS, customer.id, "order.cancelled", order_id=order_id)


def _promote(world: World, customer: Customer) -> None:
    tier = next((name for name, least_minor in TIERS if customer.paid_minor >= least_minor), "bronze")
    if tier != customer.tier:
        customer.tier = tier
        world.emit(CUSTOMERS, customer.id, "customer.updated", tier=tier)


def leave(world: World, customer: Customer, reason: str) -> Process:
    """A departure, unless the customer is no longer active."""
    if customer.active:
        world.remove(customer)
        world.emit(CUSTOMERS, customer.id, "customer.left", reason=reason)
    return
    yield  # a process like the others, with nothing to wait for


def merge(world: World, customer: Customer) -> Process:
    """A second registration of a customer, merged into the first one after some days."""
    duplicate = world.new_customer()
    world.emit(CUSTOMERS, duplicate.id, "customer.joined")
    yield world.after(3 * DAY)
    if duplicate.active and customer.active:
        world.remove(duplicate)
        world.emit(CUSTOMERS, duplicate.id, "customer.merged", into_customer_id=customer.id)
