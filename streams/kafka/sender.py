"""Sending records, each acknowledged by all in-sync replicas."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from typing import Any, Final, TypeAlias

from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaError

from streams.kafka.connection import Connection
from streams.kafka.errors import RequestFailed

__all__ = ["KeyedValues", "Send", "TopicSender", "sending"]

logger = logging.getLogger(__name__)

#: Keys and values; None deletes a key of a compacted topic.
KeyedValues: TypeAlias = Sequence[tuple[bytes, bytes | None]]
#: Sends one record: topic, key, value. Without a key the partition is random.
Send: TypeAlias = Callable[[str, bytes | None, bytes | None], Awaitable[None]]

_LINGER_MS: Final = 20
#: Records sent before the first of them must be acknowledged.
_MAX_UNACKNOWLEDGED: Final = 5000


@asynccontextmanager
async def sending(kafka: Connection) -> AsyncIterator[Send]:
    """A function that sends one record. All are acknowledged when the block ends. Raises ``KafkaError``."""
    unacknowledged: list[asyncio.Future[Any]] = []

    async def settle() -> None:
        for future in unacknowledged:
            await future
        unacknowledged.clear()

    async def send(topic: str, key: bytes | None, value: bytes | None) -> None:
        unacknowledged.append(await producer.send(topic, value, key))
        if len(unacknowledged) >= _MAX_UNACKNOWLEDGED:
            await settle()

    options = {"linger_ms": _LINGER_MS, "max_batch_size": 256 * 1024, "max_request_size": 4 * 1024 * 1024}
    async with AIOKafkaProducer(**kafka.options(), acks="all", enable_idempotence=True, **options) as producer:
        yield send
        await settle()


class TopicSender:
    """Sends to one topic by an idempotent producer, and replaces the producer after an error: it may stay broken."""

    def __init__(self, kafka: Connection, topic: str, client_id: str) -> None:
        self._options = {**kafka.options(), "client_id": client_id}
        self._topic = topic
        self._producer: AIOKafkaProducer | None = None

    async def send(self, batch: KeyedValues) -> None:
        """Returns once all of ``batch`` is acknowledged. Raises ``RequestFailed``."""
        try:
            producer = await self._started()
            futures = [await producer.send(self._topic, value=value, key=key) for key, value in batch]
            results = await asyncio.gather(*futures, return_exceptions=True)
        except (KafkaError, AssertionError) as error:
            await self.close()
            raise RequestFailed(repr(error)) from error
        errors = [result for result in results if isinstance(result, BaseException)]
        if errors:
            await self.close()
            raise RequestFailed(repr(errors[0])) from errors[0]

    async def close(self) -> None:
        """Stops the producer, if there is one; the next ``send`` starts another."""
        producer, self._producer = self._producer, None
        if producer is not None:
            try:
                await producer.stop()
            except KafkaError as error:
                logger.warning("the producer did not stop cleanly: %r", error)

    async def _started(self) -> AIOKafkaProducer:
        if self._producer is None:
            producer = AIOKafkaProducer(
                enable_idempotence=True, acks="all", linger_ms=_LINGER_MS, compression_type="gzip", **self._options
            )
            try:
                await producer.start()
            except BaseException:
                await producer.stop()
                raise
            self._producer = producer
        return self._producer
