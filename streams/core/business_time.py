"""Local days: where a business day begins, also across changes of the clocks."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from typing import Final
from zoneinfo import ZoneInfo

from .events import DAY

__all__ = ["LocalDays"]

#: Zones' offsets are multiples of this since 2000, so a local date never changes inside one.
_QUARTER: Final = 15 * 60_000
_CACHED: Final = 200_000  # quarters of an hour: 5.7 years


class LocalDays:
    """The local midnights of one time zone. Instants are ms; a day is [its midnight, the next)."""

    def __init__(self, zone: str = "UTC") -> None:
        self.zone: Final = ZoneInfo(zone)
        self._utc: Final = zone in ("UTC", "Etc/UTC")
        self._midnights: dict[int, int] = {}

    def midnight(self, at: int) -> int:
        """The last local midnight at or before ``at``."""
        if self._utc:
            return at - at % DAY
        quarter = at // _QUARTER
        found = self._midnights.get(quarter)
        if found is None:
            if len(self._midnights) >= _CACHED:
                self._midnights.clear()
            found = self.start(self.local_date(quarter * _QUARTER))
            self._midnights[quarter] = found
        return found

    def local_date(self, at: int) -> date:
        """The local date at an instant."""
        return datetime.fromtimestamp(at // 1000, self.zone).date()

    def start(self, day: date) -> int:
        """The first instant of a local date; where the clocks skip midnight, the instant they skip to."""
        naive = datetime.combine(day, time(), self.zone)
        # Through UTC: where 00:00 does not exist, this is the same instant under its real name.
        return int(naive.astimezone(UTC).timestamp()) * 1000

    def shift(self, at: int, days: int) -> int:
        """The midnight that begins the local date ``days`` after that of ``at``."""
        return self.start(self.local_date(at) + timedelta(days=days))
