"""Bodies to events and back: decoding and validation in one pass."""

from __future__ import annotations

from typing import Any, Final

import msgspec

from streams.core.events.types import EARLIEST, Event
from streams.core.temporal.instants import DAY, Instant, format_instant, parse_instant

__all__ = ["AHEAD", "MAX_BYTES", "REASONS", "Rejected", "decode", "from_state", "to_json", "to_state"]

#: Bodies above this many bytes are ``too_large``: it bounds what one record can make a worker hold.
MAX_BYTES: Final = 256 * 1024
#: How far a producer's clock may run ahead of the arrival.
AHEAD: Final = DAY

REASONS: Final = ("not_json", "schema", "unknown_type", "impossible_time", "too_large", "too_late")


class Rejected(Exception):
    """A body that is no event: ``reason`` is one of ``REASONS``, the message names the field."""

    def __init__(self, reason: str, message: str) -> None:
        super().__init__(message)
        self.reason = reason


def _hook(kind: type, value: Any) -> Any:
    if kind is Instant:
        if type(value) is str:
            return parse_instant(value)
        if type(value) is int:  # an event's own state, written below as milliseconds
            return Instant(value)
        raise ValueError(f"Expected `str`, got `{type(value).__name__}`")
    raise NotImplementedError(kind)  # pragma: no cover - a new custom type without its decoding


def _json_hook(kind: type, value: Any) -> Any:
    if type(value) is int:
        raise ValueError("Expected `str`, got `int`")
    return _hook(kind, value)


_FROM_JSON = msgspec.json.Decoder(Event, dec_hook=_json_hook)
_FROM_STATE = msgspec.msgpack.Decoder(tuple[int, list[Event]], dec_hook=_hook)
_TO_JSON = msgspec.json.Encoder(enc_hook=format_instant)
_TO_STATE = msgspec.msgpack.Encoder(enc_hook=int)


def decode(body: bytes, arrived: int | None = None) -> Event:
    """The event in a record's body, or ``Rejected``. ``arrived`` (ms) bounds the future; None in a replay."""
    if len(body) > MAX_BYTES:
        raise Rejected("too_large", f"{len(body)} bytes; at most {MAX_BYTES} are taken")
    try:
        event: Event = _FROM_JSON.decode(body)
    except (ValueError, RecursionError) as error:
        raise _rejected(body, error) from None
    at = event.occurred_at
    if at < EARLIEST:
        raise Rejected("impossible_time", f"{format_instant(at)} is before 2000 - at `$.occurred_at`")
    if arrived is not None and at > arrived + AHEAD:
        raise Rejected("impossible_time", f"{format_instant(at)} is over 24 h after its arrival - at `$.occurred_at`")
    return event


def _rejected(body: bytes, error: Exception) -> Rejected:
    """Why a body is no event. A field that is wrong may come before a syntax error: look at the whole."""
    message = str(error)
    try:
        msgspec.json.decode(body)
    except msgspec.ValidationError:
        pass  # JSON with a number past what Python takes: the first error stands, it names the field
    except (ValueError, RecursionError) as syntax:
        return Rejected("not_json", _bounded(str(syntax)))
    unknown = message.startswith("Invalid value '") and message.endswith("at `$.type`")
    return Rejected("unknown_type" if unknown else "schema", _bounded(message))


def _bounded(message: str) -> str:
    return message if len(message) <= 500 else message[:499] + "…"


def to_json(event: Event) -> bytes:
    """An event as a record's body, without unknown fields."""
    return _TO_JSON.encode(event)


def to_state(events: list[Event], arrived: int = 0) -> bytes:
    """An entity's events, and when the last of them came (ms; 0 = not known), as the bytes kept in its changelog.

    MessagePack; unknown fields are not kept.
    """
    return _TO_STATE.encode((arrived, events))


def from_state(data: bytes) -> tuple[int, list[Event]]:
    """The inverse of ``to_state``: arrival and events."""
    return _FROM_STATE.decode(data)
