"""Follows ``support.panes`` by whole units of work.

The records of a unit are one change, and a fetch may end in its middle: they wait for the unit's last record. Of each
key only the last record is kept, so that at the start most records are never decoded.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator
from typing import Final, TypeAlias

from streams.core.derivation import state_format
from streams.kafka.reading import Record

__all__ = ["PaneUnits"]

#: The last record of a worker's unit: its counters, or its origin where no event came.
_UNIT_ENDS: Final = frozenset({state_format.STATS_KEY, state_format.ORIGIN_KEY})
#: The last record of each key, by partition: its value, and when it was written (ms).
_LastRecords: TypeAlias = defaultdict[int, dict[bytes, tuple[bytes | None, int]]]


class PaneUnits:
    """The records of complete units that have not been taken yet, and those of units still being read."""

    def __init__(self) -> None:
        self._incomplete: _LastRecords = defaultdict(dict)
        self._complete: _LastRecords = defaultdict(dict)

    def add(self, partition: int, records: Iterable[Record]) -> None:
        """Adds the next records of a partition.

        Compaction leaves the last record of each key, so that the records of a unit are always followed by the end
        of some unit.
        """
        incomplete, complete = self._incomplete[partition], self._complete[partition]
        for record in records:
            if record.key is None:
                continue
            incomplete[record.key] = (record.value, record.timestamp)
            if record.key in _UNIT_ENDS:
                complete.update(incomplete)
                incomplete.clear()

    def take(self) -> Iterator[tuple[int, bytes, bytes | None, int]]:
        """Removes and returns the records of complete units: partition, key, value, time written (ms).

        Raises ``StateError`` for keys of another version, whose units may end otherwise and be waited for in vain.
        """
        for incomplete in self._incomplete.values():
            for key in incomplete:
                state_format.read_pane_key(key)
        for partition, complete in self._complete.items():
            for key, (value, written_ms) in complete.items():
                yield partition, key, value, written_ms
            complete.clear()
