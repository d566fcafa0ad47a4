"""The stories of tickets: what happens to one from its creation to its closing, and what comes of it."""

from __future__ import annotations

from math import log2

from streams.core.temporal.instants import DAY, HOUR, MINUTE, SECOND
from streams.demo import shop
from streams.demo.company import CHANNEL, CHANNELS, ISSUES, LIVE, PRIORITIES, PRODUCTS
from streams.demo.conversations import Ticket, call, chat, correspond, customer_writes, group_of, note, set_status
from streams.demo.surveys import survey
from streams.demo.world import Customer, Process, World
from streams.kafka.topics import TICKETS


def ticket(
    world: World,
    customer: Customer,
    *,
    channel: str | None = None,
    issue: str | None = None,
    product: str | None = None,
    cart: str | None = None,
) -> Process:
    """A contact from beginning to end."""
    rng = world.rng
    channel = channel or CHANNELS.pick(rng)
    issue = issue or ISSUES.pick(rng)
    if channel == "chat" and world.chance(0.14):  # the bot on the page knew the answer: no ticket
        world.emit(TICKETS, customer.id, "contact.deflected", channel="chat", issue_type=issue, by="automation")
        return
    t = _create(world, customer, channel, issue, product or PRODUCTS.pick(rng), cart)
    if world.chance(0.012):
        yield world.after(25 * MINUTE)
        note(world, t, "ticket.voided")
        return
    if customer.open_ticket and customer.open_ticket != t.id and channel != "phone" and world.chance(0.12):
        into = customer.open_ticket
        yield world.after(20 * MINUTE)
        note(world, t, "ticket.merged", into_ticket_id=into)
        return
    customer.open_ticket = t.id
    solved = False
    if channel == "phone":
        solved = yield from call(world, t)
    elif channel == "chat":
        solved = yield from chat(world, t)
    elif t.by_customer and channel in ("email", "web"):
        yield world.now + 2 * SECOND
        note(world, t, "ticket.message", author="rule", public=True)
    if not solved:
        yield from correspond(world, t)
    yield from _afterwards(world, t)


def _create(world: World, customer: Customer, channel: str, issue: str, product: str, cart: str | None) -> Ticket:
    priority = PRIORITIES.pick(world.rng)
    group = LIVE if channel in ("phone", "chat") else group_of(customer, issue)
    t = Ticket(f"T{world.number()}", customer, channel, issue, product, priority, group, world.now, cart=cart)
    labels = {"channel": channel, "priority": priority, "product": product, "group": group}
    if not world.chance(0.04):  # some come without a type
        labels["issue_type"] = issue
    if channel == "email" and world.chance(0.05):
        t.by_customer = False
        labels["created_by"] = "agent" if world.chance(0.7) else "rule"
    note(world, t, "ticket.created", **labels)
    return t


def score(world: World, t: Ticket) -> float:
    """What the service was like, about -2 to 1: waiting, solving, touches, reopenings, who did it, and luck."""
    waited = (t.answered if t.answered is not None else t.created + 60 * SECOND) - t.created
    took = world.now - t.created
    channel = CHANNEL[t.channel]
    return (
        0.84
        + 0.30 * t.customer.mood
        + 0.28 * (t.agent.skill if t.agent else 0.0)
        - 0.22 * log2(1 + waited / channel.answer)
        - 0.12 * log2(1 + took / channel.solution)
        - 0.50 * t.reopened
        - 0.12 * max(0, t.touches - 1)
        - 0.20 * t.escalated
        + world.rng.gauss(0, 0.38)
    )


def _afterwards(world: World, t: Ticket) -> Process:
    """After the solving: perhaps reopened, then the survey, what the customer does, and the closing."""
    customer = t.customer
    result = score(world, t)
    while t.reopened < 2 and world.chance(0.045 + (0.10 if result < 0 else 0.0)):
        yield world.after(9 * HOUR, 0.9)
        customer_writes(world, t, -0.5)
        set_status(world, t, "open")
        t.reopened += 1
        yield from correspond(world, t)
        result = score(world, t)
    if customer.open_ticket == t.id:
        customer.open_ticket = None
    customer.mood = 0.75 * customer.mood + 0.25 * max(-1.0, min(1.0, result))
    world.spawn(survey(world, customer, t.id, t.agent_id, result, solved=world.chance(0.9 + 0.1 * result)))
    if customer.active:
        shop.react(world, customer, result, t.issue, t.product, t.cart)
    yield world.now + 4 * DAY
    set_status(world, t, "closed")
