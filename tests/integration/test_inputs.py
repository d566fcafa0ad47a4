"""The workers' progress by a real Kafka's offsets: commits, markers of transactions, and a Kafka that is silent."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from aiokafka import AIOKafkaProducer, TopicPartition
from aiokafka.structs import OffsetAndMetadata
from kafka.broker import KafkaServer
from system import Board, System, until

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
        await reaches_counts(inputs, InputCounts(0, 5))
        async with producer.transaction():
            for _ in range(3):
                await producer.send(COSTS, b"x", partition=1)
        await reaches_counts(inputs, InputCounts(0, 5 + 4))  # with the marker behind the records
        tickets, costs = TopicPartition(TICKETS, 0), TopicPartition(COSTS, 1)
        await commit(producer, application, {tickets: 4, costs: 2})
        await reaches_counts(inputs, InputCounts(6, 1 + 2))
        await commit(producer, application, {tickets: 5, costs: 3})
        await reaches_counts(inputs, InputCounts(8, 0))


async def commit(producer: AIOKafkaProducer, application: str, offsets: Mapping[TopicPartition, int]) -> None:
    """Commits as a worker does."""
    done = {source: OffsetAndMetadata(offset, "") for source, offset in offsets.items()}
    async with producer.transaction():
        await producer.send_offsets_to_transaction(done, application)


@asynccontextmanager
async def transactional(system: System, count: int) -> AsyncIterator[list[AIOKafkaProducer]]:
    """Producers with a transaction of their own each."""
    async with AsyncExitStack() as stack:
        yield [
            await stack.enter_async_context(
                AIOKafkaProducer(
                    bootstrap_servers=system.kafka.bootstrap,
                    transactional_id=f"{system.application}-{number}",
                    max_batch_size=4096,
                )
            )
            for number in range(count)
        ]


async def test_markers_of_several_transactions_do_not_wait(system: System) -> None:
    application, tickets = system.application, TopicPartition(TICKETS, 2)
    async with (
        input_follower(Connection(system.kafka.bootstrap), application) as inputs,
        transactional(system, 4) as producers,
    ):
        for producer in producers:
            await producer.begin_transaction()
            await producer.send_and_wait(TICKETS, b"x", partition=2)
        await reaches_counts(inputs, InputCounts(0, 0))  # nobody can read what is not committed
        for producer in producers:
            await producer.commit_transaction()
        await reaches_counts(inputs, InputCounts(0, 4 + 4))
        await commit(producers[0], application, {tickets: 3})
        await reaches_counts(inputs, InputCounts(3, 1 + 4))
        await commit(producers[0], application, {tickets: 4})
        await reaches_counts(inputs, InputCounts(4, 0))
        async with producers[0].transaction():
            await producers[0].send(TICKETS, b"x", partition=2)
        await reaches_counts(inputs, InputCounts(4, 1 + 1))  # from the record on, not from the markers before it


async def test_aborted_records_do_not_wait(system: System) -> None:
    application, costs = system.application, TopicPartition(COSTS, 0)
    async with (
        input_follower(Connection(system.kafka.bootstrap), application) as inputs,
        transactional(system, 1) as (producer,),
    ):
        await producer.begin_transaction()
        for _ in range(100):  # more than a fetch holds
            await producer.send(COSTS, b"x" * 1000, partition=0)
        await producer.flush()
        await reaches_counts(inputs, InputCounts(0, 0))
        await producer.abort_transaction()
        await reaches(lambda: system.ends()[COSTS, 0] == 101)
        await reaches_counts(inputs, InputCounts(0, 0))
        async with producer.transaction():
            await producer.send(COSTS, b"x", partition=0)
        await reaches_counts(inputs, InputCounts(0, 1 + 1))
        await commit(producer, application, {costs: 102})
        await producer.begin_transaction()
        await producer.send_and_wait(COSTS, b"x", partition=0)
        await producer.abort_transaction()
        await reaches(lambda: system.ends()[COSTS, 0] == 105)
        await reaches_counts(inputs, InputCounts(102, 0))


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


def ticket(number: int, at: datetime) -> tuple[str, bytes, bytes, None]:
    """The creation of a ticket by a customer of its own."""
    customer = b"customer-%d" % number
    event = b'{"type": "ticket.created", "event_id": "%d", "occurred_at": "%s", ' % (number, at.isoformat().encode())
    event += b'"customer_id": "%s", "ticket_id": "T%d", "channel": "email"}' % (customer, number)
    return TICKETS, customer, event, None


def inputs_of(board: Board) -> tuple[str, int]:
    """State of the inputs and the records that wait, as the board says."""
    found = board.health()["data"]["inputs"]
    return found["state"], found["waiting_records"]


def test_a_board_without_a_worker_says_that_one_event_waits_and_with_one_that_it_is_live(system: System) -> None:
    board = system.board()
    board.wait_until_ready()
    until("nothing has ever come", lambda: inputs_of(board) == ("empty", 0))
    system.send_raw([ticket(0, datetime(2026, 3, 2, 9, tzinfo=UTC))])
    until("nobody takes it", lambda: inputs_of(board) == ("stalled", 1))
    system.worker()
    until("a worker has taken it", lambda: inputs_of(board) in (("catching_up", 0), ("live", 0)))
    until("what came is over", lambda: inputs_of(board) == ("live", 0))


def test_events_in_partitions_of_others_leave_nothing_that_waits(system: System) -> None:
    system.worker()
    board = system.board()
    board.wait_until_ready()
    start = datetime.now(UTC) - timedelta(minutes=1)
    # librdkafka's own partitioner: a worker passes events on, and its transactions end with markers where they belong
    system.send_raw((ticket(number, start) for number in range(8)), partitioner="consistent_random")
    system.wait_until_done()
    until("the board has them", lambda: TICKETS in board.health()["data"]["newest_event"], 10)
    until("nothing waits", lambda: inputs_of(board) == ("live", 0), 10)
