"""The events of all measures: those of the simulated desk, seeded, and those of customers made by rule."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import islice
from typing import Any, Final, NamedTuple

import msgspec

from streams.config import Settings
from streams.core.events.decoding import decode
from streams.core.events.types import Event
from streams.core.temporal.instants import DAY, format_instant, parse_instant
from streams.demo.simulator import simulate
from streams.demo.world import SimulatedEvent

__all__ = ["END", "ROI_TOML", "SETTINGS", "Record", "customer_events", "event", "records", "simulated", "ticket_events"]

#: All events are before this instant: nothing depends on the day of the run.
END: Final = parse_instant("2025-06-01T00:00:00Z")
SEED: Final = 1

#: The defaults and two promises: without one, no deadline would be booked.
SETTINGS: Final = msgspec.convert(
    {
        "service_levels": [
            {"name": "first reply in 1 h", "metric": "first_response", "seconds": 3600},
            {"name": "urgent in 15 min", "metric": "first_response", "seconds": 900, "filter": {"priority": "urgent"}},
        ]
    },
    Settings,
)
#: The same settings as a file, for a process of its own.
ROI_TOML: Final = """
[[service_levels]]
name = "first reply in 1 h"
metric = "first_response"
seconds = 3600

[[service_levels]]
name = "urgent in 15 min"
metric = "first_response"
seconds = 900
filter = { priority = "urgent" }
"""

_TICKETS_PER_DAY: Final = 500
_EVENTS_PER_DAY: Final = 5000  # the least that such a desk makes; only the start depends on it


class Record(NamedTuple):
    """A record as the log passes it to a partition's state. The timestamp is in ms."""

    topic: str
    partition: int
    offset: int
    key: bytes
    value: bytes
    timestamp: int
    headers: Sequence[tuple[str, bytes]] = ()


def simulated(count: int) -> list[SimulatedEvent]:
    """The first ``count`` events of a desk, all before ``END``: the same in every run."""
    days = count / _EVENTS_PER_DAY + 2
    stream = simulate(
        seed=SEED,
        start_ms=END - int(days * DAY),
        end_ms=END,
        customers=max(200, count // 40),
        tickets_per_day=_TICKETS_PER_DAY,
        prelude_days=30,
    )
    events = list(islice(stream, count))
    if len(events) < count:
        raise RuntimeError(f"the simulated desk made only {len(events)} of {count} events")
    return events


def records(events: Sequence[SimulatedEvent]) -> list[Record]:
    """The records of some events, all of one partition."""
    encode = msgspec.json.encode
    return [
        Record(topic, 0, offset, key.encode(), encode(body), at) for offset, (topic, key, at, body) in enumerate(events)
    ]


def ticket_events(customer: str, number: int, at: int) -> Iterator[dict[str, Any]]:
    """The bodies of a ticket's four events, for ``event``; their instant is ``at``, in ms."""
    ticket = {"customer_id": customer, "ticket_id": f"{customer}-{number}"}

    def body(index: int, after: int, kind: str, **fields: Any) -> dict[str, Any]:
        return {"event_id": f"{customer}-{number}-{index}", "type": kind, "at": at + after, **ticket, **fields}

    yield body(0, 0, "ticket.created", channel="email", issue_type=f"issue-{number % 5}", priority="normal")
    yield body(1, 600_000, "ticket.message", author="agent", public=True, agent_id=f"agent-{number % 20}")
    yield body(2, 700_000, "ticket.message", author="customer", public=True)
    yield body(3, 900_000, "ticket.status_changed", status="solved")


def customer_events(customer: str, tickets: int, start: int, step: int) -> list[Event]:
    """The events of a customer's tickets; a ticket starts every ``step`` ms."""
    return [event(body) for number in range(tickets) for body in ticket_events(customer, number, start + number * step)]


def event(body: dict[str, Any]) -> Event:
    """The event of a body of ``ticket_events``, decoded like any other."""
    fields = {name: value for name, value in body.items() if name != "at"}
    return decode(msgspec.json.encode({**fields, "occurred_at": format_instant(body["at"])}))
