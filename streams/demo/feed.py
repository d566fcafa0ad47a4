"""The simulated desk's events into Kafka: history as fast as possible, then events as they occur."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterable, Awaitable, Callable, Sequence
from typing import Final, NamedTuple

import msgspec

from streams.demo.simulator import live, wall_clock
from streams.demo.world import SimulatedEvent
from streams.kafka.bulk import bulk_sender
from streams.kafka.connection import Connection

__all__ = ["Progress", "feed", "send"]

_LIVE_WITHIN_MS: Final = 60_000  # behind the clock: then history is over


class Progress(NamedTuple):
    """The progress of a feed: events sent, the instant of the last one (ms), and whether history is over."""

    sent: int
    at: int
    live: bool
    events_per_second: float


async def feed(
    kafka: Connection,
    *,
    seed: int = 1,
    history_days: float = 90,
    speed: float = 1.0,
    customers: int = 2000,
    tickets_per_day: float = 250,
    events_per_second: float = 10_000,
    room: Callable[[], Awaitable[None]] | None = None,
    on_progress: Callable[[Progress], None] | None = None,
) -> None:
    """Sends a desk's history and then its live traffic until cancelled. ``room`` waits until more may be sent."""
    stream = live(
        seed=seed,
        history_days=history_days,
        speed=speed,
        customers=customers,
        tickets_per_day=tickets_per_day,
    )
    await send(kafka, stream, events_per_second=events_per_second, room=room, on_progress=on_progress)


async def send(
    kafka: Connection,
    slices: AsyncIterable[Sequence[SimulatedEvent]],
    *,
    events_per_second: float = 10_000,
    room: Callable[[], Awaitable[None]] | None = None,
    on_progress: Callable[[Progress], None] | None = None,
) -> int:
    """Sends slices of events, each acknowledged before the next; returns their number. Raises ``ValueError``."""
    if events_per_second <= 0:
        raise ValueError("`events_per_second` must be above 0")
    sent = 0
    encode = msgspec.json.Encoder().encode
    async with bulk_sender(kafka) as sender:
        started = due = time.monotonic()
        async for events in slices:
            if room is not None:
                await room()
            # Idle time is no credit: a burst would follow it.
            due = max(due, time.monotonic() - 0.1)
            await sender.send((event.topic, event.key.encode(), encode(event.event)) for event in events)
            sent += len(events)
            due += len(events) / events_per_second
            await asyncio.sleep(max(0.0, due - time.monotonic()))
            if on_progress is not None:
                at = events[-1].at if events else wall_clock()  # without due events the feed is up to date
                rate = sent / max(1e-9, time.monotonic() - started)
                on_progress(Progress(sent, at, wall_clock() - at < _LIVE_WITHIN_MS, rate))
    return sent
