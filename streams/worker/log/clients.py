"""The Kafka clients of the partition log: how aiokafka's consumers, producers and admin client are set up."""

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
RESTORE_FETCH_BYTES = 4 * 1024 * 1024
TOPICS_SECONDS = 3.0  # until a topic just created is known to every broker
PATIENCE_SECONDS = 30.0  # for a coordinator to move, or a connection to close


class Clients:
    """The consumer of the sources, an admin client, and the producers and changelog consumers of partitions.

    ``consumer`` exists from ``start`` on.
    """

    consumer: AIOKafkaConsumer

    def __init__(self, options: LogOptions) -> None:
        self.options = options
        self._kafka: dict[str, Any] = options.kafka.options()
        self._admin: AIOKafkaAdminClient | None = None
        self._consumer: AIOKafkaConsumer | None = None

    async def start(self) -> None:
        """Connects; raises ``RuntimeError`` if topics are missing or not co-partitioned."""
        self._admin = AIOKafkaAdminClient(**self._kafka)
        await self._admin.start()
        await self._check_topics()
        options = self.options
        # Positions are always ours (see Assignment.start_opened). "none" turns an offset that retention has
        # overtaken into an error, where "earliest" would go on and say nothing of the loss.
        self.consumer = self._consumer = AIOKafkaConsumer(
            **self._kafka,
            group_id=options.application,
            group_instance_id=options.group_instance_id,
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
        topics = [*self.options.sources, *self.options.changelogs]
        deadline = asyncio.get_running_loop().time() + TOPICS_SECONDS
        counts = await self._partition_counts(topics)
        while not all(map(counts.get, topics)) and asyncio.get_running_loop().time() < deadline:
            await asyncio.sleep(0.2)
            counts = await self._partition_counts(topics)
        if missing := [topic for topic in topics if not counts.get(topic)]:
            raise RuntimeError(f"missing topics: {', '.join(missing)}; create them before the worker")
        if len(set(counts.values())) > 1:
            raise RuntimeError(f"topics must have equally many partitions: {counts}")

    async def _partition_counts(self, topics: list[str]) -> dict[str, int]:
        assert self._admin is not None
        # a request for all topics creates none; a mock cluster creates those requested by name
        described = await self._admin.describe_topics(None if self.options.transactional else topics)
        return {topic["topic"]: len(topic["partitions"]) for topic in described if topic["topic"] in topics}

    async def start_producer(self, partition: int) -> AIOKafkaProducer:
        """The started producer of a partition; with transactions, it has fenced every earlier one."""
        producer = self.make_producer(partition)
        try:
            await producer.start()
        except BaseException:
            await self.close_connection(producer.stop())
            raise
        return producer

    def make_producer(self, partition: int) -> AIOKafkaProducer:
        """A producer that is not started; a test puts its own here."""
        options: dict[str, Any] = {**self._kafka, "acks": "all", "max_batch_size": BATCH_BYTES}
        # after a commit Kafka still writes its markers, and makes the next transaction try again: soon
        options["retry_backoff_ms"] = 20
        if self.options.transactional:
            options["transactional_id"] = f"{self.options.application}-{partition}"
            options["transaction_timeout_ms"] = self.options.transaction_timeout_ms
        return AIOKafkaProducer(**options)

    def changelog_consumer(self) -> AIOKafkaConsumer:
        """A consumer outside of the group, for restoring one partition; not started."""
        return AIOKafkaConsumer(
            **self._kafka,
            isolation_level="read_committed",
            auto_offset_reset="none",
            enable_auto_commit=False,
            max_partition_fetch_bytes=RESTORE_FETCH_BYTES,
        )

    async def group_offsets(self, sources: Sequence[Any]) -> dict[Any, OffsetAndMetadata]:
        """The group's committed offset of each source, -1 where nothing was ever committed.

        Raises ``RuntimeError`` or aiokafka's error if the coordinator does not give them in time.
        """
        assert self._admin is not None
        deadline = asyncio.get_running_loop().time() + PATIENCE_SECONDS
        while True:
            try:
                offsets = await self._admin.list_consumer_group_offsets(
                    self.options.application, partitions=list(sources)
                )
            except KafkaError as error:
                if not error.retriable or asyncio.get_running_loop().time() > deadline:
                    raise
            else:
                # A coordinator still loading answers with an empty list. Taken for "nothing committed", that
                # would count everything again: an explicit -1 is required.
                if all(source in offsets for source in sources):
                    return {source: offsets[source] for source in sources}
                if asyncio.get_running_loop().time() > deadline:
                    raise RuntimeError(f"the group coordinator does not tell the offsets of {sources}")
            await asyncio.sleep(0.1)

    async def offset_bounds(self, sources: Sequence[Any]) -> tuple[dict[Any, int], dict[Any, int]]:
        """The beginning and the end offset of each source: its records are in [beginning, end)."""
        beginnings = await self.consumer.beginning_offsets(sources)
        return beginnings, await self.consumer.end_offsets(sources)

    async def lag(self, sources: Iterable[Any]) -> int:
        """Committed records of the sources that the consumer has not fetched, by what it has heard of their ends."""
        lag = 0
        for source in sources:
            stable = self.consumer.last_stable_offset(source)
            end = stable if stable is not None and stable >= 0 else self.consumer.highwater(source)
            if end is not None:
                lag += max(0, end - await self.consumer.position(source))
        return lag

    async def stop(self) -> None:
        """Leaves the group and closes the consumer and the admin client."""
        if self._consumer is not None:
            await self.close_connection(self._consumer.stop())
        if self._admin is not None:
            await self.close_connection(self._admin.close())

    async def close_connection(self, closing: Coroutine[Any, Any, None]) -> None:
        """Awaits the end of a connection. Nothing durable depends on it: it may fail, but not take for ever."""
        try:
            await asyncio.wait_for(closing, PATIENCE_SECONDS)
        except Exception as error:
            logger.warning("closing a connection: %r", error)


if TYPE_CHECKING:
    from streams.worker.log.options import LogOptions
