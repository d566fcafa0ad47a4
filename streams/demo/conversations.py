"""How agents and customers deal with a ticket: by phone, in a chat, in writing."""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import dataclass
from math import exp

from streams.core.temporal.instants import HOUR, MINUTE, SECOND
from streams.demo.company import ACCOUNTS, BILLING, CARE, CHANNEL, ISSUE, LIVE, TECHNICAL, Agent
from streams.demo.world import Customer, Process, World
from streams.kafka.topics import TICKETS


@dataclass(slots=True)
class Ticket:
    id: str
    customer: Customer
    channel: str
    issue: str
    product: str
    priority: str
    group: str
    created: int
    by_customer: bool = True
    cart: str | None = None
    answered: int | None = None
    status: str = "new"
    touches: int = 0
    reopened: int = 0
    escalated: bool = False
    agent: Agent | None = None

    @property
    def agent_id(self) -> str | None:
        return self.agent.id if self.agent else None


def note(world: World, t: Ticket, kind: str, /, **fields: object) -> None:
    world.emit(TICKETS, t.customer.id, kind, ticket_id=t.id, **fields)


def group_of(customer: Customer, issue: str) -> str:
    if customer.segment == "enterprise" and issue != "defect":
        return ACCOUNTS
    return ISSUE[issue].group


def set_status(world: World, t: Ticket, status: str) -> None:
    if t.status != status:
        t.status = status
        note(world, t, "ticket.status_changed", status=status)


def _assign(world: World, t: Ticket, agent: Agent) -> None:
    if t.agent is not agent:
        t.agent = agent
        note(world, t, "ticket.updated", agent_id=agent.id, group=agent.group)
    set_status(world, t, "open")


def _reply(world: World, t: Ticket, agent: Agent) -> None:
    note(world, t, "ticket.message", author="agent", public=True, agent_id=agent.id)
    t.touches += 1
    if t.answered is None:
        t.answered = world.now


def customer_writes(world: World, t: Ticket, feeling: float | None = None) -> None:
    note(world, t, "ticket.message", author="customer")
    if world.chance(0.3):
        if feeling is None:
            feeling = t.customer.mood
        score = max(-1.0, min(1.0, world.rng.gauss(feeling, 0.35)))
        note(world, t, "ticket.sentiment", score=round(score, 2))


def call(world: World, t: Ticket) -> Generator[int, None, bool]:
    """A phone call; False if the caller gave up or was promised an answer in writing."""
    rng = world.rng
    talk = int((2 + rng.expovariate(1 / 4.5)) * MINUTE)
    wrap = int(rng.uniform(0.6, 2.5) * MINUTE)
    patience = int(4 * MINUTE * exp(rng.gauss(0, 0.5)))
    taken = world.roster.begin(LIVE, world.now + 4 * SECOND, talk + wrap, patience)
    if taken is None:
        yield world.now + patience
        t.group = CARE
        note(world, t, "ticket.updated", group=CARE)
        return False
    agent, start = taken
    yield start
    _assign(world, t, agent)
    _reply(world, t, agent)
    yield start + talk
    hold = rng.randrange(10, 150) if world.chance(0.25) else 0
    note(
        world,
        t,
        "ticket.handled",
        agent_id=agent.id,
        talk_seconds=talk // SECOND,
        hold_seconds=hold,
        after_call_seconds=wrap // SECOND,
    )
    yield start + talk + wrap
    if world.chance(ISSUE[t.issue].done + 0.2):
        set_status(world, t, "solved")
        return True
    t.group = group_of(t.customer, t.issue)
    return False


def chat(world: World, t: Ticket) -> Generator[int, None, bool]:
    """A chat: a bot first, then an agent, who has others going at the same time."""
    yield world.now + world.rng.randrange(900, 3000)
    note(world, t, "ticket.message", author="bot", public=True)
    yield world.after(40 * SECOND)
    customer_writes(world, t)
    if t.issue in ("delivery", "how_to", "login") and world.chance(0.2):
        yield world.after(30 * SECOND)
        note(world, t, "ticket.message", author="bot", public=True)
        yield world.after(90 * SECOND)
        set_status(world, t, "solved")
        return True
    turns = 1 + int(world.rng.expovariate(0.7))
    taken = world.roster.begin(LIVE, world.now + 8 * SECOND, (turns + 1) * 100 * SECOND, 7 * MINUTE)
    if taken is None:
        yield world.now + 7 * MINUTE
        t.group = CARE
        note(world, t, "ticket.updated", group=CARE)
        return False
    agent, start = taken
    yield start
    _assign(world, t, agent)
    yield world.after(35 * SECOND)
    _reply(world, t, agent)
    began = start
    for _ in range(turns):
        yield world.after(55 * SECOND)
        customer_writes(world, t)
        yield world.after(45 * SECOND)
        note(world, t, "ticket.message", author="agent", public=True, agent_id=agent.id)
    note(
        world,
        t,
        "ticket.handled",
        agent_id=agent.id,
        after_call_seconds=min((turns + 1) * 100, (world.now - began) // SECOND),
    )
    if world.chance(ISSUE[t.issue].done + 0.18):
        yield world.after(20 * SECOND)
        set_status(world, t, "solved")
        return True
    t.group = group_of(t.customer, t.issue)
    return False


def correspond(world: World, t: Ticket) -> Process:
    """Replies and answers in writing until the ticket is solved."""
    rng = world.rng
    while True:
        issue = ISSUE[t.issue]
        hurry = 0.3 if t.priority in ("urgent", "high") else 1.0
        yield world.after(max(5.0, CHANNEL[t.channel].look) * MINUTE * hurry, 0.8)
        work = int(issue.minutes * MINUTE * exp(rng.gauss(0, 0.45)))
        group = CARE if t.group == LIVE else t.group
        taken = world.roster.begin(group, world.now, work)
        assert taken is not None  # no patience was named
        agent, start = taken
        yield start
        _assign(world, t, agent)
        if world.chance(0.08):
            note(world, t, "ticket.message", author="agent", public=False, agent_id=agent.id)
        yield start + work
        note(world, t, "ticket.handled", agent_id=agent.id, after_call_seconds=work // SECOND)
        if not t.escalated and world.chance(issue.escalates):
            t.escalated = True
            t.group = TECHNICAL if t.issue in ("defect", "login", "how_to") else BILLING
            note(world, t, "ticket.escalated", level=2)
            note(world, t, "ticket.updated", group=t.group, priority="high")
            t.priority = "high"
            continue
        _reply(world, t, agent)
        if world.chance(issue.done + 0.06 * agent.skill + 0.08 * t.touches):
            set_status(world, t, "solved")
            return
        if world.chance(0.1):
            set_status(world, t, "on_hold")
            yield world.after(20 * HOUR)
            continue
        set_status(world, t, "pending")
        yield world.after(2.5 * HOUR, 1.0)
        if world.chance(0.1):  # no answer: taken as solved
            set_status(world, t, "solved")
            return
        customer_writes(world, t)
        set_status(world, t, "open")
