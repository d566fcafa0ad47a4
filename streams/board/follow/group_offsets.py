"""Follows how far the workers are with the input topics: by the offsets that their group has committed."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Mapping
from contextlib import AsyncExitStack
from typing import Any, Final, Self

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import GroupCoordinatorNotAvailableError, GroupLoadInProgressError, KafkaError

from streams.board.follow.input_lag import Inputs
from streams.kafka.connection import Connection
from streams.kafka.reading import partitions
from streams.kafka.topics import INPUTS

__all__ = ["InputOffsets", "counted"]

logger = logging.getLogger(__name__)

#: Seconds between two questions, and until one is given up.
EVERY: Final = 2.0
PATIENCE: Final = 5.0


def counted(first: Mapping[Any, int], end: Mapping[Any, int], committed: Mapping[Any, int]) -> Inputs:
    """What was folded and what waits, in records, by offsets (committed: -1 where nothing is).

    The last offset of a partition may be the mark of a transaction's end, which nobody folds: one a partition does
    not wait.
    """
    done = {source: max(committed[source], offset) for source, offset in first.items()}
    return Inputs(sum(done.values()), sum(max(0, end[source] - offset - 1) for source, offset in done.items()))


class InputOffsets:
    """``told`` is the newest answer; None while Kafka gives none. A group nobody has heard of has folded nothing."""

    def __init__(self, kafka: Connection, application: str) -> None:
        self.told: Inputs | None = Inputs()
        self._kafka, self._application = kafka, application
        self._connections = AsyncExitStack()
        self._sources: list[TopicPartition] = []
        # made in __aenter__: aiokafka wants a running loop
        self._consumer: AIOKafkaConsumer | None = None
        self._admin: AIOKafkaAdminClient | None = None

    async def __aenter__(self) -> Self:
        options = {**self._kafka.options(), "request_timeout_ms": int(PATIENCE * 1000)}
        self._sources = await partitions(self._kafka, *INPUTS)
        self._consumer = AIOKafkaConsumer(**options, isolation_level="read_committed", enable_auto_commit=False)
        self._admin = AIOKafkaAdminClient(**options)
        async with self._connections as connections:
            connections.push_async_callback(self._consumer.stop)
            await self._consumer.start()
            connections.push_async_callback(self._admin.close)
            await self._admin.start()
            await self._look()
            self._connections = connections.pop_all()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._connections.aclose()

    async def follow(self) -> None:
        """For ever. What Kafka does not answer is asked again: no value hangs on it."""
        while True:
            await asyncio.sleep(EVERY)
            await self._look()

    async def _look(self) -> None:
        try:
            self.told = await asyncio.wait_for(self._ask(), PATIENCE)
        except (GroupCoordinatorNotAvailableError, GroupLoadInProgressError):
            pass  # Kafka is there and makes up its mind: on its first day, and when a broker leaves
        except (KafkaError, TimeoutError) as error:
            self.told = None
            logger.warning("Kafka does not say how far the workers are: %r", error)

    async def _ask(self) -> Inputs | None:
        assert self._admin is not None
        assert self._consumer is not None
        found = await self._admin.list_consumer_group_offsets(self._application, partitions=self._sources)
        if not all(source in found for source in self._sources):
            return self.told  # a coordinator that is still loading: nothing committed would be said as -1
        first = await self._consumer.beginning_offsets(self._sources)
        end = await self._consumer.end_offsets(self._sources)
        return counted(first, end, {source: told.offset for source, told in found.items()})
