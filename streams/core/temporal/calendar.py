"""The calendar: local days of a time zone."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from typing import Final
from zoneinfo import ZoneInfo

from streams.core.temporal.instants import DAY, MINUTE

__all__ = ["LocalDays"]

#: Since 2000 the offset of every zone is a multiple of this, so a local date never changes inside a quarter of an hour.
_QUARTER_MS: Final = 15 * MINUTE
#: Entries of a cache before it is emptied: 5.7 years of quarters.
_CACHE_LIMIT: Final = 200_000


class LocalDays:
    """The local days of one time zone, each [its midnight, the next midnight). Instants are ms.

    Raises ``zoneinfo.ZoneInfoNotFoundError`` for an unknown zone.
    """

    def __init__(self, zone: str = "UTC") -> None:
        self.zone: Final = ZoneInfo(zone)
        self.utc: Final = zone in ("UTC", "Etc/UTC")
        self._midnights: dict[int, int] = {}
        self._shifted: dict[tuple[int, int], int] = {}

    def parameters(self) -> str:
        """The zone's name: calendars with equal parameters are equal."""
        return str(self.zone)

    def midnight(self, at: int) -> int:
        """The last local midnight at or before ``at``."""
        if self.utc:
            return at - at % DAY
        quarter = at // _QUARTER_MS
        midnight = self._midnights.get(quarter)
        if midnight is None:
            if len(self._midnights) >= _CACHE_LIMIT:
                self._midnights.clear()
            midnight = self._midnights[quarter] = self.start(self.local_date(quarter * _QUARTER_MS))
        return midnight

    def local_date(self, at: int) -> date:
        """The local date at an instant."""
        return datetime.fromtimestamp(at // 1000, self.zone).date()

    def start(self, day: date) -> int:
        """The first instant of a local date; where the clocks skip midnight, the instant they skip to."""
        return self.wall(day, 0)

    def wall(self, day: date, minutes: int) -> int:
        """The instant at which the wall clock shows ``minutes`` after the midnight of a local date.

        A time shown twice means its first; a skipped one is read on the clock before the change.
        """
        naive = datetime.combine(day, time()) + timedelta(minutes=minutes)
        # Through UTC: a time that does not exist becomes the same instant under its real name.
        return int(naive.replace(tzinfo=self.zone).astimezone(UTC).timestamp()) * 1000

    def shift(self, at: int, days: int) -> int:
        """The midnight that begins the local date ``days`` after that of ``at``; negative ``days`` go back."""
        midnight = self.midnight(at)
        if self.utc:
            return midnight + days * DAY
        shifted = self._shifted.get((midnight, days))
        if shifted is None:
            if len(self._shifted) >= _CACHE_LIMIT:
                self._shifted.clear()
            shifted = self._shifted[midnight, days] = self.start(self.local_date(at) + timedelta(days=days))
        return shifted
