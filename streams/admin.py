"""The topics on a Kafka: what is there, what is missing, what is wrong; and making what is missing."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.errors import KafkaError, TopicAlreadyExistsError

from streams.topics import Topic, topics

__all__ = ["Finding", "TopicsError", "ensure", "inspect"]


class TopicsError(Exception):
    """The topics cannot be used as they are; the message says what to do."""


@dataclass(frozen=True, slots=True)
class Finding:
    """A topic as it should be and how many partitions it has; 0 = it is missing."""

    topic: Topic
    partitions: int
    wanted: int

    @property
    def problem(self) -> str | None:
        if self.partitions == 0:
            return "missing"
        if self.topic.partitions == "inputs" and self.partitions != self.wanted:
            return f"has {self.partitions} partitions, the other topics of events {self.wanted}"
        return None


async def inspect(bootstrap: str, partitions: int | None = None) -> list[Finding]:
    """What is there. The inputs that exist say how many partitions all of them must have."""
    admin = AIOKafkaAdminClient(bootstrap_servers=bootstrap)
    await _start(admin, bootstrap)
    try:
        return await _inspect(admin, partitions)
    finally:
        await admin.close()


async def ensure(bootstrap: str, partitions: int | None = None, replication: int = 1) -> list[Finding]:
    """Creates the topics that are missing; ``TopicsError`` for those that cannot serve. Returns them all."""
    admin = AIOKafkaAdminClient(bootstrap_servers=bootstrap)
    await _start(admin, bootstrap)
    try:
        found = await _inspect(admin, partitions)
        missing = [finding for finding in found if not finding.partitions]
        if missing:
            await _create(admin, missing, replication)
            found = [Finding(finding.topic, finding.partitions or finding.wanted, finding.wanted) for finding in found]
    finally:
        await admin.close()
    wrong = [f"{finding.topic.name} {finding.problem}" for finding in found if finding.problem]
    if wrong:
        raise TopicsError(
            "; ".join(wrong) + ": customers are co-partitioned, so delete and create these topics anew "
            "(support-roi topics), or give all the same number of partitions"
        )
    return found


async def _start(admin: AIOKafkaAdminClient, bootstrap: str) -> None:
    try:
        await admin.start()
    except KafkaError as error:
        await admin.close()
        raise TopicsError(f"no Kafka at {bootstrap} ({error}): name one with --bootstrap-servers") from None


async def _inspect(admin: AIOKafkaAdminClient, partitions: int | None) -> list[Finding]:
    counts = {row["topic"]: len(row["partitions"]) for row in await admin.describe_topics()}
    known = topics()
    present = [
        counts[topic.name] for topic in known.by_name.values() if topic.partitions == "inputs" and topic.name in counts
    ]
    wanted = max(present) if present else partitions or known.input_partitions
    return [
        Finding(topic, counts.get(topic.name, 0), topic.partition_count(wanted)) for topic in known.by_name.values()
    ]


async def _create(admin: AIOKafkaAdminClient, missing: Iterable[Finding], replication: int) -> None:
    for finding in missing:
        topic = finding.topic
        config = {
            "cleanup.policy": topic.cleanup_policy,
            "retention.ms": str(topic.retention_ms),
            "max.message.bytes": str(topic.max_message_bytes),
            **{name: str(value) for name, value in topic.config.items()},
        }
        new = NewTopic(topic.name, finding.wanted, replication, topic_configs=config)
        try:
            response: Any = await admin.create_topics([new])
        except TopicAlreadyExistsError:
            continue
        for row in response.topic_errors:
            if row[1] not in (0, TopicAlreadyExistsError.errno):
                raise TopicsError(f"{topic.name} cannot be created: {row[2] if len(row) > 2 else row[1]}")
