"""A ticket: its events read once, in order, into what it books and what others need to know (``ticket_view``).

Rules of this file (definitions.md, "Tickets" and "First contact resolution"):

* Nothing counts without ``ticket.created``; what precedes it starts and stops no clock and carries its labels.
* A sample carries the labels in force when it is booked: those set by events before it in the contract's order.
* A duration is booked once, on the calendar and the business clock together.
* A voided ticket leaves everything; a merged-away one leaves the ticket metrics, its touches and sentiment stay.
"""

from __future__ import annotations

from collections.abc import Sequence

from streams.core.events.keys import Key, sort_key
from streams.core.events.types import (
    TicketCreated,
    TicketEscalated,
    TicketEvent,
    TicketHandled,
    TicketMerged,
    TicketMessage,
    TicketSentiment,
    TicketStatusChanged,
    TicketUpdated,
    TicketVoided,
)
from streams.core.ledger.amounts import unpack_clocks
from streams.core.ledger.bookings import Entry
from streams.core.policy import Policy
from streams.core.tickets.recorder import Recorder
from streams.core.tickets.view import SOLVED, WAITING, Clocks, Repeat, Ticket, Touch, Wait

__all__ = ["Repeat", "Ticket", "Touch", "read_ticket"]


def read_ticket(events: Sequence[TicketEvent], policy: Policy) -> Ticket:
    """Reads a ticket's events, sorted by ``sort_key``."""
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


class _Reader(Recorder):
    """The state of one ticket while its events are read."""

    __slots__ = (
        "armed", "first_contact", "first_unanswered", "held", "last_solving", "later_responses", "merged", "messages",
        "one_session", "reopened_first", "response", "status", "statuses", "unacknowledged", "waited", "waiting",
    )  # fmt: skip

    def __init__(self, created: TicketCreated, policy: Policy) -> None:
        super().__init__(created, policy)
        at = self.created
        self.levels["tickets_open"] = self.key
        self.ticket.created = Repeat(at, self.issue_type)
        self.merged = False
        by_customer = (created.created_by or "customer") == "customer"
        #: The first-response clock: running until an agent answers or the ticket is solved.
        self.waiting = self.unacknowledged = by_customer
        self.response = Wait(self.key, None, None) if by_customer else None
        #: Whether customers' messages start waits; the first one unanswered, and one held while solved.
        self.armed = not by_customer
        self.first_unanswered: Key | None = None
        self.held: Key | None = None
        self.later_responses: list[Wait] = []
        #: The status now, each since when; what the requester waited before it, on both clocks.
        self.status = "new"
        self.statuses: list[tuple[int, str]] = [(at, "new")]
        self.waited = 0
        self.messages = 0
        #: Whether all touches so far are one session.
        self.one_session = True
        #: What is booked at the last solving unless it is reopened.
        self.last_solving: list[Entry] = []
        self.reopened_first: int | None = None
        self.first_contact: list[Entry] = []
        self.enter("tickets_created", self.labels)
        if by_customer:
            self.enter("contacts_created", self.labels)
            self.levels["tickets_unanswered"] = self.key

    # -- events -----------------------------------------------------------------------------------------------

    def before(self, event: TicketEvent) -> None:
        """What precedes the creation: it changes no state, but work that was done was done."""
        if type(event) is TicketMessage:
            if event.author == "agent" and event.public is not False:
                self.key = sort_key(event)
                self.touch(event.agent_id)
        elif type(event) not in (TicketStatusChanged, TicketUpdated):
            self.take(event)

    def take(self, event: TicketEvent) -> None:
        self.key = sort_key(event)
        kind = type(event)
        if kind is TicketMessage:
            self.message(event)  # type: ignore[arg-type]
        elif kind is TicketStatusChanged:
            self.change(event.status, self.key[0])  # type: ignore[union-attr]
        elif kind is TicketUpdated:
            self.update(event)  # type: ignore[arg-type]
        elif kind is TicketHandled:
            self.handled(event)  # type: ignore[arg-type]
        elif kind is TicketEscalated:
            self.enter("tickets_escalated", self.labels)
        elif kind is TicketSentiment:
            self.ticket.sentiments.append((self.key, self.labels, event.score))  # type: ignore[union-attr]
        elif kind is TicketMerged:
            self.merged = True
        elif kind is TicketVoided:
            self.ticket.voided = True

    def message(self, event: TicketMessage) -> None:
        if event.public is False:
            return
        if event.author == "customer":
            self.ask()
            return
        if self.unacknowledged:
            self.unacknowledged = False
            agent = event.agent_id if event.author == "agent" else None
            self.enter("first_acknowledgement", self.author(agent), self.took(self.created))
        if event.author == "agent":
            self.reply(event)

    def ask(self) -> None:
        """A customer's message starts a wait; on a solved ticket only a reopening makes it count."""
        if self.armed:
            if self.status in SOLVED:
                self.held = self.held or self.key
            else:
                self.first_unanswered = self.first_unanswered or self.key

    def reply(self, event: TicketMessage) -> None:
        at, labels = self.key[0], self.author(event.agent_id)
        if self.waiting:
            self.enter("first_response", labels, self.took(self.created))
            self.stop_waiting(replied=at)
        if self.first_unanswered is not None:
            self.enter("next_response", labels, self.took(self.first_unanswered[0]))
            self.later_responses.append(Wait(self.first_unanswered, at, None))
        self.first_unanswered = self.held = None
        self.armed = True
        self.touch(event.agent_id)
        if event.agent_id is not None and event.agent_id != self.replier:
            self.replier = event.agent_id
            self.relabel()

    def stop_waiting(self, replied: int | None = None, dropped: int | None = None) -> None:
        self.end("tickets_unanswered")
        self.waiting = False
        self.response = Wait(self.ticket.keys[0], replied, dropped)

    def touch(self, agent: str | None, call: bool = False) -> None:
        touches = self.ticket.touches
        if touches and self.key[0] - touches[-1].key[0] >= self.policy.session_gap_ms:
            self.one_session = False
        touches.append(Touch(self.key, self.author(agent)))
        if not call:
            self.messages += 1

    def handled(self, event: TicketHandled) -> None:
        seconds = (event.talk_seconds or 0) + (event.hold_seconds or 0) + (event.after_call_seconds or 0)
        labels = self.author(event.agent_id)
        self.enter("handle_ms", labels, round(seconds * 1000))
        self.ticket.handlings.append(Touch(self.key, labels))
        if event.talk_seconds is not None:
            self.touch(event.agent_id, call=True)

    # -- statuses ---------------------------------------------------------------------------------------------

    def change(self, status: str, at: int) -> None:
        if status == self.status:
            return
        since, before = self.statuses[-1]
        if before in WAITING:
            self.waited += self.took(since)
        self.status = status
        self.statuses.append((at, status))
        if (status in SOLVED) != (before in SOLVED):
            if status in SOLVED:
                self.solving(at)
            else:
                self.reopening(at)

    def solving(self, at: int) -> None:
        self.enter("tickets_solved", self.labels)
        self.end("tickets_open")
        if self.waiting:
            self.enter("solved_unanswered", self.labels)
            self.stop_waiting(dropped=at)
        if self.first_unanswered is not None:
            self.later_responses.append(Wait(self.first_unanswered, None, at))
        self.first_unanswered = self.held = None
        self.armed = True
        self.unacknowledged = False
        took = self.took(self.created)
        if self.ticket.solved is None:
            self.ticket.solved = Repeat(at, self.issue_type)
            self.enter("first_resolution", self.labels, took)
            self.first_solving()
        self.last_solving = [(self.key, "full_resolution", self.labels, took)]
        waited, waited_business = unpack_clocks(self.waited)
        for name, amount in (
            ("requester_wait_ms", waited),
            ("requester_wait_business_ms", waited_business),
            ("agent_messages", self.messages),
        ):
            if amount:
                self.last_solving.append((self.key, name, self.labels, amount))

    def first_solving(self) -> None:
        """How the first contact went so far; a reopening or a repetition may still take it back."""
        self.ticket.no_repeat = (self.key, "fcr_no_repeat", self.labels, 1)
        touches = self.ticket.touches
        if len(touches) == 1:
            self.first_contact.append((self.key, "fcr_one_touch", self.labels, 1))
        if touches and self.one_session:
            self.first_contact.append((self.key, "fcr_one_session", self.labels, 1))

    def reopening(self, at: int) -> None:
        self.enter("tickets_reopened", self.labels)
        self.levels["tickets_open"] = self.key
        key, _, labels, _ = self.last_solving[0]
        self.entries.append((key, "solvings_reopened", labels, 1))
        self.last_solving = []
        if self.reopened_first is None:
            self.reopened_first = at
        self.first_unanswered, self.held = self.held, None

    # -- the end ----------------------------------------------------------------------------------------------

    def finish(self) -> Ticket:
        ticket = self.ticket
        if ticket.voided:
            gone = Ticket()
            gone.voided = True
            return gone
        if self.merged:
            ticket.entries = []
            ticket.intervals = []
            ticket.handlings = []
            ticket.created = ticket.solved = None
            return ticket
        if self.waiting:
            ticket.intervals.append(("unanswered_since", ticket.keys[0], None, self.labels, self.created))
        ticket.intervals += [(name, since, None, self.labels, 1) for name, since in self.levels.items()]
        self.entries += self.last_solving
        if ticket.solved is not None:
            if self.reopened_first is not None and self.reopened_first < ticket.solved.at + self.policy.repeat_ms:
                ticket.solved = None  # no first contact resolution of any kind
            else:
                self.entries += self.first_contact
        if self.first_unanswered is not None:
            self.later_responses.append(Wait(self.first_unanswered, None, None))
        ticket.clocks = Clocks(ticket.keys[0], self.response, self.later_responses, self.statuses)
        self.drop_unbooked()
        return ticket
