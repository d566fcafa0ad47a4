"""The topics of ``schemas/topics.toml``: names, partitions, cleanup, schemas. No Kafka client here."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from functools import cache
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final, Literal, TypeAlias, get_args

__all__ = [
    "ANNOTATIONS",
    "COSTS",
    "CUSTOMERS",
    "DEAD_LETTERS",
    "INPUTS",
    "METRICS",
    "ORDERS",
    "PANES",
    "SLA_BREACHES",
    "STATE",
    "SURVEYS",
    "TICKETS",
    "WARNINGS",
    "Topic",
    "Topics",
    "load",
    "schemas_folder",
    "topics",
]

TICKETS: Final = "support.tickets"
SURVEYS: Final = "support.surveys"
ORDERS: Final = "support.orders"
CUSTOMERS: Final = "support.customers"
COSTS: Final = "support.costs"
ANNOTATIONS: Final = "support.annotations"
STATE: Final = "support.state"
PANES: Final = "support.panes"
METRICS: Final = "support.metrics"
SLA_BREACHES: Final = "support.sla-breaches"
WARNINGS: Final = "support.warnings"
DEAD_LETTERS: Final = "support.dead-letters"

#: The topics of events, in the order of the contract.
INPUTS: Final = (TICKETS, SURVEYS, ORDERS, CUSTOMERS, COSTS)

Role: TypeAlias = Literal["input", "context", "internal", "output"]
CleanupPolicy: TypeAlias = Literal["delete", "compact", "compact,delete"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Topic:
    """One topic. ``partitions`` is ``"inputs"`` if it is co-partitioned with the inputs."""

    name: str
    role: Role
    key: str
    description: str
    partitions: int | Literal["inputs"]
    cleanup_policy: CleanupPolicy
    #: -1: for ever.
    retention_ms: int
    max_message_bytes: int
    #: JSON Schema of the value, relative to the schemas folder; None for internal topics.
    schema: str | None = None
    #: Further settings under Kafka's own names.
    config: Mapping[str, int | float | str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        _one_of(self, "role", get_args(Role))
        _one_of(self, "cleanup_policy", get_args(CleanupPolicy))
        if not _is_count(self.partitions) and self.partitions != "inputs":
            raise ValueError(f'topic {self.name}: `partitions` must be "inputs" or a number from 1 on')
        if not _is_count(self.retention_ms) and self.retention_ms != -1:
            raise ValueError(f"topic {self.name}: `retention_ms` must be -1 or a number from 1 on")
        if not _is_count(self.max_message_bytes):
            raise ValueError(f"topic {self.name}: `max_message_bytes` must be a number from 1 on")
        if not isinstance(self.config, Mapping) or not all(
            isinstance(value, int | float | str) for value in self.config.values()
        ):
            raise ValueError(f"topic {self.name}: `config` must be a table of numbers and texts")

    def partition_count(self, input_partitions: int) -> int:
        """The number of partitions if the inputs have ``input_partitions``."""
        return input_partitions if self.partitions == "inputs" else self.partitions

    def schema_path(self) -> Path | None:
        """The path of its JSON Schema on this machine; None for internal topics."""
        return None if self.schema is None else schemas_folder() / self.schema


@dataclass(frozen=True, slots=True)
class Topics:
    """All topics by name, and the inputs' default number of partitions."""

    input_partitions: int
    by_name: Mapping[str, Topic]

    def of_role(self, role: Role) -> tuple[Topic, ...]:
        """The topics of one role."""
        return tuple(topic for topic in self.by_name.values() if topic.role == role)


def schemas_folder() -> Path:
    """``schemas/``: in the package if it is installed, next to the package in a source checkout."""
    package = Path(__file__).resolve().parents[1]
    for folder in (package / "schemas", package.parent / "schemas"):
        if (folder / "topics.toml").is_file():
            return folder
    raise FileNotFoundError("schemas/topics.toml is missing: the package is incomplete, install it again")


@cache
def topics() -> Topics:
    """The topics of this installation."""
    return load((schemas_folder() / "topics.toml").read_text(encoding="utf-8"))


def load(text: str) -> Topics:
    """The topics in the text of a ``topics.toml``. Raises ``ValueError`` with the wrong topic and key."""
    data = tomllib.loads(text)
    unknown = data.keys() - {"input_partitions", "topics"}
    if unknown:
        raise ValueError(f"topics.toml: unknown key `{min(unknown)}`")
    partitions: int = data.get("input_partitions", 0)
    if not _is_count(partitions):
        raise ValueError("topics.toml: `input_partitions` must be a number from 1 on")
    by_name = {name: _topic(name, table) for name, table in data.get("topics", {}).items()}
    return Topics(partitions, MappingProxyType(by_name))


def _topic(name: str, table: dict[str, Any]) -> Topic:
    known = {field.name for field in fields(Topic)} - {"name"}
    for fault, keys in (("unknown", table.keys() - known), ("missing", known - {"schema", "config"} - table.keys())):
        if keys:
            raise ValueError(f"topic {name}: {fault} key `{min(keys)}`")
    return Topic(name=name, **table)


def _one_of(topic: Topic, field: str, allowed: tuple[str, ...]) -> None:
    if getattr(topic, field) not in allowed:
        raise ValueError(f"topic {topic.name}: `{field}` must be one of {', '.join(allowed)}")


def _is_count(value: object) -> bool:
    return type(value) is int and value > 0
