"""Shared by the commands: types of arguments, options, settings, and running to an end."""

from __future__ import annotations

import asyncio
import re
import signal
from collections.abc import Coroutine
from typing import Any, TypeVar

import click

from streams.config import ConfigError, Settings, load
from streams.core.derivation.state_format import StateError
from streams.core.temporal.instants import DAY, HOUR, MINUTE, parse_instant
from streams.kafka.connection import Connection

T = TypeVar("T")

_STEPS_MS = {"m": MINUTE, "h": HOUR, "d": DAY, "w": 7 * DAY}


class TimeType(click.ParamType):
    """An argument in RFC 3339, or a date for its first instant in UTC; its value is in ms."""

    name = "time"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int:
        """The instant of the text; a default is one already."""
        if isinstance(value, int):
            return value
        text = f"{value}T00:00:00Z" if re.fullmatch(r"\d{4}-\d\d-\d\d", value) else value
        try:
            return int(parse_instant(text))
        except ValueError:
            self.fail(f"{value!r}: expected a time such as 2026-01-31T00:00:00Z, or a date", param, ctx)


class StepType(click.ParamType):
    """An argument such as ``15m`` or ``1d``; its value is in ms."""

    name = "step"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int:
        """The length of the text in ms."""
        match = re.fullmatch(r"([1-9]\d{0,4})([mhdw])", str(value))
        if match is None:
            self.fail(f"{value!r}: expected a number and m, h, d or w, such as 1d", param, ctx)
        return int(match[1]) * _STEPS_MS[match[2]]


def settings_of(context: click.Context) -> Settings:
    """The settings of a command: its ``--config`` or the default file."""
    return read_settings(context.obj)


def read_settings(path: str | None) -> Settings:
    """The settings of a file, None = the default one. Raises ``click.UsageError`` (exit code 2)."""
    try:
        return load(path)
    except ConfigError as error:
        raise click.UsageError(str(error)) from None


def kafka_of(settings: Settings, servers: str | None) -> Connection:
    """The connection to the Kafka of ``--bootstrap-servers``, None = that of the settings."""
    return settings.kafka.connection(servers)


def run_to_end(work: Coroutine[Any, Any, T]) -> T:
    """The result of the work; an error that users can remedy ends with its message and exit code 1."""
    from streams.connectors.files import FileError
    from streams.demo.broker import BrokerMissing
    from streams.kafka.admin import TopicsError
    from streams.kafka.errors import KafkaError

    try:
        return asyncio.run(work)
    except (TopicsError, FileError, BrokerMissing, StateError, KafkaError, OSError) as error:
        raise click.ClickException(str(error) or repr(error)) from error


def on_signals(stop: asyncio.Event) -> None:
    """Sets ``stop`` on SIGINT and SIGTERM."""
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop.set)


bootstrap_option = click.option(
    "--bootstrap-servers", metavar="HOST:PORT,…", help="Kafka to use  [default: kafka.bootstrap_servers]"
)
as_of_option = click.option(
    "--as-of",
    type=TimeType(),
    help="Run as if the clock stood at this time, for audits and old data; later events still count.",
)
