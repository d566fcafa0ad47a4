"""Arrivals independent of service: contacts, orders, carts, new and leaving customers, surges, costs."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from itertools import count
from math import exp
from typing import NamedTuple

from streams.core.temporal.instants import DAY, HOUR, MINUTE, SECOND, format_instant
from streams.demo import shop
from streams.demo.company import BASKET, BUYING, CHANNELS, CONTACTS, ISSUES, MEAN_RHYTHM, PRODUCTS, rhythm
from streams.demo.surveys import relationship_surveys
from streams.demo.tickets import contact
from streams.demo.world import Customer, Process, World
from streams.kafka.topics import COSTS, ORDERS, TICKETS

EQUAL_WEIGHTS = dict.fromkeys(BUYING, 1.0)


def open_desk(world: World, prelude_ms: int) -> None:
    """Starts all processes at the start, and the first customers in the ``prelude_ms`` before it."""
    for _ in range(world.customers):
        at = world.start - world.rng.randrange(prelude_ms) if prelude_ms else world.start
        world.spawn(shop.newcomer(world, world.new_customer()), at)
    customers = world.customers
    for per_day, arrive in (
        (world.tickets_per_day, lambda: contact(world, world.somebody(CONTACTS, skew=1.7))),
        (world.tickets_per_day * 0.12, lambda: _deflected(world)),
        (customers / 33, lambda: shop.purchase(world, _buyer(world))),
        (customers / 170, lambda: _cart(world, world.somebody(BUYING))),
        (customers / 900, lambda: _join(world)),
        (customers / 1800, lambda: shop.leave(world, world.somebody(EQUAL_WEIGHTS), "other")),
        (customers / 20_000, lambda: shop.merge(world, world.somebody(EQUAL_WEIGHTS))),
    ):
        world.spawn(_arrivals(world, per_day, arrive), world.start)
    for process in (relationship_surveys, _surges, _bills, _training):
        world.spawn(process(world), world.start)


def _arrivals(world: World, per_day: float, arrive: Callable[[], Process]) -> Process:
    """Poisson arrivals at the busiest rate, thinned to the rhythm of hour and weekday."""
    mean_ms = DAY / per_day * MEAN_RHYTHM
    while True:
        yield world.now + 1 + int(world.rng.expovariate(1.0) * mean_ms)
        if world.chance(rhythm(world.now)) and world.active:
            world.spawn(arrive())


def _buyer(world: World) -> Customer:
    """A customer by segment and mood: the best mood buys up to four times as often."""
    while True:
        customer = world.somebody(BUYING)
        if world.chance(0.6 * exp(0.7 * (customer.mood - 1)) + 0.1):
            return customer


def _deflected(world: World) -> Process:
    """A contact deflected by self-service, usually anonymous."""
    labels = {"channel": "web", "issue_type": ISSUES.pick(world.rng), "by": "self_service"}
    if world.chance(0.6):
        world.emit_keyless(TICKETS, None, "contact.deflected", **labels)
    else:
        world.emit(TICKETS, world.somebody(CONTACTS).id, "contact.deflected", **labels)
    return
    yield  # makes this a generator, as all processes are


def _join(world: World) -> Process:
    friend = world.somebody(EQUAL_WEIGHTS) if world.chance(0.2) else None
    referred_by = friend.id if friend is not None and friend.mood > 0 else None
    return shop.newcomer(world, world.new_customer(), referred_by)


def _cart(world: World, customer: Customer) -> Process:
    """An abandoned cart; sometimes it leads to a contact, and rarely to an order without one."""
    cart_id = f"K{world.number()}"
    amount = int(BASKET[customer.segment] * exp(world.rng.gauss(0.1, 0.5)))
    world.emit(ORDERS, customer.id, "cart.abandoned", cart_id=cart_id, amount_minor=amount, currency=world.currency)
    chance = world.rng.random()
    if chance < 0.45:
        yield world.after(6 * MINUTE)
        channel = "chat" if world.chance(0.75) else "phone"
        world.spawn(contact(world, customer, channel=channel, issue="presales", cart=cart_id))
    elif chance < 0.55:
        yield world.after(20 * HOUR)
        world.spawn(shop.purchase(world, customer, cart=cart_id))


def _surges(world: World) -> Process:
    """A surge every week or two: one issue type of one product, for some hours."""
    while True:
        yield world.now + int((2 + world.rng.expovariate(1 / 8)) * DAY)
        contacts = int(world.tickets_per_day * world.rng.uniform(0.25, 0.6))
        length_ms = int(world.rng.uniform(2, 6) * HOUR)
        world.spawn(_surge(world, contacts, length_ms))


def surge_now(world: World) -> Process:
    """The surge of a demonstration: from the first seconds, for a quarter of an hour."""
    return _surge(world, max(60, int(world.tickets_per_day * 0.2)), 15 * MINUTE)


def _surge(world: World, contacts: int, length_ms: int) -> Process:
    issue, product = ISSUES.pick(world.rng), PRODUCTS.pick(world.rng)
    for _ in range(contacts):
        yield world.now + 1 + int(world.rng.expovariate(1.0) * length_ms / contacts)
        channel = CHANNELS.pick(world.rng)
        customer = world.somebody(CONTACTS)
        world.spawn(contact(world, customer, channel=channel, issue=issue, product=product))


class Bill(NamedTuple):
    """A monthly cost by full-time agent, in minor units. Without a fixed amount an estimate comes first."""

    item: str
    category: str
    agent_minor: int
    fixed: bool
    labels: Mapping[str, str]


BILLS = (
    Bill("salaries", "personnel", 335_000, False, {}),
    Bill("helpdesk and telephony", "technology", 32_000, True, {}),
    Bill("rooms and energy", "overhead", 28_000, False, {}),
    Bill("night line", "outsourcing", 26_000, False, {"channel": "phone"}),
)


def _bills(world: World) -> Process:
    """The costs of each month at its start, estimated; their actual amounts on the fifth day of the next."""
    while True:
        month_start, month_end = _month(world.now), _month(_month(world.now) + 32 * DAY)
        start = max(month_start, world.start)
        for bill in BILLS:
            full_month = bill.agent_minor * world.payroll
            share = (month_end - start) / (month_end - month_start)
            cost_id = f"{world.tag}-{bill.item.split()[0]}-{format_instant(month_start)[:7]}"
            basis = "actual" if bill.fixed else "estimate"
            period = (start, month_end)
            _emit_cost(world, cost_id, bill.category, bill.item, int(full_month * share), period, basis, bill.labels)
            if not bill.fixed:
                actual = int(full_month * share * world.rng.uniform(0.96, 1.07))
                world.spawn(_actual_cost(world, cost_id, bill, actual, period), month_end + 4 * DAY + 9 * HOUR)
        yield month_end


def _actual_cost(world: World, cost_id: str, bill: Bill, amount: int, period: tuple[int, int]) -> Process:
    _emit_cost(world, cost_id, bill.category, bill.item, amount, period, "actual", bill.labels)
    return
    yield  # makes this a generator, as all processes are


def _training(world: World) -> Process:
    """A course every thirteen weeks, its cost spread over them."""
    for number in count(1):
        period = (world.now, world.now + 91 * DAY)
        amount = int(24_000 * world.payroll)
        _emit_cost(world, f"{world.tag}-training-{number}", "training", "course", amount, period, "actual", {})
        yield period[1]


def _emit_cost(
    world: World,
    cost_id: str,
    category: str,
    item: str,
    amount: int,
    period: tuple[int, int],
    basis: str,
    labels: Mapping[str, str],
) -> None:
    world.emit_keyless(
        COSTS,
        cost_id,
        "cost.incurred",
        cost_id=cost_id,
        category=category,
        item=item,
        amount_minor=amount,
        currency=world.currency,
        period_start=format_instant(period[0]),
        period_end=format_instant(period[1]),
        basis=basis,
        **labels,
    )


def _month(at: int) -> int:
    """The start of the month of an instant, in UTC."""
    day = datetime.fromtimestamp(at / SECOND, UTC)
    return int(datetime(day.year, day.month, 1, tzinfo=UTC).timestamp()) * SECOND
