"""``support.metrics``: the records that changed since they were last published, no more often than allowed.

* The topic is compacted, key = the record's key. On start everything is published once; afterwards a record
  only when something in it changed; ``as_of`` alone is no change.
* A key that vanishes (a member that fell into ``other``) is withdrawn with a tombstone, so that no reader
  keeps a value that is no longer computed: also where another board published it, which is why the topic's keys
  are read on start. A period that is over is not withdrawn: its last record stays.
* When there is more to send than ``per_second`` allows, the newest snapshot wins: records not sent yet are
  compared again, and those that waited longest go first. Nothing queues up.
* A failed send may have arrived or not: the content of its keys is unknown, and they are sent again.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, Final, TypeAlias

import msgspec

from streams.board.pages.latest import Latest
from streams.board.snapshot import Snapshot
from streams.core.metrics.records import MetricRecord
from streams.kafka.connection import Connection
from streams.kafka.errors import RequestFailed
from streams.kafka.reading import last_values
from streams.kafka.sender import KeyedValues
from streams.kafka.topics import METRICS

__all__ = [
    "MetricChanges",
    "MetricPublisher",
    "PublishedRecord",
    "content_of",
    "metric_changes",
    "published_keys",
    "record_of_unknown_content",
]

logger = logging.getLogger(__name__)

#: Records acknowledged together; a failure costs at most as many repetitions.
_BATCH_RECORDS: Final = 500
_MAX_PAUSE_SECONDS: Final = 60.0

Content: TypeAlias = tuple[Any, ...]
#: The content of a record that may have arrived or not; equal to no record's.
UNKNOWN_CONTENT: Final[Content] = ()


@dataclass(frozen=True, slots=True)
class PublishedRecord:
    """The record that the topic holds under a key, and the round it was sent in (-1 if its content is unknown)."""

    content: Content
    sent_in_round: int
    window: str
    period_start: str | None


def record_of_unknown_content(key: str) -> PublishedRecord:
    """The published record of ``key`` when only the key is known. Raises ``ValueError`` for another kind of key."""
    _, window, period_start, _, _ = key.split("|", 4)
    return PublishedRecord(UNKNOWN_CONTENT, -1, window, period_start or None)


@dataclass(frozen=True, slots=True)
class MetricChanges:
    """Records to send by key, those that waited longest first, and keys to withdraw."""

    records: list[tuple[str, MetricRecord]]
    withdrawn: list[str]


def content_of(record: MetricRecord) -> Content:
    """All of a record but its key and ``as_of``: it is published again when this differs."""
    return (
        record.value, record.count, record.low, record.high, record.final, record.unit, record.definition,
        record.previous, record.year_before,
    )  # fmt: skip


def metric_changes(published: dict[str, PublishedRecord], records: Iterable[MetricRecord]) -> MetricChanges:
    """The difference between the records that the topic holds and those it should hold. Pure."""
    changed: list[tuple[str, MetricRecord]] = []
    keys: set[str] = set()
    periods: set[tuple[str, str | None]] = set()
    for record in records:
        key = record.key
        keys.add(key)
        periods.add((record.window, record.period_start))
        if key not in published or published[key].content != content_of(record):
            changed.append((key, record))
    changed.sort(key=lambda item: published[item[0]].sent_in_round if item[0] in published else -1)
    withdrawn = [
        key
        for key, record in published.items()
        if key not in keys and (record.period_start is None or (record.window, record.period_start) in periods)
    ]
    return MetricChanges(changed, withdrawn)


async def published_keys(kafka: Connection) -> set[str]:
    """The keys of ``support.metrics`` that have a value, without keys of another kind. Raises ``RequestFailed``."""
    return {key.decode() for key in await last_values(kafka, METRICS) if key.count(b"|") >= 4}


class MetricPublisher:
    """Publishes snapshots while ``leads()`` is true; None (undecided) sends and forgets nothing.

    With several boards exactly one should publish: a board that begins to lead starts with everything, as after a
    start.

    ``send`` and ``published_keys`` raise ``RequestFailed``.
    """

    def __init__(
        self,
        send: Callable[[KeyedValues], Awaitable[None]],
        published_keys: Callable[[], Awaitable[Iterable[str]]],
        *,
        per_second: float = 5000.0,
        interval_seconds: float = 0.0,
        leads: Callable[[], bool | None] = lambda: True,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._send_batch, self._published_keys = send, published_keys
        self._per_second, self._interval_seconds = per_second, interval_seconds
        self._leads, self._sleep, self._clock = leads, sleep, clock
        self._published: dict[str, PublishedRecord] | None = None  # None: the topic's keys must be read first
        self._round = 0

    async def run(self, latest: Latest) -> None:
        """Publishes until ``latest`` closes. A failure is tried again: the wall does not depend on it."""
        number, pause_seconds = 0, 1.0
        while (newest := await latest.after(number)) is not None:
            number, started = newest.number, self._clock()
            try:
                await self.publish(newest.snapshot, partial(latest.is_newest, number))
                pause_seconds = 1.0
            except RequestFailed as error:
                logger.warning("support.metrics not published, again in %.0f s: %s", pause_seconds, error)
                await self._sleep(pause_seconds)
                pause_seconds = min(2 * pause_seconds, _MAX_PAUSE_SECONDS)
            await self._sleep(max(0.0, self._interval_seconds - (self._clock() - started)))

    async def publish(self, snapshot: Snapshot, is_newest: Callable[[], bool] = lambda: True) -> None:
        """Sends the changes up to ``snapshot``; stops between batches when a newer one has come.

        Raises ``RequestFailed``.
        """
        leading = self._leads()
        if leading is False:
            self._published = None
        if not leading or not snapshot.health.ready:
            return
        if self._published is None:
            self._published = {key: record_of_unknown_content(key) for key in await self._published_keys()}
        self._round += 1
        published, changes = self._published, metric_changes(self._published, snapshot.records)
        for start in range(0, len(changes.withdrawn), _BATCH_RECORDS):
            await self._withdraw(published, changes.withdrawn[start : start + _BATCH_RECORDS])
        for start in range(0, len(changes.records), _BATCH_RECORDS):
            if start and not (is_newest() and self._leads()):
                return
            await self._send(published, changes.records[start : start + _BATCH_RECORDS])

    async def _withdraw(self, published: dict[str, PublishedRecord], keys: Sequence[str]) -> None:
        await self._send_at_rate([(key.encode(), None) for key in keys])
        for key in keys:
            del published[key]

    async def _send(self, published: dict[str, PublishedRecord], records: Sequence[tuple[str, MetricRecord]]) -> None:
        for key, _ in records:  # before sending: a cancelled or failed send leaves the content unknown
            published[key] = record_of_unknown_content(key)
        await self._send_at_rate([(key.encode(), msgspec.json.encode(record)) for key, record in records])
        for key, record in records:
            published[key] = PublishedRecord(content_of(record), self._round, record.window, record.period_start)

    async def _send_at_rate(self, batch: KeyedValues) -> None:
        started = self._clock()
        await self._send_batch(batch)
        await self._sleep(max(0.0, len(batch) / self._per_second - (self._clock() - started)))
