"""The writing part of a ticket's reader: the labels in force, the levels that hold, durations on both clocks.

Rules of this file: labels are those set by events before the one that is being read; where they change, levels move
over to the new labels; an agent's own name comes before whoever has the ticket.
"""

from __future__ import annotations

from operator import attrgetter
from typing import Final

from streams.core.events.keys import Key, sort_key
from streams.core.events.types import TicketCreated, TicketUpdated
from streams.core.ledger.amounts import pack_clocks
from streams.core.ledger.dimensions import OWN, UNKNOWN, Labels
from streams.core.policy import Policy
from streams.core.tickets.view import Ticket

__all__ = ["Recorder"]

#: The labels that events say; the agent, which comes last, follows from who has the ticket or replied.
_label_fields: Final = attrgetter(*OWN[:-1])
_ISSUE_TYPE: Final = OWN.index("issue_type")


def _no_business_ms(start: int, end: int) -> int:
    """The business clock where nothing is booked by it."""
    return 0


class Recorder:
    """The recorder of one ticket; ``key`` is that of the event being read. ``timed``: durations need both clocks."""

    __slots__ = (
        "assignee", "business_ms", "created", "entries", "key", "labels", "last_duration", "levels", "own_labels",
        "policy", "replier", "ticket",
    )  # fmt: skip

    def __init__(self, created: TicketCreated, policy: Policy, timed: bool) -> None:
        self.ticket = Ticket()
        self.entries = self.ticket.entries
        self.key = sort_key(created)
        self.policy = policy
        self.business_ms = policy.business.elapsed if timed else _no_business_ms
        #: The last duration: from when, to when, packed. Several samples often share it.
        self.last_duration = (0, 0, 0)
        self.created = self.key[0]
        self.own_labels: Labels = tuple(label or UNKNOWN for label in _label_fields(created))
        self.assignee: str | None = None
        self.replier: str | None = None
        self.labels: Labels = (*self.own_labels, UNKNOWN)
        self.ticket.keys.append(self.key)
        self.ticket.labels.append(self.labels)
        #: Levels that hold: name -> since when.
        self.levels: dict[str, Key] = {}

    @property
    def issue_type(self) -> str:
        """The issue type in force."""
        return self.own_labels[_ISSUE_TYPE]

    def author(self, agent: str | None) -> Labels:
        """The labels of an agent's work; without a name, of whoever has the ticket."""
        return self.labels if agent is None else (*self.labels[:-1], agent)

    def enter(self, name: str, labels: Labels, value: int = 1) -> None:
        """Books at the event that is being read."""
        self.entries.append((self.key, name, labels, value))

    def drop_unbooked(self) -> None:
        """Takes out the measures that no published metric reads."""
        measures, ticket = self.policy.measures, self.ticket
        if measures is not None:
            ticket.entries = [entry for entry in ticket.entries if entry[1] in measures]
            ticket.intervals = [interval for interval in ticket.intervals if interval[0] in measures]
            if ticket.no_repeat is not None and ticket.no_repeat[1] not in measures:
                ticket.solved = ticket.no_repeat = None

    def duration(self, start: int) -> int:
        """The time from ``start`` (ms) to the event that is being read, on both clocks, packed."""
        at = self.key[0]
        since, until, packed = self.last_duration
        if since != start or until != at:
            packed = pack_clocks(at - start, self.business_ms(start, at))
            self.last_duration = (start, at, packed)
        return packed

    def end(self, name: str) -> None:
        """Ends a level, if it holds, under the labels it had."""
        since = self.levels.pop(name, None)
        if since is not None:
            self.ticket.intervals.append((name, since, self.key, self.labels, 1))

    def relabel(self) -> None:
        """Takes new labels into force: levels move over to them, flows go on under them."""
        labels = (*self.own_labels, self.assignee or self.replier or UNKNOWN)
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
        """Takes the labels that an event says into force."""
        self.own_labels = tuple(new or old for new, old in zip(_label_fields(event), self.own_labels, strict=True))
        self.assignee = event.agent_id or self.assignee
        self.relabel()
