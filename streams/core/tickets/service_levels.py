"""Service levels: which promises a ticket keeps and breaks, when, and which are late or due soon.

Rules of this file (definitions.md, "Service levels"):

* A promise is for the tickets (``next_response``: the messages) whose labels and segment, just before the start,
  pass every filter. Its deadline is the earliest instant at which its clock shows the target.
* An answer at the deadline keeps it. A breach is booked at the deadline, ahead of time too, and taken out by what
  happened before it, whenever that arrives.
* ``full_resolution`` and ``requester_wait`` are decided when the deadline comes, by whether the ticket is solved then:
  once kept, a reopening does not break them.
* What runs past its deadline is late, what has at most ``due_soon`` until then is due soon: as long as it runs.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final, NamedTuple

from streams.core.events.keys import Key
from streams.core.ledger.bookings import Booking
from streams.core.ledger.dimensions import BY_TARGET, OWN, PROFILE, TARGET_LEVELS
from streams.core.ledger.label_history import LabelHistory
from streams.core.ledger.measures import Measure, declare
from streams.core.policy import Policy, ServiceLevel
from streams.core.tickets.view import SOLVED, WAITING, Clocks, Ticket, Wait

__all__ = ["BOOKS", "Span", "Verdict", "broken_since", "promise_bookings", "verdicts"]

#: [start, end) in ms; None: still.
Span = tuple[int, int | None]
BOOKS: Final = declare(
    sla_met=Measure(scheme=BY_TARGET),
    sla_breached=Measure(scheme=BY_TARGET),
    sla_open_breached=Measure(scheme=TARGET_LEVELS),
    sla_due_soon=Measure(scheme=TARGET_LEVELS),
)


_DIMENSIONS: Final = OWN + PROFILE


class Verdict(NamedTuple):
    """One promise to one ticket or message. Without an outcome ``at`` is None."""

    target: str
    at: int | None
    met: bool
    #: While it runs past its deadline, and while the deadline is near.
    late: list[Span]
    soon: list[Span]


def promise_bookings(ticket: Ticket, history: LabelHistory, policy: Policy) -> Iterator[Booking]:
    """What a ticket's promises book. ``history`` is its customer's."""
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
    """The verdicts of every promise made to a ticket."""
    if ticket.clocks is None:
        return
    for promise in policy.service_levels:
        for wait in _promised(promise, ticket.clocks):
            if _applies(promise, ticket, history, wait.start):
                yield from _judged(promise, wait, ticket.clocks, policy)


def broken_since(ticket: Ticket, target: str, deadline: int, policy: Policy) -> int:
    """When the clock of a breach started (ms), which the ticket is known to book at ``deadline``."""
    assert ticket.clocks is not None, "it breaks no promise"
    (promise,) = (promise for promise in policy.service_levels if promise.name == target)
    return next(
        wait.start[0]
        for wait in _promised(promise, ticket.clocks)
        for verdict in _judged(promise, wait, ticket.clocks, policy)
        if verdict.at == deadline and not verdict.met
    )


def _promised(promise: ServiceLevel, clocks: Clocks) -> list[Wait]:
    """The waits that a promise is about, for tickets whose labels pass."""
    if promise.metric == "next_response":
        return clocks.later_waits
    if promise.metric == "first_response":
        return [] if clocks.first_wait is None else [clocks.first_wait]
    solved = next((at for at, status in clocks.statuses if status in SOLVED), None)
    return [Wait(clocks.created, solved, None)]


def _judged(promise: ServiceLevel, wait: Wait, clocks: Clocks, policy: Policy) -> Iterator[Verdict]:
    if promise.metric == "full_resolution":
        return _resolved(promise, clocks, policy)
    if promise.metric == "requester_wait":
        return _waited(promise, clocks, policy)
    return _answered(promise, wait, policy)


def _applies(promise: ServiceLevel, ticket: Ticket, history: LabelHistory, start: Key) -> bool:
    """Whether the labels in force at the start of a wait pass every filter of a promise."""
    if not promise.filter:
        return True
    known = dict(zip(_DIMENSIONS, ticket.labels_at(start) + history.before(start), strict=True))
    return all(known[dimension] in admitted for dimension, admitted in promise.filter.items())


def _deadline(promise: ServiceLevel, start: int, length: int, policy: Policy) -> int | None:
    """When the promise's clock shows ``length`` ms since ``start``; None: never in sight."""
    return policy.business.deadline(start, length) if promise.clock == "business" else start + length


def _answered(promise: ServiceLevel, wait: Wait, policy: Policy) -> Iterator[Verdict]:
    """A promise that an answer keeps. What ended without one in time has no outcome."""
    start = wait.start[0]
    due = _deadline(promise, start, promise.seconds * 1000, policy)
    if due is None:
        return
    end = wait.dropped if wait.replied is None else wait.replied
    running: list[Span] = [(start, end)]
    met = wait.replied is not None and wait.replied <= due
    at: int | None = wait.replied if met else due
    if wait.dropped is not None and wait.dropped <= due:
        at = None
    yield Verdict(promise.name, at, met, _late(running, due), _soon(running, due, policy))


def _resolved(promise: ServiceLevel, clocks: Clocks, policy: Policy) -> Iterator[Verdict]:
    """A promise that being solved at its deadline keeps."""
    due = _deadline(promise, clocks.created[0], promise.seconds * 1000, policy)
    if due is not None:
        running, met = _unsolved(clocks), _solved_at(clocks, due)
        yield Verdict(promise.name, due, met, [] if met else _late(running, due), _soon(running, due, policy))


def _waited(promise: ServiceLevel, clocks: Clocks, policy: Policy) -> Iterator[Verdict]:
    """A promise whose clock stands still while the ticket is pending or solved: each stretch has its own deadline.

    Solved before the clock ever shows the target is met, at the last solving; pending has no outcome yet.
    """
    left = promise.seconds * 1000
    soon: list[Span] = []
    for start, end, status in _stretches(clocks):
        if status not in WAITING:
            continue
        due = _deadline(promise, start, left, policy)
        if due is not None:
            soon += _soon([(start, end)], due, policy)
            if end is None or end >= due:
                met = _solved_at(clocks, due)
                yield Verdict(promise.name, due, met, [] if met else _late(_unsolved(clocks), due), soon)
                return
        if end is None:
            return
        left -= policy.business.elapsed(start, end) if promise.clock == "business" else end - start
    solved = None
    for at, status in reversed(clocks.statuses):  # back to where the last solving began
        if status not in SOLVED:
            break
        solved = at
    yield Verdict(promise.name, solved, solved is not None, [], soon)


def _stretches(clocks: Clocks) -> Iterator[tuple[int, int | None, str]]:
    """Each status from when to when."""
    ends = [*[at for at, _ in clocks.statuses[1:]], None]
    for (start, status), end in zip(clocks.statuses, ends, strict=True):
        yield start, end, status


def _unsolved(clocks: Clocks) -> list[Span]:
    """While the ticket is not solved: not one stretch a status but one from creation or reopening to solving."""
    spans: list[Span] = []
    for start, end, status in _stretches(clocks):
        if status in SOLVED:
            continue
        if spans and spans[-1][1] == start:
            start = spans.pop()[0]
        spans.append((start, end))
    return spans


def _solved_at(clocks: Clocks, at: int) -> bool:
    """Whether the ticket is solved at an instant, by everything up to it."""
    return next((status in SOLVED for since, status in reversed(clocks.statuses) if since <= at), False)


def _late(running: list[Span], due: int) -> list[Span]:
    return [(max(start, due), end) for start, end in running if end is None or end > max(start, due)]


def _soon(running: list[Span], due: int, policy: Policy) -> list[Span]:
    spans: list[Span] = []
    for start, end in running:
        start, end = max(start, due - policy.due_soon_ms), due if end is None else min(end, due)
        if start < end:
            spans.append((start, end))
    return spans
