"""A ticket, read from its events in order, once: what it books, and what other entities need of it (``view``).

Rules of this file (docs/definitions.md#tickets, docs/definitions.md#first-contact-resolution):

* Nothing counts without ``ticket.created``; what precedes it starts and stops no clock and carries its labels.
* A sample carries the labels in force when it is booked: those set by events before it in the contract's order.
* A duration is booked once, on the calendar and the business clock together.
* A voided ticket leaves everything; a merged-away one leaves the ticket metrics, its touches and sentiment stay.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

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
from streams.core.ledger.amounts import Kind, unpack_clocks
from streams.core.ledger.bookings import Entry
from streams.core.ledger.dimensions import LEVELS
from streams.core.ledger.measures import COUNT, LEVEL_COUNT, Measure, declare
from streams.core.policy import Policy
from streams.core.tickets.recorder import Recorder
from streams.core.tickets.view import SOLVED, WAITING, Clocks, Repeat, Ticket, Touch, Wait

__all__ = ["BOOKS", "read_ticket"]

#: The measures that need the business clock, which is most of a duration's cost.
_TIMED: Final = declare(
    **dict.fromkeys(
        ("first_response", "first_acknowledgement", "next_response", "first_resolution", "full_resolution"),
        Measure(Kind.TWO_CLOCKS),
    ),
    requester_wait_business_ms=COUNT,
)
_COUNTS: Final = (
    "tickets_created", "tickets_solved", "tickets_reopened", "tickets_escalated", "solved_unanswered",
    "solvings_reopened", "contacts_created", "handle_ms", "agent_messages", "requester_wait_ms", "fcr_one_touch",
    "fcr_one_session", "fcr_no_repeat",
)  # fmt: skip
_LEVELS: Final = ("tickets_open", "tickets_unanswered")
BOOKS: Final = _TIMED + declare(
    **dict.fromkeys(_COUNTS, COUNT),
    **dict.fromkeys(_LEVELS, LEVEL_COUNT),
    unanswered_since=Measure(Kind.INSTANT, LEVELS),
)


def read_ticket(events: Sequence[TicketEvent], policy: Policy) -> Ticket:
    """Reads a ticket's events, sorted by ``sort_key``."""
    created = next((event for event in events if type(event) is TicketCreated), None)
    if created is None:
        return Ticket.empty(voided=any(type(event) is TicketVoided for event in events))
    reader = _Reader(created, policy)
    start = events.index(created)
    for event in events[:start]:
        reader.take_before_creation(event)
    for event in events[start + 1 :]:
        reader.take(event)
    return reader.finish()


class _Reader(Recorder):
    """The state of one ticket while its events are read."""

    __slots__ = (
        "agent_messages", "awaits_acknowledgement", "awaits_first_response", "customers_start_waits", "first_contact",
        "first_reopening", "first_unanswered", "first_wait", "last_solving", "later_waits", "merged", "one_session",
        "status", "statuses", "unanswered_while_solved", "waited",
    )  # fmt: skip

    def __init__(self, created: TicketCreated, policy: Policy) -> None:
        super().__init__(created, policy, timed=policy.needs(*_TIMED))
        self.levels["tickets_open"] = self.key
        self.merged = False
        by_customer = (created.created_by or "customer") == "customer"
        #: The first-response clock runs until an agent answers or the ticket is solved.
        self.awaits_first_response = self.awaits_acknowledgement = by_customer
        self.first_wait = Wait(self.key, None, None) if by_customer else None
        #: True once a customer's message can start a wait for the next response.
        self.customers_start_waits = not by_customer
        self.first_unanswered: Key | None = None
        self.unanswered_while_solved: Key | None = None
        self.later_waits: list[Wait] = []
        self.status = "new"
        #: Each status with the instant it began.
        self.statuses: list[tuple[int, str]] = [(self.created, "new")]
        #: How long the requester waited before the status now, packed.
        self.waited = 0
        self.agent_messages = 0
        #: True while all touches so far are one session.
        self.one_session = True
        #: Entries at the last solving, unless it is reopened.
        self.last_solving: list[Entry] = []
        self.first_reopening: int | None = None
        self.first_contact: list[Entry] = []
        self.enter("tickets_created", self.labels)
        if by_customer:
            self.ticket.contact = Repeat(self.created, self.issue_type)
            self.enter("contacts_created", self.labels)
            self.levels["tickets_unanswered"] = self.key

    # -- events -----------------------------------------------------------------------------------------------

    def take_before_creation(self, event: TicketEvent) -> None:
        """Takes an event before the creation: it changes no state, but work that was done was done."""
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
            self.change_status(event.status, self.key[0])  # type: ignore[union-attr]
        elif kind is TicketUpdated:
            self.update(event)  # type: ignore[arg-type]
        elif kind is TicketHandled:
            self.handle(event)  # type: ignore[arg-type]
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
            self.start_wait()
            return
        if self.awaits_acknowledgement:
            self.awaits_acknowledgement = False
            agent = event.agent_id if event.author == "agent" else None
            self.enter("first_acknowledgement", self.author(agent), self.duration(self.created))
        if event.author == "agent":
            self.reply(event)

    def start_wait(self) -> None:
        """A customer's message starts a wait; on a solved ticket only a reopening makes it count."""
        if self.customers_start_waits:
            if self.status in SOLVED:
                self.unanswered_while_solved = self.unanswered_while_solved or self.key
            else:
                self.first_unanswered = self.first_unanswered or self.key

    def reply(self, event: TicketMessage) -> None:
        at, labels = self.key[0], self.author(event.agent_id)
        if self.awaits_first_response:
            self.enter("first_response", labels, self.duration(self.created))
            self.end_first_wait(replied=at)
        if self.first_unanswered is not None:
            self.enter("next_response", labels, self.duration(self.first_unanswered[0]))
            self.later_waits.append(Wait(self.first_unanswered, at, None))
        self.end_later_wait()
        self.touch(event.agent_id)
        if event.agent_id is not None and event.agent_id != self.replier:
            self.replier = event.agent_id
            self.relabel()

    def end_later_wait(self) -> None:
        self.first_unanswered = self.unanswered_while_solved = None
        self.customers_start_waits = True

    def end_first_wait(self, replied: int | None = None, dropped: int | None = None) -> None:
        self.end("tickets_unanswered")
        self.awaits_first_response = False
        self.first_wait = Wait(self.ticket.keys[0], replied, dropped)

    def touch(self, agent: str | None, call: bool = False) -> None:
        touches = self.ticket.touches
        if touches and self.key[0] - touches[-1].key[0] >= self.policy.session_gap_ms:
            self.one_session = False
        touches.append(Touch(self.key, self.author(agent)))
        if not call:
            self.agent_messages += 1

    def handle(self, event: TicketHandled) -> None:
        seconds = (event.talk_seconds or 0) + (event.hold_seconds or 0) + (event.after_call_seconds or 0)
        labels = self.author(event.agent_id)
        self.enter("handle_ms", labels, round(seconds * 1000))
        self.ticket.handlings.append(Touch(self.key, labels))
        if event.talk_seconds is not None:
            self.touch(event.agent_id, call=True)

    # -- statuses ---------------------------------------------------------------------------------------------

    def change_status(self, status: str, at: int) -> None:
        if status == self.status:
            return
        since, before = self.statuses[-1]
        if before in WAITING:
            self.waited += self.duration(since)
        self.status = status
        self.statuses.append((at, status))
        if (status in SOLVED) != (before in SOLVED):
            if status in SOLVED:
                self.solve(at)
            else:
                self.reopen(at)

    def solve(self, at: int) -> None:
        self.enter("tickets_solved", self.labels)
        self.end("tickets_open")
        if self.awaits_first_response:
            self.enter("solved_unanswered", self.labels)
            self.end_first_wait(dropped=at)
        if self.first_unanswered is not None:
            self.later_waits.append(Wait(self.first_unanswered, None, at))
        self.end_later_wait()
        self.awaits_acknowledgement = False
        duration = self.duration(self.created)
        if self.ticket.solved is None:
            self.ticket.solved = Repeat(at, self.issue_type)
            self.enter("first_resolution", self.labels, duration)
            self.solve_first()
        self.last_solving = [(self.key, "full_resolution", self.labels, duration)]
        waited_ms, waited_business_ms = unpack_clocks(self.waited)
        for name, amount in (
            ("requester_wait_ms", waited_ms),
            ("requester_wait_business_ms", waited_business_ms),
            ("agent_messages", self.agent_messages),
        ):
            if amount:
                self.last_solving.append((self.key, name, self.labels, amount))

    def solve_first(self) -> None:
        """Notes how the first contact went so far; a reopening or a repetition may still take it back."""
        self.ticket.no_repeat = (self.key, "fcr_no_repeat", self.labels, 1)
        touches = self.ticket.touches
        if len(touches) == 1:
            self.first_contact.append((self.key, "fcr_one_touch", self.labels, 1))
        if touches and self.one_session:
            self.first_contact.append((self.key, "fcr_one_session", self.labels, 1))

    def reopen(self, at: int) -> None:
        self.enter("tickets_reopened", self.labels)
        self.levels["tickets_open"] = self.key
        key, _, labels, _ = self.last_solving[0]
        self.entries.append((key, "solvings_reopened", labels, 1))
        self.last_solving = []
        if self.first_reopening is None:
            self.first_reopening = at
        self.first_unanswered, self.unanswered_while_solved = self.unanswered_while_solved, None

    # -- the end ----------------------------------------------------------------------------------------------

    def finish(self) -> Ticket:
        ticket = self.ticket
        if ticket.voided:
            return Ticket.empty(voided=True)
        if self.merged:
            ticket.entries = []
            ticket.intervals = []
            ticket.handlings = []
            ticket.contact = ticket.solved = None
            return ticket
        if self.awaits_first_response:
            ticket.intervals.append(("unanswered_since", ticket.keys[0], None, self.labels, self.created))
        ticket.intervals += [(name, since, None, self.labels, 1) for name, since in self.levels.items()]
        self.entries += self.last_solving
        if ticket.solved is not None:
            if self.first_reopening is not None and self.first_reopening < ticket.solved.at + self.policy.repeat_ms:
                ticket.solved = None  # no first contact resolution of any kind
            else:
                self.entries += self.first_contact
        if self.first_unanswered is not None:
            self.later_waits.append(Wait(self.first_unanswered, None, None))
        ticket.clocks = Clocks(ticket.keys[0], self.first_wait, self.later_waits, self.statuses)
        self.drop_unbooked()
        return ticket
