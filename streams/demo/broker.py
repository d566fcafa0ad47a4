"""A Kafka broker inside the process, for the demonstration: librdkafka's mock cluster, ready in milliseconds.

It lacks much of a Kafka: it holds about 5 MB a partition (so write no faster than it is read) and nothing after it
stops, has no admin requests, and accepts transactions without storing their offsets. A request for a topic's metadata
creates the topic, always with ``PARTITIONS`` partitions.
"""

from __future__ import annotations

from collections.abc import Iterable
from types import TracebackType
from typing import TYPE_CHECKING, Final, Self

if TYPE_CHECKING:
    from confluent_kafka import Producer

__all__ = ["PARTITIONS", "BrokerMissing", "EmbeddedBroker"]

PARTITIONS: Final = 4
_TIMEOUT_SECONDS: Final = 10.0  # it responds in milliseconds


class BrokerMissing(Exception):
    """The embedded broker is not installed; the message has the remedy."""


class EmbeddedBroker:
    """``with EmbeddedBroker(["support.tickets"]) as broker:`` runs a broker until the block ends."""

    def __init__(self, topics: Iterable[str] = ()) -> None:
        self._topics = tuple(topics)
        self._producer: Producer | None = None
        self._servers = ""

    @property
    def bootstrap_servers(self) -> str:
        """Its address. Raises ``RuntimeError`` while it is stopped."""
        if self._producer is None:
            raise RuntimeError("the embedded broker is not running: use it in a `with` block")
        return self._servers

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def start(self) -> None:
        """Starts it and creates the topics. Raises ``BrokerMissing`` without the package confluent-kafka."""
        if self._producer is not None:
            raise RuntimeError("the embedded broker is running already")
        try:
            from confluent_kafka import Producer
        except ImportError as error:
            raise BrokerMissing(
                "the embedded broker needs confluent-kafka: pip install 'support-roi[demo]',"
                " or name a Kafka with --bootstrap-servers"
            ) from error
        producer = Producer({"test.mock.num.brokers": 1, "log_level": 2})
        brokers = producer.list_topics(timeout=_TIMEOUT_SECONDS).brokers.values()
        self._servers = ",".join(f"{broker.host}:{broker.port}" for broker in brokers)
        self._producer = producer
        for topic in self._topics:
            self.create(topic)

    def create(self, topic: str) -> None:
        """Creates a topic; an existing one stays unchanged."""
        if self._producer is None:
            raise RuntimeError("the embedded broker is not running")
        self._producer.list_topics(topic, timeout=_TIMEOUT_SECONDS)

    def stop(self) -> None:
        """Stops it and drops its records."""
        self._producer = None  # the cluster lives exactly as long as the client that created it
