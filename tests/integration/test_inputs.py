"""The workers' progress by a real Kafka's offsets: commits, markers of transactions, and a Kafka that is silent."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from aiokafka import AIOKafkaProducer, TopicPartition
from aiokafka.structs import OffsetAndMetadata
from kafka.broker import KafkaServer
from system import System, until

from streams.board.follow.input_counts import InputFollower, input_follower
from streams.board.follow.input_lag import InputCounts
from streams.kafka.connection import Connection
from streams.kafka.topics import COSTS, TICKETS


@pytest.fixture
def system(kafka: KafkaServer, tmp_path: Path) -> Iterator[System]:
    with System(kafka, tmp_path / "system") as made:
        yield made


async def reaches(what: Callable[[], bool]) -> None:
    while not what():  # noqa: ASYNC110
        await asyncio.sleep(0.1)


async def reaches_counts(inputs: InputFollower, expected: InputCounts) -> None:
    """Returns once the counts are as expected: the group's coordinator may still be elected."""
    while True:
        await inputs.refresh()
        if inputs.counts == expected:
            return
        await asyncio.sleep(0.1)


async def test_what_waits_is_what_no_worker_has_committed(system: System) -> None:
    application, bootstrap = system.application, system.kafka.bootstrap
    async with (
        input_follower(Connection(bootstrap), application) as inputs,
        AIOKafkaProducer(bootstrap_servers=bootstrap) as plain,
        AIOKafkaProducer(bootstrap_servers=bootstrap, transactional_id=application) as producer,
    ):
        assert inputs.counts == InputCounts(0, 0)
        for _ in range(5):
            await plain.send_and_wait(TICKETS, b"x", partition=0)
        # the last record of each partition looks like the mark of a transaction's end, until there is another
        await reaches_counts(inputs, InputCounts(0, 4))
        async with producer.transaction():
            for _ in range(3):
                await producer.send(COSTS, b"x", partition=1)
        await reaches_counts(inputs, InputCounts(0, 4 + 3))
        tickets, costs = TopicPartition(TICKETS, 0), TopicPartition(COSTS, 1)
        async with producer.transaction():  # as a worker commits
            done = {tickets: OffsetAndMetadata(5, ""), costs: OffsetAndMetadata(3, "")}
            await producer.send_offsets_to_transaction(done, application)
        await reaches_counts(inputs, InputCounts(8, 0))


async def test_a_silent_kafka_says_nothing_and_is_asked_again(system: System) -> None:
    kafka = system.kafka
    async with input_follower(Connection(kafka.bootstrap), system.application) as inputs:
        following = asyncio.ensure_future(inputs.follow())
        kafka.pause()
        try:
            await reaches(lambda: inputs.counts is None)
        finally:
            kafka.resume()
        await reaches(lambda: inputs.counts is not None)
        assert not following.done()
        following.cancel()
        await asyncio.gather(following, return_exceptions=True)


def test_a_board_without_a_worker_says_that_events_wait_and_with_one_that_it_is_live(system: System) -> None:
    board = system.board()
    board.wait_until_ready()

    def state() -> str:
        return str(board.health()["data"]["inputs"]["state"])

    until("nothing has ever come", lambda: state() == "empty")
    event = b'{"type": "ticket.created", "event_id": "%d", "occurred_at": "2026-03-02T09:00:00Z", '
    event += b'"customer_id": "anna", "ticket_id": "T1", "channel": "email"}'
    system.send_raw((TICKETS, b"anna", event % number, None) for number in range(3))
    until("nobody takes them", lambda: state() == "stalled")
    system.worker()
    until("a worker has taken them", lambda: state() in ("catching_up", "live"))
    until("what came is over", lambda: state() == "live")
    assert json.loads(board.get("/healthz")[1])["data"]["inputs"]["waiting_records"] == 0
