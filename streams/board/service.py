"""The board as a service: follows the panes topic, shows a snapshot every few seconds, publishes changes."""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Callable, Coroutine, Sequence
from contextlib import AsyncExitStack
from dataclasses import replace
from functools import partial
from typing import Any, Final, TypeAlias

from aiohttp import web

from streams import __version__
from streams.board.follow.annotations import Annotations
from streams.board.follow.input_counts import InputFollower, input_follower
from streams.board.follow.input_lag import InputLagMeter
from streams.board.follow.pane_units import PaneUnits
from streams.board.follow.recent_breaches import BREACHES_TAIL, RecentBreaches
from streams.board.pages.documents import documents
from streams.board.pages.latest import Latest
from streams.board.pages.web import WebLimits, application, serving
from streams.board.publish.metrics import MetricPublisher, published_keys
from streams.board.publish.warnings import WarningPublisher, published_warnings
from streams.board.reader import Reader
from streams.board.snapshot import Health, Snapshot
from streams.config import Settings
from streams.core.temporal.ladder import LADDER
from streams.kafka.connection import Connection, ignore_unclosed_connections
from streams.kafka.lease import lease
from streams.kafka.reading import TopicReader, follow, topic_reader
from streams.kafka.sender import TopicSender
from streams.kafka.topics import ANNOTATIONS, METRICS, PANES, SLA_BREACHES, WARNINGS

__all__ = ["BoardService"]

_READ_RECORDS: Final = 2000
_READ_MS: Final = 100

Work: TypeAlias = Coroutine[Any, Any, Any]


class BoardService:
    """One board. ``as_of`` (ms) fixes its clock, None = the wall clock; rounded down to the finest pane's edge."""

    def __init__(
        self,
        settings: Settings,
        kafka: Connection,
        as_of: int | None = None,
        publish: bool = True,
        on_listening: Callable[[str], None] = lambda url: None,
    ) -> None:
        self._settings = settings
        self._kafka = kafka
        self._as_of = as_of
        self._publish = publish
        self._on_listening = on_listening
        self._reader = _reader(settings)
        self._units = PaneUnits()
        self._annotations = Annotations()
        self._breaches = RecentBreaches()
        self._input_lag = InputLagMeter()
        self._ready = False
        self.latest = Latest()

    async def run(self, stop: asyncio.Event) -> None:
        """Runs until ``stop`` is set. Raises ``KafkaError``, and ``StateError`` for panes of another version."""
        board = self._settings.board
        async with AsyncExitStack() as stack:
            url = await stack.enter_async_context(serving(self._application(), board.host, board.port))
            self._on_listening(url)
            panes = await stack.enter_async_context(topic_reader(self._kafka, PANES))
            inputs = await stack.enter_async_context(input_follower(self._kafka, self._settings.kafka.application))
            publishers = await self._publishers(stack) if self._publish else []
            await self._run_until_one_ends(
                [
                    self._refresh(panes, inputs),
                    inputs.follow(),
                    follow(self._kafka, ANNOTATIONS, self._annotations.take),
                    follow(self._kafka, SLA_BREACHES, self._breaches.take, BREACHES_TAIL),
                    stop.wait(),
                    *publishers,
                ]
            )

    def _application(self) -> web.Application:
        settings = self._settings
        return application(
            self.latest,
            settings.metrics.chosen(),
            version=__version__,
            limits=WebLimits(stale_seconds=max(30.0, 4 * settings.board.refresh_seconds)),
            documents=documents(),
            targets=settings.targets(),
        )

    async def _publishers(self, stack: AsyncExitStack) -> list[Work]:
        """The publishers; on a wall clock they need the lease. At a fixed instant there is no other board."""
        settings, works, leads = self._settings, list[Work](), _always
        client_id = f"support-roi-board-{os.getpid()}"
        if self._as_of is None:
            membership = await stack.enter_async_context(
                lease(
                    self._kafka,
                    group=f"{settings.kafka.application}.publisher",
                    topic=WARNINGS,
                    client_id=client_id,
                    session_timeout_ms=settings.kafka.session_timeout_ms,
                )
            )
            leads, works = membership.held, [membership.keep()]
        metrics, warnings = (TopicSender(self._kafka, topic, "support-roi-board") for topic in (METRICS, WARNINGS))
        stack.push_async_callback(metrics.close)
        stack.push_async_callback(warnings.close)
        metric_publisher = MetricPublisher(
            metrics.send,
            partial(published_keys, self._kafka),
            per_second=settings.board.publish_per_second,
            interval_seconds=settings.board.refresh_seconds,
            leads=leads,
        )
        warning_publisher = WarningPublisher(warnings.send, partial(published_warnings, self._kafka), leads)
        return [*works, metric_publisher.run(self.latest), warning_publisher.run(self.latest)]

    async def _run_until_one_ends(self, works: Sequence[Work]) -> None:
        tasks = [asyncio.ensure_future(work) for work in works]
        try:
            done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        finally:
            ignore_unclosed_connections(asyncio.get_running_loop())
            self.latest.close()
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
        for task in done:
            task.result()

    async def _refresh(self, panes: TopicReader, inputs: InputFollower) -> None:
        """Reads the panes for ever and shows a snapshot whenever one is due."""
        due = 0.0
        while True:
            for partition, records in (await panes.read(_READ_MS, _READ_RECORDS)).items():
                self._units.add(partition, records)
            if not self._ready and await panes.caught_up():
                self._ready, due = True, 0.0
            if time.monotonic() >= due:
                await self._show(await panes.lag(), inputs)
                due = time.monotonic() + (self._settings.board.refresh_seconds if self._ready else 1.0)
            await asyncio.sleep(0)

    async def _show(self, panes_lag: int, inputs: InputFollower) -> None:
        annotations, breaches = self._annotations.by_time(), self._breaches.newest_first()
        snapshot = await asyncio.to_thread(self._evaluate, panes_lag)  # the loop must go on sending heartbeats
        health = snapshot.health
        if health.ready:
            lag = self._input_lag.observe(time.monotonic(), inputs.counts, health.newest_event, snapshot.as_of)
            health = replace(health, input_lag=lag)
        self.latest.show(replace(snapshot, health=health, annotations=annotations, breaches=breaches))

    def _evaluate(self, panes_lag: int) -> Snapshot:
        """All values; none before the panes are read: half of a compacted topic was never a state."""
        if not self._ready:
            return Snapshot(self._instant(), [], Health(False, panes_lag=panes_lag))
        for partition, key, value, written_ms in self._units.take():
            self._reader.take(partition, key, value, written_ms)
        return self._reader.snapshot(self._instant(), True, panes_lag)

    def _instant(self) -> int:
        """The instant of the next snapshot, ms."""
        now = time.time_ns() // 1_000_000 if self._as_of is None else self._as_of
        return now // LADDER[0] * LADDER[0]


def _reader(settings: Settings) -> Reader:
    policy = settings.policy()
    return Reader(
        policy,
        settings.rolling(policy),
        settings.metrics.chosen(),
        limit=settings.dimensions.limit,
        dimensions=settings.label_dimensions(),
        aligned=settings.aligned(policy),
        targets=settings.targets(),
    )


def _always() -> bool | None:
    return True
