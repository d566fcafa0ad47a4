"""Service levels: the promises that a ticket keeps and breaks, at which instants, and its late and due-soon waits.

Rules of this file (docs/definitions.md#service-levels):

* A promise applies to the tickets (``next_response``: the messages) whose labels and segment, just before the start,
  pass every filter. Its deadline is the earliest instant at which its clock shows the target.
* An answer at the deadline keeps it. A breach is booked at the deadline, ahead of time too, and taken out by events
  before it, whenever they arrive.
* ``full_resolution`` and ``requester_wait`` are decided at the deadline, by whether the ticket is solved then: a later
  reopening does not break a kept promise.
* A wait that runs past its deadline is late; one with at most ``due_soon`` until then is due soon, while it runs.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final, NamedTuple, TypeAlias

from streams.core.events.keys import Key
from streams.core.ledger.bookings import Booking
from streams.core.ledger.dimensions import BY_TARGET, OWN, PROFILE, TARGET_LEVELS
from streams.core.ledger.label_history import LabelHistory
from streams.core.ledger.measures import Measure, declare
from streams.core.policy import Policy, ServiceLevel
from streams.core.tickets.view import SOLVED, WAITING, Clocks, Ticket, Wait

__all__ = ["BOOKS", "Span", "Verdict", "breach_start", "promise_bookings", "verdicts"]

#: [start, end) in ms; an end of None: it still runs.
Span: TypeAlias = tuple[int, int | None]

BOOKS: Final = declare(
    sla_met=Measure(scheme=BY_TARGET),
    sla_breached=Measure(scheme=BY_TARGET),
    sla_open_breached=Measure(scheme=TARGET_LEVELS),
    sla_due_soon=Measure(scheme=TARGET_LEVELS),
)

_DIMENSIONS: Final = OWN + PROFILE


class Verdict(NamedTuple):
    """The verdict on one promise to one ticket or message."""

    target: str
    #: The instant of the outcome, ms; None: there is no outcome, or not yet.
    at: int | None
    met: bool
    #: While the wait runs past its deadline, and while its deadline is near.
    late: list[Span]
    soon: list[Span]


def promise_bookings(ticket: Ticket, history: LabelHistory, policy: Policy) -> Iterator[Booking]:
    """The bookings of a ticket's promises. ``history``: its customer's labels."""
    for verdict in verdicts(ticket, history, policy):
        target = (verdict.target,)
        if verdict.at is not None:
            yield verdict.at, "sla_met" if verdict.met else "sla_breached", target, 1
        for name, spans in (("sla_open_breached", verdict.late), ("sla_due_soon", verdict.soon)):
            for start, end in spans:
                yield start, name, target, 1
                if end is not None:
                    yield end, name, target, -1


def verdicts(ticket: Ticket, history: LabelHistory, policy: Policy) -> Iterator[Verdict]:
    """The verdicts on every promise made to a ticket; none if it takes no part in ticket metrics."""
    if ticket.clocks is None:
        return
    for promise in policy.service_levels:
        for wait in _waits_of(promise, ticket.clocks):
            if _applies(promise, ticket, history, wait.start):
                yield from _verdicts_on(promise, wait, ticket.clocks, policy)


def breach_start(ticket: Ticket, target: str, deadline: int, policy: Policy) -> int:
    """The start (ms) of the wait that breaks a target at ``deadline`` (ms).

    Raises ``StopIteration`` if the ticket has no such breach, ``AssertionError`` if it has no part in ticket metrics.
    """
    assert ticket.clocks is not None, "it breaks no promise"
    (promise,) = (promise for promise in policy.service_levels if promise.name == target)
    return next(
        wait.start[0]
        for wait in _waits_of(promise, ticket.clocks)
        for verdict in _verdicts_on(promise, wait, ticket.clocks, policy)
        if verdict.at == deadline and not verdict.met
    )


def _waits_of(promise: ServiceLevel, clocks: Clocks) -> list[Wait]:
    """The waits that a promise covers if the ticket's labels pass its filters."""
    if promise.metric == "next_response":
        return clocks.later_waits
    if promise.metric == "first_response":
        return [] if clocks.first_wait is None else [clocks.first_wait]
    solved = next((at for at, status in clocks.statuses if status in SOLVED), None)
    return [Wait(clocks.created, solved, None)]


def _verdicts_on(promise: ServiceLevel, wait: Wait, clocks: Clocks, policy: Policy) -> Iterator[Verdict]:
    """At most one verdict on one wait."""
    if promise.metric == "full_resolution":
        return _full_resolution(promise, clocks, policy)
    if promise.metric == "requester_wait":
        return _requester_wait(promise, clocks, policy)
    return _answer(promise, wait, policy)


def _applies(promise: ServiceLevel, ticket: Ticket, history: LabelHistory, start: Key) -> bool:
    """True if the labels in force at the start of a wait pass every filter of a promise."""
    if not promise.filter:
        return True
    members = dict(zip(_DIMENSIONS, ticket.labels_at(start) + history.before(start), strict=True))
    return all(members[dimension] in admitted for dimension, admitted in promise.filter.items())


def _deadline(promise: ServiceLevel, start: int, length_ms: int, policy: Policy) -> int | None:
    """The instant (ms) at which the promise's clock shows ``length_ms`` since ``start``; None: too far ahead."""
    return policy.business.deadline(start, length_ms) if promise.clock == "business" else start + length_ms


def _answer(promise: ServiceLevel, wait: Wait, policy: Policy) -> Iterator[Verdict]:
    """A promise that an answer keeps. A wait that ended in time without an answer has no outcome."""
    start = wait.start[0]
    deadline = _deadline(promise, start, promise.seconds * 1000, policy)
    if deadline is None:
        return
    end = wait.dropped if wait.replied is None else wait.replied
    running: list[Span] = [(start, end)]
    met = wait.replied is not None and wait.replied <= deadline
    at: int | None = wait.replied if met else deadline
    if wait.dropped is not None and wait.dropped <= deadline:
        at = None
    yield Verdict(promise.name, at, met, _late(running, deadline), _due_soon(running, deadline, policy))


def _full_resolution(promise: ServiceLevel, clocks: Clocks, policy: Policy) -> Iterator[Verdict]:
    """A promise that being solved at its deadline keeps."""
    deadline = _deadline(promise, clocks.created[0], promise.seconds * 1000, policy)
    if deadline is not None:
        running, met = _unsolved_spans(clocks), _is_solved_at(clocks, deadline)
        late = [] if met else _late(running, deadline)
        yield Verdict(promise.name, deadline, met, late, _due_soon(running, deadline, policy))


def _requester_wait(promise: ServiceLevel, clocks: Clocks, policy: Policy) -> Iterator[Verdict]:
    """A promise whose clock stands still while the ticket is pending or solved: each waiting span has its own deadline.

    Solved before the clock ever shows the target is met, at the last solving; pending has no outcome yet.
    """
    rest_ms = promise.seconds * 1000
    soon: list[Span] = []
    for start, end, status in _status_spans(clocks):
        if status not in WAITING:
            continue
        deadline = _deadline(promise, start, rest_ms, policy)
        if deadline is not None:
            soon += _due_soon([(start, end)], deadline, policy)
            if end is None or end >= deadline:
                met = _is_solved_at(clocks, deadline)
                late = [] if met else _late(_unsolved_spans(clocks), deadline)
                yield Verdict(promise.name, deadline, met, late, soon)
                return
        if end is None:
            return
        rest_ms -= policy.business.elapsed(start, end) if promise.clock == "business" else end - start
    solved = _last_solving(clocks)
    yield Verdict(promise.name, solved, solved is not None, [], soon)


def _last_solving(clocks: Clocks) -> int | None:
    """The instant (ms) from which the ticket is solved to this day; None: it is not solved."""
    solved = None
    for at, status in reversed(clocks.statuses):
        if status not in SOLVED:
            break
        solved = at
    return solved


def _status_spans(clocks: Clocks) -> Iterator[tuple[int, int | None, str]]:
    """Each status with its span: (start, end, status)."""
    ends = [*[at for at, _ in clocks.statuses[1:]], None]
    for (start, status), end in zip(clocks.statuses, ends, strict=True):
        yield start, end, status


def _unsolved_spans(clocks: Clocks) -> list[Span]:
    """The spans in which the ticket is not solved: each from the creation or a reopening to the solving."""
    spans: list[Span] = []
    for start, end, status in _status_spans(clocks):
        if status in SOLVED:
            continue
        if spans and spans[-1][1] == start:
            start = spans.pop()[0]
        spans.append((start, end))
    return spans


def _is_solved_at(clocks: Clocks, at: int) -> bool:
    """True if the ticket is solved at an instant (ms), by its events up to it, that instant included."""
    return next((status in SOLVED for since, status in reversed(clocks.statuses) if since <= at), False)


def _late(running: list[Span], deadline: int) -> list[Span]:
    """The parts of running spans from the deadline on."""
    return [(max(start, deadline), end) for start, end in running if end is None or end > max(start, deadline)]


def _due_soon(running: list[Span], deadline: int, policy: Policy) -> list[Span]:
    """The parts of running spans just before the deadline."""
    spans: list[Span] = []
    for start, end in running:
        start, end = max(start, deadline - policy.due_soon_ms), deadline if end is None else min(end, deadline)
        if start < end:
            spans.append((start, end))
    return spans
