"""The topics on a Kafka: what is there, what is missing, what is wrong; and making what is missing."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Final

from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType
from aiokafka.errors import KafkaError, TopicAlreadyExistsError

from streams.kafka.connection import Connection
from streams.kafka.topics import Topic, topics

__all__ = ["Problem", "TopicsError", "ensure", "inspect"]


class TopicsError(Exception):
    """The topics cannot be used as they are; the message says what to do."""


_POLICY: Final = "cleanup.policy"
_LARGEST: Final = "max.message.bytes"


@dataclass(frozen=True, slots=True)
class Problem:
    """A topic as it should be, how many partitions it has (0 = it is missing), and the settings it has."""

    topic: Topic
    partitions: int
    wanted: int
    config: Mapping[str, str] = field(default_factory=dict)

    @property
    def problem(self) -> str | None:
        """What is wrong, and what helps. Of settings, only what would lose state or stop a worker."""
        topic, config = self.topic, self.config
        if self.partitions == 0:
            return "is missing: support-roi topics creates it"
        if topic.partitions == "inputs" and self.partitions != self.wanted:
            return (
                f"has {self.partitions} partitions, the other topics of events {self.wanted}: customers are "
                "co-partitioned, so give all the same number, or delete it and create it anew (support-roi topics)"
            )
        if topic.role != "internal":
            return None
        if "delete" in config.get(_POLICY, ""):
            return f"has {_POLICY}={config[_POLICY]}, and would lose what all values rest on: set it to compact"
        if int(config.get(_LARGEST, topic.max_message_bytes)) < topic.max_message_bytes:
            return (
                f"has {_LARGEST}={config[_LARGEST]}, too small for a busy customer: set it to {topic.max_message_bytes}"
            )
        return None


async def inspect(kafka: Connection, partitions: int | None = None) -> list[Problem]:
    """What is there. The inputs that exist say how many partitions all of them must have."""
    admin = AIOKafkaAdminClient(**kafka.options())
    await _start(admin, kafka)
    try:
        return await _inspect(admin, partitions)
    finally:
        await admin.close()


async def ensure(kafka: Connection, partitions: int | None = None, replication: int = 1) -> list[Problem]:
    """Creates the topics that are missing; ``TopicsError`` for those that cannot serve. Returns them all."""
    admin = AIOKafkaAdminClient(**kafka.options())
    await _start(admin, kafka)
    try:
        found = await _inspect(admin, partitions)
        missing = [finding for finding in found if not finding.partitions]
        if missing:
            await _create(admin, missing, replication)
            found = [replace(finding, partitions=finding.partitions or finding.wanted) for finding in found]
    finally:
        await admin.close()
    wrong = [f"{finding.topic.name} {finding.problem}" for finding in found if finding.problem]
    if wrong:
        raise TopicsError("\n".join(wrong))
    return found


async def _start(admin: AIOKafkaAdminClient, kafka: Connection) -> None:
    try:
        await admin.start()
    except KafkaError as error:
        await admin.close()
        raise TopicsError(
            f"no Kafka at {kafka.servers} ({error}): name one with --bootstrap-servers, or set kafka.security_protocol "
            f"(now {kafka.security_protocol}) and what belongs to it"
        ) from None


async def _inspect(admin: AIOKafkaAdminClient, partitions: int | None) -> list[Problem]:
    counts = {row["topic"]: len(row["partitions"]) for row in await admin.describe_topics()}
    known = topics()
    present = [
        counts[topic.name] for topic in known.by_name.values() if topic.partitions == "inputs" and topic.name in counts
    ]
    wanted = max(present) if present else partitions or known.input_partitions
    config = await _config(admin, [topic.name for topic in known.of_role("internal") if topic.name in counts])
    return [
        Problem(topic, counts.get(topic.name, 0), topic.partition_count(wanted), config.get(topic.name, {}))
        for topic in known.by_name.values()
    ]


async def _config(admin: AIOKafkaAdminClient, names: Iterable[str]) -> dict[str, dict[str, str]]:
    """The settings of topics, as far as they matter here and may be read."""
    wanted = {_POLICY: None, _LARGEST: None}
    asked = [ConfigResource(ConfigResourceType.TOPIC, name, wanted) for name in names]
    responses = await admin.describe_configs(asked) if asked else []
    return {
        name: {entry[0]: entry[1] for entry in entries}
        for response in responses
        for _, _, _, name, entries in response.resources
    }


async def _create(admin: AIOKafkaAdminClient, missing: Iterable[Problem], replication: int) -> None:
    for finding in missing:
        topic = finding.topic
        config = {
            _POLICY: topic.cleanup_policy,
            "retention.ms": str(topic.retention_ms),
            _LARGEST: str(topic.max_message_bytes),
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
