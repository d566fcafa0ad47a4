"""A quiet customer's entities as one piece of bytes."""

from __future__ import annotations

import zlib
from typing import Any, Final

import msgspec

from streams.core.derivation.entities import EntityKey

__all__ = ["pack", "unpack"]

_WORTH: Final = 256  # bytes from which on compression gains
_PLAIN, _DEFLATED = b"\0", b"\1"
_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(list[tuple[str, str, bytes]]).decode


def pack(kept: dict[EntityKey, bytes]) -> bytes:
    """The states of all entities of a scope as one piece of bytes."""
    data = _encode([(*key, value) for key, value in kept.items()])
    return _PLAIN + data if len(data) < _WORTH else _DEFLATED + zlib.compress(data, 1)


def unpack(data: bytes) -> dict[EntityKey, bytes]:
    """The inverse of ``pack``."""
    rest: Any = memoryview(data)[1:]
    if data[:1] == _DEFLATED:
        rest = zlib.decompress(rest)
    return {(kind, name): value for kind, name, value in _decode(rest)}
