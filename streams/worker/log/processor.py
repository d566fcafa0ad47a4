"""What the partition log and the state of a partition say to each other."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple, Protocol

__all__ = ["Batch", "Output", "Processor", "Record"]


class Record(Protocol):
    """What the log reads of a record; aiokafka's ConsumerRecord is one."""

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
    """A record to write. Without a partition, the key decides, as in every other Kafka client."""

    topic: str
    key: bytes | None
    value: bytes | None
    partition: int | None = None
    headers: Sequence[tuple[str, bytes]] = ()


class Processor(Protocol):
    """The state of one partition."""

    @property
    def dirty(self) -> bool:
        """True if there is something to write even though no record came (the clock went on)."""

    def restore(self, topic: str, key: bytes, value: bytes | None) -> None:
        """Takes one changelog record, in order, as raw bytes."""

    def restored(self) -> None:
        """The changelogs have been read to their end."""

    def apply(self, records: Sequence[Record]) -> None:
        """Folds a slice of records."""

    def close(self) -> Iterator[Sequence[Output]]:
        """Ends the unit: its outputs in chunks; between two of them the heartbeat gets its turn."""

    def sealed(self) -> None:
        """The unit is durable."""


class Batch(NamedTuple):
    """Records of one partition, to be folded by the reader before it asks for the next batch."""

    partition: int
    records: Sequence[Record]
    fold: Processor
