"""Kafka's default partitioner, by which every client finds the same partition for a key."""

from __future__ import annotations

from aiokafka.partitioner import murmur2

__all__ = ["partition_of"]


def partition_of(key: bytes, partitions: int) -> int:
    """The number of the partition that owns ``key`` in a topic of ``partitions`` partitions."""
    hashed: int = murmur2(key) & 0x7FFFFFFF
    return hashed % partitions
