"""The life of a ticket from its creation to its closing, and its effects on the customer."""

from __future__ import annotations

from math import log2

from streams.core.temporal.instants import DAY, HOUR, MINUTE, SECOND
from streams.demo import shop
from streams.demo.company import CHANNEL, CHANNELS, ISSUES, LIVE, PRIORITIES, PRODUCTS
from streams.demo.conversations import (
    Ticket,
    call,
    chat,
    correspondence,
    customer_writes,
    emit_event,
    group_of,
    set_status,
)
from streams.demo.surveys import survey
from streams.demo.world import Customer, Process, World
from streams.kafka.topics import TICKETS


def contact(
    world: World,
    customer: Customer,
    *,
    channel: str | None = None,
    issue: str | None = None,
    product: str | None = None,
    cart: str | None = None,
) -> Process:
    """A contact from its first message to the closing of its ticket."""
    rng = world.rng
    channel = channel or CHANNELS.pick(rng)
    issue = issue or ISSUES.pick(rng)
    if channel == "chat" and world.chance(0.14):  # answered by the bot of the page: no ticket
        world.emit(TICKETS, customer.id, "contact.deflected", channel="chat", issue_type=issue, by="automation")
        return
    ticket = _create(world, customer, channel, issue, product or PRODUCTS.pick(rng), cart)
    if world.chance(0.012):
        yield world.after(25 * MINUTE)
        emit_event(world, ticket, "ticket.voided")
        return
    if customer.open_ticket and customer.open_ticket != ticket.id and channel != "phone" and world.chance(0.12):
        into_ticket_id = customer.open_ticket
        yield world.after(20 * MINUTE)
        emit_event(world, ticket, "ticket.merged", into_ticket_id=into_ticket_id)
        return
    customer.open_ticket = ticket.id
    solved = False
    if channel == "phone":
        solved = yield from call(world, ticket)
    elif channel == "chat":
        solved = yield from chat(world, ticket)
    elif ticket.by_customer and channel in ("email", "web"):
        yield world.now + 2 * SECOND
        emit_event(world, ticket, "ticket.message", author="rule", public=True)
    if not solved:
        yield from correspondence(world, ticket)
    yield from _aftermath(world, ticket)


def _create(world: World, customer: Customer, channel: str, issue: str, product: str, cart: str | None) -> Ticket:
    priority = PRIORITIES.pick(world.rng)
    group = LIVE if channel in ("phone", "chat") else group_of(customer, issue)
    ticket = Ticket(f"T{world.number()}", customer, channel, issue, product, priority, group, world.now, cart=cart)
    labels = {"channel": channel, "priority": priority, "product": product, "group": group}
    if not world.chance(0.04):  # some tickets have no type
        labels["issue_type"] = issue
    if channel == "email" and world.chance(0.05):
        ticket.by_customer = False
        labels["created_by"] = "agent" if world.chance(0.7) else "rule"
    emit_event(world, ticket, "ticket.created", **labels)
    return ticket


def service_score(world: World, ticket: Ticket) -> float:
    """The quality of the service, about -2 to 1: from times, touches, reopenings, the agent's skill, and chance."""
    answer_ms = 60 * SECOND if ticket.first_answer_at is None else ticket.first_answer_at - ticket.created_at
    solution_ms = world.now - ticket.created_at
    channel = CHANNEL[ticket.channel]
    return (
        0.84
        + 0.30 * ticket.customer.mood
        + 0.28 * (ticket.agent.skill if ticket.agent else 0.0)
        - 0.22 * log2(1 + answer_ms / channel.answer_ms)
        - 0.12 * log2(1 + solution_ms / channel.solution_ms)
        - 0.50 * ticket.reopenings
        - 0.12 * max(0, ticket.touches - 1)
        - 0.20 * ticket.escalated
        + world.rng.gauss(0, 0.38)
    )


def _aftermath(world: World, ticket: Ticket) -> Process:
    """Reopenings of a solved ticket, then its survey, the customer's reaction, and the closing."""
    customer = ticket.customer
    score = service_score(world, ticket)
    while ticket.reopenings < 2 and world.chance(0.045 + (0.10 if score < 0 else 0.0)):
        yield world.after(9 * HOUR, 0.9)
        customer_writes(world, ticket, -0.5)
        set_status(world, ticket, "open")
        ticket.reopenings += 1
        yield from correspondence(world, ticket)
        score = service_score(world, ticket)
    if customer.open_ticket == ticket.id:
        customer.open_ticket = None
    customer.mood = 0.75 * customer.mood + 0.25 * max(-1.0, min(1.0, score))
    world.spawn(survey(world, customer, ticket.id, ticket.agent_id, score, solved=world.chance(0.9 + 0.1 * score)))
    if customer.active:
        shop.react(world, customer, score, ticket.issue, ticket.product, ticket.cart)
    yield world.now + 4 * DAY
    set_status(world, ticket, "closed")
