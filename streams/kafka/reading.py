"""A topic as the board reads it: its partitions, and what a compacted one holds."""

from __future__ import annotations

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient

from streams.kafka.connection import Connection

__all__ = ["latest", "partitions"]


async def partitions(kafka: Connection, *topics: str) -> list[TopicPartition]:
    """The partitions of topics, which are there: whoever starts a board makes sure of it."""
    admin = AIOKafkaAdminClient(**kafka.options())
    try:
        await admin.start()
        found = await admin.describe_topics(list(topics))
    finally:
        await admin.close()
    return [TopicPartition(told["topic"], row["partition"]) for told in found for row in told["partitions"]]


async def latest(kafka: Connection, topic: str) -> dict[bytes, bytes]:
    """The last value of each key, of those that have one. Raises ``KafkaError``."""
    sources = await partitions(kafka, topic)
    consumer = AIOKafkaConsumer(**kafka.options(), enable_auto_commit=False)
    try:
        await consumer.start()
        consumer.assign(sources)
        await consumer.seek_to_beginning(*sources)
        ends = await consumer.end_offsets(sources)
        held: dict[bytes, bytes] = {}
        while any([await consumer.position(source) < ends[source] for source in sources]):
            for records in (await consumer.getmany(timeout_ms=1000)).values():
                held |= {record.key: record.value for record in records}
    finally:
        await consumer.stop()
    return {key: value for key, value in held.items() if value is not None}
