"""The partition log's options."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from streams.kafka.connection import Connection

__all__ = ["LogOptions"]


@dataclass(frozen=True, kw_only=True)
class LogOptions:
    """How a partition log reads, commits and takes part in its group; the ``_ms`` are Kafka's own settings."""

    #: The consumer group, and the stem of the transactional ids, one a partition.
    application: str
    kafka: Connection
    #: The input topics; all have the same number of partitions.
    sources: Sequence[str]
    #: The compacted topics that state is restored from; as many partitions as the sources.
    changelogs: Sequence[str] = ()
    #: False only for a broker without transactions, and one worker: then at least once.
    transactional: bool = True
    #: Seconds between two units of a partition; more where committing one is slow.
    unit_seconds: float = 0.2
    #: Records after which a unit is committed, whatever its age.
    unit_records: int = 50_000
    #: Seconds that applying one batch may take: so long no heartbeat is sent.
    slice_seconds: float = 0.01
    #: Without a heartbeat for so long, the group assigns this worker's partitions to others.
    session_timeout_ms: int = 6_000
    #: So long a rebalance waits for the last units of revoked partitions.
    rebalance_timeout_ms: int = 60_000
    #: Kafka aborts a transaction that is open for longer.
    transaction_timeout_ms: int = 60_000
    #: The id of a static member of the group; None: a dynamic member.
    group_instance_id: str | None = None
