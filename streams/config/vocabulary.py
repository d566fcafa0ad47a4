"""Keys and closed sets of values, looked at before msgspec does: it refuses them too, but names no right one."""

from __future__ import annotations

import json
import re
from typing import Any, Final

from msgspec import inspect

from streams.config.errors import ConfigError, nearest
from streams.config.settings import Settings

_SETTINGS: Final = inspect.type_info(Settings)


def check(given: Any) -> None:
    """Refuses unknown keys, and values that are not of their set or pattern; other types are left to msgspec."""
    _look(given, _SETTINGS, "")


def _look(given: Any, kind: inspect.Type, where: str) -> None:
    match kind:
        case inspect.StructType() if isinstance(given, dict):
            fields = {field.name: field.type for field in kind.fields}
            for key, value in given.items():
                if key not in fields:
                    raise ConfigError(f"{_under(where, key)}: no such setting{nearest(key, fields)}")
                _look(value, fields[key], _under(where, key))
        case inspect.DictType() if isinstance(given, dict):
            for key, value in given.items():
                wrong = _wrong(key, kind.key_type, "no such setting")
                if wrong:
                    raise ConfigError(f"{_under(where, key)}: {wrong}")
                _look(value, kind.value_type, _under(where, key))
        case inspect.VarTupleType() if isinstance(given, list):
            for index, value in enumerate(given):
                _look(value, kind.item_type, f"{where}[{index}]")
        case inspect.VarTupleType() if isinstance(given, str):
            raise ConfigError(f"{where}: {given!r}: expected a list such as {json.dumps([given])}")
        case _ if isinstance(given, str):
            wrong = _wrong(given, kind, "no such value")
            if wrong:
                raise ConfigError(f"{where}: {given!r}: {wrong}")


def _wrong(given: str, kind: inspect.Type, unknown: str) -> str | None:
    """What is wrong with a text of a closed set or of a pattern; patterns say in words what they take."""
    schema: dict[str, Any] = {}
    if isinstance(kind, inspect.Metadata):
        schema, kind = kind.extra_json_schema or {}, kind.type
    values = kind.values if isinstance(kind, inspect.LiteralType) else schema.get("enum")
    if values is not None and given not in values:
        return f"{unknown}{nearest(given, map(str, values))}"
    if isinstance(kind, inspect.StrType) and kind.pattern and not re.search(kind.pattern, given):
        return f"expected {schema.get('description', '')}"
    return None


def _under(where: str, key: str) -> str:
    return f"{where}.{key}" if where else key
