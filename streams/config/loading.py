"""Where settings come from: the file, and the variables over it. The only reader of the environment."""

from __future__ import annotations

import os
import re
import tomllib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final

import msgspec

from streams.config import consistency, vocabulary
from streams.config.errors import ConfigError, nearest
from streams.config.settings import Settings
from streams.core.temporal.business_clock import WEEKDAYS

PREFIX: Final = "SUPPORT_ROI_"
#: The variable that names the file itself; not a key.
FILE_VARIABLE: Final = "SUPPORT_ROI_CONFIG"
_RATE: Final = re.compile(PREFIX + "RATES_([A-Z]{3})")


def load(path: str | Path | None = None, environ: Mapping[str, str] | None = None) -> Settings:
    """Settings from a file (default: ``$SUPPORT_ROI_CONFIG``, else ``roi.toml`` if there is one) and environment."""
    environ = os.environ if environ is None else environ
    named = path or environ.get(FILE_VARIABLE)
    given: dict[str, Any] = {}
    if named or Path("roi.toml").is_file():
        given = _file(Path(named or "roi.toml"))
    for variable, text in sorted(environ.items()):  # a table's variable comes before those of its keys
        if variable.startswith(PREFIX) and variable != FILE_VARIABLE:
            _override(given, variable, text)
    vocabulary.check(given)
    try:
        settings = msgspec.convert(given, Settings, strict=True)
    except msgspec.ValidationError as error:
        raise ConfigError(_readable(str(error))) from None
    consistency.check(settings)
    return settings


def _file(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text("utf-8"))
    except OSError as error:
        raise ConfigError(f"{path}: cannot be read: {error.strerror}; name the file with --config") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path}: not valid TOML: {error}") from None


def paths(table: type[msgspec.Struct], before: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    """All keys, as paths; lists of tables are keys as a whole."""
    for field in msgspec.structs.fields(table):
        path = (*before, field.name)
        if isinstance(field.type, type) and issubclass(field.type, msgspec.Struct):
            yield from paths(field.type, path)
        else:
            yield path


def _variables() -> dict[str, tuple[str, ...]]:
    """The variables there are, one rate for all of them: any currency has one."""
    days = [("business", "hours", day) for day in WEEKDAYS]
    return {PREFIX + "_".join(path).upper(): path for path in (*paths(Settings), *days, ("rates", "USD"))}


def _override(given: dict[str, Any], variable: str, text: str) -> None:
    known = _variables()
    rate = _RATE.fullmatch(variable)
    path = ("rates", rate[1]) if rate else known.get(variable)
    if path is None:
        raise ConfigError(f"{variable}: no such setting{nearest(variable, known)}")
    try:
        value = tomllib.loads(f"value = {text}")["value"]
    except tomllib.TOMLDecodeError:
        value = text  # a bare word
    if path[0] == "kafka" and path[-1].startswith("sasl_") and not isinstance(value, str):
        value = text  # a password may look like a number
    for depth, name in enumerate(path[:-1], 1):
        given = given.setdefault(name, {})
        if not isinstance(given, dict):
            raise ConfigError(f"{'.'.join(path[:depth])}: expected a table: {variable} sets a key of it")
    given[path[-1]] = value


def _readable(message: str) -> str:
    what, _, where = message.rpartition(" - at `$")
    if not what:
        return message
    return f"{where.rstrip('`').lstrip('.')}: {what[0].lower()}{what[1:]}"
