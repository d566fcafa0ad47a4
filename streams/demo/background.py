"""What goes on whether or not anybody is served: contacts, orders, carts, comings and goings, surges, the bills."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from math import exp
from typing import NamedTuple

from streams.core.temporal.instants import DAY, HOUR, MINUTE, SECOND, format_instant
from streams.demo import shop
from streams.demo.company import BASKET, BUYING, CHANNELS, CONTACTS, ISSUES, MEAN_RHYTHM, PRODUCTS, rhythm
from streams.demo.surveys import relationship_surveys
from streams.demo.tickets import ticket
from streams.demo.world import Customer, Process, World
from streams.kafka.topics import COSTS, ORDERS, TICKETS

EVENLY = dict.fromkeys(BUYING, 1.0)


def open_desk(world: World, prelude: int) -> None:
    """Starts everything: the first customers over the ``prelude`` (ms) before the start, the rest at it."""
    for _ in range(world.customers):
        at = world.start - world.rng.randrange(prelude) if prelude else world.start
        world.spawn(shop.newcomer(world, world.new_customer()), at)
    head = world.customers
    for per_day, arrive in (
        (world.tickets_per_day, lambda: ticket(world, world.somebody(CONTACTS, skew=1.7))),
        (world.tickets_per_day * 0.12, lambda: _deflected(world)),
        (head / 33, lambda: shop.purchase(world, _buyer(world))),
        (head / 170, lambda: _cart(world, world.somebody(BUYING))),
        (head / 900, lambda: _join(world)),
        (head / 1800, lambda: shop.leave(world, world.somebody(EVENLY), "other")),
        (head / 20_000, lambda: shop.merge(world, world.somebody(EVENLY))),
    ):
        world.spawn(_arrivals(world, per_day, arrive), world.start)
    for process in (relationship_surveys, _surges, _bills, _training):
        world.spawn(process(world), world.start)


def _arrivals(world: World, per_day: float, arrive: Callable[[], Process]) -> Process:
    """Poisson arrivals in the desk's rhythm: drawn at the busiest rate, thinned by the hour and the day."""
    mean = DAY / per_day * MEAN_RHYTHM
    while True:
        yield world.now + 1 + int(world.rng.expovariate(1.0) * mean)
        if world.chance(rhythm(world.now)) and world.active:
            world.spawn(arrive())


def _buyer(world: World) -> Customer:
    """Somebody who feels like buying: the mood the service left decides, up to four times as likely."""
    while True:
        customer = world.somebody(BUYING)
        if world.chance(0.6 * exp(0.7 * (customer.mood - 1)) + 0.1):
            return customer


def _deflected(world: World) -> Process:
    """Somebody found the answer alone; most are not logged in."""
    labels = {"channel": "web", "issue_type": ISSUES.pick(world.rng), "by": "self_service"}
    if world.chance(0.6):
        world.emit_keyless(TICKETS, None, "contact.deflected", **labels)
    else:
        world.emit(TICKETS, world.somebody(CONTACTS).id, "contact.deflected", **labels)
    return
    yield  # a process like the others, with nothing to wait for


def _join(world: World) -> Process:
    friend = world.somebody(EVENLY) if world.chance(0.2) else None
    referred_by = friend.id if friend is not None and friend.mood > 0 else None
    return shop.newcomer(world, world.new_customer(), referred_by)


def _cart(world: World, customer: Customer) -> Process:
    """A cart left behind; some ask about it, and some of those then buy after all."""
    cart = f"K{world.number()}"
    amount = int(BASKET[customer.segment] * exp(world.rng.gauss(0.1, 0.5)))
    world.emit(ORDERS, customer.id, "cart.abandoned", cart_id=cart, amount_minor=amount, currency=world.currency)
    chance = world.rng.random()
    if chance < 0.45:
        yield world.after(6 * MINUTE)
        channel = "chat" if world.chance(0.75) else "phone"
        world.spawn(ticket(world, customer, channel=channel, issue="presales", cart=cart))
    elif chance < 0.55:
        yield world.after(20 * HOUR)
        world.spawn(shop.purchase(world, customer, cart=cart))


def _surges(world: World) -> Process:
    """Every week or two something breaks: one issue type of one product, for some hours."""
    while True:
        yield world.now + int((2 + world.rng.expovariate(1 / 8)) * DAY)
        contacts = int(world.tickets_per_day * world.rng.uniform(0.25, 0.6))
        length = int(world.rng.uniform(2, 6) * HOUR)
        world.spawn(_surge(world, contacts, length))


def surge_now(world: World) -> Process:
    """The surge a demonstration shows: from the first seconds, for a quarter of an hour."""
    return _surge(world, max(60, int(world.tickets_per_day * 0.2)), 15 * MINUTE)


def _surge(world: World, contacts: int, length: int) -> Process:
    issue, product = ISSUES.pick(world.rng), PRODUCTS.pick(world.rng)
    for _ in range(contacts):
        yield world.now + 1 + int(world.rng.expovariate(1.0) * length / contacts)
        channel = CHANNELS.pick(world.rng)
        who = world.somebody(CONTACTS)
        world.spawn(ticket(world, who, channel=channel, issue=issue, product=product))


class Bill(NamedTuple):
    """A monthly cost for each full-time agent, in minor units; booked as an estimate first unless it is known."""

    item: str
    category: str
    each: int
    known: bool
    labels: Mapping[str, str]


BILLS = (
    Bill("salaries", "personnel", 335_000, False, {}),
    Bill("helpdesk and telephony", "technology", 32_000, True, {}),
    Bill("rooms and energy", "overhead", 28_000, False, {}),
    Bill("night line", "outsourcing", 26_000, False, {"channel": "phone"}),
)


def _bills(world: World) -> Process:
    """At each month's beginning its costs, estimated; the actual amounts on the fifth day of the next."""
    while True:
        first, after = _month(world.now), _month(_month(world.now) + 32 * DAY)
        begin = max(first, world.start)
        for bill in BILLS:
            full = bill.each * world.payroll
            share = (after - begin) / (after - first)
            cost_id = f"{world.tag}-{bill.item.split()[0]}-{format_instant(first)[:7]}"
            basis = "actual" if bill.known else "estimate"
            period = (begin, after)
            _book(world, cost_id, bill.category, bill.item, int(full * share), period, basis, bill.labels)
            if not bill.known:
                actual = int(full * share * world.rng.uniform(0.96, 1.07))
                world.spawn(_actual(world, cost_id, bill, actual, period), after + 4 * DAY + 9 * HOUR)
        yield after


def _actual(world: World, cost_id: str, bill: Bill, amount: int, period: tuple[int, int]) -> Process:
    _book(world, cost_id, bill.category, bill.item, amount, period, "actual", bill.labels)
    return
    yield  # a process like the others, with nothing to wait for


def _training(world: World) -> Process:
    """Every thirteen weeks a course, spread over them."""
    n = 0
    while True:
        n += 1
        period = (world.now, world.now + 91 * DAY)
        amount = int(24_000 * world.payroll)
        _book(world, f"{world.tag}-training-{n}", "training", "course", amount, period, "actual", {})
        yield period[1]


def _book(
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
    """The beginning of the instant's month, UTC."""
    day = datetime.fromtimestamp(at / SECOND, UTC)
    return int(datetime(day.year, day.month, 1, tzinfo=UTC).timestamp()) * SECOND
