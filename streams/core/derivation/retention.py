"""Retention: entities past every horizon take no more events.

An entity is past retention when its newest event is older than that by the clock. It is settled when, besides, nothing
of it arrived for ``GRACE_MS``, so that old data loaded in bulk is taken like any other. An event for a settled entity
is ``too_late``. A replay has no arrival, and nothing is too late there.

The entity's events stay: a customer's tenure, value and spells go on from them, and changed definitions derive from
them again. While a customer is quiet they are one packed, compressed piece of bytes (``packing``).

Never settled: customers themselves, tickets still open, costs before their period is over.

Source: docs/contracts.md#bad-records.
"""

from __future__ import annotations

from typing import Final, NamedTuple

from streams.core.derivation.entities import CUSTOMER, TICKET
from streams.core.events.types import CostIncurred, Event, TicketMerged, TicketStatusChanged, TicketVoided
from streams.core.temporal.instants import DAY, format_instant
from streams.core.tickets.view import SOLVED

__all__ = ["GRACE_MS", "Arrival", "too_late"]


#: How long after an entity's last arrival any event may follow, however old.
GRACE_MS: Final = DAY


class Arrival(NamedTuple):
    """An event's arrival, in ms: ``at`` by the wall clock, ``clock`` by the worker's (the same unless fixed)."""

    at: int
    clock: int


def too_late(kind: str, events: list[Event], arrived: int, arrival: Arrival, retention_ms: int) -> str | None:
    """The reason why an arriving event is too late for an entity with these events, in order; None if it is not.

    ``arrived``: the arrival of the entity's last event, ms.
    """
    if not events or arrival.at - arrived < GRACE_MS or kind == CUSTOMER:
        return None
    newest = max(_until(event) for event in events)
    if arrival.clock - newest <= retention_ms or (kind == TICKET and _open(events)):
        return None
    return (
        f"the last event of what it belongs to was at {format_instant(newest)}, over {retention_ms // DAY} days "
        "(`retention_days`) ago, and what is older takes no more"
    )


def _until(event: Event) -> int:
    """The last instant that an event is about, ms."""
    return event.period_end if isinstance(event, CostIncurred) else event.occurred_at


def _open(events: list[Event]) -> bool:
    """True for a ticket that is open by its last status, and neither merged away nor voided."""
    statuses = [event.status for event in events if isinstance(event, TicketStatusChanged)]
    ended = any(isinstance(event, TicketMerged | TicketVoided) for event in events)
    return not ended and not (statuses and statuses[-1] in SOLVED)
