"""Settled entities: past every horizon, so that nothing more is taken for them.

An entity is past retention when its newest event is older than that by the clock; it is settled when besides nothing of
it arrived for ``GRACE``, so that old data loaded in bulk is taken like any other. What comes for a settled one is
``too_late``. A replay has no arrival, and nothing is too late there.

Its events stay: a customer's tenure, value and spells go on from them, and a changed definition is booked anew from
them. While a customer is quiet they are one packed, compressed piece of bytes.

Never settled: customers themselves, tickets still open, costs before their period is over.
"""

from __future__ import annotations

from typing import Final, NamedTuple

from streams.core.derivation.entities import CUSTOMER, TICKET
from streams.core.events.types import CostIncurred, Event, TicketMerged, TicketStatusChanged, TicketVoided
from streams.core.temporal.instants import DAY, format_instant
from streams.core.tickets.view import SOLVED

__all__ = ["GRACE", "Arrival", "too_late"]


#: For so long after its last arrival anything may follow, however old it is, in ms.
GRACE: Final = DAY


class Arrival(NamedTuple):
    """When an event came, in ms: ``at`` by the wall clock, ``clock`` by the worker's (the same unless fixed)."""

    at: int
    clock: int


def too_late(kind: str, events: list[Event], arrived: int, arrival: Arrival, retention: int) -> str | None:
    """Why an event that arrives is too late for an entity with these events, in order; None if it is not.

    ``arrived`` is when the entity's last event came (ms), ``retention`` in ms.
    """
    if not events or arrival.at - arrived < GRACE or kind == CUSTOMER:
        return None
    newest = max(_until(event) for event in events)
    if arrival.clock - newest <= retention or (kind == TICKET and _open(events)):
        return None
    return (
        f"the last event of what it belongs to was at {format_instant(newest)}, over {retention // DAY} days "
        "(`retention_days`) ago, and what is older takes no more"
    )


def _until(event: Event) -> int:
    return event.period_end if isinstance(event, CostIncurred) else event.occurred_at


def _open(events: list[Event]) -> bool:
    """Whether a ticket is still open by its last status, and neither merged away nor voided."""
    statuses = [event.status for event in events if isinstance(event, TicketStatusChanged)]
    gone = any(isinstance(event, TicketMerged | TicketVoided) for event in events)
    return not gone and not (statuses and statuses[-1] in SOLVED)
