"""Settings are read from a file, then from variables that override it. The only reader of the environment."""

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
#: Names the file itself and is no key.
FILE_VARIABLE: Final = "SUPPORT_ROI_CONFIG"
_RATE: Final = re.compile(PREFIX + "RATES_([A-Z]{3})")


def load(path: str | Path | None = None, environ: Mapping[str, str] | None = None) -> Settings:
    """Settings from a file and the environment. Raises ``ConfigError``.

    The file is ``path``, else ``$SUPPORT_ROI_CONFIG``, else ``roi.toml`` if it exists.
    """
    environ = os.environ if environ is None else environ
    name = path or environ.get(FILE_VARIABLE)
    document: dict[str, Any] = {}
    if name or Path("roi.toml").is_file():
        document = _file(Path(name or "roi.toml"))
    for variable, text in sorted(environ.items()):  # a table's variable comes before those of its keys
        if variable.startswith(PREFIX) and variable != FILE_VARIABLE:
            _override(document, variable, text)
    vocabulary.check(document)
    try:
        settings = msgspec.convert(document, Settings, strict=True)
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
    """All keys as paths from the root; a list of tables is one key."""
    for field in msgspec.structs.fields(table):
        path = (*before, field.name)
        if isinstance(field.type, type) and issubclass(field.type, msgspec.Struct):
            yield from paths(field.type, path)
        else:
            yield path


def _variables() -> dict[str, tuple[str, ...]]:
    """The variables by their key's path. One rate stands for those of all currencies."""
    days = [("business", "hours", day) for day in WEEKDAYS]
    return {PREFIX + "_".join(path).upper(): path for path in (*paths(Settings), *days, ("rates", "USD"))}


def _override(document: dict[str, Any], variable: str, text: str) -> None:
    """Sets the key of a variable in the document."""
    variables = _variables()
    rate = _RATE.fullmatch(variable)
    path = ("rates", rate[1]) if rate else variables.get(variable)
    if path is None:
        raise ConfigError(f"{variable}: no such setting{nearest(variable, variables)}")
    try:
        value = tomllib.loads(f"value = {text}")["value"]
    except tomllib.TOMLDecodeError:
        value = text  # a bare word
    if path[0] == "kafka" and path[-1].startswith("sasl_") and not isinstance(value, str):
        value = text  # a user name or password may look like a number
    for depth, name in enumerate(path[:-1], 1):
        document = document.setdefault(name, {})
        if not isinstance(document, dict):
            raise ConfigError(f"{'.'.join(path[:depth])}: expected a table: {variable} sets a key of it")
    document[path[-1]] = value


def _readable(message: str) -> str:
    """A message of msgspec with the key first."""
    what, _, where = message.rpartition(" - at `$")
    if not what:
        return message
    return f"{where.rstrip('`').lstrip('.')}: {what[0].lower()}{what[1:]}"
