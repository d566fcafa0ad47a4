"""Breaches to tell: each at its deadline, once, and taken back when it turns out not to be one.

Rules of this file:

* A ticket books its breaches at their deadlines, ahead of time too: target and deadline say which of them it is.
* What is booked and was not told yet is *pending*, and kept so; whatever else is booked was told. So the difference
  that an event makes to the bookings says all: a breach that vanishes was pending, or is taken back.
* A pending breach is told once the clock is past its deadline: an answer at the deadline would be in time.
* A record describes the ticket as it is known when it is told.
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

__all__ = ["Breach", "Breaches"]

#: A ticket by its scope and its id.
Name: TypeAlias = tuple[str, str]
#: A breach of a ticket: deadline (ms), target.
Mark: TypeAlias = tuple[int, str]


class Breach(msgspec.Struct, frozen=True, kw_only=True):
    """A record of ``support.sla-breaches``; instants in RFC 3339, labels as of the deadline."""

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
    """What is pending of one partition, and what is to be told of it."""

    def __init__(self, policy: Policy) -> None:
        self._policy: Final = policy
        self._metrics: Final = {promise.name: promise.metric for promise in policy.service_levels}
        self._pending: dict[Name, set[Mark]] = {}
        #: All that is pending by deadline, and some that no longer is.
        self._queue: list[tuple[int, str, Name]] = []
        self._retracted: list[Breach] = []
        #: What was pending when the unit began, of the tickets whose pending breaches changed since.
        self._before: dict[Name, frozenset[Mark]] = {}
        #: After a change of definitions, what was pending under the old ones; else None.
        self._untold: dict[Name, set[Mark]] | None = None

    def restore(self, scope_id: str, ticket_id: str, marks: set[Mark] | None) -> None:
        """Takes up what is kept as pending of a ticket; None takes it away."""
        if marks is None:
            self._pending.pop((scope_id, ticket_id), None)
        else:
            self._pending[scope_id, ticket_id] = marks

    def restored(self) -> None:
        """All that is kept has been told."""
        self._queue = [(at, target, name) for name, marks in self._pending.items() for at, target in marks]
        heapify(self._queue)

    def book_anew(self) -> None:
        """Everything is about to be booked again, by changed definitions: what is past stays as it was told."""
        self._before = {name: frozenset(marks) for name, marks in self._pending.items()}
        self._untold, self._pending, self._queue = self._pending, {}, []

    def turn(self, name: Name, mark: Mark, times: int, old: Ticket) -> None:
        """A breach is booked (``times`` 1) or no longer (-1); ``old`` is the ticket before that."""
        marks = self._pending.get(name, set())
        self._before.setdefault(name, frozenset(marks))
        if times > 0:
            self._pending[name] = marks | {mark}
            heappush(self._queue, (*mark, name))
        elif mark in marks:
            self._drop(name, mark)
        else:
            self._retracted.append(self._breach(name, mark, old, retracted=True))

    def _drop(self, name: Name, mark: Mark) -> None:
        left = self._pending.pop(name) - {mark}
        if left:
            self._pending[name] = left

    def forget(self, scopes: set[str]) -> None:
        """These customers are another's from now on, who tells all of theirs again."""
        for name in [name for name in self._pending if name[0] in scopes]:
            self._before.setdefault(name, frozenset(self._pending.pop(name)))

    def due(self, clock: int) -> bool:
        """Whether the clock (ms) is past a deadline that is pending."""
        queue = self._queue
        while queue and queue[0][0] < clock:
            at, target, name = queue[0]
            if (at, target) in self._pending.get(name, ()):
                return True
            heappop(queue)
        return False

    def tell(self, clock: int, ticket: Callable[[Name], Ticket]) -> Iterator[Breach]:
        """What is to be told now: what is taken back, and each pending breach that the clock is past."""
        retracted, self._retracted = self._retracted, []
        yield from retracted
        while self.due(clock):
            at, target, name = heappop(self._queue)
            self._before.setdefault(name, frozenset(self._pending[name]))
            self._drop(name, (at, target))
            if self._untold is None or (at, target) in self._untold.get(name, ()):
                yield self._breach(name, (at, target), ticket(name), retracted=False)
        self._untold = None

    def changed(self) -> Iterator[tuple[Name, list[Mark]]]:
        """The tickets whose pending breaches are others than when the unit began, with what they are now."""
        before, self._before = self._before, {}
        for name, marks in before.items():
            now = self._pending.get(name, set())
            if now != marks:
                yield name, sorted(now)

    def _breach(self, name: Name, mark: Mark, ticket: Ticket, retracted: bool) -> Breach:
        (scope_id, ticket_id), (at, target) = name, mark
        customer_id = scope_id[1:]
        deadline = format_instant(at)
        started = service_levels.broken_since(ticket, target, at, self._policy)
        labels = [None if label == UNKNOWN else label for label in ticket.labels_at(first_key(at))]
        channel, issue_type, priority, *_ = labels
        return Breach(
            id=f"{customer_id}|{ticket_id}|{target}|{deadline}",
            ticket_id=ticket_id,
            customer_id=customer_id,
            target=target,
            metric=self._metrics[target],
            started_at=format_instant(started),
            deadline=deadline,
            channel=channel,
            issue_type=issue_type,
            priority=priority,
            retracted=retracted,
        )
