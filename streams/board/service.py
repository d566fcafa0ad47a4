"""The board as a service: follows the panes topic, shows a snapshot every few seconds, publishes changes."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from contextlib import AsyncExitStack
from typing import Final

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient

from streams import __version__
from streams.board.publisher import KafkaSender, Publisher
from streams.board.reader import Reader
from streams.board.web import Screen, WebLimits, application, serving
from streams.config import Settings
from streams.core.catalogue import METRICS
from streams.core.windows import LADDER
from streams.topics import PANES

__all__ = ["BoardService"]

_SLICE: Final = 2000


class BoardService:
    """One board. ``as_of`` (ms) fixes its clock; None = the wall clock, taken back to the finest pane's edge."""

    def __init__(
        self,
        settings: Settings,
        bootstrap: str,
        as_of: int | None = None,
        publish: bool = True,
        on_listening: Callable[[str], None] = lambda url: None,
    ) -> None:
        policy = settings.policy()
        self._settings = settings
        self._bootstrap = bootstrap
        self._as_of = as_of
        self._publish = publish
        self._on_listening = on_listening
        self.screen = Screen()
        self.reader = Reader(
            policy, settings.rolling(policy), limit=settings.dimensions.limit, dimensions=settings.shown()
        )
        self.ready = False
        self.lag = 0

    async def run(self, stop: asyncio.Event) -> None:
        """Until ``stop`` is set. Raises what the panes topic cannot be read for."""
        refresh = self._settings.board.refresh_seconds
        limits = WebLimits(stale=max(30.0, 4 * refresh))
        app = application(self.screen, list(METRICS.values()), version=__version__, limits=limits)
        async with AsyncExitStack() as stack:
            url = await stack.enter_async_context(serving(app, self._settings.board.host, self._settings.board.port))
            self._on_listening(url)
            consumer = AIOKafkaConsumer(
                bootstrap_servers=self._bootstrap,
                isolation_level="read_committed",
                auto_offset_reset="earliest",
                enable_auto_commit=False,
                max_partition_fetch_bytes=4 * 1024 * 1024,
            )
            await consumer.start()
            stack.push_async_callback(consumer.stop)
            tasks = [asyncio.ensure_future(self._follow(consumer)), asyncio.ensure_future(stop.wait())]
            if self._publish:
                sender = KafkaSender(self._bootstrap)
                stack.push_async_callback(sender.close)
                tasks.append(asyncio.ensure_future(Publisher(sender, every=refresh).run(self.screen)))
            try:
                done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            finally:
                self.screen.close()
                for task in tasks:
                    task.cancel()
                await asyncio.gather(*tasks, return_exceptions=True)
            for task in done:
                task.result()

    async def _follow(self, consumer: AIOKafkaConsumer) -> None:
        found = await self._partitions()
        consumer.assign(found)
        await consumer.seek_to_beginning(*found)
        target = await consumer.end_offsets(found)
        due = 0.0
        while True:
            batches = await consumer.getmany(timeout_ms=100, max_records=_SLICE)
            for source, records in batches.items():
                for record in records:
                    if record.key is not None:
                        self.reader.take(source.partition, record.key, record.value)
            if not self.ready:
                positions = [await consumer.position(source) for source in found]
                self.ready = all(position >= target[source] for position, source in zip(positions, found, strict=True))
                if self.ready:
                    due = 0.0
            if time.monotonic() >= due:
                await self._observe(consumer, found)
                self.screen.show(self.reader.snapshot(self.as_of(), self.ready, self.lag))
                due = time.monotonic() + (self._settings.board.refresh_seconds if self.ready else 1.0)
            await asyncio.sleep(0)

    async def _partitions(self) -> list[TopicPartition]:
        """The partitions of the panes topic, which is there: whoever starts a board makes sure of it."""
        admin = AIOKafkaAdminClient(bootstrap_servers=self._bootstrap)
        await admin.start()
        try:
            (found,) = await admin.describe_topics([PANES])
        finally:
            await admin.close()
        return [TopicPartition(PANES, row["partition"]) for row in found["partitions"]]

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
        if self._as_of is not None:
            return self._as_of
        return time.time_ns() // 1_000_000 // LADDER[0] * LADDER[0]
