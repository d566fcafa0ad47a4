"""The connections of the partition log: what it asks of aiokafka, in one place."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Coroutine, Iterable, Sequence
from typing import TYPE_CHECKING, Any

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.coordinator.assignors.range import RangePartitionAssignor
from aiokafka.errors import KafkaError
from aiokafka.structs import OffsetAndMetadata

__all__ = ["Clients"]


logger = logging.getLogger(__name__)

BATCH_BYTES = 512 * 1024
RESTORE_BYTES = 4 * 1024 * 1024
TOPIC_PATIENCE = 3.0  # seconds until a topic just created is known everywhere
PATIENCE = 30.0  # seconds for a coordinator to move, a connection to close


class Clients:
    consumer: AIOKafkaConsumer

    def __init__(self, options: LogOptions) -> None:
        self.options = options
        self._kafka: dict[str, Any] = options.kafka.options()
        self._admin: AIOKafkaAdminClient | None = None
        self._consumer: AIOKafkaConsumer | None = None

    async def start(self) -> None:
        self._admin = AIOKafkaAdminClient(**self._kafka)
        await self._admin.start()
        await self._check_topics()
        options = self.options
        # Positions are always ours (see Assignment.assign). "none" turns an offset that retention has
        # overtaken into an error, where "earliest" would go on and say nothing of the loss.
        self.consumer = self._consumer = AIOKafkaConsumer(
            **self._kafka,
            group_id=options.application,
            group_instance_id=options.instance,
            isolation_level="read_committed",
            auto_offset_reset="none",
            enable_auto_commit=False,
            partition_assignment_strategy=[RangePartitionAssignor],
            session_timeout_ms=options.session_timeout_ms,
            heartbeat_interval_ms=options.session_timeout_ms // 6,
            rebalance_timeout_ms=options.rebalance_timeout_ms,
            fetch_max_wait_ms=200,  # a partition just opened waits for the running fetch to return
        )
        await self._consumer.start()

    async def _check_topics(self) -> None:
        wanted = [*self.options.sources, *self.options.changelogs]
        deadline = asyncio.get_running_loop().time() + TOPIC_PATIENCE
        counts = await self._partition_counts(wanted)
        while not all(map(counts.get, wanted)) and asyncio.get_running_loop().time() < deadline:
            await asyncio.sleep(0.2)
            counts = await self._partition_counts(wanted)
        if missing := [topic for topic in wanted if not counts.get(topic)]:
            raise RuntimeError(f"missing topics: {', '.join(missing)}; create them before the worker")
        if len(set(counts.values())) > 1:
            raise RuntimeError(f"topics must have equally many partitions: {counts}")

    async def _partition_counts(self, wanted: list[str]) -> dict[str, int]:
        assert self._admin is not None
        # asking for all topics creates none; a mock cluster creates what is asked for by name
        found = await self._admin.describe_topics(None if self.options.transactional else wanted)
        return {topic["topic"]: len(topic["partitions"]) for topic in found if topic["topic"] in wanted}

    async def producer(self, partition: int) -> AIOKafkaProducer:
        """Starts the producer of a partition; with transactions, that fences every earlier one."""
        producer = self.make_producer(partition)
        try:
            await producer.start()
        except BaseException:
            await self.end(producer.stop())
            raise
        return producer

    def make_producer(self, partition: int) -> AIOKafkaProducer:
        options: dict[str, Any] = {**self._kafka, "acks": "all", "max_batch_size": BATCH_BYTES}
        # after a commit Kafka still writes its markers; the next transaction is told to try again, soon
        options["retry_backoff_ms"] = 20
        if self.options.transactional:
            options["transactional_id"] = f"{self.options.application}-{partition}"
            options["transaction_timeout_ms"] = self.options.transaction_timeout_ms
        return AIOKafkaProducer(**options)

    def reader(self) -> AIOKafkaConsumer:
        return AIOKafkaConsumer(
            **self._kafka,
            isolation_level="read_committed",
            auto_offset_reset="none",
            enable_auto_commit=False,
            max_partition_fetch_bytes=RESTORE_BYTES,
        )

    async def committed(self, sources: Sequence[Any]) -> dict[Any, OffsetAndMetadata]:
        assert self._admin is not None
        deadline = asyncio.get_running_loop().time() + PATIENCE
        while True:
            try:
                found = await self._admin.list_consumer_group_offsets(
                    self.options.application, partitions=list(sources)
                )
            except KafkaError as error:
                if not error.retriable or asyncio.get_running_loop().time() > deadline:
                    raise
            else:
                # A coordinator still loading answers with an empty list. Taken for "nothing committed", that
                # would count everything again: -1 must be said explicitly.
                if all(source in found for source in sources):
                    return {source: found[source] for source in sources}
                if asyncio.get_running_loop().time() > deadline:
                    raise RuntimeError(f"the group coordinator does not tell the offsets of {sources}")
            await asyncio.sleep(0.1)

    async def bounds(self, sources: Sequence[Any]) -> tuple[dict[Any, int], dict[Any, int]]:
        first = await self.consumer.beginning_offsets(sources)
        return first, await self.consumer.end_offsets(sources)

    async def behind(self, sources: Iterable[Any]) -> int:
        behind = 0
        for source in sources:
            stable = self.consumer.last_stable_offset(source)
            end = stable if stable is not None and stable >= 0 else self.consumer.highwater(source)
            if end is not None:
                behind += max(0, end - await self.consumer.position(source))
        return behind

    async def stop(self) -> None:
        if self._consumer is not None:
            await self.end(self._consumer.stop())
        if self._admin is not None:
            await self.end(self._admin.close())

    async def end(self, closing: Coroutine[Any, Any, None]) -> None:
        """Nothing durable hangs on a connection's end, so it may fail, but not take for ever."""
        try:
            await asyncio.wait_for(closing, PATIENCE)
        except Exception as error:
            logger.warning("closing a connection: %r", error)


if TYPE_CHECKING:
    from streams.worker.log.options import LogOptions
