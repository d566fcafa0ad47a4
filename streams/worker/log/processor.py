"""The interface between the partition log and a partition's state."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple, Protocol

__all__ = ["Batch", "Output", "Processor", "Record"]


class Record(Protocol):
    """A record of an input topic, as far as the worker reads it; aiokafka's ConsumerRecord is one."""

    @property
    def topic(self) -> str: ...
    @property
    def partition(self) -> int: ...
    @property
    def offset(self) -> int: ...
    @property
    def key(self) -> bytes | None: ...
    @property
    def value(self) -> bytes | None: ...
    @property
    def timestamp(self) -> int: ...
    @property
    def headers(self) -> Sequence[tuple[str, bytes]]: ...


class Output(NamedTuple):
    """A record to write. Partition None: the key decides, by Kafka's default partitioner; value None: a tombstone."""

    topic: str
    key: bytes | None
    value: bytes | None
    partition: int | None = None
    headers: Sequence[tuple[str, bytes]] = ()


class Processor(Protocol):
    """The state of one partition. Whatever a method raises ends the process."""

    @property
    def commit_needed(self) -> bool:
        """True if there is something to write although no record came: the clock alone may change values."""

    def restore(self, topic: str, key: bytes, value: bytes | None) -> None:
        """Takes one changelog record, in the order of offsets; a value of None removes the key."""

    def restored(self) -> None:
        """The changelogs have been read to their end."""

    def apply(self, records: Sequence[Record]) -> None:
        """Takes a slice of records into the open unit."""

    def close(self) -> Iterator[Sequence[Output]]:
        """Closes the unit: its outputs in chunks; between two of them the heartbeat gets its turn."""

    def committed(self) -> None:
        """The unit's transaction is committed."""


class Batch(NamedTuple):
    """Records of one partition; the reader applies them to the processor before it takes the next batch."""

    partition: int
    records: Sequence[Record]
    processor: Processor
