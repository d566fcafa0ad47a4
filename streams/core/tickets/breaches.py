"""Breaches of service levels as records: each published once, after its deadline, and retracted if it proves wrong.

Rules of this file (docs/definitions.md#service-levels):

* A ticket books its breaches at their deadlines, ahead of time too: deadline and target identify a breach of a ticket.
* A booked breach without a record is *pending*, and stored so; any other booked breach has a record. Therefore the
  difference of the bookings says enough: a breach that is no longer booked was pending, or is retracted.
* A pending breach is due once the clock is past its deadline: an answer at the deadline would be in time.
* A record describes the ticket as of the record's publication.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from heapq import heapify, heappop, heappush
from typing import Final, TypeAlias

import msgspec

from streams.core.events.keys import first_key
from streams.core.ledger.dimensions import UNKNOWN
from streams.core.policy import Policy
from streams.core.temporal.instants import format_instant
from streams.core.tickets import service_levels
from streams.core.tickets.view import Ticket

__all__ = ["Breach", "Breaches", "Deadline", "TicketKey"]

#: A ticket: the name of its owner, and its own id.
TicketKey: TypeAlias = tuple[str, str]
#: A breach among those of one ticket: the instant (ms) of the deadline, and the target.
Deadline: TypeAlias = tuple[int, str]


class Breach(msgspec.Struct, frozen=True, kw_only=True):
    """A record of ``support.sla-breaches``: instants in RFC 3339; labels as of the deadline, None: unknown."""

    id: str
    ticket_id: str
    customer_id: str
    target: str
    metric: str
    started_at: str
    deadline: str
    channel: str | None
    issue_type: str | None
    priority: str | None
    retracted: bool


class Breaches:
    """One partition's pending breaches, and its records that are due. The clock is in ms."""

    def __init__(self, policy: Policy) -> None:
        self._policy: Final = policy
        self._metrics: Final = {promise.name: promise.metric for promise in policy.service_levels}
        self._pending: dict[TicketKey, set[Deadline]] = {}
        #: A heap of all that is pending by deadline, and some that no longer is.
        self._queue: list[tuple[int, str, TicketKey]] = []
        self._retractions: list[Breach] = []
        #: The pending breaches as of the unit's beginning, of the tickets whose pending breaches changed since.
        self._pending_before: dict[TicketKey, frozenset[Deadline]] = {}
        #: While everything is booked again, the breaches that were pending under the old definitions; else None.
        self._unpublished: dict[TicketKey, set[Deadline]] | None = None

    def restore(self, owner_name: str, ticket_id: str, deadlines: set[Deadline] | None) -> None:
        """Takes up the stored pending breaches of a ticket; None removes them. ``restored`` ends it."""
        if deadlines is None:
            self._pending.pop((owner_name, ticket_id), None)
        else:
            self._pending[owner_name, ticket_id] = deadlines

    def restored(self) -> None:
        """Ends the restoring."""
        self._queue = [(at, target, ticket) for ticket, deadlines in self._pending.items() for at, target in deadlines]
        heapify(self._queue)

    def rebook(self) -> None:
        """Begins with nothing pending, as definitions changed and all events are booked again.

        A breach that becomes due by this is published only if it was pending before: other past breaches stay as
        they were published.
        """
        self._pending_before = {ticket: frozenset(deadlines) for ticket, deadlines in self._pending.items()}
        self._unpublished, self._pending, self._queue = self._pending, {}, []

    def exchange(self, ticket: TicketKey, deadline: Deadline, times: int, old: Ticket) -> None:
        """Adds a breach that is booked (``times`` 1), or removes one that no longer is (-1).

        ``old``: the ticket's view before, which describes a retracted breach.
        """
        deadlines = self._pending.get(ticket, set())
        self._pending_before.setdefault(ticket, frozenset(deadlines))
        if times > 0:
            self._pending[ticket] = deadlines | {deadline}
            heappush(self._queue, (*deadline, ticket))
        elif deadline in deadlines:
            self._remove(ticket, deadline)
        else:
            self._retractions.append(self._record(ticket, deadline, old, retracted=True))

    def _remove(self, ticket: TicketKey, deadline: Deadline) -> None:
        rest = self._pending.pop(ticket) - {deadline}
        if rest:
            self._pending[ticket] = rest

    def forget(self, owners: set[str]) -> None:
        """Removes the pending breaches of owners who move to another partition, which publishes all of theirs again."""
        for ticket in [ticket for ticket in self._pending if ticket[0] in owners]:
            self._pending_before.setdefault(ticket, frozenset(self._pending.pop(ticket)))

    def due(self, clock: int) -> bool:
        """True if the clock is past a pending deadline."""
        queue = self._queue
        while queue and queue[0][0] < clock:
            at, target, ticket = queue[0]
            if (at, target) in self._pending.get(ticket, ()):
                return True
            heappop(queue)
        return False

    def take_due(self, clock: int, ticket_view: Callable[[TicketKey], Ticket]) -> Iterator[Breach]:
        """The records to publish now: retractions, then each pending breach whose deadline the clock is past."""
        retractions, self._retractions = self._retractions, []
        yield from retractions
        while self.due(clock):
            at, target, ticket = heappop(self._queue)
            self._pending_before.setdefault(ticket, frozenset(self._pending[ticket]))
            self._remove(ticket, (at, target))
            if self._unpublished is None or (at, target) in self._unpublished.get(ticket, ()):
                yield self._record(ticket, (at, target), ticket_view(ticket), retracted=False)
        self._unpublished = None

    def take_changes(self) -> Iterator[tuple[TicketKey, list[Deadline]]]:
        """The tickets whose pending breaches changed since the unit began, with the pending ones now, sorted."""
        pending_before, self._pending_before = self._pending_before, {}
        for ticket, before in pending_before.items():
            now = self._pending.get(ticket, set())
            if now != before:
                yield ticket, sorted(now)

    def _record(self, ticket: TicketKey, deadline: Deadline, view: Ticket, retracted: bool) -> Breach:
        (owner_name, ticket_id), (at, target) = ticket, deadline
        customer_id = owner_name[1:]
        start = service_levels.breach_start(view, target, at, self._policy)
        deadline_text = format_instant(at)
        labels = [None if label == UNKNOWN else label for label in view.labels_at(first_key(at))]
        channel, issue_type, priority, *_ = labels
        return Breach(
            id=f"{customer_id}|{ticket_id}|{target}|{deadline_text}",
            ticket_id=ticket_id,
            customer_id=customer_id,
            target=target,
            metric=self._metrics[target],
            started_at=format_instant(start),
            deadline=deadline_text,
            channel=channel,
            issue_type=issue_type,
            priority=priority,
            retracted=retracted,
        )
