"""Errors of the Kafka client under names of this project."""

from __future__ import annotations

from aiokafka.errors import KafkaError

__all__ = ["KafkaError", "RequestFailed"]


class RequestFailed(Exception):
    """A request that Kafka did not acknowledge. It may have taken effect or not, and can be repeated."""
