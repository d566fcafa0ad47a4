"""Time: epoch milliseconds, local days, windows, the business clock. Everything by plain date arithmetic."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from functools import cache
from typing import Any
from zoneinfo import ZoneInfo

SECOND = 1000
MINUTE = 60 * SECOND
HOUR = 60 * MINUTE
DAY = 24 * HOUR

# name -> (length, pane)
ROLLING = {
    "5m": (5 * MINUTE, 5 * SECOND),
    "1h": (HOUR, MINUTE),
    "24h": (24 * HOUR, 20 * MINUTE),
    "7d": (7 * DAY, 2 * HOUR),
    "30d": (30 * DAY, 12 * HOUR),
}
LOCAL_DAYS = {"90d": 90, "365d": 365}
ALIGNED = ("day", "week", "month", "quarter", "year")
WEEKDAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def to_ms(text: str) -> int:
    """RFC 3339 -> epoch ms, truncated."""
    moment = datetime.fromisoformat(text.replace("Z", "+00:00").replace("z", "+00:00"))
    return (moment - EPOCH) // timedelta(milliseconds=1)


class Calendar:
    """Local days and the business clock of one desk."""

    def __init__(self, business: dict[str, Any]) -> None:
        self.zone = ZoneInfo(str(business.get("time_zone", "UTC")))
        self.holidays = {str(day) for day in business.get("holidays", [])}
        hours = business.get("hours")
        if not hours:
            hours = {day: ["09:00-17:00"] for day in WEEKDAYS[:5]}
        self.hours: dict[str, list[tuple[int, int]]] = {}
        for day in WEEKDAYS:
            self.hours[day] = [_span(text) for text in hours.get(day, [])]
        self._open: dict[date, list[tuple[int, int]]] = {}

    def local_date(self, at: int) -> date:
        return (EPOCH + timedelta(milliseconds=at)).astimezone(self.zone).date()

    def wall(self, day: date, minutes: int) -> int:
        """The instant at which the wall clock shows `minutes` after midnight of `day`."""
        moment = datetime(day.year, day.month, day.day) + timedelta(minutes=minutes)
        return (moment.replace(tzinfo=self.zone) - EPOCH) // timedelta(milliseconds=1)

    def midnight(self, day: date) -> int:
        return self.wall(day, 0)

    def floor(self, at: int, pane: int) -> int:
        start = self.midnight(self.local_date(at))
        return start + (at - start) // pane * pane

    def rolling(self, name: str, as_of: int) -> tuple[int, int]:
        if name in LOCAL_DAYS:
            return self.midnight(self.local_date(as_of) - timedelta(days=LOCAL_DAYS[name])), as_of
        length, pane = ROLLING[name]
        return self.floor(as_of - length, pane), as_of

    def period_first(self, name: str, day: date) -> date:
        """First local day of the aligned period that holds `day`."""
        if name == "day":
            return day
        if name == "week":
            return day - timedelta(days=day.weekday())
        if name == "month":
            return day.replace(day=1)
        if name == "quarter":
            return day.replace(month=(day.month - 1) // 3 * 3 + 1, day=1)
        return day.replace(month=1, day=1)

    def aligned(self, name: str, as_of: int) -> list[tuple[date, int, int]]:
        """The running period and every earlier one that ended under 30 days ago: (first day, from, to)."""
        periods: list[tuple[date, int, int]] = []
        first = self.period_first(name, self.local_date(as_of))
        end = as_of
        while True:
            start = self.midnight(first)
            periods.append((first, start, end))
            end = start
            if end + 30 * DAY <= as_of:
                return periods
            first = self.period_first(name, first - timedelta(days=1))

    # --- the business clock ---

    def open_spans(self, day: date) -> list[tuple[int, int]]:
        """The spans of business time whose hours begin on this local day (they may end on the next)."""
        if day not in self._open:
            spans: list[tuple[int, int]] = []
            if day.isoformat() not in self.holidays:
                for start, end in self.hours[WEEKDAYS[day.weekday()]]:
                    spans += shown(self.zone, day, start, end)
            self._open[day] = spans
        return self._open[day]

    def union(self, start: date, end: date) -> list[tuple[int, int]]:
        """Business time of the spans that begin on the days start..end, overlaps merged."""
        spans: list[tuple[int, int]] = []
        day = start
        while day <= end:
            spans += self.open_spans(day)
            day += timedelta(days=1)
        merged: list[tuple[int, int]] = []
        for begin, finish in sorted(spans):
            if finish <= begin:
                continue
            if merged and begin <= merged[-1][1]:
                merged[-1] = (merged[-1][0], max(merged[-1][1], finish))
            else:
                merged.append((begin, finish))
        return merged

    def business_ms(self, start: int, end: int) -> int:
        """Business time in [start, end)."""
        if end <= start:
            return 0
        days = timedelta(days=2)
        spans = self.union(self.local_date(start) - days, self.local_date(end) + days)
        return sum(max(0, min(finish, end) - max(begin, start)) for begin, finish in spans)

    def business_deadline(self, start: int, amount: int) -> int | None:
        """The earliest instant >= start at which the business clock shows `amount` ms since start."""
        if amount <= 0:
            return start
        first = self.local_date(start) - timedelta(days=2)
        left = amount
        for begin, finish in self.union(first, first + timedelta(days=1500)):
            begin = max(begin, start)
            if finish <= begin:
                continue
            if finish - begin >= left:
                return begin + left
            left -= finish - begin
        return None


@cache
def shown(zone: ZoneInfo, day: date, start: int, end: int) -> list[tuple[int, int]]:
    """When the wall clock shows a time in [start, end), in minutes after midnight of `day`: minute by minute."""
    midnight = datetime(day.year, day.month, day.day)
    first, last = midnight + timedelta(minutes=start), midnight + timedelta(minutes=end)
    around = [first.replace(tzinfo=UTC) - timedelta(hours=28), last.replace(tzinfo=UTC) + timedelta(hours=28)]
    offsets = {moment.astimezone(zone).utcoffset() for moment in (around[0], first.replace(tzinfo=UTC), around[1])}
    if len(offsets) == 1:  # nothing changes: no need to walk
        (offset,) = offsets
        assert offset is not None
        at = (first.replace(tzinfo=UTC) - offset - EPOCH) // timedelta(milliseconds=1)
        return [(at, at + (end - start) * MINUTE)]
    spans: list[tuple[int, int]] = []
    moment = around[0]
    while moment < around[1]:
        if first <= moment.astimezone(zone).replace(tzinfo=None) < last:
            at = (moment - EPOCH) // timedelta(milliseconds=1)
            if spans and spans[-1][1] == at:
                spans[-1] = (spans[-1][0], at + MINUTE)
            else:
                spans.append((at, at + MINUTE))
        moment += timedelta(minutes=1)
    return spans


def _span(text: str) -> tuple[int, int]:
    """ "09:00-17:00" -> minutes after midnight; an end not after the start is on the next day."""
    start, end = (int(part[:2]) * 60 + int(part[3:5]) for part in text.split("-"))
    return (start, end) if end > start else (start, end + 24 * 60)
