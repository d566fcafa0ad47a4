"""``support.metrics`` on a Kafka, as the publisher wants it."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence
from typing import Any

from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaError

from streams.board.publish.metrics import SendFailed
from streams.kafka.connection import Connection
from streams.kafka.reading import latest
from streams.kafka.topics import METRICS

__all__ = ["KafkaSender"]

logger = logging.getLogger(__name__)


class KafkaSender:
    """The topic: an idempotent producer; after an error a new one, because a fenced or broken one stays broken."""

    def __init__(self, kafka: Connection, *, topic: str = METRICS, **options: Any) -> None:
        self._kafka = kafka
        self._options = {**kafka.options(), "client_id": "support-roi-board", **options}
        self._topic = topic
        self._producer: AIOKafkaProducer | None = None

    async def keys(self) -> set[str]:
        """Those that compaction will leave, but for what is no record's key: that is none of ours."""
        try:
            held = await latest(self._kafka, self._topic)
        except KafkaError as problem:
            raise SendFailed(repr(problem)) from problem
        return {key.decode() for key in held if key.count(b"|") >= 4}

    async def send(self, batch: Sequence[tuple[bytes, bytes | None]]) -> None:
        try:
            producer = await self._started()
            waiting = [await producer.send(self._topic, value=value, key=key) for key, value in batch]
            results = await asyncio.gather(*waiting, return_exceptions=True)
        except (KafkaError, AssertionError) as problem:
            await self.close()
            raise SendFailed(repr(problem)) from problem
        failed = [result for result in results if isinstance(result, BaseException)]
        if failed:
            await self.close()
            raise SendFailed(repr(failed[0])) from failed[0]

    async def close(self) -> None:
        producer, self._producer = self._producer, None
        if producer is not None:
            try:
                await producer.stop()
            except KafkaError as problem:
                logger.warning("the producer did not stop cleanly: %r", problem)

    async def _started(self) -> AIOKafkaProducer:
        if self._producer is None:
            producer = AIOKafkaProducer(
                enable_idempotence=True, acks="all", linger_ms=20, compression_type="gzip", **self._options
            )
            try:
                await producer.start()
            except BaseException:
                await producer.stop()
                raise
            self._producer = producer
        return self._producer
