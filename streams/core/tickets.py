"""A ticket: its events read once, in order, into what it books and what its neighbours need to know.

Rules of this file (definitions.md, "Tickets" and "First contact resolution"):

* Nothing counts without ``ticket.created``; what precedes it starts and stops no clock and carries its labels.
* A sample carries the labels in force when it is booked: those set by events before it in the contract's order.
* A voided ticket leaves everything; a merged-away one leaves the ticket metrics, its touches stay.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from typing import Final, NamedTuple

from .events import (
    Key,
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
from .measures import NO_LABELS, UNKNOWN, Labels
from .policy import Policy, ServiceLevel
from .profile import Entry, Interval

__all__ = ["Repeat", "Ticket", "Touch", "read"]

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

    __slots__ = (
        "created", "entries", "intervals", "keys", "labels", "no_repeat", "solved", "touches", "voided",
    )  # fmt: skip

    def __init__(self) -> None:
        #: What it books, except for what depends on the customer's other tickets.
        self.entries: list[Entry] = []
        self.intervals: list[Interval] = []
        self.touches: list[Touch] = []
        #: Creation and first solving as its neighbours see them; None if it takes no part in ticket metrics.
        self.created: Repeat | None = None
        self.solved: Repeat | None = None
        #: To be booked if no contact repeats after the first solving.
        self.no_repeat: Entry | None = None
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
        self.entries = self.ticket.entries
        self.key = order(created)
        self.policy = policy
        self.created = at = created.occurred_at
        self.channel = created.channel
        self.issue_type = created.issue_type or UNKNOWN
        self.priority = created.priority or UNKNOWN
        self.assignee: str | None = None
        self.replier: str | None = None
        self.product = created.product or UNKNOWN
        self.group = created.group or UNKNOWN
        self.labels: Labels = (*self.told(), UNKNOWN)
        self.ticket.keys.append(self.key)
        self.ticket.labels.append(self.labels)
        self.ticket.created = Repeat(at, self.issue_type)
        self.merged = False
        self.solved = False
        #: The first-response clock: running until an agent answers or the ticket is solved.
        self.waiting = self.unacknowledged = (created.created_by or "customer") == "customer"
        self.last_solving: Entry | None = None
        self.reopened_first: int | None = None
        self.one_touch = False
        self.promises: list[ServiceLevel] = []
        #: Levels that hold: name -> since when.
        self.levels: dict[str, Key] = {}
        self.enter("tickets_created", self.labels)
        self.levels["tickets_open"] = self.key
        if self.waiting:
            self.levels["tickets_unanswered"] = self.key
            self.promises = [
                promise
                for promise in policy.service_levels
                if promise.metric == "first_response" and _matches(promise, self.labels)
            ]

    def told(self) -> Labels:
        """The labels that events tell, without the agent."""
        return (self.channel, self.issue_type, self.priority, self.product, self.group)

    def enter(self, name: str, labels: Labels, value: int = 1) -> None:
        """Books at the event that is being read."""
        self.entries.append((self.key, name, labels, value))

    def end(self, name: str) -> None:
        """Ends a level, if it holds, under the labels it had."""
        since = self.levels.pop(name, None)
        if since is not None:
            self.ticket.intervals.append((name, since, self.key, self.labels, 1))

    def before(self, event: TicketEvent) -> None:
        """What precedes the creation: only its touches and its end count."""
        self.key = order(event)
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
        self.key = order(event)
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
            self.enter("first_acknowledgement", by_author, at - self.created)
        if event.author != "agent":
            return
        if self.waiting:
            self.enter("first_response", by_author, at - self.created)
            self.kept(at)
            self.stop_waiting()
        self.touch(event, event.agent_id)
        if event.agent_id is not None and event.agent_id != self.replier:
            self.replier = event.agent_id
            self.relabel()

    def author(self, agent: str | None) -> Labels:
        """The labels of what an agent did; without a name, of whoever has the ticket."""
        return self.labels if agent is None else (*self.labels[:-1], agent)

    def touch(self, event: TicketMessage | TicketHandled, agent: str | None) -> None:
        self.ticket.touches.append(Touch(self.key, self.author(agent)))

    def handled(self, event: TicketHandled) -> None:
        seconds = (event.talk_seconds or 0) + (event.hold_seconds or 0) + (event.after_call_seconds or 0)
        self.enter("handle_ms", self.author(event.agent_id), round(seconds * 1000))
        if event.talk_seconds is not None:
            self.touch(event, event.agent_id)

    def stop_waiting(self) -> None:
        self.end("tickets_unanswered")
        self.waiting = False

    def kept(self, replied: int) -> None:
        """Decides the first-response promises by the reply: in time it is met, else the breach stays."""
        for promise in self.promises:
            deadline = self.created + promise.seconds * 1000
            if replied <= deadline:
                self.enter("sla_met", (promise.name,))
            else:
                self.entries.append((_at(deadline), "sla_breached", (promise.name,), 1))
        self.promises = []

    def breach(self, until: int | None) -> None:
        """Books the breaches of promises nobody kept, the future ones too; None: the clock still runs."""
        for promise in self.promises:
            deadline = self.created + promise.seconds * 1000
            if until is None or until > deadline:
                self.entries.append((_at(deadline), "sla_breached", (promise.name,), 1))
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
        self.enter("tickets_solved", self.labels)
        self.end("tickets_open")
        if self.waiting:
            self.breach(at)
            self.stop_waiting()
        self.unacknowledged = False
        if self.ticket.solved is None:
            self.ticket.solved = Repeat(at, self.issue_type)
            self.ticket.no_repeat = (self.key, "fcr_no_repeat", self.labels, 1)
            self.enter("first_resolution", self.labels, at - self.created)
            self.enter("first_solved", self.labels)
            self.one_touch = len(self.ticket.touches) == 1
        self.last_solving = (self.key, "full_resolution", self.labels, at - self.created)

    def reopening(self, at: int) -> None:
        self.enter("tickets_reopened", self.labels)
        self.levels["tickets_open"] = self.key
        if self.last_solving is not None:
            self.entries.append((self.last_solving[0], "solvings_reopened", self.last_solving[2], 1))
        if self.reopened_first is None:
            self.reopened_first = at
        self.last_solving = None

    def update(self, event: TicketUpdated) -> None:
        self.channel = event.channel or self.channel
        self.issue_type = event.issue_type or self.issue_type
        self.priority = event.priority or self.priority
        self.product = event.product or self.product
        self.group = event.group or self.group
        self.assignee = event.agent_id or self.assignee
        self.relabel()

    def relabel(self) -> None:
        """Takes new labels into force: levels move over to them, flows go on under them."""
        labels = (*self.told(), self.assignee or self.replier or UNKNOWN)
        if labels == self.labels:
            return
        holding = list(self.levels)
        for name in holding:
            self.end(name)
        self.labels = labels
        self.ticket.keys.append(self.key)
        self.ticket.labels.append(labels)
        self.levels = dict.fromkeys(holding, self.key)

    def finish(self) -> Ticket:
        ticket = self.ticket
        if ticket.voided:
            gone = Ticket()
            gone.voided = True
            return gone
        if self.merged:
            ticket.entries = []
            ticket.intervals = []
            ticket.created = ticket.solved = None
            return ticket
        if self.waiting:
            self.breach(None)
            ticket.intervals.append(("unanswered_since", ticket.keys[0], None, self.labels, self.created))
        ticket.intervals += [(name, since, None, self.labels, 1) for name, since in self.levels.items()]
        if self.last_solving is not None:
            self.entries.append(self.last_solving)
        if ticket.solved is not None:
            horizon = ticket.solved.at + self.policy.repeat
            if self.reopened_first is not None and self.reopened_first < horizon:
                ticket.solved = None  # neither one touch nor no repeat
            elif self.one_touch and ticket.no_repeat is not None:
                self.entries.append((ticket.no_repeat[0], "fcr_one_touch", ticket.no_repeat[2], 1))
        return ticket


def _at(instant: int) -> Key:
    """The key of an instant at which nothing happens, before whatever does."""
    return (instant, -1, "")


def _matches(promise: ServiceLevel, labels: Labels) -> bool:
    """Whether a ticket's labels at its start pass every filter of a promise."""
    channel, _, priority, *_ = labels
    return all(
        {"channel": channel, "priority": priority}.get(dimension, UNKNOWN) in admitted
        for dimension, admitted in promise.filter.items()
    )
