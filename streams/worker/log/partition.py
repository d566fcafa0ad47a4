"""One partition in this worker's hands: opened, committed unit by unit, and disconnected again."""

from __future__ import annotations

import asyncio
import logging
import time
import uuid
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from aiokafka import AIOKafkaProducer, TopicPartition
from aiokafka.structs import OffsetAndMetadata

from streams.worker.log.clients import Clients
from streams.worker.log.sender import UnitSender

if TYPE_CHECKING:
    from streams.worker.log.processor import Processor

__all__ = ["Partition"]

logger = logging.getLogger(__name__)

RESTORE_SLICE = 2_000  # records between two turns of the other partitions; about 10 ms


class Partition:
    """A partition of all source topics, with its processor and its producer.

    ``state`` is ``opening``, ``restoring`` or ``running``; ``processor`` exists only in the last.
    """

    processor: Processor

    def __init__(self, number: int, clients: Clients) -> None:
        self.number = number
        self.sources = [TopicPartition(topic, number) for topic in clients.options.sources]
        #: The next offset to apply, by source.
        self.offsets: dict[Any, int] = {}
        #: Random id of the last committed unit; empty if there is none.
        self.unit_id = ""
        #: Records applied since the last committed unit.
        self.uncommitted_records = 0
        #: When the open unit began, or the last one ended while no record has come; monotonic seconds.
        self.unit_began = time.monotonic()
        # for the metrics
        self.state = "opening"
        #: Records of the sources not applied yet; None: unknown.
        self.lag: int | None = None
        #: Changelog records read.
        self.restored_records = 0
        #: True if the processor is the one this worker had before the last rebalance.
        self.reused = False
        #: Units committed.
        self.units = 0
        #: Seconds that the last commit took.
        self.commit_seconds = 0.0
        self._clients = clients
        self._producer: AIOKafkaProducer | None = None

    async def open(self, revoked: Partition | None, factory: Callable[[int], Processor]) -> None:
        """Fences an earlier owner, then restores the state or reuses that of ``revoked`` if it is still the newest.

        Raises ``RuntimeError`` if a source ends before its committed offset.
        """
        # the fence comes first: what is read after it can no longer change under us
        self._producer = await self._clients.start_producer(self.number)
        group_offsets = await self._clients.group_offsets(self.sources)
        self.offsets = await self._start_offsets(group_offsets)
        self.unit_id = next(iter(group_offsets.values())).metadata
        if revoked is not None and revoked.matches(group_offsets):
            self.processor, self.reused = revoked.processor, True
        else:
            processor = factory(self.number)
            await self._restore(processor)
            self.processor = processor
        self.unit_began, self.state = time.monotonic(), "running"

    def matches(self, group_offsets: dict[Any, OffsetAndMetadata]) -> bool:
        """True if the last committed unit is this object's own: equal offsets alone could be another worker's."""
        return bool(self.unit_id) and group_offsets == self._offsets_and_metadata(self.unit_id)

    def _offsets_and_metadata(self, unit_id: str) -> dict[Any, OffsetAndMetadata]:
        return {source: OffsetAndMetadata(offset, unit_id) for source, offset in self.offsets.items()}

    async def _start_offsets(self, group_offsets: dict[Any, OffsetAndMetadata]) -> dict[Any, int]:
        """The offsets to read from: the committed ones, or the beginning where that is later."""
        beginnings, ends = await self._clients.offset_bounds(self.sources)
        self.lag = 0
        starts = {}
        for source, (offset, _) in group_offsets.items():
            if offset > ends[source]:
                raise RuntimeError(
                    f"{source.topic}[{source.partition}] ends at {ends[source]}, before the committed offset "
                    f"{offset}: was the topic created anew? Delete the group's offsets and its changelogs"
                )
            if 0 <= offset < beginnings[source]:
                logger.error(
                    "%s[%d]: retention removed %d records before they were processed",
                    *(source.topic, source.partition, beginnings[source] - offset),
                )
            starts[source] = max(offset, beginnings[source])
            self.lag += ends[source] - starts[source]
        return starts

    async def _restore(self, processor: Processor) -> None:
        self.state = "restoring"
        changelogs = [TopicPartition(topic, self.number) for topic in self._clients.options.changelogs]
        if changelogs:
            async with self._clients.changelog_consumer() as consumer:
                await self._read_changelogs(consumer, changelogs, processor)
        processor.restored()

    async def _read_changelogs(self, consumer: Any, changelogs: Sequence[Any], processor: Processor) -> None:
        beginnings = await consumer.beginning_offsets(changelogs)
        ends = await consumer.end_offsets(changelogs)  # of committed records, thanks to the isolation level
        consumer.assign(changelogs)
        for changelog in changelogs:
            consumer.seek(changelog, beginnings[changelog])
        while unfinished := [c for c in changelogs if await consumer.position(c) < ends[c]]:
            polled = await consumer.getmany(*unfinished, timeout_ms=1000, max_records=RESTORE_SLICE)
            for records in polled.values():
                for record in records:
                    processor.restore(record.topic, record.key, record.value)
                self.restored_records += len(records)
            await asyncio.sleep(0)  # the running partitions get their turn, and the heartbeat

    def applied(self, records: int, next_offsets: dict[Any, int]) -> None:
        """Counts the records of a batch that the processor has applied."""
        self.uncommitted_records += records
        self.offsets.update(next_offsets)

    async def commit(self) -> int:
        """Makes the open unit durable: outputs, changelogs and offsets in one transaction; its number of records."""
        began, unit_id, records, producer = time.monotonic(), uuid.uuid4().hex, self.uncommitted_records, self._producer
        assert producer is not None
        transactional = self._clients.options.transactional
        if transactional:
            await producer.begin_transaction()
        sender = UnitSender(producer, self.number)
        for outputs in self.processor.close():
            await sender.send(outputs)
            await asyncio.sleep(0)
        await sender.flush()
        offsets = self._offsets_and_metadata(unit_id)
        if transactional:
            await producer.send_offsets_to_transaction(offsets, self._clients.options.application)
            await producer.commit_transaction()
        else:
            await self._clients.consumer.commit(offsets)
        self.unit_id, self.uncommitted_records, self.unit_began = unit_id, 0, time.monotonic()
        self.units += 1
        self.commit_seconds = self.unit_began - began
        self.processor.committed()
        return records

    async def disconnect(self) -> None:
        """Stops the producer; an open transaction is left for the next owner to abort."""
        producer, self._producer = self._producer, None
        if producer is not None:
            await self._clients.close_connection(producer.stop())
