"""Which of several boards publishes: the one to whom a consumer group gives the lease's partition.

The group's members are the boards, its topic one that is never read through it. When the leader dies, its session ends
and the group gives the partition to another: within ``kafka.session_timeout_ms``. A board that ends in order hands over
at once. Who leads goes on leading when others come (the assignment is sticky).

This is a lease, not a fence: a leader that is frozen for longer than its session may send one more batch as it wakes.
"""

from __future__ import annotations

import os
from typing import Any, Final, Self

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.abc import ConsumerRebalanceListener
from aiokafka.coordinator.assignors.sticky.sticky_assignor import StickyPartitionAssignor

from streams.config import KafkaTable
from streams.kafka.connection import Connection
from streams.kafka.topics import WARNINGS

__all__ = ["Lease"]

_TURN_MS: Final = 500


class Lease(ConsumerRebalanceListener):  # type: ignore[misc]
    """``leads()`` says whether this board publishes; ``hold`` keeps it in the group for as long as it runs."""

    def __init__(self, kafka: Connection, settings: KafkaTable, topic: str = WARNINGS) -> None:
        self._source = TopicPartition(topic, 0)
        self._leads: bool | None = None
        # made in __aenter__: aiokafka wants a running loop
        self._consumer: AIOKafkaConsumer | None = None
        self._options = {
            **kafka.options(),
            "client_id": f"support-roi-board-{os.getpid()}",  # who leads shows in the group's description
            "group_id": f"{settings.application}.publisher",
            "enable_auto_commit": False,
            "partition_assignment_strategy": [StickyPartitionAssignor],
            "session_timeout_ms": settings.session_timeout_ms,
            "heartbeat_interval_ms": settings.session_timeout_ms // 6,
            "rebalance_timeout_ms": settings.session_timeout_ms,
        }

    def leads(self) -> bool | None:
        """Whether this board publishes; None while the group decides."""
        return self._leads

    async def __aenter__(self) -> Self:
        self._consumer = AIOKafkaConsumer(**self._options)
        await self._consumer.start()
        self._consumer.subscribe([self._source.topic], listener=self)
        return self

    async def __aexit__(self, *_: object) -> None:
        assert self._consumer is not None
        await self._consumer.stop()

    async def hold(self) -> None:
        """Until cancelled: a member that never polls is sent away. Records are left where they are."""
        assert self._consumer is not None
        while True:
            await self._consumer.getmany(timeout_ms=_TURN_MS)

    async def on_partitions_revoked(self, revoked: set[Any]) -> None:
        self._leads = None

    async def on_partitions_assigned(self, assigned: set[Any]) -> None:
        assert self._consumer is not None
        self._consumer.pause(*assigned)
        self._leads = self._source in assigned
