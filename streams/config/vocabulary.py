"""The check of keys and closed sets of values.

It runs before msgspec's own, whose messages do not name the nearest right name.
"""

from __future__ import annotations

import json
import re
from typing import Any, Final

from msgspec import inspect

from streams.config.errors import ConfigError, nearest
from streams.config.settings import Settings

_SETTINGS: Final = inspect.type_info(Settings)


def check(document: Any) -> None:
    """Raises ``ConfigError`` for unknown keys and for values outside their set or pattern."""
    _check(document, _SETTINGS, "")


def _check(value: Any, kind: inspect.Type, where: str) -> None:
    match kind:
        case inspect.StructType() if isinstance(value, dict):
            fields = {field.name: field.type for field in kind.fields}
            for key, child in value.items():
                if key not in fields:
                    raise ConfigError(f"{_path(where, key)}: no such setting{nearest(key, fields)}")
                _check(child, fields[key], _path(where, key))
        case inspect.DictType() if isinstance(value, dict):
            for key, child in value.items():
                problem = _problem(key, kind.key_type, "no such setting")
                if problem:
                    raise ConfigError(f"{_path(where, key)}: {problem}")
                _check(child, kind.value_type, _path(where, key))
        case inspect.VarTupleType() if isinstance(value, list):
            for index, child in enumerate(value):
                _check(child, kind.item_type, f"{where}[{index}]")
        case inspect.VarTupleType() if isinstance(value, str):
            raise ConfigError(f"{where}: {value!r}: expected a list such as {json.dumps([value])}")
        case _ if isinstance(value, str):
            problem = _problem(value, kind, "no such value")
            if problem:
                raise ConfigError(f"{where}: {value!r}: {problem}")


def _problem(text: str, kind: inspect.Type, unknown: str) -> str | None:
    """The message for a text outside its closed set or pattern, else None; a pattern's description is its message."""
    schema: dict[str, Any] = {}
    if isinstance(kind, inspect.Metadata):
        schema, kind = kind.extra_json_schema or {}, kind.type
    values = kind.values if isinstance(kind, inspect.LiteralType) else schema.get("enum")
    if values is not None and text not in values:
        return f"{unknown}{nearest(text, map(str, values))}"
    if isinstance(kind, inspect.StrType) and kind.pattern and not re.search(kind.pattern, text):
        return f"expected {schema.get('description', '')}"
    return None


def _path(where: str, key: str) -> str:
    return f"{where}.{key}" if where else key
