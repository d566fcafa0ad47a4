"""The tables of ``roi.toml``: their keys, types and defaults."""

from __future__ import annotations

from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta

from streams.core.metrics.base import Metric
from streams.core.metrics.families import FAMILIES, metrics_of
from streams.core.orders.attribution import MODELS
from streams.kafka.connection import Connection

Positive = Annotated[int, Meta(ge=1, le=10**9)]
Whole = Annotated[int, Meta(ge=0, le=10**15)]
Share = Annotated[float, Meta(ge=0, le=1)]
Name = Annotated[str, Meta(min_length=1, max_length=128)]
Port = Annotated[int, Meta(ge=0, le=65535)]
#: Closed sets, so that ``vocabulary`` can name the nearest right value.
Currency = Annotated[str, Meta(pattern=r"^[A-Z]{3}$", description="a code of three capital letters such as USD")]
Weekday = Literal["mon", "tue", "wed", "thu", "fri", "sat", "sun"]
#: The core has the models; ``vocabulary`` refuses other names, as it does for a ``Literal``.
AttributionModel = Annotated[str, Meta(extra_json_schema={"enum": list(MODELS)})]


class Table(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A table of the file. Unknown keys are refused."""


class AttributionTable(Table, frozen=True, kw_only=True):
    """The model of attribution, its look-back and its half-life."""

    model: AttributionModel = "last_touch"
    look_back_days: Annotated[float, Meta(gt=0, le=3650)] = 5
    half_life_days: Annotated[float, Meta(gt=0, le=3650)] = 2


class FcrTable(Table, frozen=True, kw_only=True):
    """First contact resolution: the repeat period and the gap between sessions."""

    repeat_days: Annotated[float, Meta(gt=0, le=365)] = 7
    session_gap_minutes: Annotated[float, Meta(gt=0, le=1440)] = 30


class BusinessTable(Table, frozen=True, kw_only=True):
    """The time zone, holidays and weekly hours of business."""

    time_zone: str = "UTC"
    holidays: tuple[Any, ...] = ()
    hours: dict[Weekday, tuple[str, ...]] = msgspec.field(default_factory=dict)


class ServiceLevelTable(Table, frozen=True, kw_only=True):
    """A promise: a time of a ticket, its limit, and the tickets it holds for."""

    name: Name
    metric: Literal["first_response", "next_response", "first_resolution", "full_resolution", "requester_wait"]
    seconds: Positive
    clock: Literal["calendar", "business"] = "calendar"
    filter: dict[Literal["priority", "channel", "segment"], Name | tuple[Name, ...]] = msgspec.field(
        default_factory=dict
    )


class WindowsTable(Table, frozen=True, kw_only=True):
    """The windows of values."""

    rolling: tuple[str, ...] = ("5m", "1h", "24h", "7d", "30d", "90d", "365d")
    aligned: tuple[Literal["day", "week", "month", "quarter", "year"], ...] = (
        "day", "week", "month", "quarter", "year",
    )  # fmt: skip


class DimensionsTable(Table, frozen=True, kw_only=True):
    """The dimensions to publish (none named = all) and the number of members shown."""

    limit: Annotated[int, Meta(ge=1, le=1000)] = 50
    names: tuple[str, ...] = ()


class MetricsTable(Table, frozen=True, kw_only=True):
    """The families of metrics to publish."""

    families: tuple[str, ...] = tuple(FAMILIES)

    def chosen(self) -> tuple[Metric, ...]:
        """The metrics of these families, in the catalogue's order."""
        return metrics_of(self.families)


class GoalTable(Table, frozen=True, kw_only=True):
    """A target of a metric, absolute or relative to a baseline date, and its due date."""

    name: Name
    metric: Name
    window: Name
    dimension: Name = "all"
    member: Name = "all"
    target: float | None = None
    change: float | None = None
    baseline: Any = None
    due: Any


class KafkaTable(Table, frozen=True, kw_only=True):
    """The Kafka, the application's name there, and the topics' partitions and replication."""

    bootstrap_servers: Name = "localhost:9092"
    application: Annotated[
        str, Meta(pattern=r"^[A-Za-z0-9._-]{1,100}$", description="up to 100 letters, digits, dots, - or _")
    ] = "support-roi"
    partitions: Annotated[int, Meta(ge=1, le=1000)] = 4
    replication: Annotated[int, Meta(ge=1, le=10)] = 1
    session_timeout_ms: Annotated[int, Meta(ge=1000, le=300_000)] = 6000
    security_protocol: Literal["PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL"] = "PLAINTEXT"
    sasl_mechanism: Literal["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"] = "PLAIN"
    sasl_username: str = ""
    sasl_password: str = ""
    ssl_ca_file: str = ""
    ssl_certificate_file: str = ""
    ssl_key_file: str = ""

    def connection(self, servers: str | None = None) -> Connection:
        """The connection to this Kafka, or with the same credentials to another one (``servers``)."""
        return Connection(
            servers or self.bootstrap_servers,
            self.security_protocol,
            self.sasl_mechanism,
            self.sasl_username,
            self.sasl_password,
            self.ssl_ca_file,
            self.ssl_certificate_file,
            self.ssl_key_file,
        )


class WorkerTable(Table, frozen=True, kw_only=True):
    """A worker's unit of work, its bounds of memory and its page of metrics."""

    unit_ms: Annotated[int, Meta(ge=10, le=60_000)] = 200
    unit_records: Positive = 10_000
    warm_entities: Positive = 50_000
    members: Annotated[int, Meta(ge=10, le=100_000)] = 1000
    metrics_host: Name = "127.0.0.1"
    metrics_port: Port = 0


class BoardTable(Table, frozen=True, kw_only=True):
    """A board's address, its refresh and its rate of publishing."""

    host: Name = "127.0.0.1"
    port: Port = 9160
    refresh_seconds: Annotated[float, Meta(ge=0.1, le=3600)] = 5
    publish_per_second: Positive = 5000
