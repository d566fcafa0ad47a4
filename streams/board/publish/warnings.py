"""``support.warnings``: a record when a warning begins, and one when it ends.

* The topic is compacted, key = the record's key. What it holds is read by whoever comes to publish, so that a warning
  that goes on is not told again, and one that ended meanwhile is told to have ended.
* An undefined warning does not hold; one whose member is not judged any more has ended, with no value.
* A failed send may have arrived or not: the topic is read again.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from typing import Final, Protocol

import msgspec
from aiokafka.errors import KafkaError

from streams.board.publish.metrics import SendFailed, Snapshots
from streams.board.snapshot import Snapshot
from streams.core.metrics.families import METRICS
from streams.core.metrics.records import WarningRecord
from streams.core.metrics.warnings import Finding
from streams.core.temporal.instants import format_instant
from streams.kafka.connection import Connection
from streams.kafka.reading import latest
from streams.kafka.topics import WARNINGS

__all__ = ["WarningPublisher", "told", "turns"]

logger = logging.getLogger(__name__)

PAUSE: Final = 5.0  # seconds until a failed send is tried again
_read: Final = msgspec.json.Decoder(WarningRecord).decode


def turns(held: Mapping[str, WarningRecord], findings: Iterable[Finding], as_of: int) -> list[WarningRecord]:
    """The warnings that began or ended since ``held`` (by key) was told. Pure."""
    found: list[WarningRecord] = []
    judged: set[str] = set()
    stamp = format_instant(as_of)
    for finding in findings:
        record = _record(finding, stamp)
        judged.add(record.key)
        before = held.get(record.key)
        if before is not None and before.active:
            if not record.active:
                found.append(msgspec.structs.replace(record, since=before.since))
        elif record.active:
            found.append(record)
    for key, before in held.items():
        if before.active and key not in judged:
            found.append(msgspec.structs.replace(before, active=False, value=None, threshold=None, as_of=stamp))
    return found


def _record(finding: Finding, stamp: str) -> WarningRecord:
    return WarningRecord(
        warning=finding.warning,
        dimension=finding.dimension,
        member=finding.member,
        active=bool(finding.holds),
        since=stamp,
        metric=finding.metric,
        window=finding.window,
        value=finding.value,
        threshold=finding.threshold,
        as_of=stamp,
        definition=METRICS["warning_active"].definition,
    )


class Sender(Protocol):
    """Where records go; see ``publisher.Sender``."""

    async def send(self, batch: Sequence[tuple[bytes, bytes | None]]) -> None: ...


class WarningPublisher:
    """Publishes the turns of warnings while ``leads()`` says so; ``held`` reads what the topic holds."""

    def __init__(
        self,
        sender: Sender,
        held: Callable[[], Awaitable[dict[str, WarningRecord]]],
        leads: Callable[[], bool | None] = lambda: True,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._sender, self._read, self._leads, self._sleep = sender, held, leads, sleep
        self._held: dict[str, WarningRecord] | None = None  # None: the topic is to be read first

    async def run(self, snapshots: Snapshots) -> None:
        """Until the screen closes."""
        number = 0
        while (shown := await snapshots.after(number)) is not None:
            number = shown.number
            try:
                await self.publish(shown.snapshot)
            except SendFailed as problem:
                logger.warning("%s not published, again in %.0f s: %s", WARNINGS, PAUSE, problem)
                await self._sleep(PAUSE)

    async def publish(self, snapshot: Snapshot) -> None:
        """Sends what began or ended. Raises ``SendFailed``."""
        leading = self._leads()
        if leading is False:
            self._held = None
        # Half a history warns of what was: nothing begins or ends by it.
        if not leading or not snapshot.health.ready or snapshot.health.pace.state == "catching_up":
            return
        held = await self._read() if self._held is None else self._held
        self._held = None  # until it is known that all has arrived
        changed = turns(held, snapshot.findings, snapshot.as_of)
        if changed:
            await self._sender.send([(record.key.encode(), msgspec.json.encode(record)) for record in changed])
        self._held = held | {record.key: record for record in changed}


async def told(kafka: Connection) -> dict[str, WarningRecord]:
    """What ``support.warnings`` holds, by key. Raises ``SendFailed`` where it cannot be read now."""
    try:
        held = await latest(kafka, WARNINGS)
    except KafkaError as problem:
        raise SendFailed(repr(problem)) from problem
    return {key.decode(): _read(value) for key, value in held.items()}
