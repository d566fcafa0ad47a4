"""One partition in this worker's hands: opened, sealed unit by unit, and disconnected again."""

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

logger = logging.getLogger(__name__)

RESTORE_SLICE = 2_000  # records between two turns of the others; about 10 ms


class Partition:
    def __init__(self, number: int, clients: Clients) -> None:
        self.number = number
        self.sources = [TopicPartition(topic, number) for topic in clients.options.sources]
        self.offsets: dict[Any, int] = {}  # what is to be folded next, by source
        self.unit = ""  # the random id of the last durable unit
        self.records = 0  # folded since then
        self.since = time.monotonic()  # when the running unit began, or the last one ended
        self.fold: Processor
        # for the metrics
        self.state = "opening"  # opening, restoring, running
        self.lag: int | None = None
        self.restored = 0
        self.reused = False
        self.units = 0
        self.unit_seconds = 0.0
        self._clients = clients
        self._producer: AIOKafkaProducer | None = None

    async def open(self, kept: Partition | None, factory: Callable[[int], Processor]) -> None:
        # the fence comes first: what is read after it can no longer change under us
        self._producer = await self._clients.producer(self.number)
        committed = await self._clients.committed(self.sources)
        self.offsets = await self._starts(committed)
        self.unit = next(iter(committed.values())).metadata
        if kept is not None and kept.matches(committed):
            self.fold, self.reused = kept.fold, True
        else:
            fold = factory(self.number)
            await self._restore(fold)
            self.fold = fold
        self.since, self.state = time.monotonic(), "running"

    def matches(self, committed: dict[Any, OffsetAndMetadata]) -> bool:
        """True if the last durable unit is ours: equal offsets alone could be another's doing."""
        return bool(self.unit) and committed == {
            source: OffsetAndMetadata(offset, self.unit) for source, offset in self.offsets.items()
        }

    async def _starts(self, committed: dict[Any, OffsetAndMetadata]) -> dict[Any, int]:
        first, end = await self._clients.bounds(self.sources)
        self.lag = 0
        starts = {}
        for source, (offset, _) in committed.items():
            if offset > end[source]:
                raise RuntimeError(
                    f"{source.topic}[{source.partition}] ends at {end[source]}, before the committed offset "
                    f"{offset}: was the topic created anew? Delete the group's offsets and its changelogs"
                )
            if 0 <= offset < first[source]:
                logger.error(
                    "%s[%d]: retention removed %d records before they were processed",
                    *(source.topic, source.partition, first[source] - offset),
                )
            starts[source] = max(offset, first[source])
            self.lag += end[source] - starts[source]
        return starts

    async def _restore(self, fold: Processor) -> None:
        self.state = "restoring"
        changelogs = [TopicPartition(topic, self.number) for topic in self._clients.options.changelogs]
        if changelogs:
            async with self._clients.reader() as consumer:
                await self._read_to_the_end(consumer, changelogs, fold)
        fold.restored()

    async def _read_to_the_end(self, consumer: Any, changelogs: Sequence[Any], fold: Processor) -> None:
        first = await consumer.beginning_offsets(changelogs)
        end = await consumer.end_offsets(changelogs)  # of committed records, thanks to the isolation level
        consumer.assign(changelogs)
        for changelog in changelogs:
            consumer.seek(changelog, first[changelog])
        while rest := [c for c in changelogs if await consumer.position(c) < end[c]]:
            polled = await consumer.getmany(*rest, timeout_ms=1000, max_records=RESTORE_SLICE)
            for records in polled.values():
                for record in records:
                    fold.restore(record.topic, record.key, record.value)
                self.restored += len(records)
            await asyncio.sleep(0)  # open partitions go on meanwhile, and the heartbeat

    def folded(self, records: int, ends: dict[Any, int]) -> None:
        self.records += records
        self.offsets.update(ends)

    async def seal(self) -> int:
        """Makes what was folded durable; returns the number of records."""
        began, unit, records, producer = time.monotonic(), uuid.uuid4().hex, self.records, self._producer
        assert producer is not None
        transactional = self._clients.options.transactional
        if transactional:
            await producer.begin_transaction()
        sender = UnitSender(producer, self.number)
        for outputs in self.fold.close():
            await sender.send(outputs)
            await asyncio.sleep(0)
        await sender.delivered()
        offsets = {source: OffsetAndMetadata(offset, unit) for source, offset in self.offsets.items()}
        if transactional:
            await producer.send_offsets_to_transaction(offsets, self._clients.options.application)
            await producer.commit_transaction()
        else:
            await self._clients.consumer.commit(offsets)
        self.unit, self.records, self.since = unit, 0, time.monotonic()
        self.units += 1
        self.unit_seconds = self.since - began
        self.fold.sealed()
        return records

    async def disconnect(self) -> None:
        producer, self._producer = self._producer, None
        if producer is not None:
            await self._clients.end(producer.stop())
