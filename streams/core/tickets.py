"""A ticket: its events read once, in order, into what it books and what its neighbours need to know.

Rules of this file (definitions.md, "Tickets" and "First contact resolution"):

* Nothing counts without ``ticket.created``; what precedes it starts and stops no clock and carries its labels.
* A sample carries the labels in force when it is booked: those set by events before it in the contract's order.
* A voided ticket leaves everything; a merged-away one leaves the ticket metrics, its touches stay.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from typing import Final, NamedTuple, TypeAlias

from .events import (
    TicketCreated,
    TicketEvent,
    TicketHandled,
    TicketMerged,
    TicketMessage,
    TicketStatusChanged,
    TicketUpdated,
    TicketVoided,
    order,
)
from .ledger import Booking
from .measures import NO_LABELS, UNKNOWN, Labels
from .policy import Policy, ServiceLevel

__all__ = ["Repeat", "Ticket", "Touch", "read"]

Key: TypeAlias = tuple[int, int, str]
_SOLVED: Final = ("solved", "closed")


class Touch(NamedTuple):
    """A public agent message or a call, with the labels of its ticket at that moment."""

    key: Key
    labels: Labels


class Repeat(NamedTuple):
    """What decides whether contacts repeat: when, about what."""

    at: int
    issue_type: str


class Ticket:
    """What a ticket's events come to."""

    __slots__ = ("booked", "created", "keys", "labels", "solved", "solved_labels", "touches", "voided")

    def __init__(self) -> None:
        #: Its bookings, except those that depend on the customer's other tickets.
        self.booked: list[Booking] = []
        self.touches: list[Touch] = []
        #: Creation and first solving as its neighbours see them; None if it takes no part in ticket metrics.
        self.created: Repeat | None = None
        self.solved: Repeat | None = None
        self.solved_labels: Labels = NO_LABELS
        self.voided = False
        #: The labels from each change on, by the key of the event that made it.
        self.keys: list[Key] = []
        self.labels: list[Labels] = []

    def labels_at(self, key: Key) -> Labels:
        """The labels in force just after everything up to ``key``; before the creation those of the creation."""
        if not self.keys:
            return NO_LABELS
        return self.labels[max(bisect_right(self.keys, key) - 1, 0)]


def read(events: Sequence[TicketEvent], policy: Policy) -> Ticket:
    """Reads a ticket's events, sorted by ``order``."""
    created = next((event for event in events if type(event) is TicketCreated), None)
    if created is None:
        nobody = Ticket()
        nobody.voided = any(type(event) is TicketVoided for event in events)
        return nobody
    reader = _Reader(created, policy)
    start = events.index(created)
    for event in events[:start]:
        reader.before(event)
    for event in events[start + 1 :]:
        reader.take(event)
    return reader.finish()


class _Reader:
    """The state of one ticket while its events are read."""

    def __init__(self, created: TicketCreated, policy: Policy) -> None:
        self.ticket = Ticket()
        self.book = self.ticket.booked
        self.policy = policy
        self.created = at = created.occurred_at
        self.channel = created.channel
        self.issue_type = created.issue_type or UNKNOWN
        self.priority = created.priority or UNKNOWN
        self.assignee: str | None = None
        self.replier: str | None = None
        self.labels: Labels = (self.channel, self.issue_type, self.priority, UNKNOWN)
        self.ticket.keys.append(order(created))
        self.ticket.labels.append(self.labels)
        self.ticket.created = Repeat(at, self.issue_type)
        self.merged = False
        self.solved = False
        #: The first-response clock: running until an agent answers or the ticket is solved.
        self.waiting = self.unacknowledged = (created.created_by or "customer") == "customer"
        self.last_solving: Booking | None = None
        self.reopened_first: int | None = None
        self.one_touch = False
        self.promises: list[ServiceLevel] = []
        self.book.append((at, "tickets_created", self.labels, 1))
        self.level(at, "tickets_open", 1)
        if self.waiting:
            self.level(at, "tickets_unanswered", 1)
            self.promises = [
                promise
                for promise in policy.service_levels
                if promise.metric == "first_response" and _matches(promise, self.labels)
            ]

    def level(self, at: int, name: str, step: int) -> None:
        self.book.append((at, name, self.labels, step))

    def before(self, event: TicketEvent) -> None:
        """What precedes the creation: only its touches and its end count."""
        if type(event) is TicketMessage:
            if event.author == "agent" and event.public is not False:
                self.touch(event, event.agent_id)
        elif type(event) is TicketHandled:
            self.handled(event)
        elif type(event) is TicketMerged:
            self.merged = True
        elif type(event) is TicketVoided:
            self.ticket.voided = True

    def take(self, event: TicketEvent) -> None:
        kind = type(event)
        if kind is TicketMessage:
            self.message(event)  # type: ignore[arg-type]
        elif kind is TicketStatusChanged:
            self.status(event)  # type: ignore[arg-type]
        elif kind is TicketUpdated:
            self.update(event)  # type: ignore[arg-type]
        elif kind is TicketHandled:
            self.handled(event)  # type: ignore[arg-type]
        elif kind is TicketMerged:
            self.merged = True
        elif kind is TicketVoided:
            self.ticket.voided = True

    def message(self, event: TicketMessage) -> None:
        if event.author == "customer" or event.public is False:
            return
        at = event.occurred_at
        by_author = self.author(event.agent_id) if event.author == "agent" else self.labels
        if self.unacknowledged:
            self.unacknowledged = False
            self.book.append((at, "first_acknowledgement", by_author, at - self.created))
        if event.author != "agent":
            return
        if self.waiting:
            self.book.append((at, "first_response", by_author, at - self.created))
            self.kept(at)
            self.stop_waiting(at)
        self.touch(event, event.agent_id)
        if event.agent_id is not None and event.agent_id != self.replier:
            self.replier = event.agent_id
            self.relabel(event)

    def author(self, agent: str | None) -> Labels:
        """The labels of what an agent did; without a name, of whoever has the ticket."""
        return self.labels if agent is None else (*self.labels[:-1], agent)

    def touch(self, event: TicketMessage | TicketHandled, agent: str | None) -> None:
        self.ticket.touches.append(Touch(order(event), self.author(agent)))

    def handled(self, event: TicketHandled) -> None:
        seconds = (event.talk_seconds or 0) + (event.hold_seconds or 0) + (event.after_call_seconds or 0)
        self.book.append((event.occurred_at, "handle_ms", self.author(event.agent_id), round(seconds * 1000)))
        if event.talk_seconds is not None:
            self.touch(event, event.agent_id)

    def stop_waiting(self, at: int) -> None:
        self.level(at, "tickets_unanswered", -1)
        self.waiting = False

    def kept(self, replied: int) -> None:
        """Decides the first-response promises by the reply: in time it is met, else the breach stays."""
        for promise in self.promises:
            deadline = self.created + promise.seconds * 1000
            if replied <= deadline:
                self.book.append((replied, "sla_met", (promise.name,), 1))
            else:
                self.book.append((deadline, "sla_breached", (promise.name,), 1))
        self.promises = []

    def breach(self, until: int | None) -> None:
        """Books the breaches of promises nobody kept, the future ones too; None: the clock still runs."""
        for promise in self.promises:
            deadline = self.created + promise.seconds * 1000
            if until is None or until > deadline:
                self.book.append((deadline, "sla_breached", (promise.name,), 1))
        self.promises = []

    def status(self, event: TicketStatusChanged) -> None:
        solved = event.status in _SOLVED
        if solved == self.solved:
            return
        self.solved = solved
        at = event.occurred_at
        if solved:
            self.solving(at)
        else:
            self.reopening(at)

    def solving(self, at: int) -> None:
        self.book.append((at, "tickets_solved", self.labels, 1))
        self.level(at, "tickets_open", -1)
        if self.waiting:
            self.breach(at)
            self.stop_waiting(at)
        self.unacknowledged = False
        if self.ticket.solved is None:
            self.ticket.solved = Repeat(at, self.issue_type)
            self.ticket.solved_labels = self.labels
            self.book.append((at, "first_resolution", self.labels, at - self.created))
            self.book.append((at, "first_solved", self.labels, 1))
            self.one_touch = len(self.ticket.touches) == 1
        self.last_solving = (at, "full_resolution", self.labels, at - self.created)

    def reopening(self, at: int) -> None:
        self.book.append((at, "tickets_reopened", self.labels, 1))
        self.level(at, "tickets_open", 1)
        if self.last_solving is not None:
            self.book.append((self.last_solving[0], "solvings_reopened", self.last_solving[2], 1))
        if self.reopened_first is None:
            self.reopened_first = at
        self.last_solving = None

    def update(self, event: TicketUpdated) -> None:
        self.channel = event.channel or self.channel
        self.issue_type = event.issue_type or self.issue_type
        self.priority = event.priority or self.priority
        self.assignee = event.agent_id or self.assignee
        self.relabel(event)

    def relabel(self, event: TicketEvent) -> None:
        """Takes new labels into force: levels move over to them, flows go on under them."""
        labels = (self.channel, self.issue_type, self.priority, self.assignee or self.replier or UNKNOWN)
        if labels == self.labels:
            return
        holding = (("tickets_open", not self.solved), ("tickets_unanswered", self.waiting))
        levels = [name for name, holds in holding if holds]
        for name in levels:
            self.level(event.occurred_at, name, -1)
        self.labels = labels
        self.ticket.keys.append(order(event))
        self.ticket.labels.append(labels)
        for name in levels:
            self.level(event.occurred_at, name, 1)

    def finish(self) -> Ticket:
        ticket = self.ticket
        if ticket.voided:
            gone = Ticket()
            gone.voided = True
            return gone
        if self.merged:
            ticket.booked = []
            ticket.created = ticket.solved = None
            return ticket
        if self.waiting:
            self.breach(None)
            self.book.append((self.created, "unanswered_since", self.labels, self.created))
        if self.last_solving is not None:
            self.book.append(self.last_solving)
        if ticket.solved is not None:
            horizon = ticket.solved.at + self.policy.repeat
            if self.reopened_first is not None and self.reopened_first < horizon:
                ticket.solved = None  # neither one touch nor no repeat
            elif self.one_touch:
                self.book.append((ticket.solved.at, "fcr_one_touch", ticket.solved_labels, 1))
        return ticket


def _matches(promise: ServiceLevel, labels: Labels) -> bool:
    """Whether a ticket's labels at its start pass every filter of a promise."""
    channel, _, priority, _ = labels
    return all(
        {"channel": channel, "priority": priority}.get(dimension, UNKNOWN) in admitted
        for dimension, admitted in promise.filter.items()
    )
