"""Checks that types cannot express: names that must exist, and settings that need each other."""

from __future__ import annotations

import zoneinfo
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from streams.config import goal_checks
from streams.config.errors import ConfigError, nearest
from streams.config.parameters import day_of
from streams.config.settings import Settings
from streams.config.tables import KafkaTable
from streams.core.ledger.dimensions import DIMENSIONS
from streams.core.metrics.families import FAMILIES, METRICS


def check(settings: Settings) -> None:
    """Raises ``ConfigError`` for names that do not exist and for settings that contradict each other."""
    if settings.business.time_zone not in _zones():
        raise ConfigError(
            f"business.time_zone: {settings.business.time_zone!r}: no such zone"
            + nearest(settings.business.time_zone, _zones())
        )
    for holiday in settings.business.holidays:
        day_of("business.holidays", holiday)
    policy = settings.policy()
    try:
        names = [window.name for window in settings.rolling(policy)]
    except ValueError as error:
        raise ConfigError(f"windows.rolling: {error}") from None
    _check_duplicates("windows.rolling", names)
    _check_duplicates("service_levels", [level.name for level in settings.service_levels])
    for name in settings.dimensions.names:
        if name not in DIMENSIONS:
            raise ConfigError(f"dimensions.names: {name!r}: no such dimension{nearest(name, DIMENSIONS)}")
    if list(settings.value_tiers) != sorted(settings.value_tiers):
        raise ConfigError("value_tiers: must ascend: low, medium, high from")
    goal_checks.check(settings, [*names, *settings.windows.aligned, "now"])
    _check_families(settings)
    _check_security(settings.kafka)
    settings.targets()  # raises for dates that are none


def _check_duplicates(where: str, names: Sequence[str]) -> None:
    duplicates = {name for name in names if names.count(name) > 1}
    if duplicates:
        raise ConfigError(f"{where}: {min(duplicates)!r} is named twice")


def _check_families(settings: Settings) -> None:
    """The families must exist, and those that goals need must be on."""
    families = settings.metrics.families
    for name in families:
        if name not in FAMILIES:
            raise ConfigError(f"metrics.families: {name!r}: no such family{nearest(name, FAMILIES)}")
        if families.count(name) > 1:
            raise ConfigError(f"metrics.families: {name!r} is named twice")
    if not families:
        raise ConfigError(f"metrics.families: nothing would be published; there are: {', '.join(FAMILIES)}")
    published = {metric.id for metric in settings.metrics.chosen()}
    for index, goal in enumerate(settings.goals):
        for name in (goal.metric, "goal_progress_ratio"):
            if name not in published:
                family = next(family for family, metrics in FAMILIES.items() if METRICS[name] in metrics)
                raise ConfigError(f"goals[{index}]: {name} is off: add {family!r} to metrics.families")


def _check_security(kafka: KafkaTable) -> None:
    """A protocol has all the settings it needs and none that it does not use: somebody would rely on those."""
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
    return zoneinfo.available_timezones() | {"UTC"}
