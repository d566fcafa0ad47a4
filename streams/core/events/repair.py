"""Repairs of bodies that the contract takes and the JSON decoder refuses.

Source: docs/contracts.md#events. A body that needs no repair stays as it is. Each takes time linear in the body.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Set
from typing import Final, get_args

import msgspec
from msgspec import inspect

from streams.core.events.types import Event, Line

__all__ = ["EMPTY_TEXT", "TAKES_EMPTY_TEXT", "with_whole_characters", "without_empty_texts"]

#: An empty text in JSON: in a body without one there is none to remove.
EMPTY_TEXT: Final = b'""'
#: An escape in a JSON text, read from the left: a surrogate pair, half of one (the group), or any other.
_ESCAPE: Final = re.compile(
    rb"""\\(?:u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}|(u[dD][89a-fA-F][0-9a-fA-F]{2})|.)""", re.DOTALL
)
_REPLACEMENT: Final = b"\\ufffd"

_FIELDS: Final = msgspec.json.Decoder(dict[str, msgspec.Raw])
_LINES: Final = msgspec.json.Decoder(list[dict[str, msgspec.Raw]])
_TEXT: Final = msgspec.json.Decoder(str)


def with_whole_characters(body: bytes) -> bytes:
    """The body with U+FFFD in place of each half of a surrogate pair."""
    return _ESCAPE.sub(lambda escape: _REPLACEMENT if escape[1] else escape[0], body)


def without_empty_texts(body: bytes) -> bytes:
    """The body without the empty texts in the optional text fields of its event type and of its lines.

    What is no object, or of no known type, stays as it is: the decoder's error names the fault.
    """
    try:
        fields = _FIELDS.decode(body)
        kind = _TEXT.decode(fields["type"])
        changed = _drop_empty(fields, _OPTIONAL_TEXTS[kind])
        if kind == "order.placed" and EMPTY_TEXT in bytes(fields["lines"]):
            lines = _LINES.decode(fields["lines"])
            if sum(_drop_empty(line, _OPTIONAL_TEXTS_OF_LINES) for line in lines):
                fields["lines"] = msgspec.Raw(msgspec.json.encode(lines))
                changed = True
    except (ValueError, KeyError, RecursionError):
        return body
    return msgspec.json.encode(fields) if changed else body


def _drop_empty(fields: dict[str, msgspec.Raw], optional: Set[str]) -> bool:
    """Removes the empty ones of some fields; True if there were any."""
    empty = [name for name in optional & fields.keys() if bytes(fields[name]) == EMPTY_TEXT]
    for name in empty:
        del fields[name]
    return bool(empty)


def _struct_info(kind: type[msgspec.Struct]) -> inspect.StructType:
    info = inspect.type_info(kind)
    assert isinstance(info, inspect.StructType)
    return info


def _optional_texts(kind: type[msgspec.Struct]) -> frozenset[str]:
    fields = _struct_info(kind).fields
    return frozenset(field.encode_name for field in fields if not field.required and _takes_text(field.type))


def _takes_text(kind: inspect.Type) -> bool:
    if isinstance(kind, inspect.UnionType):
        return any(_takes_text(member) for member in kind.types)
    return isinstance(kind, inspect.StrType | inspect.LiteralType)


def _takes_empty_text(kind: inspect.Type) -> bool:
    if isinstance(kind, inspect.UnionType):
        return any(_takes_empty_text(member) for member in kind.types)
    return isinstance(kind, inspect.StrType) and not kind.min_length


#: The event types with an optional text that the decoder takes empty as well; in all others it refuses an empty one.
TAKES_EMPTY_TEXT: Final[frozenset[type]] = frozenset(
    kind
    for kind in get_args(Event)
    if any(_takes_empty_text(field.type) for field in _struct_info(kind).fields if not field.required)
)
_OPTIONAL_TEXTS: Final[Mapping[str, frozenset[str]]] = {
    kind.__struct_config__.tag: _optional_texts(kind) for kind in get_args(Event)
}
_OPTIONAL_TEXTS_OF_LINES: Final = _optional_texts(Line)
