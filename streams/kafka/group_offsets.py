"""The offsets that a consumer group has committed, next to the bounds of the partitions and the first record left."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from typing import NamedTuple, TypeAlias

from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import GroupCoordinatorNotAvailableError, GroupLoadInProgressError, KafkaError

from streams.kafka.connection import Connection
from streams.kafka.errors import RequestFailed
from streams.kafka.reading import consumer, partitions
from streams.kafka.visible_records import CONSUMER_OPTIONS, VisibleRecords

__all__ = ["PartitionOffsets", "ReadOffsets", "group_offsets"]


class PartitionOffsets(NamedTuple):
    """Offsets of one partition: its committed transactions are in [beginning, end).

    ``committed`` is the group's next offset (-1: none committed). ``first_left`` is the first record from there on that
    a reader of committed records receives; ``end`` if there is none.
    """

    beginning: int
    end: int
    committed: int
    first_left: int


#: Reads the offsets of every partition; None while the group's coordinator is elected or loads.
#: Raises ``RequestFailed``.
ReadOffsets: TypeAlias = Callable[[], Awaitable[list[PartitionOffsets] | None]]


@asynccontextmanager
async def group_offsets(
    kafka: Connection, group: str, topics: Sequence[str], timeout_seconds: float
) -> AsyncIterator[ReadOffsets]:
    """A function that reads the offsets of ``group`` in ``topics``. Raises ``KafkaError`` without a connection."""
    sources = await partitions(kafka, *topics)
    request_timeout_ms = int(timeout_seconds * 1000)

    async def request() -> list[PartitionOffsets] | None:
        committed = await admin.list_consumer_group_offsets(group, partitions=sources)
        if not all(source in committed for source in sources):
            return None  # the coordinator still loads: where nothing is committed, it answers -1
        beginnings, ends = await client.beginning_offsets(sources), await client.end_offsets(sources)
        left = {at: (max(committed[at].offset, beginnings[at]), ends[at]) for at in sources}
        firsts = await records.first(left)
        return [PartitionOffsets(beginnings[at], ends[at], committed[at].offset, firsts[at]) for at in sources]

    async def read() -> list[PartitionOffsets] | None:
        try:
            return await asyncio.wait_for(request(), timeout_seconds)
        except (GroupCoordinatorNotAvailableError, GroupLoadInProgressError):
            return None
        except (KafkaError, TimeoutError) as error:
            raise RequestFailed(repr(error)) from error

    async with consumer(kafka, **CONSUMER_OPTIONS, request_timeout_ms=request_timeout_ms) as client:
        records = VisibleRecords(client, sources)
        admin = AIOKafkaAdminClient(**kafka.options(), request_timeout_ms=request_timeout_ms)
        try:
            await admin.start()
            yield read
        finally:
            await admin.close()
