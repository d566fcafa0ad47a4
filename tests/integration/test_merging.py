"""Customers who turn out to be one, over several partitions and workers of a real Kafka, one of them killed."""

from __future__ import annotations

import json
import signal
from pathlib import Path

import pytest
from kafka.broker import KafkaServer
from system import System, located, same

from tests.property.harness import before, edge
from tests.property.test_merging import DAY, FIRST, GIVEN, merged

pytestmark = pytest.mark.timeout(180)


def test_values_equal_a_replay_through_moves_and_kills(kafka: KafkaServer, tmp_path: Path) -> None:
    as_of = edge(FIRST + 100 * DAY)
    events = before([event for seed in (3, 4) for event in renamed(merged(seed, 150, 3), seed)], as_of)
    bodies = [json.dumps(event).encode() for event in events]
    file = tmp_path / "events.jsonl"
    file.write_bytes(b"\n".join(bodies))
    settings = GIVEN | {"windows": {"rolling": ["7d", "90d"], "aligned": []}}
    with System(kafka, tmp_path / "system", settings) as system:
        workers = [system.worker(as_of), system.worker(as_of)]
        board = system.board(as_of, "--no-publish")
        half = len(bodies) // 2
        system.send_raw(located(bodies[:half]))
        system.wait_until(half // 2)
        workers[0].signal(signal.SIGKILL)
        system.send_raw(located(bodies[half:]))
        system.wait_until_done()
        expected = system.replay(as_of, file)
        board.has(lambda rows: rows == expected)
        same(board.rows(), expected)
        assert system.done() > len(bodies), "a record passed on is one more: nobody moved, and the test says nothing"
        workers[1].terminate()
        board.process.terminate()


def renamed(events: list[dict[str, object]], number: int) -> list[dict[str, object]]:
    """The same history of other customers and costs."""
    named = ("customer_id", "into_customer_id", "cost_id")
    return [event | {name: f"{number}-{event[name]}" for name in named if name in event} for event in events]
