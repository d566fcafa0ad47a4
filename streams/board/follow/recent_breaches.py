"""Follows ``support.sla-breaches``: the newest breaches, less those that were taken back."""

from __future__ import annotations

import logging
from typing import Final

import msgspec
from aiokafka import AIOKafkaConsumer

from streams.core.temporal.instants import parse_instant
from streams.kafka.connection import Connection
from streams.kafka.topics import SLA_BREACHES

__all__ = ["MOST", "RecentBreaches", "ShownBreach"]

logger = logging.getLogger(__name__)

#: So many are kept; more than are shown, as some will be taken back.
MOST: Final = 200
#: How far back of its end the topic is read: it holds more than a year.
_TAIL: Final = 2_000


class ShownBreach(msgspec.Struct, frozen=True):
    """What is shown of one. Not the customer: the board's pages ask nobody who they are."""

    ticket_id: str
    target: str
    #: RFC 3339.
    deadline: str
    channel: str | None
    priority: str | None
    retracted: bool

    @property
    def at(self) -> int:
        """The deadline, ms. Raises ``ValueError``."""
        return parse_instant(self.deadline)


class RecentBreaches:
    """The newest breaches by deadline. What is none is logged and passed over."""

    def __init__(self) -> None:
        self._known: dict[bytes, tuple[int, ShownBreach]] = {}
        self._decode = msgspec.json.Decoder(ShownBreach).decode

    def take(self, key: bytes, value: bytes | None) -> None:
        """Takes a record: a later one of the same id replaces an earlier, a retraction removes it."""
        self._known.pop(key, None)
        if value is None:
            return
        try:
            breach = self._decode(value)
            at = breach.at
        except ValueError as error:  # msgspec's errors are ValueErrors
            logger.warning("no breach: %s", error)
            return
        if not breach.retracted:
            self._known[key] = at, breach
        if len(self._known) > MOST:
            del self._known[min(self._known, key=lambda key: self._known[key][0])]

    def shown(self) -> tuple[ShownBreach, ...]:
        """All that are kept, the newest first."""
        newest = sorted(self._known.items(), key=lambda item: (-item[1][0], item[0]))
        return tuple(breach for _, (_, breach) in newest)

    async def follow(self, kafka: Connection) -> None:
        """Reads the topic's last records and then each as it comes, for ever. Raises what it cannot be read for."""
        consumer = AIOKafkaConsumer(
            SLA_BREACHES, **kafka.options(), isolation_level="read_committed", enable_auto_commit=False
        )
        await consumer.start()
        try:
            sources = consumer.assignment()
            begins, ends = await consumer.beginning_offsets(sources), await consumer.end_offsets(sources)
            for source in sources:
                consumer.seek(source, max(begins[source], ends[source] - _TAIL))
            async for record in consumer:
                self.take(record.key or b"", record.value)
        finally:
            await consumer.stop()
