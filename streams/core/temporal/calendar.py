"""Local days of a time zone."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from typing import Final
from zoneinfo import ZoneInfo

from streams.core.temporal.instants import DAY

__all__ = ["LocalDays"]


#: Zones' offsets are multiples of this since 2000, so a local date never changes inside one.
_QUARTER: Final = 15 * 60_000
_CACHED: Final = 200_000  # quarters of an hour: 5.7 years


class LocalDays:
    """The local midnights of one time zone. Instants are ms; a day is [its midnight, the next)."""

    def __init__(self, zone: str = "UTC") -> None:
        self.zone: Final = ZoneInfo(zone)
        self.utc: Final = zone in ("UTC", "Etc/UTC")
        self._midnights: dict[int, int] = {}
        self._shifted: dict[tuple[int, int], int] = {}

    def told(self) -> str:
        """What it was made with: the zone's name."""
        return str(self.zone)

    def midnight(self, at: int) -> int:
        """The last local midnight at or before ``at``."""
        if self.utc:
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
        return self.wall(day, 0)

    def wall(self, day: date, minutes: int) -> int:
        """The instant at which the wall clock shows ``minutes`` after midnight of a local date."""
        naive = datetime.combine(day, time()) + timedelta(minutes=minutes)
        # Through UTC: where that time does not exist, this is the same instant under its real name.
        return int(naive.replace(tzinfo=self.zone).astimezone(UTC).timestamp()) * 1000

    def shift(self, at: int, days: int) -> int:
        """The midnight that begins the local date ``days`` after that of ``at``."""
        midnight = self.midnight(at)
        if self.utc:
            return midnight + days * DAY
        found = self._shifted.get((midnight, days))
        if found is None:
            if len(self._shifted) >= _CACHED:
                self._shifted.clear()
            found = self._shifted[midnight, days] = self.start(self.local_date(at) + timedelta(days=days))
        return found
