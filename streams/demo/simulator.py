"""A simulated customer-service desk: an endless, seeded stream of events in order of time.

The engine is a heap of processes (generators): the earliest one is resumed, adds its events, and yields the instant of
its next step. The same seed and start give the same events, whatever the end.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from heapq import heappop, heapreplace
from typing import Final

from streams.core.temporal.instants import DAY, format_instant, parse_instant
from streams.demo.background import open_desk, surge_now
from streams.demo.world import SimulatedEvent, World

__all__ = ["SimulatedEvent", "live", "simulate", "wall_clock"]

#: The first customers joined in this many days before the start.
PRELUDE_DAYS: Final = 240
#: The surge of a demonstration begins this long after live traffic.
SURGE_AFTER_MS: Final = 20_000
#: The most events of a slice of history.
SLICE_EVENTS: Final = 500


def simulate(
    *,
    seed: int,
    start_ms: int,
    end_ms: int | None = None,
    customers: int = 2000,
    tickets_per_day: float = 250,
    currency: str = "EUR",
    prelude_days: int = PRELUDE_DAYS,
    surge_at_ms: int | None = None,
) -> Iterator[SimulatedEvent]:
    """The events before ``end_ms`` (None: without end), in order of time.

    The desk opens at ``start_ms``. The first customers join and buy in the ``prelude_days`` before it; with 0 they all
    join at the start. ``surge_at_ms`` adds a surge and changes nothing before that instant. Raises ``ValueError``.
    """
    if customers < 1 or tickets_per_day <= 0 or prelude_days < 0:
        raise ValueError("`customers` and `tickets_per_day` must be above 0, `prelude_days` not below 0")
    world = World(seed=seed, start=start_ms, customers=customers, tickets_per_day=tickets_per_day, currency=currency)
    world.now = start_ms - prelude_days * DAY
    open_desk(world, prelude_days * DAY)
    if surge_at_ms is not None:
        world.spawn(surge_now(world), surge_at_ms)
    return _run(world, end_ms)


def _run(world: World, end: int | None) -> Iterator[SimulatedEvent]:
    heap, out = world.heap, world.out
    while heap:
        at, _, process = heap[0]  # stays the first while it runs: processes that it starts are never earlier
        if end is not None and at >= end:
            return
        world.now = at
        wake = next(process, None)
        if wake is None:
            heappop(heap)
        else:
            heapreplace(heap, (max(wake, at), world.turn(), process))
        if out:
            yield from out
            out.clear()


def wall_clock() -> int:
    """The present instant (ms)."""
    return time.time_ns() // 1_000_000


async def live(
    *,
    seed: int,
    history_days: float = 90,
    speed: float = 1.0,
    customers: int = 2000,
    tickets_per_day: float = 250,
    now: Callable[[], int] = wall_clock,
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
) -> AsyncIterator[list[SimulatedEvent]]:
    """Slices of events that are due: history up to now at full speed, then events as they occur.

    An empty slice means that nothing is due: a desk can be quiet for long at night. ``speed`` is the number of the
    desk's seconds in a second of live traffic. Events get the wall clock's time, so that none lies in the future: at 60
    an answer after an hour comes after a minute, and a month's cost accrues in half a day. Raises ``ValueError``.
    """
    if speed <= 0 or history_days < 0:
        raise ValueError("`speed` must be above 0, `history_days` not below 0")
    live_from = now()
    stream = simulate(
        seed=seed,
        start_ms=live_from - int(history_days * DAY),
        customers=customers,
        tickets_per_day=tickets_per_day,
        surge_at_ms=live_from + int(SURGE_AFTER_MS * speed),
    )
    events = stream if speed == 1.0 else (_at_wall_time(event, live_from, speed) for event in stream)
    due: list[SimulatedEvent] = []
    for event in events:
        if due and (event.at > now() or len(due) >= SLICE_EVENTS):
            yield due
            due = []
            await sleep(0)
        while (ahead_ms := event.at - now()) > 0:
            yield []
            await sleep(min(ahead_ms / 1000, 0.5))
        due.append(event)


def _at_wall_time(event: SimulatedEvent, live_from: int, speed: float) -> SimulatedEvent:
    """The event at the wall clock's time: after ``live_from`` the desk's clock is ``speed`` times as fast."""

    def wall(at: int) -> int:
        return at if at <= live_from else live_from + int((at - live_from) / speed)

    body = event.event
    times = {"occurred_at": format_instant(wall(event.at))}
    for name in ("period_start", "period_end"):
        if name in body:
            times[name] = format_instant(wall(parse_instant(body[name])))
    return event._replace(at=wall(event.at), event={**body, **times})
