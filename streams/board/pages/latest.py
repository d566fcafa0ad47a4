"""The newest snapshot, its renderings, and the wait for the next one. No HTTP here.

latest = Latest()
latest.show(snapshot)                # in the event loop's thread
newest = await latest.after(number)  # for every page and publisher
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Hashable
from dataclasses import dataclass
from typing import Any, TypeVar

from streams.board.snapshot import Snapshot

__all__ = ["Latest", "NumberedSnapshot", "Renderings"]

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class NumberedSnapshot:
    """A snapshot, its number (from 1 on) and the monotonic instant since which it is shown."""

    number: int
    shown_at_seconds: float
    snapshot: Snapshot


class Latest:
    """The newest snapshot, and the wait for the next one. No queues: a slow reader misses some."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._changed = asyncio.Event()
        self.newest: NumberedSnapshot | None = None
        self.closed = False

    def show(self, snapshot: Snapshot) -> None:
        """Replaces the newest snapshot and wakes all waiting readers. Only in the event loop's thread."""
        number = self.newest.number + 1 if self.newest else 1
        self.newest = NumberedSnapshot(number, self._clock(), snapshot)
        self._wake()

    def close(self) -> None:
        """Ends all waits, now and later, with None."""
        self.closed = True
        self._wake()

    def age_seconds(self) -> float | None:
        """The time since the newest snapshot was shown; None before the first."""
        return None if self.newest is None else self._clock() - self.newest.shown_at_seconds

    def is_newest(self, number: int) -> bool:
        """True unless a snapshot of another number is shown."""
        return self.newest is None or self.newest.number == number

    async def after(self, number: int) -> NumberedSnapshot | None:
        """The newest snapshot once its number is above ``number``; None once closed."""
        while not self.closed:
            if self.newest is not None and self.newest.number > number:
                return self.newest
            await self._changed.wait()
        return None

    def _wake(self) -> None:
        changed, self._changed = self._changed, asyncio.Event()
        changed.set()


class Renderings:
    """The renderings of one snapshot, at most ``max_count``; each is made once for all requests."""

    def __init__(self, max_count: int) -> None:
        self._max_count = max_count
        self._number = 0
        self._tasks: dict[Hashable, asyncio.Task[Any]] = {}

    async def get(self, number: int, key: Hashable, render: Callable[[], T]) -> T:
        """The rendering ``key`` of snapshot ``number``, made by ``render`` in a thread if there is none yet."""
        if number != self._number:
            self._number, self._tasks = number, {}
        task: asyncio.Task[T] | None = self._tasks.get(key)
        if task is None or (task.done() and task.exception() is not None):
            if len(self._tasks) >= self._max_count:
                del self._tasks[next(iter(self._tasks))]
            task = self._tasks[key] = asyncio.create_task(asyncio.to_thread(render))
        return await asyncio.shield(task)
