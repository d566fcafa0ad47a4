"""The topics on a Kafka: which exist, which are missing or unusable; and creating the missing ones."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from typing import Any, Final

from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType
from aiokafka.errors import KafkaError, TopicAlreadyExistsError

from streams.kafka.connection import Connection
from streams.kafka.topics import Topic, topics

__all__ = ["TopicState", "TopicsError", "ensure", "inspect"]


class TopicsError(Exception):
    """Topics that cannot be used as they are; the message has the remedy."""


_POLICY: Final = "cleanup.policy"
_MAX_BYTES: Final = "max.message.bytes"


@dataclass(frozen=True, slots=True)
class TopicState:
    """A topic as it should be, its partitions (0: it is missing), those it should have, and its settings."""

    topic: Topic
    partitions: int
    wanted: int
    config: Mapping[str, str] = field(default_factory=dict)

    @property
    def problem(self) -> str | None:
        """The problem and its remedy, or None. Of settings, only those that would lose state or stop a worker."""
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
        wanted_bytes = topic.max_message_bytes
        if int(config.get(_MAX_BYTES, wanted_bytes)) < wanted_bytes:
            return f"has {_MAX_BYTES}={config[_MAX_BYTES]}, too small for a busy customer: set it to {wanted_bytes}"
        return None


async def inspect(kafka: Connection, partitions: int | None = None) -> list[TopicState]:
    """All topics. Existing inputs determine how many partitions all inputs should have; else ``partitions`` does."""
    async with _started(kafka) as admin:
        return await _inspect(admin, partitions)


async def ensure(kafka: Connection, partitions: int | None = None, replication: int = 1) -> list[TopicState]:
    """All topics, once the missing ones have been created. Raises ``TopicsError`` for topics that cannot be used."""
    async with _started(kafka) as admin:
        states = await _inspect(admin, partitions)
        missing = [state for state in states if not state.partitions]
        if missing:
            await _create(admin, missing, replication)
            states = [replace(state, partitions=state.partitions or state.wanted) for state in states]
    problems = [f"{state.topic.name} {state.problem}" for state in states if state.problem]
    if problems:
        raise TopicsError("\n".join(problems))
    return states


@asynccontextmanager
async def _started(kafka: Connection) -> AsyncIterator[AIOKafkaAdminClient]:
    admin = AIOKafkaAdminClient(**kafka.options())
    try:
        await admin.start()
    except KafkaError as error:
        await admin.close()
        raise TopicsError(
            f"no Kafka at {kafka.servers} ({error}): name one with --bootstrap-servers, or set kafka.security_protocol "
            f"(now {kafka.security_protocol}) and what belongs to it"
        ) from None
    try:
        yield admin
    finally:
        await admin.close()


async def _inspect(admin: AIOKafkaAdminClient, partitions: int | None) -> list[TopicState]:
    counts = {row["topic"]: len(row["partitions"]) for row in await admin.describe_topics()}
    known = topics()
    input_counts = [
        counts[topic.name] for topic in known.by_name.values() if topic.partitions == "inputs" and topic.name in counts
    ]
    wanted = max(input_counts) if input_counts else partitions or known.input_partitions
    config = await _config(admin, [topic.name for topic in known.of_role("internal") if topic.name in counts])
    return [
        TopicState(topic, counts.get(topic.name, 0), topic.partition_count(wanted), config.get(topic.name, {}))
        for topic in known.by_name.values()
    ]


async def _config(admin: AIOKafkaAdminClient, names: Iterable[str]) -> dict[str, dict[str, str]]:
    """The settings checked here by topic, as far as they may be read."""
    checked = {_POLICY: None, _MAX_BYTES: None}
    resources = [ConfigResource(ConfigResourceType.TOPIC, name, checked) for name in names]
    responses = await admin.describe_configs(resources) if resources else []
    return {
        name: {entry[0]: entry[1] for entry in entries}
        for response in responses
        for _, _, _, name, entries in response.resources
    }


async def _create(admin: AIOKafkaAdminClient, missing: Iterable[TopicState], replication: int) -> None:
    for state in missing:
        topic = state.topic
        config = {
            _POLICY: topic.cleanup_policy,
            "retention.ms": str(topic.retention_ms),
            _MAX_BYTES: str(topic.max_message_bytes),
            **{name: str(value) for name, value in topic.config.items()},
        }
        new = NewTopic(topic.name, state.wanted, replication, topic_configs=config)
        try:
            response: Any = await admin.create_topics([new])
        except TopicAlreadyExistsError:
            continue
        for row in response.topic_errors:
            if row[1] not in (0, TopicAlreadyExistsError.errno):
                raise TopicsError(f"{topic.name} cannot be created: {row[2] if len(row) > 2 else row[1]}")
