"""Instants: milliseconds since 1970-01-01T00:00Z, and their text form."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Final

__all__ = ["DAY", "EVER", "HOUR", "MINUTE", "SECOND", "Instant", "format_instant", "parse_instant"]


#: After all instants.
EVER: Final = 1 << 60


SECOND: Final = 1000
MINUTE: Final = 60 * SECOND
HOUR: Final = 60 * MINUTE
DAY: Final = 24 * HOUR

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MS = timedelta(milliseconds=1)
_RFC3339 = re.compile(
    r"(\d{4}-\d\d-\d\d)[Tt ]([01]\d|2[0-3]):([0-5]\d):([0-5]\d|60)(?:\.(\d+))?"
    r"(?:[Zz]|([+-])([01]\d|2[0-3]):([0-5]\d))",
    re.ASCII,  # or \d takes every script's digits
)


class Instant(int):
    """Milliseconds since the epoch, decoded from RFC 3339 (its own type so that the decoder knows it)."""

    __slots__ = ()


@lru_cache(maxsize=4096)  # events come by the thousand a day, and a day's arithmetic is most of the work
def _midnight(day: str) -> int:
    return (datetime.fromisoformat(day).replace(tzinfo=UTC) - _EPOCH).days * DAY


def parse_instant(text: str) -> Instant:
    """RFC 3339 with ``Z`` or an offset, truncated to milliseconds. A leap second is the second after it.

    Raises ``ValueError`` for anything else, ISO 8601's other forms included.
    """
    match = _RFC3339.fullmatch(text)
    if match is None:
        raise ValueError("Expected an RFC 3339 time with `Z` or an offset")
    day, hour, minute, second, fraction, sign, off_hour, off_minute = match.groups()
    at = _midnight(day) + int(hour) * HOUR + int(minute) * MINUTE + int(second) * SECOND
    if fraction:
        at += int(fraction[:3].ljust(3, "0"))
    if sign:
        offset = int(off_hour) * HOUR + int(off_minute) * MINUTE
        at += -offset if sign == "+" else offset
    return Instant(at)


def format_instant(at: int) -> str:
    """RFC 3339 in UTC with milliseconds, inverse of ``parse_instant``; outside years 1..9999 by number."""
    if not -62_135_596_800_000 <= at < 253_402_300_800_000:
        return f"{at} ms"
    return (_EPOCH + at * _MS).isoformat(timespec="milliseconds").replace("+00:00", "Z")
