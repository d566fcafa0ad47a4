"""The bench's compressed events are the simulated ones at another pace, and valid."""

from __future__ import annotations

import pytest

from bench.data import records, simulated
from bench.loads import compressed
from streams.core.events.decoding import decode
from streams.core.events.keys import sort_key
from streams.core.events.types import CostIncurred, Event
from streams.demo.world import SimulatedEvent

COUNT = 5000


def test_compressed_events_keep_their_order_and_periods() -> None:
    simulation = simulated(COUNT)
    sparse, dense = decoded(simulation), decoded(compressed(simulation))
    assert order(dense) == order(sparse)
    assert [event.event_id for event in dense] == [event.event_id for event in sparse]
    costs = [event for event in dense if type(event) is CostIncurred]
    assert costs
    assert all(cost.period_start <= cost.occurred_at < cost.period_end for cost in costs)


def test_compressed_events_come_at_700_a_second_and_by_their_records_clock() -> None:
    dense = compressed(simulated(COUNT))
    events = decoded(dense)
    assert [int(event.occurred_at) for event in events] == [record.at for record in dense]
    assert dense[-1].at == max(record.at for record in dense)
    assert (dense[-1].at - dense[0].at) / 1000 == pytest.approx(COUNT / 700, abs=0.1)


def decoded(events: list[SimulatedEvent]) -> list[Event]:
    return [decode(record.value) for record in records(events)]


def order(events: list[Event]) -> list[int]:
    """The events' places by their sort key."""
    return sorted(range(len(events)), key=lambda place: sort_key(events[place]))
