"""The screen: the newest snapshot, who waits for the next, and what has been made of it. No HTTP here.

screen = Screen()
screen.show(snapshot)               # in the event loop's thread
shown = await screen.after(number)  # for everyone who shows it on
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Hashable
from dataclasses import dataclass
from typing import Any, TypeVar

from streams.board.snapshot import Snapshot

__all__ = ["Latest", "Renderings", "Shown"]

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Shown:
    """A snapshot and when it was shown (monotonic seconds); numbers count up from 1."""

    number: int
    at: float
    snapshot: Snapshot


class Latest:
    """The newest snapshot and everyone who waits for the next. No queues: who is slow misses some."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._next = asyncio.Event()
        self.newest: Shown | None = None
        self.closed = False

    def show(self, snapshot: Snapshot) -> None:
        """Replaces what is shown and wakes the waiting. Only in the event loop's thread."""
        number = self.newest.number + 1 if self.newest else 1
        self.newest = Shown(number, self._clock(), snapshot)
        self._wake()

    def close(self) -> None:
        """Nothing will be shown any more: everyone who waits gets None."""
        self.closed = True
        self._wake()

    def age(self) -> float | None:
        """Seconds since the newest snapshot was shown."""
        return None if self.newest is None else self._clock() - self.newest.at

    async def after(self, number: int) -> Shown | None:
        """The newest snapshot once its number is above ``number``; None once closed."""
        while not self.closed:
            if self.newest is not None and self.newest.number > number:
                return self.newest
            await self._next.wait()
        return None

    def _wake(self) -> None:
        woken, self._next = self._next, asyncio.Event()
        woken.set()


class Renderings:
    """What has been made of one snapshot. Who asks while it is being made waits for the same one."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._number = 0
        self._made: dict[Hashable, asyncio.Task[Any]] = {}

    async def get(self, number: int, key: Hashable, make: Callable[[], T]) -> T:
        if number != self._number:
            self._number, self._made = number, {}
        task: asyncio.Task[T] | None = self._made.get(key)
        if task is None or (task.done() and task.exception() is not None):
            if len(self._made) >= self._most:
                del self._made[next(iter(self._made))]
            task = self._made[key] = asyncio.create_task(asyncio.to_thread(make))
        return await asyncio.shield(task)
