"""The calendar: local days of a time zone.

Python's dates end with the year 9999, instants do not. The calendar repeats every 400 years, weekdays included, and
the rules of time zones every year. So far instants are computed a multiple of 400 years nearer.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date, datetime, time, timedelta
from typing import Final
from zoneinfo import ZoneInfo

from streams.core.temporal.instants import DAY, MINUTE

__all__ = ["CYCLE", "CYCLE_YEARS", "FAR", "LocalDays", "cycles"]

#: The period of the calendar, ms, and in years.
CYCLE: Final = 146_097 * DAY
CYCLE_YEARS: Final = 400
#: The ordinal of 1970-01-01. From the year 1000 up to the year 2500 (ms) nothing is moved.
_EPOCH: Final = date(1970, 1, 1).toordinal()
_FIRST: Final = (date(1000, 1, 1).toordinal() - _EPOCH) * DAY
FAR: Final = (date(2500, 1, 1).toordinal() - _EPOCH) * DAY

#: Since 2000 the offset of every zone is a multiple of this, so a local date never changes inside a quarter of an hour.
_QUARTER_MS: Final = 15 * MINUTE
#: Entries of a cache before it is emptied: 5.7 years of quarters.
_CACHE_LIMIT: Final = 200_000
#: Days around a year in which its hours may lie: those of the day before it, those past midnight, and any offset.
_MARGIN_DAYS: Final = 5


def cycles(at: int) -> int:
    """The number of whole periods by which an instant (ms) has to be moved back, so that dates around it exist."""
    if at >= FAR:
        return (at - FAR) // CYCLE + 1
    return (at - _FIRST) // CYCLE if at < _FIRST else 0


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
            midnight = self._midnights[quarter] = self._shift(quarter * _QUARTER_MS, 0)
        return midnight

    def local_date(self, at: int) -> date:
        """The local date at an instant; past Python's dates the last or the first of them."""
        periods = cycles(at)
        day = datetime.fromtimestamp((at - periods * CYCLE) // 1000, self.zone).date()
        year = day.year + periods * CYCLE_YEARS
        if not date.min.year <= year <= date.max.year:
            return date.max if periods > 0 else date.min
        return day.replace(year=year)

    def start(self, day: date) -> int:
        """The first instant of a local date; where the clocks skip its midnight, the instant of that change.

        A date that does not exist begins, and ends, at that instant too.
        """
        periods = cycles((day.toordinal() - _EPOCH) * DAY)
        if periods:
            day = day.replace(year=day.year - periods * CYCLE_YEARS)
        midnight = datetime.combine(day, time(), self.zone)
        before, after = _offset(midnight), _offset(midnight.replace(fold=1))
        utc = (day.toordinal() - _EPOCH) * DAY
        # Shown once, or twice: then the first time. Else skipped.
        at = utc - before if before >= after else self._first_change(utc - after, utc - before)
        return at + periods * CYCLE

    def spans(self, year: int, hours: Iterable[tuple[date, int, int]]) -> list[tuple[int, int]]:
        """The instants [start, end) at which the wall clock shows a time within some hours of about a local year.

        Hours are [start, end) in minutes after the midnight of a local date that begins at most some days before or
        after the year. Local times that the clocks skip have no instants; those shown twice have them both times.
        """
        stretches = self._stretches(year)
        spans = []
        for day, start, end in hours:
            midnight = (day.toordinal() - _EPOCH) * DAY
            for since, until, offset in stretches:
                first = max(midnight + start * MINUTE - offset, since)
                last = min(midnight + end * MINUTE - offset, until)
                if first < last:
                    spans.append((first, last))
        return spans

    def _stretches(self, year: int) -> list[tuple[int, int, int]]:
        """The stretches [since, until) of one offset (ms) around a local year, in order."""
        since = (date(year, 1, 1).toordinal() - _EPOCH - _MARGIN_DAYS) * DAY
        last = since + (366 + 2 * _MARGIN_DAYS) * DAY
        if self.utc:
            return [(since, last, 0)]
        stretches = []
        at, offset = since, self._offset(since)
        while at < last:
            at += DAY
            if self._offset(at) != offset:
                at = self._first_change(at - DAY, at)
                stretches.append((since, at, offset))
                since, offset = at, self._offset(at)
        return [*stretches, (since, at, offset)]

    def _offset(self, at: int) -> int:
        """Local time less UTC, ms."""
        return _offset(datetime.fromtimestamp(at // 1000, self.zone))

    def _first_change(self, before: int, after: int) -> int:
        """The instant in (before, after] at which the clocks change, to the second; in between they do so once."""
        offset = self._offset(before)
        while after - before > 1000:
            middle = (before + after) // 2000 * 1000
            before, after = (middle, after) if self._offset(middle) == offset else (before, middle)
        return after

    def shift(self, at: int, days: int) -> int:
        """The midnight that begins the local date ``days`` after that of ``at``; negative ``days`` go back."""
        midnight = self.midnight(at)
        if self.utc:
            return midnight + days * DAY
        shifted = self._shifted.get((midnight, days))
        if shifted is None:
            if len(self._shifted) >= _CACHE_LIMIT:
                self._shifted.clear()
            shifted = self._shifted[midnight, days] = self._shift(at, days)
        return shifted

    def _shift(self, at: int, days: int) -> int:
        moved = cycles(at) * CYCLE
        return self.start(self.local_date(at - moved) + timedelta(days=days)) + moved


def _offset(moment: datetime) -> int:
    offset = moment.utcoffset()
    assert offset is not None
    return (offset.days * 86_400 + offset.seconds) * 1000
