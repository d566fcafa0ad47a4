"""From the simulated desk into Kafka: history as fast as is allowed, then what happens as it happens."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterable, Awaitable, Callable, Sequence
from typing import Any, Final, NamedTuple

import msgspec
from aiokafka import AIOKafkaProducer
from aiokafka.partitioner import DefaultPartitioner

from streams.demo.simulator import live, wall_clock
from streams.demo.world import SimulatedEvent
from streams.kafka.connection import Connection

__all__ = ["Progress", "feed", "send"]

_PRODUCER: Any = AIOKafkaProducer  # its functions have no types

_BATCH_BYTES: Final = 256 * 1024
_KEYS_KEPT: Final = 200_000
_LIVE_WITHIN: Final = 60_000  # ms behind the clock at most: then history is over


class Progress(NamedTuple):
    """How far the feeding is: events sent, the time of the last one (ms), and whether history is over."""

    sent: int
    at: int
    live: bool
    events_per_second: float


async def feed(
    kafka: Connection,
    *,
    seed: int = 1,
    history_days: float = 90,
    speed: float = 1.0,
    customers: int = 2000,
    tickets_per_day: float = 250,
    events_per_second: float = 10_000,
    room: Callable[[], Awaitable[None]] | None = None,
    on_progress: Callable[[Progress], None] | None = None,
) -> None:
    """Sends a desk's history and then its live traffic until cancelled. ``room`` returns once more may come."""
    stream = live(
        seed=seed,
        history_days=history_days,
        speed=speed,
        customers=customers,
        tickets_per_day=tickets_per_day,
    )
    await send(kafka, stream, events_per_second=events_per_second, room=room, on_progress=on_progress)


async def send(
    kafka: Connection,
    slices: AsyncIterable[Sequence[SimulatedEvent]],
    *,
    events_per_second: float = 10_000,
    room: Callable[[], Awaitable[None]] | None = None,
    on_progress: Callable[[Progress], None] | None = None,
) -> int:
    """Sends slices of events, each acknowledged before the next; returns how many events were sent."""
    if events_per_second <= 0:
        raise ValueError("`events_per_second` must be above 0")
    sent = 0
    async with _PRODUCER(**kafka.options(), acks="all", max_batch_size=_BATCH_BYTES) as producer:
        sender = _Sender(producer)
        began = due = time.monotonic()
        async for events in slices:
            if room is not None:
                await room()
            # What was not sent while there was nothing to send is not made up for: that would be a burst.
            due = max(due, time.monotonic() - 0.1)
            await sender.send(events)
            sent += len(events)
            due += len(events) / events_per_second
            await asyncio.sleep(max(0.0, due - time.monotonic()))
            if on_progress is not None:
                at = events[-1].at if events else wall_clock()  # nothing due: up to date, however quiet the desk is
                rate = sent / max(1e-9, time.monotonic() - began)
                on_progress(Progress(sent, at, wall_clock() - at < _LIVE_WITHIN, rate))
    return sent


class _Sender:
    """Whole batches by partition: a fifth of the cost of single sends."""

    def __init__(self, producer: Any) -> None:
        self._producer = producer
        self._partitioner = DefaultPartitioner()
        self._encode = msgspec.json.Encoder().encode
        self._known: dict[tuple[str, bytes], int] = {}
        self._partitions: dict[str, list[int]] = {}

    async def send(self, events: Sequence[SimulatedEvent]) -> None:
        batches: dict[tuple[str, int], Any] = {}
        waiting = []
        for event in events:
            key = event.key.encode()
            where = (event.topic, await self._partition(event.topic, key))
            value = self._encode(event.event)
            batch = batches.get(where)
            if batch is None:
                batch = batches[where] = self._producer.create_batch()
            # The record's time is that of sending: a broker's retention must not take history away.
            if batch.append(key=key, value=value, timestamp=None) is None:
                waiting.append(await self._producer.send_batch(batch, where[0], partition=where[1]))
                batch = batches[where] = self._producer.create_batch()
                if batch.append(key=key, value=value, timestamp=None) is None:
                    raise ValueError(f"an event of {len(value)} bytes fits no batch")
        for (topic, partition), batch in batches.items():
            waiting.append(await self._producer.send_batch(batch, topic, partition=partition))
        await asyncio.gather(*waiting)

    async def _partition(self, topic: str, key: bytes) -> int:
        """The partition every Kafka client gives this key; kept, as the hash is slow."""
        partition = self._known.get((topic, key))
        if partition is None:
            if topic not in self._partitions:
                self._partitions[topic] = sorted(await self._producer.partitions_for(topic))
            every = self._partitions[topic]
            if len(self._known) >= _KEYS_KEPT:
                self._known.clear()
            partition = self._known[topic, key] = self._partitioner(key, every, every)
        return partition
