"""``support.metrics``: what changed since it was last published, and no more often than allowed.

* The topic is compacted, key = the record's key. On start everything is published once; afterwards a record
  only when something in it changed; ``as_of`` alone is no change.
* A key that vanishes (a member that fell into ``other``) is withdrawn with a tombstone, so that no reader
  keeps a value nobody computes any more: also where another board published it, which is why the topic's keys
  are read on start. A period that is over is not withdrawn: its last record stays.
* When there is more to send than ``per_second`` allows, the newest snapshot wins: what was not sent yet is
  compared again, and who waited longest goes first. Nothing queues up.
* A failed send may have arrived or not: what its keys hold is unknown, and they are sent again.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, Final, Protocol, TypeAlias

import msgspec

from streams.board.snapshot import Snapshot
from streams.core.metrics.records import MetricRecord

__all__ = ["Changes", "Publisher", "SendFailed", "Sender", "Sent", "changes", "identity", "unknown"]

logger = logging.getLogger(__name__)

#: Records acknowledged together; a failure costs at most as many repetitions.
BATCH: Final = 500

Identity: TypeAlias = tuple[Any, ...]


#: Of a record that may be in the topic or not; equal to no record's.
UNKNOWN: Final[Identity] = ()


@dataclass(frozen=True, slots=True)
class Sent:
    """What the topic holds under a key, and the turn it was sent in (-1 where the identity is unknown)."""

    identity: Identity
    turn: int
    window: str
    period_start: str | None


def unknown(key: str) -> Sent:
    """Of a key whose record is not known. Raises ValueError for what is no record's key."""
    _, window, period_start, _, _ = key.split("|", 4)
    return Sent(UNKNOWN, -1, window, period_start or None)


@dataclass(frozen=True, slots=True)
class Changes:
    """What to send: records, who waited longest first, and keys to withdraw."""

    records: list[tuple[str, MetricRecord]]
    withdrawn: list[str]


def identity(record: MetricRecord) -> Identity:
    """What has to differ for a record to be published again: all but its key and ``as_of``."""
    return (
        record.value, record.count, record.low, record.high, record.final, record.unit, record.definition,
        record.previous, record.year_before,
    )  # fmt: skip


def changes(previous: dict[str, Sent], records: Iterable[MetricRecord]) -> Changes:
    """The difference between what the topic holds and what it should hold. Pure."""
    changed: list[tuple[str, MetricRecord]] = []
    keys: set[str] = set()
    periods: set[tuple[str, str | None]] = set()
    for record in records:
        key = record.key
        keys.add(key)
        periods.add((record.window, record.period_start))
        sent = previous.get(key)
        if sent is None or sent.identity != identity(record):
            changed.append((key, record))
    changed.sort(key=lambda item: previous[item[0]].turn if item[0] in previous else -1)
    withdrawn = [
        key
        for key, sent in previous.items()
        if key not in keys and (sent.period_start is None or (sent.window, sent.period_start) in periods)
    ]
    return Changes(changed, withdrawn)


class SendFailed(Exception):
    """A batch was not acknowledged as a whole."""


class Sender(Protocol):
    """Where records go. Both raise ``SendFailed`` for what can be tried again."""

    async def keys(self) -> Iterable[str]:
        """Keys under which there are records."""

    async def send(self, batch: Sequence[tuple[bytes, bytes | None]]) -> None:
        """Returns once all are acknowledged; a value of None is a tombstone."""


class _Shown(Protocol):
    @property
    def number(self) -> int: ...
    @property
    def snapshot(self) -> Snapshot: ...


class Snapshots(Protocol):
    """Where snapshots come from: the board's ``Screen``."""

    @property
    def newest(self) -> _Shown | None: ...
    async def after(self, number: int) -> _Shown | None: ...


class Publisher:
    """Publishes a screen's snapshots while ``leads()`` says so (None: to be decided; nothing is sent meanwhile).

    With several boards exactly one should publish: whoever comes to lead starts with everything, as after a
    start.
    """

    def __init__(
        self,
        sender: Sender,
        *,
        per_second: float = 5000.0,
        every: float = 0.0,
        leads: Callable[[], bool | None] = lambda: True,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._sender, self._per_second, self._every = sender, per_second, every
        self._leads, self._sleep, self._clock = leads, sleep, clock
        self._previous: dict[str, Sent] | None = None  # None: the topic is to be read first
        self._turn = 0
        self.published = 0

    async def run(self, snapshots: Snapshots) -> None:
        """Until the screen closes. Kafka being away is waited for: the wall does not depend on it."""
        number, pause = 0, 1.0
        while (shown := await snapshots.after(number)) is not None:
            number, begun = shown.number, self._clock()
            try:
                await self.publish(shown.snapshot, partial(_is_newest, snapshots, number))
                pause = 1.0
            except SendFailed as problem:
                logger.warning("support.metrics not published, again in %.0f s: %s", pause, problem)
                await self._sleep(pause)
                pause = min(2 * pause, 60.0)
            await self._sleep(max(0.0, self._every - (self._clock() - begun)))

    async def publish(self, snapshot: Snapshot, still_wanted: Callable[[], bool] = lambda: True) -> None:
        """Sends the changes up to ``snapshot``, or the part of them for which there was time."""
        leading = self._leads()
        if leading is False:
            self._previous = None
        if not leading:
            return
        if not snapshot.health.ready:
            return
        if self._previous is None:
            self._previous = {key: unknown(key) for key in await self._sender.keys()}
        self._turn += 1
        previous, todo = self._previous, changes(self._previous, snapshot.records)
        for at in range(0, len(todo.withdrawn), BATCH):
            await self._withdraw(previous, todo.withdrawn[at : at + BATCH])
        for at in range(0, len(todo.records), BATCH):
            if at and not (still_wanted() and self._leads()):
                return
            await self._send(previous, todo.records[at : at + BATCH])

    async def _withdraw(self, previous: dict[str, Sent], keys: Sequence[str]) -> None:
        await self._deliver([(key.encode(), None) for key in keys])
        for key in keys:
            del previous[key]

    async def _send(self, previous: dict[str, Sent], batch: Sequence[tuple[str, MetricRecord]]) -> None:
        for key, _ in batch:  # before sending: also a cancelled or failed send leaves the topic unknown
            previous[key] = unknown(key)
        await self._deliver([(key.encode(), msgspec.json.encode(record)) for key, record in batch])
        for key, record in batch:
            previous[key] = Sent(identity(record), self._turn, record.window, record.period_start)

    async def _deliver(self, encoded: Sequence[tuple[bytes, bytes | None]]) -> None:
        begun = self._clock()
        await self._sender.send(encoded)
        self.published += len(encoded)
        await self._sleep(max(0.0, len(encoded) / self._per_second - (self._clock() - begun)))


def _is_newest(snapshots: Snapshots, number: int) -> bool:
    return snapshots.newest is None or snapshots.newest.number == number
