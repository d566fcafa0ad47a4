"""Settings: ``roi.toml``, overridden by ``SUPPORT_ROI_…`` variables. The only reader of the environment.

Every key has a default, so that no file at all is a valid configuration. A wrong key or value is a ``ConfigError``
that names it, what was expected, and the nearest right key.
"""

from __future__ import annotations

import difflib
import os
import tomllib
from collections.abc import Iterator, Mapping
from datetime import date
from fractions import Fraction
from pathlib import Path
from typing import Annotated, Any, Final, Literal
from zoneinfo import ZoneInfo

import msgspec
from msgspec import Meta

from streams.connection import Connection
from streams.core.business_time import WEEKDAYS, WORKING_WEEK, BusinessClock, Hours, LocalDays, parse_hours
from streams.core.catalogue import FAMILIES, METRICS, Metric
from streams.core.events import DAY, MINUTE, SECOND
from streams.core.judgement import Goal, Yardstick, goal_instants
from streams.core.measures import DIMENSIONS
from streams.core.periods import Aligned
from streams.core.policy import Attribution, Policy, Rate, ServiceLevel
from streams.core.selection import booked_for, metrics_of
from streams.core.windows import Window, rolling

__all__ = ["ConfigError", "Settings", "load"]

PREFIX: Final = "SUPPORT_ROI_"
#: The variable that names the file itself; not a key.
FILE_VARIABLE: Final = "SUPPORT_ROI_CONFIG"

Positive = Annotated[int, Meta(ge=1, le=10**9)]
Whole = Annotated[int, Meta(ge=0, le=10**15)]
Share = Annotated[float, Meta(ge=0, le=1)]
Days = Annotated[float, Meta(ge=0, le=3650)]
Name = Annotated[str, Meta(min_length=1, max_length=128)]
Port = Annotated[int, Meta(ge=0, le=65535)]


class ConfigError(Exception):
    """A wrong key or value; the message names it and the remedy."""


class _Table(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    pass


class AttributionTable(_Table, frozen=True, kw_only=True):
    model: Literal["last_touch", "first_touch", "linear", "time_decay", "position"] = "last_touch"
    look_back_days: Annotated[float, Meta(gt=0, le=3650)] = 5
    half_life_days: Annotated[float, Meta(gt=0, le=3650)] = 2


class FcrTable(_Table, frozen=True, kw_only=True):
    repeat_days: Annotated[float, Meta(gt=0, le=365)] = 7
    session_gap_minutes: Annotated[float, Meta(gt=0, le=1440)] = 30


class BusinessTable(_Table, frozen=True, kw_only=True):
    time_zone: str = "UTC"
    holidays: tuple[Any, ...] = ()
    hours: dict[str, tuple[str, ...]] = msgspec.field(default_factory=dict)


class ServiceLevelTable(_Table, frozen=True, kw_only=True):
    name: Name
    metric: Literal["first_response", "next_response", "first_resolution", "full_resolution", "requester_wait"]
    seconds: Positive
    clock: Literal["calendar", "business"] = "calendar"
    filter: dict[Literal["priority", "channel", "segment"], Name | tuple[Name, ...]] = msgspec.field(
        default_factory=dict
    )


class WindowsTable(_Table, frozen=True, kw_only=True):
    rolling: tuple[str, ...] = ("5m", "1h", "24h", "7d", "30d", "90d", "365d")
    aligned: tuple[Literal["day", "week", "month", "quarter", "year"], ...] = (
        "day", "week", "month", "quarter", "year",
    )  # fmt: skip


class DimensionsTable(_Table, frozen=True, kw_only=True):
    limit: Annotated[int, Meta(ge=1, le=1000)] = 50
    names: tuple[str, ...] = ()


class MetricsTable(_Table, frozen=True, kw_only=True):
    families: tuple[str, ...] = tuple(FAMILIES)

    def chosen(self) -> tuple[Metric, ...]:
        """The metrics to publish."""
        return metrics_of(self.families)


class GoalTable(_Table, frozen=True, kw_only=True):
    name: Name
    metric: Name
    window: Name
    dimension: Name = "all"
    member: Name = "all"
    target: float | None = None
    change: float | None = None
    baseline: Any = None
    due: Any


class KafkaTable(_Table, frozen=True, kw_only=True):
    bootstrap_servers: Name = "localhost:9092"
    application: Annotated[str, Meta(pattern=r"^[A-Za-z0-9._-]{1,100}$")] = "support-roi"
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
        """How this Kafka is reached, or another one (``servers``) in the same way."""
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


class WorkerTable(_Table, frozen=True, kw_only=True):
    unit_ms: Annotated[int, Meta(ge=10, le=60_000)] = 200
    unit_records: Positive = 10_000
    warm_entities: Positive = 50_000
    members: Annotated[int, Meta(ge=10, le=100_000)] = 1000
    metrics_host: Name = "127.0.0.1"
    metrics_port: Port = 0


class BoardTable(_Table, frozen=True, kw_only=True):
    host: Name = "127.0.0.1"
    port: Port = 9160
    refresh_seconds: Annotated[float, Meta(ge=0.1, le=3600)] = 5
    publish_per_second: Positive = 5000


class Settings(_Table, frozen=True, kw_only=True):
    """All settings, as in ``roi.toml``. Durations carry their unit in the name; money is in minor units."""

    currency: Annotated[str, Meta(pattern="^[A-Z]{3}$")] = "EUR"
    rates: dict[Annotated[str, Meta(pattern="^[A-Z]{3}$")], Any] = msgspec.field(default_factory=dict)
    retention_days: Annotated[int, Meta(ge=31, le=3650)] = 400
    inactivity_days: Annotated[int, Meta(ge=0, le=3650)] = 0
    due_soon_seconds: Positive = 3600
    contribution_margin: Share = 1.0
    incrementality: Share = 1.0
    cost_per_contact_saved: Whole = 0
    clv_cap_years: Annotated[float, Meta(gt=0, le=100)] = 5
    value_tiers: tuple[Whole, Whole, Whole] = (0, 10_000, 100_000)
    csat_benchmark: Share = 0.78
    attribution: AttributionTable = AttributionTable()
    fcr: FcrTable = FcrTable()
    business: BusinessTable = BusinessTable()
    service_levels: tuple[ServiceLevelTable, ...] = ()
    windows: WindowsTable = WindowsTable()
    dimensions: DimensionsTable = DimensionsTable()
    metrics: MetricsTable = MetricsTable()
    goals: tuple[GoalTable, ...] = ()
    kafka: KafkaTable = KafkaTable()
    worker: WorkerTable = WorkerTable()
    board: BoardTable = BoardTable()

    def policy(self) -> Policy:
        """The formulas' parameters."""
        days = LocalDays(self.business.time_zone)
        return Policy(
            currency=self.currency,
            rates={code: tuple(_rates(code, given)) for code, given in self.rates.items()},
            contribution_margin=Fraction(str(self.contribution_margin)),
            incrementality=Fraction(str(self.incrementality)),
            cost_per_contact_saved=self.cost_per_contact_saved,
            attribution=Attribution(
                self.attribution.model,
                round(self.attribution.look_back_days * DAY),
                round(self.attribution.half_life_days * DAY),
            ),
            repeat=round(self.fcr.repeat_days * DAY),
            session_gap=round(self.fcr.session_gap_minutes * MINUTE),
            retention=self.retention_days * DAY,
            inactivity=self.inactivity_days * DAY,
            clv_cap=Fraction(str(self.clv_cap_years)),
            value_tiers=self.value_tiers,
            dimensions=self.shown(),
            measures=booked_for(self.metrics.families),
            breaches="service_levels" in self.metrics.families,
            due_soon=self.due_soon_seconds * SECOND,
            service_levels=tuple(
                ServiceLevel(
                    level.name,
                    level.metric,
                    level.clock,
                    level.seconds,
                    {
                        dimension: frozenset([members] if isinstance(members, str) else members)
                        for dimension, members in level.filter.items()
                    },
                )
                for level in self.service_levels
            ),
            days=days,
            business=BusinessClock(
                days, _hours(self.business.hours), [_date("business.holidays", day) for day in self.business.holidays]
            ),
        )

    def rolling(self, policy: Policy) -> list[Window]:
        """The rolling windows, on the policy's calendar."""
        return [rolling(name, policy.days) for name in self.windows.rolling]

    def aligned(self, policy: Policy) -> list[Aligned]:
        """The aligned windows, on the policy's calendar."""
        return [Aligned(name, policy.days) for name in self.windows.aligned]

    def yardstick(self) -> Yardstick:
        """What values are judged by."""
        calendar = LocalDays(self.business.time_zone)
        goals = []
        for index, goal in enumerate(self.goals):
            where = f"goals[{index}]"
            baseline = None if goal.baseline is None else _date(f"{where}.baseline", goal.baseline).isoformat()
            start, due = goal_instants(calendar, baseline, _date(f"{where}.due", goal.due).isoformat())
            goals.append(
                Goal(
                    goal.name,
                    goal.metric,
                    goal.window,
                    goal.dimension,
                    goal.member,
                    goal.target,
                    goal.change,
                    start,
                    due,
                )
            )
        return Yardstick(self.csat_benchmark, tuple(goals))

    def shown(self) -> tuple[str, ...] | None:
        """The label dimensions to publish; None = all."""
        return self.dimensions.names or None


def _hours(given: Mapping[str, tuple[str, ...]]) -> Mapping[str, Hours]:
    """The weekly hours in minutes; days that are not named are closed, none at all is the default."""
    for day in given:
        if day not in WEEKDAYS:
            raise ConfigError(f"business.hours.{day}: no such day; there are: {', '.join(WEEKDAYS)}")
    hours: dict[str, Hours] = {}
    for day, spans in given.items():
        try:
            hours[day] = [parse_hours(text) for text in spans]
        except ValueError as error:
            raise ConfigError(f"business.hours.{day}: {', '.join(map(repr, spans))}: {error}") from None
    return hours or WORKING_WEEK


def _rates(code: str, given: Any) -> Iterator[Rate]:
    """A number, a table of dates and factors, or a list of {from, factor}: ascending by date."""
    rows: list[tuple[Any, Any]]
    if isinstance(given, int | float):
        rows = [("0001-01-01", given)]
    elif isinstance(given, dict) and set(given) == {"from", "factor"}:
        rows = [(given["from"], given["factor"])]
    elif isinstance(given, dict):
        rows = list(given.items())
    elif isinstance(given, list | tuple) and all(
        isinstance(row, dict) and set(row) == {"from", "factor"} for row in given
    ):
        rows = [(row["from"], row["factor"]) for row in given]
    else:
        raise ConfigError(f'rates.{code}: expected a factor, or a list of {{from = "2026-01-01", factor = 0.92}}')
    found = []
    for since, factor in rows:
        if isinstance(factor, bool) or not isinstance(factor, int | float) or not 0 < factor < 10**9:
            raise ConfigError(f"rates.{code}: factor {factor!r}: expected a number above 0")
        found.append(Rate(_date(f"rates.{code}", since).isoformat(), Fraction(str(factor))))
    return iter(sorted(found, key=lambda rate: rate.since))


def _date(where: str, given: Any) -> date:
    if isinstance(given, date):
        return given
    try:
        return date.fromisoformat(given)
    except (TypeError, ValueError):
        raise ConfigError(f"{where}: {given!r}: expected a date such as 2026-01-31") from None


def load(path: str | Path | None = None, environ: Mapping[str, str] | None = None) -> Settings:
    """Settings from a file (default: ``$SUPPORT_ROI_CONFIG``, else ``roi.toml`` if there is one) and environment."""
    environ = os.environ if environ is None else environ
    named = path or environ.get(FILE_VARIABLE)
    given: dict[str, Any] = {}
    if named or Path("roi.toml").is_file():
        given = _file(Path(named or "roi.toml"))
    for variable, text in sorted(environ.items()):
        if variable.startswith(PREFIX) and variable != FILE_VARIABLE:
            _override(given, variable, text)
    _known(given, Settings, "")
    try:
        settings = msgspec.convert(given, Settings, strict=True)
    except msgspec.ValidationError as error:
        raise ConfigError(_readable(str(error))) from None
    _check(settings)
    return settings


def _file(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text("utf-8"))
    except OSError as error:
        raise ConfigError(f"{path}: cannot be read: {error.strerror}; name the file with --config") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path}: not valid TOML: {error}") from None


def _paths(table: type[msgspec.Struct], before: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    """All keys, as paths; lists of tables are keys as a whole."""
    for field in msgspec.structs.fields(table):
        path = (*before, field.name)
        if isinstance(field.type, type) and issubclass(field.type, msgspec.Struct):
            yield from _paths(field.type, path)
        else:
            yield path


def _override(given: dict[str, Any], variable: str, text: str) -> None:
    paths = {PREFIX + "_".join(path).upper(): path for path in _paths(Settings)}
    path = paths.get(variable)
    if path is None:
        raise ConfigError(f"{variable}: no such setting{_nearest(variable, paths)}")
    try:
        value = tomllib.loads(f"value = {text}")["value"]
    except tomllib.TOMLDecodeError:
        value = text  # a bare word
    if path[0] == "kafka" and path[-1].startswith("sasl_") and not isinstance(value, str):
        value = text  # a password may look like a number
    for name in path[:-1]:
        given = given.setdefault(name, {})
    given[path[-1]] = value


def _known(given: Any, table: type[msgspec.Struct], where: str) -> None:
    """Refuses unknown keys by name, before msgspec does so without the nearest one."""
    if not isinstance(given, dict):
        return
    fields = {field.name: field.type for field in msgspec.structs.fields(table)}
    for key, value in given.items():
        if key not in fields:
            raise ConfigError(f"{where}{key}: no such setting{_nearest(key, fields)}")
        kind = fields[key]
        if isinstance(kind, type) and issubclass(kind, msgspec.Struct):
            _known(value, kind, f"{where}{key}.")
        elif key in _LISTS and isinstance(value, list):
            for index, row in enumerate(value):
                _known(row, _LISTS[key], f"{where}{key}[{index}].")


_LISTS: Final[dict[str, type[msgspec.Struct]]] = {"service_levels": ServiceLevelTable, "goals": GoalTable}


def _nearest(name: str, names: Any) -> str:
    near = difflib.get_close_matches(name, list(names), n=1, cutoff=0.5)
    return f"; did you mean `{near[0]}`?" if near else f"; there are: {', '.join(sorted(names)[:30])}"


def _readable(message: str) -> str:
    what, _, where = message.rpartition(" - at `$")
    if not what:
        return message
    return f"{where.rstrip('`').lstrip('.')}: {what[0].lower()}{what[1:]}"


def _check(settings: Settings) -> None:
    """What types alone cannot say."""
    if settings.business.time_zone not in _zones():
        raise ConfigError(
            f"business.time_zone: {settings.business.time_zone!r}: no such zone"
            + _nearest(settings.business.time_zone, _zones())
        )
    for holiday in settings.business.holidays:
        _date("business.holidays", holiday)
    policy = settings.policy()
    try:
        names = [window.name for window in settings.rolling(policy)]
    except ValueError as error:
        raise ConfigError(f"windows.rolling: {error}") from None
    for where, given in (("windows.rolling", names), ("service_levels", [s.name for s in settings.service_levels])):
        twice = {name for name in given if given.count(name) > 1}
        if twice:
            raise ConfigError(f"{where}: {sorted(twice)[0]!r} is named twice")
    for name in settings.dimensions.names:
        if name not in DIMENSIONS:
            raise ConfigError(f"dimensions.names: {name!r}: no such dimension{_nearest(name, DIMENSIONS)}")
    if list(settings.value_tiers) != sorted(settings.value_tiers):
        raise ConfigError("value_tiers: must ascend: low, medium, high from")
    for index, goal in enumerate(settings.goals):
        if goal.metric not in METRICS:
            raise ConfigError(f"goals[{index}].metric: {goal.metric!r}: no such metric{_nearest(goal.metric, METRICS)}")
        if (goal.target is None) == (goal.change is None):
            raise ConfigError(f"goals[{index}]: needs either `target` or `change`")
        if goal.change is not None and goal.baseline is None:
            raise ConfigError(f"goals[{index}].baseline: a relative goal needs the date it is relative to")
        windows = [*names, *settings.windows.aligned, "now"]
        if goal.window not in windows:
            raise ConfigError(f"goals[{index}].window: {goal.window!r}: no such window{_nearest(goal.window, windows)}")
    _check_families(settings)
    _check_security(settings.kafka)
    settings.yardstick()


def _check_families(settings: Settings) -> None:
    """Families must exist, and what goals are judged by must be on."""
    families = settings.metrics.families
    for name in families:
        if name not in FAMILIES:
            raise ConfigError(f"metrics.families: {name!r}: no such family{_nearest(name, FAMILIES)}")
        if families.count(name) > 1:
            raise ConfigError(f"metrics.families: {name!r} is named twice")
    if not families:
        raise ConfigError(f"metrics.families: nothing would be published; there are: {', '.join(FAMILIES)}")
    told = {metric.id for metric in settings.metrics.chosen()}
    for index, goal in enumerate(settings.goals):
        for name in (goal.metric, "goal_progress_ratio"):
            if name not in told:
                family = next(family for family, metrics in FAMILIES.items() if METRICS[name] in metrics)
                raise ConfigError(f"goals[{index}]: {name} is off: add {family!r} to metrics.families")


def _check_security(kafka: KafkaTable) -> None:
    """What a protocol needs is there, and nothing that it does not use: somebody would rely on it."""
    protocol = kafka.security_protocol
    for kind, names in _SECURITY.items():
        for name in names:
            if getattr(kafka, name) and kind not in protocol:
                raise ConfigError(f"kafka.{name}: not used with security_protocol = {protocol!r}: set one with {kind}")
    if "SASL" in protocol and not (kafka.sasl_username and kafka.sasl_password):
        raise ConfigError(
            f"kafka.sasl_username, kafka.sasl_password: {protocol} needs both; the variable "
            "SUPPORT_ROI_KAFKA_SASL_PASSWORD keeps the latter out of the file"
        )
    for name in _SECURITY["SSL"]:
        file = getattr(kafka, name)
        if file and not Path(file).is_file():
            raise ConfigError(f"kafka.{name}: {file}: no such file")
    if kafka.ssl_key_file and not kafka.ssl_certificate_file:
        raise ConfigError("kafka.ssl_certificate_file: a key needs its certificate")


_SECURITY: Final = {
    "SASL": ("sasl_username", "sasl_password"),
    "SSL": ("ssl_ca_file", "ssl_certificate_file", "ssl_key_file"),
}


def _zones() -> set[str]:
    import zoneinfo

    return zoneinfo.available_timezones() | {str(ZoneInfo("UTC"))}
