"""Samples of money: payments, attribution, benefit, cost."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from fractions import Fraction

from .model import UNKNOWN, Ev, Sample, split
from .world import Order, Ticket, World, costs, orders

MODELS = ("first_touch", "last_touch", "linear", "position", "time_decay")


def shop_labels(world: World, order: Order, event: Ev) -> dict[str, str]:
    return world.customer_labels(order.customer, event.key)


def paid(world: World) -> list[Sample]:
    return [
        Sample(event.at, shop_labels(world, order, event), amount)
        for order in orders(world)
        for amount, event in order.payments
    ]


def refunded(world: World) -> list[Sample]:
    return [
        Sample(event.at, shop_labels(world, order, event), amount)
        for order in orders(world)
        for amount, event in order.refunds
    ]


@dataclass
class Credit:
    """A paid order with at least one touch."""

    order: Order
    first: Ev  # its first payment
    touches: list[tuple[Ev, Ticket]]


def credits(world: World) -> list[Credit]:
    out = []
    for order in orders(world):
        first = order.first_paid
        if first is None:
            continue
        placed = order.placed.at
        touches = [
            pair
            for pair in world.touches_of(order.customer, first.at)
            if placed - world.settings.look_back <= pair[0].at < placed
        ]
        if touches:
            out.append(Credit(order, first, touches))
    return out


def weights(world: World, model: str, credit: Credit) -> list[Fraction]:
    n = len(credit.touches)
    if model == "first_touch":
        return [Fraction(int(i == 0)) for i in range(n)]
    if model == "last_touch":
        return [Fraction(int(i == n - 1)) for i in range(n)]
    if model == "linear" or (model == "position" and n <= 2):
        return [Fraction(1)] * n
    if model == "position":
        middle = Fraction(20, n - 2)
        return [Fraction(40), *([middle] * (n - 2)), Fraction(40)]
    placed = credit.order.placed.at
    # 2^(-age/half-life); the youngest touch is given 1, so that nothing vanishes
    ages = [placed - touch.at for touch, _ in credit.touches]
    return [Fraction(2.0 ** (-(age - min(ages)) / world.settings.half_life)) for age in ages]


def shares(world: World, model: str, credit: Credit, amount: int) -> list[Sample]:
    """The amount over the touches, at the first payment, under the labels of each touch."""
    parts = split(amount, weights(world, model, credit))
    return [
        Sample(credit.first.at, touch_labels(world, touch, ticket), part)
        for (touch, ticket), part in zip(credit.touches, parts, strict=True)
    ]


def touch_labels(world: World, touch: Ev, ticket: Ticket) -> dict[str, str]:
    return world.book(ticket, touch).labels


def attributed(world: World, model: str | None = None) -> list[Sample]:
    """The cohort restated: what is left of each order, at its first payment."""
    model = model or world.settings.model
    out = []
    for credit in credits(world):
        out += [s for s in shares(world, model, credit, credit.order.left) if s.value]
    return out


def net_attributed(world: World, model: str | None = None) -> list[Sample]:
    """The same, every taking back at its own time."""
    model = model or world.settings.model
    out = []
    for credit in credits(world):
        before, left = [0] * len(credit.touches), 0
        for at, amount in credit.order.postings():
            left += amount
            after = shares(world, model, credit, left)
            for i, share in enumerate(after):
                change = int(share.value) - before[i]
                before[i] = int(share.value)
                if change:
                    out.append(Sample(at, share.labels, change))
    return out


def by_model(world: World, net: bool) -> list[Sample]:
    out = []
    for model in MODELS:
        found = net_attributed(world, model) if net else attributed(world, model)
        out += [Sample(sample.at, {"model": model}, sample.value) for sample in found]
    return out


def attributed_orders(world: World) -> list[Sample]:
    """Orders of which something is left, under their last touch."""
    return [
        Sample(credit.first.at, touch_labels(world, *credit.touches[-1]))
        for credit in credits(world)
        if credit.order.kept
    ]


# --- benefit ---


def line_class(world: World, credit: Credit, told: str) -> str:
    order = credit.order
    if saved_cart(world, credit):
        return "saved_cart"
    if told in ("renewal", "upsell", "cross_sell", "upgrade"):
        return told
    if "referred_by" in order.placed.body:
        return "referral"
    for other in orders(world):
        first = other.first_paid
        if other.order_id == order.order_id and other.customer == order.customer:
            continue
        if other.customer not in world.same(order.customer, credit.first.at):
            continue
        if first and first.at < order.placed.at and other.kept:
            return "repeat"
    return "other"


def saved_cart(world: World, credit: Credit) -> bool:
    """Its cart was abandoned, then touched, then it was placed."""
    placed = credit.order.placed
    carts = world.carts.get((credit.order.customer, placed.get("cart_id", "")), [])
    return any(cart.key < touch.key < placed.key for cart in carts for touch, _ in credit.touches)


def class_shares(world: World, credit: Credit) -> dict[str, int]:
    """What is left of the order, by class."""
    lines = credit.order.placed.get("lines", [])
    amounts = [Fraction(line["amount_minor"]) for line in lines]
    told = [line.get("class") or "standard" for line in lines]
    if not any(amounts):
        amounts, told = [Fraction(1)], ["standard"]
    out: dict[str, int] = defaultdict(int)
    for part, name in zip(split(credit.order.left, amounts), told, strict=True):
        out[line_class(world, credit, name)] += part
    return out


def benefit_by_class(world: World) -> list[Sample]:
    factor = world.settings.margin * world.settings.incrementality
    out = []
    for credit in credits(world):
        for name, amount in class_shares(world, credit).items():
            if amount:
                out.append(Sample(credit.first.at, {"class": name}, amount * factor))
    return out + [Sample(sample.at, {"class": "savings"}, sample.value) for sample in savings(world)]


def deflected(world: World) -> list[Sample]:
    out = []
    for event in world.deflections:
        labels: dict[str, str] = {n: event.body[n] for n in ("channel", "issue_type") if n in event.body}
        if "customer_id" in event.body:
            labels |= world.customer_labels(event.customer, event.key)
        out.append(Sample(event.at, labels))
    return out


def savings(world: World) -> list[Sample]:
    saved = world.settings.saved
    return [Sample(sample.at, sample.labels, saved) for sample in deflected(world)] if saved else []


def benefit_without_savings(world: World) -> list[Sample]:
    factor = world.settings.margin * world.settings.incrementality
    return [Sample(sample.at, sample.labels, sample.value * factor) for sample in attributed(world)]


def attributed_at_margin(world: World) -> list[Sample]:
    return [Sample(sample.at, sample.labels, sample.value * world.settings.margin) for sample in attributed(world)]


def benefit(world: World) -> list[Sample]:
    return benefit_without_savings(world) + savings(world)


# --- cost ---


def service_cost(
    world: World, start: int, end: int, dimension: str, handled: list[Sample], created: list[Sample]
) -> list[Sample]:
    """The window's cost by member: what is labelled stays, the rest is shared."""
    stays: dict[str, int] = defaultdict(int)
    rest = 0
    for cost in costs(world):
        amount = cost.within(start, end)
        if dimension in cost.labels:
            stays[cost.labels[dimension]] += amount
        else:
            rest += amount
    if dimension == "all":
        return [Sample(start, {}, rest)] if rest else []
    for basis in (handled, created):
        shares: dict[str, Fraction] = defaultdict(Fraction)
        for sample in basis:
            if start <= sample.at < end:
                shares[sample.label(dimension)] += 1 if basis is created else Fraction(sample.value)
        if sum(shares.values()):
            break
    else:
        shares = {UNKNOWN: Fraction(1)}
    names = sorted(shares)
    for name, part in zip(names, split(rest, [shares[name] for name in names]), strict=True):
        stays[name] += part
    return [Sample(start, {dimension: name}, amount) for name, amount in stays.items() if amount]


def cost_estimated(world: World, start: int, end: int) -> list[Sample]:
    """Value: the cost; extra: the part that is an estimate."""
    out = []
    for cost in costs(world):
        amount = cost.within(start, end)
        if amount:
            out.append(Sample(start, {}, amount, {"estimated": amount if cost.estimated else 0}))
    return out
