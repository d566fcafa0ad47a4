"""A lease that one of several processes holds: the one to whom a consumer group gives the lease's partition.

The group's members are the processes, its topic one that is never read through it. When the holder dies, its session
ends and the group gives the partition to another, within the session timeout. A process that ends in order hands over
at once. The holder keeps the lease when others join (the assignment is sticky).

This is a lease, not a fence: a holder that is frozen for longer than its session may act once more as it wakes.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, Final

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.abc import ConsumerRebalanceListener
from aiokafka.coordinator.assignors.sticky.sticky_assignor import StickyPartitionAssignor

from streams.kafka.connection import Connection
from streams.kafka.reading import consumer

__all__ = ["Lease", "lease"]

_POLL_MS: Final = 500


class Lease(ConsumerRebalanceListener):  # type: ignore[misc]
    """A membership in the group that decides; ``keep`` must run for as long as the lease is wanted."""

    def __init__(self, client: AIOKafkaConsumer, source: TopicPartition) -> None:
        self._client = client
        self._source = source
        self._held: bool | None = None

    def held(self) -> bool | None:
        """True if this process holds the lease; None while the group decides."""
        return self._held

    async def keep(self) -> None:
        """Polls until cancelled, as the group expels a member that does not. Reads no records."""
        while True:
            await self._client.getmany(timeout_ms=_POLL_MS)

    async def on_partitions_revoked(self, revoked: set[Any]) -> None:
        self._held = None

    async def on_partitions_assigned(self, assigned: set[Any]) -> None:
        self._client.pause(*assigned)
        self._held = self._source in assigned


@asynccontextmanager
async def lease(
    kafka: Connection, *, group: str, topic: str, client_id: str, session_timeout_ms: int
) -> AsyncIterator[Lease]:
    """Joins the group of a lease, and leaves it when the block ends. Raises ``KafkaError``."""
    options = {
        "client_id": client_id,  # shows in the group's description
        "group_id": group,
        "partition_assignment_strategy": [StickyPartitionAssignor],
        "session_timeout_ms": session_timeout_ms,
        "heartbeat_interval_ms": session_timeout_ms // 6,
        "rebalance_timeout_ms": session_timeout_ms,
    }
    async with consumer(kafka, **options) as client:
        membership = Lease(client, TopicPartition(topic, 0))
        client.subscribe([topic], listener=membership)
        yield membership
