"""A simulated desk of 60 days for the tests of the simulator, and the reading of its events."""

from __future__ import annotations

from functools import cache

from streams.core.temporal.instants import DAY, parse_instant
from streams.demo.simulator import simulate
from streams.demo.world import SimulatedEvent

START = parse_instant("2025-01-15T05:00:00Z")
DAYS = 60

Events = list[SimulatedEvent]


@cache
def desk_events() -> Events:
    """The events of the desk; no test may change them."""
    return list(simulate(seed=1, start_ms=START, end_ms=START + DAYS * DAY))


def of_type(events: Events, *types: str) -> Events:
    return [event for event in events if event.event["type"] in types]
