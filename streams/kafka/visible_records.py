"""The first record of a partition, from an offset on, that a reader of committed records receives.

Offsets alone do not show it: markers of transactions and records of aborted ones take offsets too, any number of them,
and are never delivered. Hence the partitions are read, a few kilobytes at a time, and the findings are remembered.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping
from typing import Any, Final, NamedTuple

from aiokafka import AIOKafkaConsumer, TopicPartition

__all__ = ["CONSUMER_OPTIONS", "Gap", "VisibleRecords"]

#: Options of the consumer. Small fetches suffice: the first batch of a fetch comes whole, however large it is.
CONSUMER_OPTIONS: Final[Mapping[str, Any]] = {
    "isolation_level": "read_committed",
    "auto_offset_reset": "earliest",  # retention may overtake a search: it goes on at the new beginning
    "max_partition_fetch_bytes": 16 * 1024,
    "fetch_max_bytes": 256 * 1024,
    "fetch_max_wait_ms": 100,  # a fetch at the end holds up the next request by as much
}
_SEARCH_SECONDS: Final = 1.0
_POLL_MS: Final = 50


class Gap(NamedTuple):
    """Offsets [start, stop) of a partition without a visible record. ``record``: a visible one is at ``stop``."""

    start: int
    stop: int
    record: bool = False

    def known(self, start: int, end: int) -> Gap:
        """This gap if it says something about [start, end), else an empty one at ``start``.

        An end before ``stop`` means another log under the same name, of which nothing is known.
        """
        return self if self.start <= start <= self.stop <= end else Gap(start, start)

    def undecided(self, end: int) -> bool:
        """True if a visible record may lie in [stop, end) and has not been found."""
        return not self.record and self.stop < end


class VisibleRecords:
    """Searches partitions with a consumer of its own, which is paused between searches.

    A gap is kept for each partition, so that one is read only where it has grown or its start has passed a record.
    """

    def __init__(self, client: AIOKafkaConsumer, sources: Iterable[TopicPartition]) -> None:
        self._client = client
        self._gaps = {source: Gap(0, 0) for source in sources}
        client.assign(list(self._gaps))
        self._rest(self._gaps)

    async def first(self, ranges: Mapping[TopicPartition, tuple[int, int]]) -> dict[TopicPartition, int]:
        """The offset of the first visible record in [start, end) by partition, ``end`` if there is none.

        A search ends after a second: where it is undecided by then, the offset is the one that it has reached, and the
        next search goes on from there. Raises ``KafkaError``.
        """
        self._gaps |= {source: self._gaps[source].known(*bounds) for source, bounds in ranges.items()}
        await self._search({at: end for at, (_, end) in ranges.items() if self._gaps[at].undecided(end)})
        return {source: min(self._gaps[source].stop, end) for source, (_, end) in ranges.items()}

    async def _search(self, ends: Mapping[TopicPartition, int]) -> None:
        deadline = time.monotonic() + _SEARCH_SECONDS
        for source in ends:
            self._client.seek(source, self._gaps[source].stop)
        self._client.resume(*ends)
        try:
            left = list(ends)
            while left and time.monotonic() < deadline:
                records = await self._client.getmany(*left, timeout_ms=_POLL_MS, max_records=1)
                for source in left:
                    await self._advance(source, records.get(source))
                self._rest(source for source in left if not self._gaps[source].undecided(ends[source]))
                left = [source for source in left if self._gaps[source].undecided(ends[source])]
        finally:
            self._rest(ends)

    async def _advance(self, source: TopicPartition, records: Any) -> None:
        """Notes the record received; without one, the consumer's position has passed markers and aborted records."""
        start, stop, _ = self._gaps[source]
        if records:
            self._gaps[source] = Gap(start, records[0].offset, record=True)
        else:
            self._gaps[source] = Gap(start, max(stop, await self._client.position(source)))

    def _rest(self, sources: Iterable[TopicPartition]) -> None:
        """Pauses partitions and drops what has been fetched of them: unread, it would hold up the others."""
        for source in sources:
            self._client.pause(source)
            self._client.seek(source, self._gaps[source].stop)
