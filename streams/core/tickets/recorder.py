"""What a ticket books with: the labels in force, the levels that hold, durations on both clocks.

Rules of this file: labels are those set by events before the one that is being read; where they change, levels move
over to the new ones; an agent's own name stands before whoever has the ticket.
"""

from __future__ import annotations

from typing import Final

from streams.core.events.keys import Key, sort_key
from streams.core.events.types import TicketCreated, TicketUpdated
from streams.core.ledger.amounts import Kind, pack_clocks
from streams.core.ledger.dimensions import UNKNOWN, Labels
from streams.core.ledger.measures import MEASURES
from streams.core.policy import Policy
from streams.core.tickets.view import Ticket

__all__ = ["Recorder"]


#: What needs the business clock, which is what a duration costs.
TIMED: Final = (
    *(name for name, measure in MEASURES.items() if measure.kind is Kind.TWO_CLOCKS),
    "requester_wait_business_ms",
)


def _untimed(start: int, end: int) -> int:
    """The business clock where nothing is booked by it."""
    return 0


class Recorder:
    """The part of a ticket's reader that writes; ``key`` is that of the event being read."""

    __slots__ = (
        "assignee", "channel", "created", "entries", "group", "issue_type", "key", "labels", "levels", "measure",
        "measured", "policy", "priority", "product", "replier", "ticket",
    )  # fmt: skip

    def __init__(self, created: TicketCreated, policy: Policy) -> None:
        self.ticket = Ticket()
        self.entries = self.ticket.entries
        self.key = sort_key(created)
        self.policy = policy
        self.measure = policy.business.elapsed if policy.needs(*TIMED) else _untimed
        #: The last duration that was asked for, from when to when: several samples often share it.
        self.measured = (0, 0, 0)
        self.created = self.key[0]
        self.channel = created.channel
        self.issue_type = created.issue_type or UNKNOWN
        self.priority = created.priority or UNKNOWN
        self.product = created.product or UNKNOWN
        self.group = created.group or UNKNOWN
        self.assignee: str | None = None
        self.replier: str | None = None
        self.labels: Labels = (*self.told(), UNKNOWN)
        self.ticket.keys.append(self.key)
        self.ticket.labels.append(self.labels)
        #: Levels that hold: name -> since when.
        self.levels: dict[str, Key] = {}

    def told(self) -> Labels:
        """The labels that events tell, without the agent."""
        return (self.channel, self.issue_type, self.priority, self.product, self.group)

    def author(self, agent: str | None) -> Labels:
        """The labels of what an agent did; without a name, of whoever has the ticket."""
        return self.labels if agent is None else (*self.labels[:-1], agent)

    def enter(self, name: str, labels: Labels, value: int = 1) -> None:
        """Books at the event that is being read."""
        self.entries.append((self.key, name, labels, value))

    def drop_unbooked(self) -> None:
        """Takes out what no published metric is made of."""
        measures, ticket = self.policy.measures, self.ticket
        if measures is not None:
            ticket.entries = [entry for entry in ticket.entries if entry[1] in measures]
            ticket.intervals = [interval for interval in ticket.intervals if interval[0] in measures]
            if ticket.no_repeat is not None and ticket.no_repeat[1] not in measures:
                ticket.solved = ticket.no_repeat = None

    def took(self, start: int) -> int:
        """The time from ``start`` to the event that is being read, on both clocks."""
        at = self.key[0]
        since, until, found = self.measured
        if since != start or until != at:
            found = pack_clocks(at - start, self.measure(start, at))
            self.measured = (start, at, found)
        return found

    def end(self, name: str) -> None:
        """Ends a level, if it holds, under the labels it had."""
        since = self.levels.pop(name, None)
        if since is not None:
            self.ticket.intervals.append((name, since, self.key, self.labels, 1))

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

    def update(self, event: TicketUpdated) -> None:
        """Takes told labels into force."""
        self.channel = event.channel or self.channel
        self.issue_type = event.issue_type or self.issue_type
        self.priority = event.priority or self.priority
        self.product = event.product or self.product
        self.group = event.group or self.group
        self.assignee = event.agent_id or self.assignee
        self.relabel()
