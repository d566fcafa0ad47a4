"""Customers and what they buy: joining, orders, refunds, carts, tiers, leaving; and what good service is worth."""

from __future__ import annotations

from math import exp
from typing import Any

from streams.core.temporal.instants import DAY, HOUR, MINUTE, SECOND
from streams.demo.company import BASKET, BUYING, PRODUCTS
from streams.demo.world import Customer, Process, World
from streams.kafka.topics import CUSTOMERS, ORDERS

#: Tiers by what was paid so far, in minor units.
TIERS = (("gold", 150_000), ("silver", 40_000))


def newcomer(world: World, customer: Customer, referred_by: str | None = None) -> Process:
    """Joins, is put into a segment, and most of them buy something soon."""
    world.emit(CUSTOMERS, customer.id, "customer.joined")
    yield world.now + 30 * SECOND
    world.emit(CUSTOMERS, customer.id, "customer.updated", segment=customer.segment, tier=customer.tier)
    if world.chance(0.8):
        world.spawn(purchase(world, customer, referred_by=referred_by), world.after(1 * HOUR, 1.5))


def react(world: World, customer: Customer, score: float, issue: str, product: str, cart: str | None) -> None:
    """What a solved ticket leads to: an order, a cart saved, or the customer's leaving."""
    if cart is not None:
        if world.chance(min(0.85, 0.45 * exp(0.7 * score))):
            world.spawn(purchase(world, customer, cart=cart), world.after(25 * MINUTE, 0.9))
        return
    likes = 0.065 * exp(0.9 * score) * BUYING[customer.segment]
    if issue in ("presales", "contract"):
        likes *= 1.7
    if world.chance(min(0.6, likes)):
        world.spawn(
            purchase(world, customer, extra=_offer(world, issue, score), product=product),
            world.after(13 * HOUR, 1.1),
        )
    loyal = 0.3 if customer.segment == "enterprise" else 1.0
    if world.chance(min(0.3, 0.006 * loyal * exp(-1.8 * (score + customer.mood)))):
        world.spawn(leave(world, customer, "service" if score < 0 else "other"), world.after(2 * DAY))


def _offer(world: World, issue: str, score: float) -> str | None:
    """The class of the line an agent adds to an order, if any."""
    if issue == "contract":
        return "renewal"
    if score < 0.2 or not world.chance(0.3):
        return None
    return world.rng.choice(("upsell", "cross_sell", "cross_sell", "upgrade"))


def _lines(world: World, customer: Customer, extra: str | None, product: str | None) -> list[dict[str, Any]]:
    rng = world.rng
    lines: list[dict[str, Any]] = []
    for n in range(1 + (rng.random() < 0.3) + (rng.random() < 0.08)):
        amount = int(BASKET[customer.segment] * exp(rng.gauss(-0.18, 0.6)))
        bought = product if product and n == 0 else PRODUCTS.pick(rng)
        lines.append({"line_id": str(n + 1), "amount_minor": amount - amount % 5, "product": bought})
    if extra == "renewal":
        lines[0]["class"] = "renewal"
    elif extra is not None:
        amount = int(lines[0]["amount_minor"] * rng.uniform(0.25, 0.7))
        lines.append({"line_id": "x", "amount_minor": amount, "class": extra, "product": PRODUCTS.pick(rng)})
    return lines


def purchase(
    world: World,
    customer: Customer,
    *,
    extra: str | None = None,
    product: str | None = None,
    cart: str | None = None,
    referred_by: str | None = None,
) -> Process:
    """An order from placing to payment, and sometimes back again."""
    if not customer.active:
        return
    rng = world.rng
    order = f"O{world.number()}"
    lines = _lines(world, customer, extra, product)
    total = sum(line["amount_minor"] for line in lines)
    optional = {"cart_id": cart, "referred_by": referred_by}
    told = {name: value for name, value in optional.items() if value is not None}
    world.emit(ORDERS, customer.id, "order.placed", order_id=order, currency=world.currency, lines=lines, **told)
    if world.chance(0.015):
        yield world.after(3 * HOUR)
        world.emit(ORDERS, customer.id, "order.cancelled", order_id=order)
        return
    by_invoice = customer.segment != "consumer" and world.chance(0.35)
    yield world.after(4 * DAY if by_invoice else 40 * SECOND)
    money = {"order_id": order, "currency": world.currency}
    if by_invoice and world.chance(0.2):
        world.emit(ORDERS, customer.id, "order.paid", amount_minor=total // 2, **money)
        yield world.after(6 * DAY)
        world.emit(ORDERS, customer.id, "order.paid", amount_minor=total - total // 2, **money)
    else:
        world.emit(ORDERS, customer.id, "order.paid", amount_minor=total, **money)
    customer.paid += total
    _promote(world, customer)
    chance = rng.random()
    unhappy = max(0.0, -customer.mood)
    if chance < 0.04 + 0.08 * unhappy:
        yield world.after(5 * DAY)
        back = total if world.chance(0.6) else lines[0]["amount_minor"]
        world.emit(ORDERS, customer.id, "order.refunded", refund_id=f"R{order}", amount_minor=back, **money)
    elif chance > 0.997 - 0.01 * unhappy:
        yield world.after(12 * DAY)
        world.emit(ORDERS, customer.id, "order.charged_back", refund_id=f"R{order}", amount_minor=total, **money)
    elif chance > 0.99 - 0.01 * unhappy:
        yield world.after(6 * HOUR)
        world.emit(ORDERS, customer.id, "order.cancelled", order_id=order)


def _promote(world: World, customer: Customer) -> None:
    tier = next((name for name, paid in TIERS if customer.paid >= paid), "bronze")
    if tier != customer.tier:
        customer.tier = tier
        world.emit(CUSTOMERS, customer.id, "customer.updated", tier=tier)


def leave(world: World, customer: Customer, reason: str) -> Process:
    """Gone, unless gone already."""
    if customer.active:
        world.remove(customer)
        world.emit(CUSTOMERS, customer.id, "customer.left", reason=reason)
    return
    yield  # a process like the others, with nothing to wait for


def merge(world: World, customer: Customer) -> Process:
    """Somebody signs up a second time; the double is found after some days and merged away."""
    double = world.new_customer()
    world.emit(CUSTOMERS, double.id, "customer.joined")
    yield world.after(3 * DAY)
    if double.active and customer.active:
        world.remove(double)
        world.emit(CUSTOMERS, double.id, "customer.merged", into_customer_id=customer.id)
