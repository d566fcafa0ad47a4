"""The board as a service: follows the panes topic, shows a snapshot every few seconds, publishes changes."""

from __future__ import annotations

import asyncio
import time
from collections import defaultdict
from collections.abc import Callable, Coroutine, Iterable
from contextlib import AsyncExitStack
from dataclasses import replace
from functools import partial
from typing import Any, Final, TypeAlias

from aiokafka import AIOKafkaConsumer, ConsumerRecord, TopicPartition

from streams import __version__
from streams.board.follow.annotations import Annotations
from streams.board.follow.group_offsets import InputOffsets
from streams.board.follow.input_lag import PaceKeeper
from streams.board.follow.recent_breaches import RecentBreaches
from streams.board.pages.documents import documents
from streams.board.pages.latest import Latest
from streams.board.pages.web import WebLimits, application, serving
from streams.board.publish.lease import Lease
from streams.board.publish.metrics import Publisher
from streams.board.publish.sender import KafkaSender
from streams.board.publish.warnings import WarningPublisher, told
from streams.board.reader import Reader
from streams.board.snapshot import Health, Snapshot
from streams.config import Settings
from streams.core.derivation import state_format
from streams.core.temporal.ladder import LADDER
from streams.kafka.connection import Connection, ending
from streams.kafka.reading import partitions
from streams.kafka.topics import PANES, WARNINGS

__all__ = ["BoardService"]

_SLICE: Final = 2000
#: The last record of a worker's unit: its counters, or its origin where no event came.
_UNIT_ENDS: Final = frozenset({state_format.STATS_KEY, state_format.ORIGIN_KEY})
#: The last record of each key, by partition: its value, and when it was written (ms).
_Read: TypeAlias = defaultdict[int, dict[bytes, tuple[bytes | None, int]]]


class BoardService:
    """One board. ``as_of`` (ms) fixes its clock, None = the wall clock; taken back to the finest pane's edge.

    The records of a unit are one change, and a fetch may end in its middle: they wait for the unit's last one. Of each
    key only the last record before a snapshot is decoded: at the start, that is a part of what there is to read.
    """

    def __init__(
        self,
        settings: Settings,
        kafka: Connection,
        as_of: int | None = None,
        publish: bool = True,
        on_listening: Callable[[str], None] = lambda url: None,
    ) -> None:
        policy = settings.policy()
        self._settings = settings
        self._kafka = kafka
        self._as_of = as_of
        self._publish = publish
        self._on_listening = on_listening
        self.screen = Latest()
        self.reader = Reader(
            policy,
            settings.rolling(policy),
            settings.metrics.chosen(),
            limit=settings.dimensions.limit,
            dimensions=settings.shown(),
            aligned=settings.aligned(policy),
            yardstick=settings.yardstick(),
        )
        self.annotations = Annotations()
        self.breaches = RecentBreaches()
        self.inputs = InputOffsets(kafka, settings.kafka.application)
        self._pace = PaceKeeper()
        self.ready = False
        self.lag = 0
        #: By partition and key, the last record's value and time: of units not read whole yet, and of whole ones.
        self._waiting: _Read = defaultdict(dict)
        self._whole: _Read = defaultdict(dict)

    async def run(self, stop: asyncio.Event) -> None:
        """Until ``stop`` is set. Raises what the panes topic cannot be read for."""
        refresh = self._settings.board.refresh_seconds
        limits = WebLimits(stale=max(30.0, 4 * refresh))
        app = application(
            self.screen,
            self._settings.metrics.chosen(),
            version=__version__,
            limits=limits,
            documents=documents(),
            yardstick=self._settings.yardstick(),
        )
        async with AsyncExitStack() as stack:
            url = await stack.enter_async_context(serving(app, self._settings.board.host, self._settings.board.port))
            self._on_listening(url)
            consumer = AIOKafkaConsumer(
                **self._kafka.options(),
                isolation_level="read_committed",
                auto_offset_reset="earliest",
                enable_auto_commit=False,
                max_partition_fetch_bytes=4 * 1024 * 1024,
            )
            await consumer.start()
            stack.push_async_callback(consumer.stop)
            await stack.enter_async_context(self.inputs)
            tasks: list[asyncio.Future[Any]] = [
                asyncio.ensure_future(self._follow(consumer)),
                asyncio.ensure_future(self.annotations.follow(self._kafka)),
                asyncio.ensure_future(self.breaches.follow(self._kafka)),
                asyncio.ensure_future(self.inputs.follow()),
                asyncio.ensure_future(stop.wait()),
            ]
            if self._publish:
                tasks += [asyncio.ensure_future(work) for work in await self._publishing(stack)]
            try:
                done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            finally:
                ending(asyncio.get_running_loop())
                self.screen.close()
                for task in tasks:
                    task.cancel()
                await asyncio.gather(*tasks, return_exceptions=True)
            for task in done:
                task.result()

    async def _publishing(self, stack: AsyncExitStack) -> list[Coroutine[Any, Any, None]]:
        """What publishes; on a wall clock only while this board leads. At a fixed instant nobody else is there."""
        works: list[Coroutine[Any, Any, None]] = []
        leads: Callable[[], bool | None] = lambda: True  # noqa: E731
        if self._as_of is None:
            lease = await stack.enter_async_context(Lease(self._kafka, self._settings.kafka))
            leads, works = lease.leads, [lease.hold()]
        metrics, warnings = KafkaSender(self._kafka), KafkaSender(self._kafka, topic=WARNINGS)
        for sender in (metrics, warnings):
            stack.push_async_callback(sender.close)
        board = self._settings.board
        publisher = Publisher(metrics, per_second=board.publish_per_second, every=board.refresh_seconds, leads=leads)
        works.append(publisher.run(self.screen))
        works.append(WarningPublisher(warnings, partial(told, self._kafka), leads).run(self.screen))
        return works

    async def _follow(self, consumer: AIOKafkaConsumer) -> None:
        found = await partitions(self._kafka, PANES)
        consumer.assign(found)
        await consumer.seek_to_beginning(*found)
        target = await consumer.end_offsets(found)
        due = 0.0
        while True:
            batches = await consumer.getmany(timeout_ms=100, max_records=_SLICE)
            for source, records in batches.items():
                self._read(source.partition, records)
            if not self.ready:
                positions = [await consumer.position(source) for source in found]
                self.ready = all(position >= target[source] for position, source in zip(positions, found, strict=True))
                if self.ready:
                    due = 0.0
            if time.monotonic() >= due:
                await self._observe(consumer, found)
                annotations, breaches = self.annotations.shown(), self.breaches.shown()
                snapshot = await asyncio.to_thread(self._snapshot)  # the loop has heartbeats to keep
                health = self._with_pace(snapshot.health, snapshot.as_of)
                self.screen.show(replace(snapshot, health=health, annotations=annotations, breaches=breaches))
                due = time.monotonic() + (self._settings.board.refresh_seconds if self.ready else 1.0)
            await asyncio.sleep(0)

    def _read(self, partition: int, records: Iterable[ConsumerRecord]) -> None:
        """Compaction leaves the last record of each key, so that behind all of a unit there is the end of one."""
        waiting, whole = self._waiting[partition], self._whole[partition]
        for record in records:
            if record.key is None:
                continue
            waiting[record.key] = (record.value, record.timestamp)
            if record.key in _UNIT_ENDS:
                whole.update(waiting)
                waiting.clear()

    def _snapshot(self) -> Snapshot:
        """All values; none before the panes are read: half of a compacted topic is no state there ever was."""
        if not self.ready:
            return Snapshot(self.as_of(), [], Health(False, lag=self.lag))
        for waiting in self._waiting.values():
            for key in waiting:  # a newer version's units may end otherwise: that is refused, not waited for
                state_format.read_pane_key(key)
        for partition, read in self._whole.items():
            for key, (value, written) in read.items():
                self.reader.take(partition, key, value, written)
            read.clear()
        return self.reader.snapshot(self.as_of(), True, self.lag)

    def _with_pace(self, health: Health, as_of: int) -> Health:
        if not health.ready:
            return health
        return replace(health, pace=self._pace.look(time.monotonic(), self.inputs.told, health.newest_event, as_of))

    async def _observe(self, consumer: AIOKafkaConsumer, found: list[TopicPartition]) -> None:
        lag = 0
        for source in found:
            end = consumer.last_stable_offset(source)
            if end is None or end < 0:
                end = consumer.highwater(source)
            if end is not None:
                lag += max(0, end - await consumer.position(source))
        self.lag = lag

    def as_of(self) -> int:
        """The instant of the next snapshot, ms."""
        now = time.time_ns() // 1_000_000 if self._as_of is None else self._as_of
        return now // LADDER[0] * LADDER[0]
