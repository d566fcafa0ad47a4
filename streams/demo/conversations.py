"""Conversations about a ticket: a phone call, a chat, correspondence in writing."""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import dataclass
from math import exp
from typing import TypeAlias

from streams.core.temporal.instants import HOUR, MINUTE, SECOND
from streams.demo.company import ACCOUNTS, BILLING, CARE, CHANNEL, ISSUE, LIVE, TECHNICAL, Agent
from streams.demo.world import Customer, Process, World
from streams.kafka.topics import TICKETS

#: Steps of a conversation; the result is true if it solved the ticket.
Conversation: TypeAlias = Generator[int, None, bool]


@dataclass(slots=True)
class Ticket:
    """A simulated ticket."""

    id: str
    customer: Customer
    channel: str
    issue: str
    product: str
    priority: str
    group: str
    created_at: int
    by_customer: bool = True
    cart: str | None = None
    first_answer_at: int | None = None
    status: str = "new"
    touches: int = 0
    reopenings: int = 0
    escalated: bool = False
    agent: Agent | None = None

    @property
    def agent_id(self) -> str | None:
        """The id of its agent; None before it has one."""
        return self.agent.id if self.agent else None


def emit_event(world: World, ticket: Ticket, kind: str, /, **fields: object) -> None:
    """Adds an event of the ticket at the present instant."""
    world.emit(TICKETS, ticket.customer.id, kind, ticket_id=ticket.id, **fields)


def group_of(customer: Customer, issue: str) -> str:
    """The group that handles an issue of a customer in writing."""
    if customer.segment == "enterprise" and issue != "defect":
        return ACCOUNTS
    return ISSUE[issue].group


def set_status(world: World, ticket: Ticket, status: str) -> None:
    """Changes the status, with an event if it is another one."""
    if ticket.status != status:
        ticket.status = status
        emit_event(world, ticket, "ticket.status_changed", status=status)


def _assign(world: World, ticket: Ticket, agent: Agent) -> None:
    if ticket.agent is not agent:
        ticket.agent = agent
        emit_event(world, ticket, "ticket.updated", agent_id=agent.id, group=agent.group)
    set_status(world, ticket, "open")


def _transfer(world: World, ticket: Ticket, group: str) -> None:
    ticket.group = group
    emit_event(world, ticket, "ticket.updated", group=group)


def _reply(world: World, ticket: Ticket, agent: Agent) -> None:
    emit_event(world, ticket, "ticket.message", author="agent", public=True, agent_id=agent.id)
    ticket.touches += 1
    if ticket.first_answer_at is None:
        ticket.first_answer_at = world.now


def customer_writes(world: World, ticket: Ticket, mood: float | None = None) -> None:
    """A message of the customer, sometimes with a sentiment around ``mood`` (default: the customer's)."""
    emit_event(world, ticket, "ticket.message", author="customer")
    if world.chance(0.3):
        if mood is None:
            mood = ticket.customer.mood
        sentiment = max(-1.0, min(1.0, world.rng.gauss(mood, 0.35)))
        emit_event(world, ticket, "ticket.sentiment", score=round(sentiment, 2))


def call(world: World, ticket: Ticket) -> Conversation:
    """A phone call; not solved if the caller hangs up or is promised an answer in writing."""
    rng = world.rng
    talk_ms = int((2 + rng.expovariate(1 / 4.5)) * MINUTE)
    after_call_ms = int(rng.uniform(0.6, 2.5) * MINUTE)
    patience = int(4 * MINUTE * exp(rng.gauss(0, 0.5)))
    turn = world.roster.begin(LIVE, world.now + 4 * SECOND, talk_ms + after_call_ms, patience)
    if turn is None:
        yield world.now + patience
        _transfer(world, ticket, CARE)
        return False
    agent, start = turn
    yield start
    _assign(world, ticket, agent)
    _reply(world, ticket, agent)
    yield start + talk_ms
    hold_seconds = rng.randrange(10, 150) if world.chance(0.25) else 0
    emit_event(
        world,
        ticket,
        "ticket.handled",
        agent_id=agent.id,
        talk_seconds=talk_ms // SECOND,
        hold_seconds=hold_seconds,
        after_call_seconds=after_call_ms // SECOND,
    )
    yield start + talk_ms + after_call_ms
    if world.chance(ISSUE[ticket.issue].solve_probability + 0.2):
        set_status(world, ticket, "solved")
        return True
    ticket.group = group_of(ticket.customer, ticket.issue)
    return False


def chat(world: World, ticket: Ticket) -> Conversation:
    """A chat: a bot first, then an agent who has several chats at once."""
    if (yield from _bot_chat(world, ticket)):
        return True
    exchanges = 1 + int(world.rng.expovariate(0.7))
    turn = world.roster.begin(LIVE, world.now + 8 * SECOND, (exchanges + 1) * 100 * SECOND, 7 * MINUTE)
    if turn is None:
        yield world.now + 7 * MINUTE
        _transfer(world, ticket, CARE)
        return False
    agent, start = turn
    yield start
    _assign(world, ticket, agent)
    yield world.after(35 * SECOND)
    _reply(world, ticket, agent)
    for _ in range(exchanges):
        yield world.after(55 * SECOND)
        customer_writes(world, ticket)
        yield world.after(45 * SECOND)
        emit_event(world, ticket, "ticket.message", author="agent", public=True, agent_id=agent.id)
    handle_seconds = min((exchanges + 1) * 100, (world.now - start) // SECOND)
    emit_event(world, ticket, "ticket.handled", agent_id=agent.id, after_call_seconds=handle_seconds)
    if world.chance(ISSUE[ticket.issue].solve_probability + 0.18):
        yield world.after(20 * SECOND)
        set_status(world, ticket, "solved")
        return True
    ticket.group = group_of(ticket.customer, ticket.issue)
    return False


def _bot_chat(world: World, ticket: Ticket) -> Conversation:
    yield world.now + world.rng.randrange(900, 3000)
    emit_event(world, ticket, "ticket.message", author="bot", public=True)
    yield world.after(40 * SECOND)
    customer_writes(world, ticket)
    if ticket.issue not in ("delivery", "how_to", "login") or not world.chance(0.2):
        return False
    yield world.after(30 * SECOND)
    emit_event(world, ticket, "ticket.message", author="bot", public=True)
    yield world.after(90 * SECOND)
    set_status(world, ticket, "solved")
    return True


def correspondence(world: World, ticket: Ticket) -> Process:
    """Replies and answers in writing until the ticket is solved."""
    rng = world.rng
    while True:
        issue = ISSUE[ticket.issue]
        hurry = 0.3 if ticket.priority in ("urgent", "high") else 1.0
        yield world.after(max(5.0, CHANNEL[ticket.channel].delay_minutes) * MINUTE * hurry, 0.8)
        work_ms = int(issue.minutes * MINUTE * exp(rng.gauss(0, 0.45)))
        turn = world.roster.begin(CARE if ticket.group == LIVE else ticket.group, world.now, work_ms)
        assert turn is not None  # without patience there is always one
        agent, start = turn
        yield start
        _assign(world, ticket, agent)
        if world.chance(0.08):
            emit_event(world, ticket, "ticket.message", author="agent", public=False, agent_id=agent.id)
        yield start + work_ms
        emit_event(world, ticket, "ticket.handled", agent_id=agent.id, after_call_seconds=work_ms // SECOND)
        if not ticket.escalated and world.chance(issue.escalate_probability):
            _escalate(world, ticket)
            continue
        _reply(world, ticket, agent)
        if world.chance(issue.solve_probability + 0.06 * agent.skill + 0.08 * ticket.touches):
            set_status(world, ticket, "solved")
            return
        if world.chance(0.1):
            set_status(world, ticket, "on_hold")
            yield world.after(20 * HOUR)
            continue
        set_status(world, ticket, "pending")
        yield world.after(2.5 * HOUR, 1.0)
        if world.chance(0.1):  # no answer counts as solved
            set_status(world, ticket, "solved")
            return
        customer_writes(world, ticket)
        set_status(world, ticket, "open")


def _escalate(world: World, ticket: Ticket) -> None:
    ticket.escalated = True
    ticket.group = TECHNICAL if ticket.issue in ("defect", "login", "how_to") else BILLING
    ticket.priority = "high"
    emit_event(world, ticket, "ticket.escalated", level=2)
    emit_event(world, ticket, "ticket.updated", group=ticket.group, priority="high")
