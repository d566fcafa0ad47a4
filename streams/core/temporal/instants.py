"""Instants: whole milliseconds since 1970-01-01T00:00Z, and their text form, RFC 3339."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Final

__all__ = ["DAY", "EVER", "HOUR", "MINUTE", "SECOND", "Instant", "format_instant", "parse_instant"]

#: Lengths in ms. ``DAY`` is 24 hours; a local day may be longer or shorter (``calendar``).
SECOND: Final = 1000
MINUTE: Final = 60 * SECOND
HOUR: Final = 60 * MINUTE
DAY: Final = 24 * HOUR

#: After every instant; ``-EVER`` is before every instant.
EVER: Final = 1 << 60

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MS: Final = timedelta(milliseconds=1)
_RFC3339: Final = re.compile(
    r"(\d{4}-\d\d-\d\d)[Tt ]([01]\d|2[0-3]):([0-5]\d):([0-5]\d|60)(?:\.(\d+))?"
    r"(?:[Zz]|([+-])([01]\d|2[0-3]):([0-5]\d))",
    re.ASCII,  # or \d matches the digits of every script
)


class Instant(int):
    """Milliseconds since the epoch. A type of its own, so that the decoder reads it from RFC 3339."""

    __slots__ = ()


@lru_cache(maxsize=4096)  # a day has thousands of events, and its date is most of the parsing
def _midnight(day: str) -> int:
    """The first instant of an ISO date in UTC."""
    return (datetime.fromisoformat(day).replace(tzinfo=UTC) - _EPOCH).days * DAY


def parse_instant(text: str) -> Instant:
    """The instant of an RFC 3339 time with ``Z`` or an offset, truncated to ms. A leap second is the second after it.

    Raises ``ValueError`` for any other text, the other forms of ISO 8601 included.
    """
    match = _RFC3339.fullmatch(text)
    if match is None:
        raise ValueError("Expected an RFC 3339 time with `Z` or an offset")
    day, hour, minute, second, fraction, sign, offset_hours, offset_minutes = match.groups()
    at = _midnight(day) + int(hour) * HOUR + int(minute) * MINUTE + int(second) * SECOND
    if fraction:
        at += int(fraction[:3].ljust(3, "0"))
    if sign:
        offset_ms = int(offset_hours) * HOUR + int(offset_minutes) * MINUTE
        at += -offset_ms if sign == "+" else offset_ms
    return Instant(at)


def format_instant(at: int) -> str:
    """RFC 3339 in UTC with milliseconds, inverse of ``parse_instant``; outside the years 1 to 9999, a number of ms."""
    if not -62_135_596_800_000 <= at < 253_402_300_800_000:
        return f"{at} ms"
    return (_EPOCH + at * _MS).isoformat(timespec="milliseconds").replace("+00:00", "Z")
