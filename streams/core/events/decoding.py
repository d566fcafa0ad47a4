"""Decoding: a record's body to an event and back, validation included.

Rules of this file (docs/contracts.md#bad-records):

* Decoding and validation are one pass. A body is an event or ``Rejected``, for one of ``REASONS``.
* What the contract takes and the JSON decoder does not is repaired (``repair``). Only bodies with an empty text, and
  those that the decoder refuses, pay for it.
* Nothing here reads a clock: the instant of arrival is an argument.
"""

from __future__ import annotations

from typing import Any, Final

import msgspec

from streams.core.events.repair import (
    EMPTY_TEXT,
    TAKES_EMPTY_TEXT,
    with_whole_characters,
    without_empty_texts,
)
from streams.core.events.types import EARLIEST, Event
from streams.core.temporal.instants import DAY, Instant, format_instant, parse_instant

__all__ = ["MAX_AHEAD_MS", "MAX_BYTES", "REASONS", "Rejected", "decode", "from_state", "to_json", "to_state"]

#: The largest body; a larger one is ``too_large``. It bounds what one record makes a worker hold.
MAX_BYTES: Final = 256 * 1024
#: How far an event may be ahead of its arrival, since producers' clocks differ.
MAX_AHEAD_MS: Final = DAY

#: The reasons of dead letters.
REASONS: Final = ("not_json", "schema", "unknown_type", "impossible_time", "too_large", "too_late")

_MAX_MESSAGE_LENGTH: Final = 500


class Rejected(Exception):
    """A body that is not an event: ``reason`` is one of ``REASONS``, the message names the field."""

    def __init__(self, reason: str, message: str) -> None:
        super().__init__(message)
        self.reason = reason


def _instant_in_state(kind: type, value: Any) -> Any:
    if kind is Instant:
        if type(value) is str:
            return parse_instant(value)
        if type(value) is int:  # ``_TO_STATE`` writes milliseconds
            return Instant(value)
        raise ValueError(f"Expected `str`, got `{type(value).__name__}`")
    raise NotImplementedError(kind)  # pragma: no cover - a new custom type without its decoding


def _instant_in_json(kind: type, value: Any) -> Any:
    if type(value) is int:
        raise ValueError("Expected `str`, got `int`")
    return _instant_in_state(kind, value)


_FROM_JSON: Final = msgspec.json.Decoder(Event, dec_hook=_instant_in_json)
_FROM_STATE: Final = msgspec.msgpack.Decoder(tuple[int, list[Event]], dec_hook=_instant_in_state)
_TO_JSON: Final = msgspec.json.Encoder(enc_hook=format_instant)
_TO_STATE: Final = msgspec.msgpack.Encoder(enc_hook=int)


def decode(body: bytes, arrived: int | None = None) -> Event:
    """The event in a record's body. Raises ``Rejected`` for a body that is not an event.

    ``arrived`` is the instant of arrival (ms), which bounds how far ahead the event may be; None in a replay: no bound.
    """
    if len(body) > MAX_BYTES:
        raise Rejected("too_large", f"{len(body)} bytes; at most {MAX_BYTES} are taken")
    try:
        event: Event = _FROM_JSON.decode(body)
        if type(event) in TAKES_EMPTY_TEXT and EMPTY_TEXT in body:
            event = _FROM_JSON.decode(without_empty_texts(body))
    except (ValueError, RecursionError) as error:
        event = _decode_repaired(body, error)
    at = event.occurred_at
    if at < EARLIEST:
        raise Rejected("impossible_time", f"{format_instant(at)} is before 2000 - at `$.occurred_at`")
    if arrived is not None and at > arrived + MAX_AHEAD_MS:
        raise Rejected("impossible_time", f"{format_instant(at)} is over 24 h after its arrival - at `$.occurred_at`")
    return event


def _decode_repaired(body: bytes, error: Exception) -> Event:
    """The event in a body that the decoder refused with ``error``. Raises ``Rejected`` where it stays refused."""
    repaired = with_whole_characters(body)
    if EMPTY_TEXT in repaired:
        repaired = without_empty_texts(repaired)
    if repaired == body:
        raise _rejected(body, error)
    try:
        event: Event = _FROM_JSON.decode(repaired)
        return event
    except (ValueError, RecursionError) as remaining:
        raise _rejected(repaired, remaining) from None


def _rejected(body: bytes, error: Exception) -> Rejected:
    """The rejection of a body, by the decoder's error.

    The decoder may stop at a wrong field before it reaches a syntax error, so the whole body is parsed again.
    """
    message = str(error)
    try:
        msgspec.json.decode(body)
    except msgspec.ValidationError:
        pass  # JSON with a number too large for Python: the first error stands, it names the field
    except (ValueError, RecursionError) as syntax:
        return Rejected("not_json", _shortened(str(syntax)))
    unknown_type = message.startswith("Invalid value '") and message.endswith("at `$.type`")
    return Rejected("unknown_type" if unknown_type else "schema", _shortened(message))


def _shortened(message: str) -> str:
    return message if len(message) <= _MAX_MESSAGE_LENGTH else message[: _MAX_MESSAGE_LENGTH - 1] + "…"


def to_json(event: Event) -> bytes:
    """An event as a record's body, without unknown fields."""
    return _TO_JSON.encode(event)


def to_state(events: list[Event], arrived: int = 0) -> bytes:
    """An entity's events and the arrival of its latest one (ms; 0: unknown), as the bytes kept in the changelog.

    MessagePack, without unknown fields.
    """
    return _TO_STATE.encode((arrived, events))


def from_state(data: bytes) -> tuple[int, list[Event]]:
    """The arrival (ms; 0: unknown) and the events, inverse of ``to_state``. Raises ``msgspec.DecodeError``."""
    return _FROM_STATE.decode(data)
