"""The demonstration: broker, simulated desk, worker and board in one process."""

from __future__ import annotations

import asyncio
import sys
import time
from collections.abc import Callable, Coroutine
from contextlib import ExitStack
from typing import Any, Final

import click
import msgspec

from streams.board.service import BoardService
from streams.config import ServiceLevelTable, Settings
from streams.core.temporal.instants import DAY
from streams.demo.broker import PARTITIONS, EmbeddedBroker
from streams.demo.feed import Progress, feed
from streams.kafka import admin, topics
from streams.kafka.connection import Connection
from streams.worker import app
from streams.worker.hosting.host import serve

__all__ = ["demo"]

_SESSION_TIMEOUT_MS: Final = 30_000
#: The simulated desk's promises, and the amount that a deflected contact saves it (minor units).
PROMISES: Final = (
    ServiceLevelTable(name="first response 1 h", metric="first_response", seconds=3600),
    ServiceLevelTable(
        name="urgent 15 min", metric="first_response", seconds=900, filter={"priority": ("urgent", "high")}
    ),
    ServiceLevelTable(name="resolved 2 days", metric="first_resolution", seconds=172_800),
)
SAVED_MINOR: Final = 400
#: The feed may be this many events ahead of the worker: the embedded broker holds no more.
AHEAD_MOST: Final = 8_000


async def demo(
    settings: Settings,
    stop: asyncio.Event,
    *,
    kafka: Connection | None,
    seed: int,
    days: float,
    speed: float,
    tickets_per_day: float,
    customers: int,
) -> BoardService:
    """The board, once ``stop`` is set; it still has the last values. Without ``kafka`` a broker is embedded."""
    settings = _demo_settings(settings)
    with ExitStack() as stack:
        transactional = kafka is not None
        if kafka is None:
            broker = stack.enter_context(EmbeddedBroker(topics.topics().by_name))
            kafka, partitions = Connection(broker.bootstrap_servers), PARTITIONS
        else:
            findings = await admin.ensure(kafka, settings.kafka.partitions, settings.kafka.replication)
            partitions = findings[0].partitions
        progress = _ProgressDisplay(days)
        host = app.build(settings, kafka, partitions, transactional=transactional, on_unit=progress.on_unit)
        board = BoardService(settings, kafka, on_listening=_show_addresses)
        traffic = feed(
            kafka, seed=seed, history_days=days, speed=speed, tickets_per_day=tickets_per_day, customers=customers,
            events_per_second=50_000, room=progress.room, on_progress=progress.on_feed,
        )  # fmt: skip
        await _run_until(stop, serve(host, stop), board.run(stop), traffic, progress.close)
        return board


async def _run_until(
    stop: asyncio.Event,
    worker: Coroutine[Any, Any, object],
    board: Coroutine[Any, Any, object],
    traffic: Coroutine[Any, Any, object],
    close: Callable[[], None],
) -> None:
    """Runs all three until ``stop`` is set or one of them ends. Raises the first error of any."""
    services = [asyncio.ensure_future(worker), asyncio.ensure_future(board)]
    feeding = asyncio.ensure_future(traffic)
    stopping = asyncio.ensure_future(stop.wait())
    try:
        await asyncio.wait({*services, feeding, stopping}, return_when=asyncio.FIRST_COMPLETED)
    finally:
        stop.set()
        feeding.cancel()
        stopping.cancel()
        results = await asyncio.gather(feeding, *services, return_exceptions=True)
        close()
    for result in results:
        if isinstance(result, Exception):
            raise result


def _demo_settings(settings: Settings) -> Settings:
    """The settings with the desk's promises and savings as defaults, and patience for a busy machine."""
    kafka = msgspec.structs.replace(
        settings.kafka, session_timeout_ms=max(settings.kafka.session_timeout_ms, _SESSION_TIMEOUT_MS)
    )
    return msgspec.structs.replace(
        settings,
        kafka=kafka,
        service_levels=settings.service_levels or PROMISES,
        cost_per_contact_saved=settings.cost_per_contact_saved or SAVED_MINOR,
    )


def _show_addresses(url: str) -> None:
    base = url.rstrip("/")
    click.echo(f"wall        {base}/", err=True)
    click.echo(f"Prometheus  {base}/metrics", err=True)
    click.echo(f"JSON        {base}/api/metrics", err=True)
    click.echo("Ctrl-C ends it.", err=True)


class _ProgressDisplay:
    """The progress of history and live traffic on stderr; ``room`` holds the feed back."""

    def __init__(self, days: float) -> None:
        self._history_ms = max(days * DAY, 1)
        self._start = time.time() * 1000 - self._history_ms
        self._bar: Any = click.progressbar(length=1000, label="history", file=sys.stderr, width=30)
        self._bar.__enter__()
        self._bar_steps = 0
        self._live = False
        self._last_shown = 0.0
        self._sent = self._processed = 0
        self._on_processed = asyncio.Event()

    def on_unit(self, partition: int, records: int, seconds: float) -> None:
        """Counts the records of a worker's unit."""
        self._processed += records
        self._on_processed.set()

    async def room(self) -> None:
        """Waits while the worker is far behind."""
        while self._sent - self._processed > AHEAD_MOST:
            self._on_processed.clear()
            await self._on_processed.wait()

    def on_feed(self, progress: Progress) -> None:
        """Shows how far the feed is."""
        self._sent = progress.sent
        if not self._live:
            steps = min(1000, int(1000 * max(0.0, progress.at - self._start) / self._history_ms))
            self._bar.update(steps - self._bar_steps)
            self._bar_steps = steps
            if progress.live:
                self._live = True
                self.close()
                click.echo(f"history is in: {progress.sent:,} events. Live from here on.", err=True)
        elif sys.stderr.isatty() and time.monotonic() - self._last_shown > 1:
            self._last_shown = time.monotonic()
            click.echo(f"\rlive: {progress.sent:,} events  ", nl=False, err=True)

    def close(self) -> None:
        """Ends the bar of history."""
        if self._bar is not None:
            self._bar.__exit__(None, None, None)
            self._bar = None
