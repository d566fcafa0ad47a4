"""Dead letters: the records of ``support.dead-letters``, one for each rejected record of an input topic."""

from __future__ import annotations

import base64
from typing import Final

import msgspec

from streams.core.events.decoding import Rejected
from streams.core.temporal.instants import format_instant
from streams.kafka.topics import DEAD_LETTERS
from streams.worker.log.processor import Output, Record

__all__ = ["dead_letter"]

#: Longest value of a dead letter, in bytes before base64: the topic takes records of 4 MiB, and a compressed record can
#: unpack to more.
_VALUE_LIMIT_BYTES: Final = 2 * 1024 * 1024
#: Longest key or value that is repeated as text, in bytes; an escape sequence of JSON takes 6 bytes a character.
_TEXT_LIMIT_BYTES: Final = 128 * 1024


def dead_letter(record: Record, rejected: Rejected, arrived_ms: int) -> Output:
    """The dead letter of a record that was rejected; ``arrived_ms``: its arrival by the wall clock."""
    message, value = str(rejected), record.value
    if value is not None and len(value) > _VALUE_LIMIT_BYTES:
        message += f"; the record has the first {_VALUE_LIMIT_BYTES} bytes, the source topic all of them"
        value = value[:_VALUE_LIMIT_BYTES]
    letter = {
        "reason": rejected.reason,
        "message": message,
        "topic": record.topic,
        "partition": record.partition,
        "offset": record.offset,
        "arrived_at": format_instant(arrived_ms),
        "key": _text(record.key),
        "key_base64": _base64(record.key),
        "value": _text(value),
        "value_base64": _base64(value),
    }
    return Output(DEAD_LETTERS, record.key, msgspec.json.encode(letter))


def _text(data: bytes | None) -> str | None:
    """The bytes as text for human readers; None if they are not UTF-8, or too long to read."""
    try:
        return None if data is None or len(data) > _TEXT_LIMIT_BYTES else data.decode()
    except UnicodeDecodeError:
        return None


def _base64(data: bytes | None) -> str | None:
    return None if data is None else base64.b64encode(data).decode()
