"""Follows ``support.annotations``: the changes that are marked on every screen."""

from __future__ import annotations

import logging
from typing import Final

from aiokafka import AIOKafkaConsumer

from streams.core.events.annotation import Annotation, decode
from streams.kafka.connection import Connection
from streams.kafka.topics import ANNOTATIONS

__all__ = ["MOST", "Annotations"]

logger = logging.getLogger(__name__)

#: The newest so many are kept and shown: each is a series in Prometheus.
MOST: Final = 200


class Annotations:
    """The newest annotations by the time they are of. What is no annotation is logged and passed over."""

    def __init__(self) -> None:
        self._known: dict[bytes, Annotation] = {}

    def take(self, key: bytes, value: bytes | None) -> None:
        """Takes a record: a later one of the same key replaces an earlier, one without a value removes it."""
        self._known.pop(key, None)
        if value is None:
            return
        try:
            self._known[key] = decode(value)
        except ValueError as error:
            logger.warning("no annotation: %s", error)
        if len(self._known) > MOST:
            del self._known[min(self._known, key=lambda key: self._known[key].at)]

    def shown(self) -> tuple[Annotation, ...]:
        """All that are kept, by time; those that other keys tell again, once."""
        told = {annotation.key: annotation for annotation in self._known.values()}
        return tuple(sorted(told.values(), key=lambda annotation: (annotation.at, annotation.key)))

    async def follow(self, kafka: Connection) -> None:
        """Reads the topic from its start, for ever. Raises what it cannot be read for."""
        consumer = AIOKafkaConsumer(
            ANNOTATIONS,
            **kafka.options(),
            isolation_level="read_committed",
            auto_offset_reset="earliest",
            enable_auto_commit=False,
        )
        await consumer.start()
        try:
            async for record in consumer:
                self.take(record.key or b"", record.value)
        finally:
            await consumer.stop()
