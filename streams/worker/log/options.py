"""The partition log's options."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from streams.kafka.connection import Connection

__all__ = ["LogOptions"]


@dataclass(frozen=True, kw_only=True)
class LogOptions:
    application: str  # the consumer group, and the stem of the transactional ids
    kafka: Connection
    sources: Sequence[str]  # co-partitioned
    changelogs: Sequence[str] = ()  # compacted, as many partitions as the sources
    transactional: bool = True  # False only for brokers without transactions, and one worker
    unit_seconds: float = 0.2
    unit_records: int = 50_000
    slice_seconds: float = 0.01
    session_timeout_ms: int = 6_000
    rebalance_timeout_ms: int = 60_000
    transaction_timeout_ms: int = 60_000
    instance: str | None = None  # static membership
