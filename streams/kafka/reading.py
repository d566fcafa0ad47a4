"""Reading topics outside of any consumer group: all partitions, committed by nobody."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Any, Protocol

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import KafkaError

from streams.kafka.connection import Connection
from streams.kafka.errors import RequestFailed

__all__ = ["Record", "TopicReader", "consumer", "follow", "last_values", "partitions", "topic_reader"]

_FETCH_BYTES = 4 * 1024 * 1024
#: How long a topic may take to be known everywhere after it was created.
_NEW_TOPIC_SECONDS = 3.0


class Record(Protocol):
    """A record of a topic. ``timestamp`` is its time in ms."""

    @property
    def key(self) -> bytes | None: ...
    @property
    def value(self) -> bytes | None: ...
    @property
    def timestamp(self) -> int: ...


@asynccontextmanager
async def consumer(kafka: Connection, *topics: str, **options: Any) -> AsyncIterator[AIOKafkaConsumer]:
    """A started consumer that commits nothing."""
    client = AIOKafkaConsumer(*topics, **kafka.options() | options, enable_auto_commit=False)
    try:
        await client.start()
        yield client
    finally:
        await client.stop()


async def partitions(kafka: Connection, *topics: str) -> list[TopicPartition]:
    """The partitions of existing topics; one that was just created may take seconds to be known everywhere.

    Raises ``KafkaError``.
    """
    admin = AIOKafkaAdminClient(**kafka.options())
    deadline = asyncio.get_running_loop().time() + _NEW_TOPIC_SECONDS
    try:
        await admin.start()
        descriptions = await admin.describe_topics(list(topics))
        while not all(topic["partitions"] for topic in descriptions) and asyncio.get_running_loop().time() < deadline:
            await asyncio.sleep(0.2)
            descriptions = await admin.describe_topics(list(topics))
    finally:
        await admin.close()
    return [
        TopicPartition(topic["topic"], partition["partition"])
        for topic in descriptions
        for partition in topic["partitions"]
    ]


async def last_values(kafka: Connection, topic: str) -> dict[bytes, bytes]:
    """The last value of each key of a compacted topic, without deleted keys. Raises ``RequestFailed``."""
    values: dict[bytes, bytes | None] = {}
    try:
        sources = await partitions(kafka, topic)
        async with consumer(kafka) as client:
            client.assign(sources)
            await client.seek_to_beginning(*sources)
            ends = await client.end_offsets(sources)
            while any([await client.position(source) < ends[source] for source in sources]):
                for records in (await client.getmany(timeout_ms=1000)).values():
                    values |= {record.key: record.value for record in records}
    except KafkaError as error:
        raise RequestFailed(repr(error)) from error
    return {key: value for key, value in values.items() if value is not None}


async def follow(
    kafka: Connection, topic: str, take: Callable[[bytes, bytes | None], None], tail: int | None = None
) -> None:
    """Calls ``take`` with key and value of every record, for ever. Raises ``KafkaError``.

    ``tail`` is the number of offsets before each partition's end to start at; None starts at the beginning.
    """
    async with consumer(kafka, topic, isolation_level="read_committed", auto_offset_reset="earliest") as client:
        if tail is not None:
            sources = client.assignment()
            beginnings, ends = await client.beginning_offsets(sources), await client.end_offsets(sources)
            for source in sources:
                client.seek(source, max(beginnings[source], ends[source] - tail))
        async for record in client:
            take(record.key or b"", record.value)


class TopicReader:
    """The committed records of one topic from their beginning, partition by partition."""

    def __init__(self, client: AIOKafkaConsumer, sources: list[TopicPartition], ends: Mapping[TopicPartition, int]):
        self._client = client
        self._sources = sources
        self._ends = ends

    async def read(self, timeout_ms: int, max_records: int) -> dict[int, Sequence[Record]]:
        """The next records by partition, in order; empty if none comes within ``timeout_ms``."""
        batches = await self._client.getmany(timeout_ms=timeout_ms, max_records=max_records)
        return {source.partition: records for source, records in batches.items()}

    async def caught_up(self) -> bool:
        """True once all records have been read that the topic had when the reader was opened."""
        positions = [await self._client.position(source) for source in self._sources]
        return all(position >= self._ends[source] for position, source in zip(positions, self._sources, strict=True))

    async def lag(self) -> int:
        """The number of offsets from the next record to the ends of the partitions, as far as the ends are known."""
        lag = 0
        for source in self._sources:
            end = self._client.last_stable_offset(source)
            if end is None or end < 0:
                end = self._client.highwater(source)
            if end is not None:
                lag += max(0, end - await self._client.position(source))
        return lag


@asynccontextmanager
async def topic_reader(kafka: Connection, topic: str) -> AsyncIterator[TopicReader]:
    """Opens a ``TopicReader``. Raises ``KafkaError``."""
    options = {"isolation_level": "read_committed", "auto_offset_reset": "earliest"}
    async with consumer(kafka, **options, max_partition_fetch_bytes=_FETCH_BYTES) as client:
        sources = await partitions(kafka, topic)
        client.assign(sources)
        await client.seek_to_beginning(*sources)
        yield TopicReader(client, sources, await client.end_offsets(sources))
