"""The embedded broker with the clients the project uses, and the feeder through it."""

from __future__ import annotations

import asyncio
import json
import sys
from collections import Counter
from collections.abc import AsyncIterator, Awaitable
from itertools import islice
from typing import Any, TypeVar

import aiokafka
import pytest
from aiokafka import TopicPartition
from aiokafka.coordinator.assignors.range import RangePartitionAssignor
from aiokafka.structs import OffsetAndMetadata

from streams.core.events.decoding import decode
from streams.core.temporal.instants import parse_instant
from streams.demo.broker import PARTITIONS, BrokerMissing, EmbeddedBroker
from streams.demo.feed import Progress, feed, send
from streams.demo.simulator import simulate, wall_clock
from streams.demo.world import SimulatedEvent
from streams.kafka.connection import Connection
from streams.kafka.topics import INPUTS

pytest.importorskip("confluent_kafka", reason="the embedded broker is in the demo extra")

START = parse_instant("2025-01-15T05:00:00Z")
T = TypeVar("T")

AIOKafkaConsumer: Any = aiokafka.AIOKafkaConsumer  # their functions have no types
AIOKafkaProducer: Any = aiokafka.AIOKafkaProducer


def run(work: Awaitable[T]) -> T:
    async def bounded() -> T:
        return await asyncio.wait_for(work, 60)

    return asyncio.run(bounded())


async def read(servers: str, topics: tuple[str, ...], count: int) -> list[Any]:
    """The first ``count`` records of all partitions."""
    out: list[Any] = []
    async with AIOKafkaConsumer(bootstrap_servers=servers, auto_offset_reset="earliest") as consumer:
        consumer.assign([TopicPartition(topic, n) for topic in topics for n in range(PARTITIONS)])
        while len(out) < count:
            for records in (await consumer.getmany(timeout_ms=200)).values():
                out += records
    return out


def test_events_come_back_with_key_partition_and_headers() -> None:
    async def round_trip(servers: str) -> None:
        async with AIOKafkaProducer(bootstrap_servers=servers, acks="all") as producer:
            for topic in ("one", "two"):
                assert await producer.partitions_for(topic) == set(range(PARTITIONS))
                await producer.send_and_wait(topic, b"v", key=b"k", partition=3, headers=[("h", b"x")])
        records = await read(servers, ("one", "two"), 2)
        assert {(r.topic, r.partition, r.key, r.value, r.headers) for r in records} == {
            (topic, 3, b"k", b"v", (("h", b"x"),)) for topic in ("one", "two")
        }

    with EmbeddedBroker(["one", "two"]) as broker:
        run(round_trip(broker.bootstrap_servers))


def test_a_group_of_one_keeps_offsets_with_their_metadata() -> None:
    at = TopicPartition("one", 1)

    def member(servers: str) -> Any:
        return AIOKafkaConsumer(
            "one",
            "two",
            bootstrap_servers=servers,
            group_id="g",
            enable_auto_commit=False,
            auto_offset_reset="earliest",
            isolation_level="read_committed",
            partition_assignment_strategy=(RangePartitionAssignor,),
        )

    async def commit_and_come_back(servers: str) -> None:
        async with AIOKafkaProducer(bootstrap_servers=servers) as producer:
            for n in range(5):
                await producer.send_and_wait("one", str(n).encode(), partition=1)
        async with member(servers) as consumer:
            assert len(consumer.assignment()) == 2 * PARTITIONS
            assert await consumer.committed(at) is None
            assert await consumer.end_offsets([at]) == {at: 5}
            assert (await consumer.getone()).value == b"0"
            await consumer.commit({at: OffsetAndMetadata(3, "unit 7")})
        async with member(servers) as consumer:
            assert await consumer.committed(at) == 3
            assert (await consumer.getone()).value == b"3"
            kept = await consumer._coordinator.fetch_committed_offsets([at])
            assert kept[at].metadata == "unit 7"
            consumer.seek(at, 1)
            assert (await consumer.getone()).value == b"1"

    with EmbeddedBroker(["one", "two"]) as broker:
        run(commit_and_come_back(broker.bootstrap_servers))


def test_it_runs_only_inside_its_block() -> None:
    broker = EmbeddedBroker()
    with broker:
        host, port = broker.bootstrap_servers.split(":")
        with pytest.raises(RuntimeError, match="already"):
            broker.start()

    async def knock() -> None:
        await asyncio.open_connection(host, int(port))

    with pytest.raises(ConnectionRefusedError):
        asyncio.run(knock())
    with pytest.raises(RuntimeError, match="not running"):
        broker.bootstrap_servers  # noqa: B018
    with pytest.raises(RuntimeError, match="not running"):
        broker.create("one")


def test_without_its_package_the_remedy_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "confluent_kafka", None)
    with pytest.raises(BrokerMissing, match=r"pip install 'support-roi\[demo\]'"):
        EmbeddedBroker().start()


def test_what_is_sent_arrives_once_in_order_and_with_room_asked_for() -> None:
    events = list(islice(simulate(seed=1, start_ms=START, prelude_days=1), 20_000))
    asked = 0

    async def slices() -> AsyncIterator[list[SimulatedEvent]]:
        for n in range(0, len(events), 500):
            yield events[n : n + 500]

    async def room() -> None:
        nonlocal asked
        asked += 1

    async def through(servers: str) -> list[Any]:
        told: list[Progress] = []
        sent = await send(Connection(servers), slices(), events_per_second=1e6, room=room, on_progress=told.append)
        assert sent == len(events) == told[-1].sent
        assert asked == len(told) == 40
        assert told[-1].at == events[-1].at
        assert not told[-1].live
        return await read(servers, INPUTS, sent)

    with EmbeddedBroker(INPUTS) as broker:
        records = run(through(broker.bootstrap_servers))
    assert Counter(record.topic for record in records) == Counter(event.topic for event in events)
    came: dict[tuple[str, str], list[Any]] = {}
    gone: dict[tuple[str, str], list[Any]] = {}
    for record in records:
        decode(record.value)
        came.setdefault((record.topic, record.key.decode()), []).append(json.loads(record.value))
    for event in events:
        gone.setdefault((event.topic, event.key), []).append(event.event)
    assert came == gone, "each key's events, in order"
    partitions: dict[bytes, set[int]] = {}
    for record in records:
        partitions.setdefault(record.key, set()).add(record.partition)
    assert all(len(places) == 1 for places in partitions.values()), "a customer is in one partition of every topic"


def test_the_keys_go_where_every_other_client_puts_them() -> None:
    events = list(islice(simulate(seed=1, start_ms=START, prelude_days=1), 50))

    async def once() -> AsyncIterator[list[SimulatedEvent]]:
        yield events

    async def compare(servers: str) -> None:
        await send(Connection(servers), once())
        ours = {record.key: record.partition for record in await read(servers, INPUTS, len(events))}
        async with AIOKafkaProducer(bootstrap_servers=servers) as producer:
            for key, partition in ours.items():
                assert (await producer.send_and_wait("other", b"", key=key)).partition == partition

    with EmbeddedBroker((*INPUTS, "other")) as broker:
        run(compare(broker.bootstrap_servers))


def test_feeding_gives_history_throttled_then_live() -> None:
    told: list[Progress] = []

    async def until_live(servers: str) -> float:
        reached = asyncio.Event()

        def progress(now: Progress) -> None:
            told.append(now)
            if now.live:
                reached.set()

        began = asyncio.get_running_loop().time()
        task = asyncio.create_task(
            feed(
                Connection(servers),
                history_days=0.5,
                customers=300,
                tickets_per_day=2000,
                events_per_second=5000,
                on_progress=progress,
                speed=30,
            )
        )
        waiting = asyncio.create_task(reached.wait())
        await asyncio.wait({task, waiting}, return_when=asyncio.FIRST_COMPLETED)
        assert not task.done(), task
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        return asyncio.get_running_loop().time() - began

    with EmbeddedBroker(INPUTS) as broker:
        took = run(until_live(broker.bootstrap_servers))
    assert told[-1].sent > 2000
    assert abs(told[-1].at - wall_clock()) < 60_000
    assert told[-1].sent / took < 6500, "the throttle holds"
