"""A customer-service desk as an endless, lazy, seeded stream of contract events in the order they occur.

A heap of processes (generators) is the whole engine: the earliest is resumed, adds its events, and says when
it wants to go on. The same seed and start give the same events; the end only says where to stop.
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

#: The customers there are at the start joined in the days before it.
PRELUDE_DAYS: Final = 240
#: After the beginning of live traffic, the surge that a demonstration shows.
SURGE_AFTER: Final = 20_000
#: Events handed over at once while history is sent.
SLICE: Final = 500


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

    The desk opens at ``start_ms``. Before it, over ``prelude_days``, the first customers join and buy; with 0
    they all join at the start. ``surge_at_ms`` asks for one more surge; it changes nothing before that instant.
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
        at, _, process = heap[0]  # stays the first while it runs: what it spawns comes later, or after it
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
    """Milliseconds since 1970, now."""
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
    """History up to now at full speed, then what happens as it happens, in slices of what is due.

    An empty slice says that nothing is due now: at night a desk can be quiet for long.

    From the beginning on, ``speed`` is how many of the desk's seconds go into one on the wall: events are
    given the wall's time, so that nothing lies in the future. At 60 an answer after an hour comes after a
    minute, and a month's cost accrues in half a day.
    """
    if speed <= 0 or history_days < 0:
        raise ValueError("`speed` must be above 0, `history_days` not below 0")
    began = now()
    stream = simulate(
        seed=seed,
        start_ms=began - int(history_days * DAY),
        customers=customers,
        tickets_per_day=tickets_per_day,
        surge_at_ms=began + int(SURGE_AFTER * speed),
    )
    due: list[SimulatedEvent] = []
    for one in stream:
        event = one if speed == 1.0 else _on_the_wall(one, began, speed)
        ahead = event.at - now()
        if due and (ahead > 0 or len(due) >= SLICE):
            yield due
            due = []
            await sleep(0)
        while ahead > 0:
            yield []
            await sleep(min(ahead / 1000, 0.5))
            ahead = event.at - now()
        due.append(event)


def _on_the_wall(one: SimulatedEvent, began: int, speed: float) -> SimulatedEvent:
    """The event at the wall's time: after ``began``, the desk's time runs ``speed`` times as fast."""

    def wall(at: int) -> int:
        return at if at <= began else began + int((at - began) / speed)

    body = one.event
    changed = {"occurred_at": format_instant(wall(one.at))}
    for name in ("period_start", "period_end"):
        if name in body:
            changed[name] = format_instant(wall(parse_instant(body[name])))
    return one._replace(at=wall(one.at), event={**body, **changed})
