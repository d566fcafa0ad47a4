"""``support.warnings``: a record when a warning begins, and one when it ends.

* The topic is compacted, key = the record's key. A board that begins to publish reads it first, so that a warning
  that goes on is not published again, and one that ended meanwhile is published as ended.
* An undefined warning does not hold; one whose member is no longer judged has ended, with no value.
* A failed send may have arrived or not: the topic is read again.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Iterable, Mapping
from typing import Final

import msgspec

from streams.board.pages.latest import Latest
from streams.board.snapshot import Snapshot
from streams.core.metrics.families import METRICS
from streams.core.metrics.records import WarningRecord
from streams.core.metrics.warnings import Finding
from streams.core.temporal.instants import format_instant
from streams.kafka.connection import Connection
from streams.kafka.errors import RequestFailed
from streams.kafka.reading import last_values
from streams.kafka.sender import KeyedValues
from streams.kafka.topics import WARNINGS

__all__ = ["WarningPublisher", "published_warnings", "warning_changes"]

logger = logging.getLogger(__name__)

_PAUSE_SECONDS: Final = 5.0
_decode: Final = msgspec.json.Decoder(WarningRecord).decode


def warning_changes(
    published: Mapping[str, WarningRecord], findings: Iterable[Finding], as_of: int
) -> list[WarningRecord]:
    """The records of warnings that began or ended since ``published`` (by key). Pure."""
    changes: list[WarningRecord] = []
    judged: set[str] = set()
    stamp = format_instant(as_of)
    for finding in findings:
        record = _record(finding, stamp)
        judged.add(record.key)
        before = published.get(record.key)
        if before is not None and before.active:
            if not record.active:
                changes.append(msgspec.structs.replace(record, since=before.since))
        elif record.active:
            changes.append(record)
    for key, before in published.items():
        if before.active and key not in judged:
            changes.append(msgspec.structs.replace(before, active=False, value=None, threshold=None, as_of=stamp))
    return changes


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


async def published_warnings(kafka: Connection) -> dict[str, WarningRecord]:
    """The records of ``support.warnings`` by key. Raises ``RequestFailed``."""
    return {key.decode(): _decode(value) for key, value in (await last_values(kafka, WARNINGS)).items()}


class WarningPublisher:
    """Publishes begins and ends of warnings while ``leads()`` is true; None (undecided) sends and forgets nothing.

    ``send`` and ``published_warnings`` raise ``RequestFailed``.
    """

    def __init__(
        self,
        send: Callable[[KeyedValues], Awaitable[None]],
        published_warnings: Callable[[], Awaitable[dict[str, WarningRecord]]],
        leads: Callable[[], bool | None] = lambda: True,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._send, self._published_warnings, self._leads, self._sleep = send, published_warnings, leads, sleep
        self._published: dict[str, WarningRecord] | None = None  # None: the topic must be read first

    async def run(self, latest: Latest) -> None:
        """Publishes until ``latest`` closes; a failure is tried again."""
        number = 0
        while (newest := await latest.after(number)) is not None:
            number = newest.number
            try:
                await self.publish(newest.snapshot)
            except RequestFailed as error:
                logger.warning("%s not published, again in %.0f s: %s", WARNINGS, _PAUSE_SECONDS, error)
                await self._sleep(_PAUSE_SECONDS)

    async def publish(self, snapshot: Snapshot) -> None:
        """Sends the records of warnings that began or ended. Raises ``RequestFailed``."""
        leading = self._leads()
        if leading is False:
            self._published = None
        # While history is read, values are those of the past: no warning begins or ends by them.
        if not leading or not snapshot.health.ready or snapshot.health.input_lag.state == "catching_up":
            return
        published = await self._published_warnings() if self._published is None else self._published
        self._published = None  # until all is acknowledged
        changes = warning_changes(published, snapshot.findings, snapshot.as_of)
        if changes:
            await self._send([(record.key.encode(), msgspec.json.encode(record)) for record in changes])
        self._published = published | {record.key: record for record in changes}
