"""``support-roi demo``: broker, simulated desk, worker and board in one process."""

from __future__ import annotations

import asyncio
import sys
import time
from contextlib import ExitStack
from typing import Final

import click
import msgspec

from streams.board.service import BoardService
from streams.config import ServiceLevelTable, Settings
from streams.demo.broker import PARTITIONS, EmbeddedBroker
from streams.demo.feed import Progress, feed
from streams.kafka import admin, topics
from streams.kafka.connection import Connection
from streams.worker import app
from streams.worker.hosting.host import serve

__all__ = ["demo"]

_SESSION_MS: Final = 30_000
#: The simulated desk's promises, and what a deflected contact saves it (minor units).
PROMISES: Final = (
    ServiceLevelTable(name="first response 1 h", metric="first_response", seconds=3600),
    ServiceLevelTable(
        name="urgent 15 min", metric="first_response", seconds=900, filter={"priority": ("urgent", "high")}
    ),
    ServiceLevelTable(name="resolved 2 days", metric="first_resolution", seconds=172_800),
)
SAVED: Final = 400
#: What is fed may be this far ahead of the worker: the embedded broker keeps only so much.
ROOM: Final = 8_000


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
    """Runs until ``stop`` is set; the board that is returned still holds the last values."""
    settings = _settings(settings)
    with ExitStack() as stack:
        transactional = kafka is not None
        if kafka is None:
            broker = stack.enter_context(EmbeddedBroker(topics.topics().by_name))
            kafka, partitions = Connection(broker.bootstrap_servers), PARTITIONS
        else:
            found = await admin.ensure(kafka, settings.kafka.partitions, settings.kafka.replication)
            partitions = found[0].partitions
        show = _Progress(days)
        host = app.build(settings, kafka, partitions, transactional=transactional, on_unit=show.folded)
        board = BoardService(settings, kafka, on_listening=_addresses)
        running = [
            asyncio.ensure_future(serve(host, stop)),
            asyncio.ensure_future(board.run(stop)),
        ]
        feeding = asyncio.ensure_future(
            feed(
                kafka,
                seed=seed,
                history_days=days,
                speed=speed,
                tickets_per_day=tickets_per_day,
                customers=customers,
                events_per_second=50_000,
                room=show.room,
                on_progress=show.fed,
            )
        )
        stopped = asyncio.ensure_future(stop.wait())
        try:
            await asyncio.wait({*running, feeding, stopped}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            stop.set()
            feeding.cancel()
            stopped.cancel()
            results = await asyncio.gather(feeding, *running, return_exceptions=True)
            show.end()
        for result in results:
            if isinstance(result, Exception):
                raise result
        return board


def _settings(settings: Settings) -> Settings:
    """What the desk promises and saves, where nothing else is configured, and patience on a busy machine."""
    kafka = msgspec.structs.replace(
        settings.kafka, session_timeout_ms=max(settings.kafka.session_timeout_ms, _SESSION_MS)
    )
    settings = msgspec.structs.replace(settings, kafka=kafka)
    if not settings.service_levels:
        settings = msgspec.structs.replace(settings, service_levels=PROMISES)
    if not settings.cost_per_contact_saved:
        settings = msgspec.structs.replace(settings, cost_per_contact_saved=SAVED)
    return settings


def _addresses(url: str) -> None:
    base = url.rstrip("/")
    click.echo(f"wall        {base}/", err=True)
    click.echo(f"Prometheus  {base}/metrics", err=True)
    click.echo(f"JSON        {base}/api/metrics", err=True)
    click.echo("Ctrl-C ends it.", err=True)


class _Progress:
    """Says on stderr how far the history is, then how live traffic goes; holds the feeder back."""

    def __init__(self, days: float) -> None:
        self._span = max(days * 86_400_000, 1)
        self._start = time.time() * 1000 - self._span
        self._bar = click.progressbar(length=1000, label="history", file=sys.stderr, width=30)
        self._bar.__enter__()
        self._shown = 0
        self._live = False
        self._said = 0.0
        self._sent = self._folded = 0
        self._moved = asyncio.Event()

    def folded(self, partition: int, records: int, seconds: float) -> None:
        self._folded += records
        self._moved.set()

    async def room(self) -> None:
        """Waits while the worker is far behind."""
        while self._sent - self._folded > ROOM:
            self._moved.clear()
            await self._moved.wait()

    def fed(self, progress: Progress) -> None:
        self._sent = progress.sent
        if not self._live:
            step = min(1000, int(1000 * max(0.0, progress.at - self._start) / self._span))
            self._bar.update(step - self._shown)
            self._shown = step
            if progress.live:
                self._live = True
                self.end()
                click.echo(f"history is in: {progress.sent:,} events. Live from here on.", err=True)
        elif sys.stderr.isatty() and time.monotonic() - self._said > 1:
            self._said = time.monotonic()
            click.echo(f"\rlive: {progress.sent:,} events  ", nl=False, err=True)

    def end(self) -> None:
        if self._bar is not None:
            self._bar.__exit__(None, None, None)
            self._bar = None  # type: ignore[assignment]
