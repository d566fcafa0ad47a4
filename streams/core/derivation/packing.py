"""A quiet customer's entities as one piece of bytes."""

from __future__ import annotations

import zlib
from typing import Any, Final

import msgspec

from streams.core.derivation.entities import EntityKey

__all__ = ["pack", "unpack"]

#: From so many bytes on compression gains.
_COMPRESSED_FROM_BYTES: Final = 256
_PLAIN, _DEFLATED = b"\0", b"\1"
_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(list[tuple[str, str, bytes]]).decode


def pack(states: dict[EntityKey, bytes]) -> bytes:
    """The stored bytes of all entities of one owner as one piece."""
    data = _encode([(*key, value) for key, value in states.items()])
    return _PLAIN + data if len(data) < _COMPRESSED_FROM_BYTES else _DEFLATED + zlib.compress(data, 1)


def unpack(data: bytes) -> dict[EntityKey, bytes]:
    """The inverse of ``pack``."""
    rest: Any = memoryview(data)[1:]
    if data[:1] == _DEFLATED:
        rest = zlib.decompress(rest)
    return {(kind, name): value for kind, name, value in _decode(rest)}
