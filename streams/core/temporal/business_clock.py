"""Local days and the business clock: one time zone, weekly hours, holidays.

Rules of this file (definitions.md, "Tickets" and "Service levels"):

* Instants and lengths are ms. Spans of business time are half-open; those that touch or overlap are one.
* Hours are told by the wall clock of the time zone: a span that passes midnight belongs to the day it begins on, and
  a holiday takes away the spans that begin on it. Where the clocks change, a span is as long as it really was; a
  wall-clock time that comes twice means its first, one that is skipped is read on the clock before the change.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Mapping, Sequence
from datetime import date, timedelta
from typing import Final

from streams.core.temporal.calendar import LocalDays
from streams.core.temporal.instants import DAY, MINUTE

__all__ = ["WEEKDAYS", "WORKING_WEEK", "BusinessClock", "Hours", "parse_hours"]

WEEKDAYS: Final = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
#: A weekday's spans in minutes after its midnight; an end past 24 h is on the next day.
Hours = Sequence[tuple[int, int]]
WORKING_WEEK: Final[Mapping[str, Hours]] = dict.fromkeys(WEEKDAYS[:5], ((9 * 60, 17 * 60),))
#: How far ahead a deadline is looked for, in local years; past that a promise cannot be broken.
_YEARS_AHEAD: Final = 20
_LONG_AGO: Final = -(1 << 62)
_LAST_YEAR: Final = 9998  # Python's dates end with 9999


class BusinessClock:
    """How much business time there is between instants.

    Spans are laid out by local years, when first asked for, with the business time before each: whatever the
    distance between two instants, the answer is two binary searches.
    """

    def __init__(
        self,
        days: LocalDays | None = None,
        hours: Mapping[str, Hours] = WORKING_WEEK,
        holidays: Iterable[date] = (),
    ) -> None:
        self._days: Final = days or LocalDays()
        self._hours: Final = [tuple(sorted(hours.get(day, ()))) for day in WEEKDAYS]
        self._holidays: Final = frozenset(holidays)
        self._years: dict[int, list[tuple[int, int]]] = {}
        #: What is laid out: instants in [from, until).
        self._from = self._until = 0
        self._starts: list[int] = []
        self._ends: list[int] = []
        #: Business time before each span, and up to its end, since the first.
        self._before: list[int] = []
        self._after: list[int] = []

    def told(self) -> list[object]:
        """What it was made with, as plain values: equal clocks tell the same."""
        return [self._days.told(), self._hours, sorted(day.isoformat() for day in self._holidays)]

    def elapsed(self, start: int, end: int) -> int:
        """Business time in [start, end), ms; 0 where end is not after start."""
        if end <= start:
            return 0
        if start < self._from or end >= self._until:
            self._lay_out(start, end)
        starts, ends, before = self._starts, self._ends, self._before
        first, last = bisect_right(starts, start) - 1, bisect_right(starts, end) - 1
        shown = before[first] + min(start, ends[first]) - starts[first]
        return before[last] + min(end, ends[last]) - starts[last] - shown

    def deadline(self, start: int, length: int) -> int | None:
        """The earliest instant at which the clock shows ``length`` ms since ``start``; None: not in 20 years."""
        if length <= 0:
            return start
        if not any(self._hours):
            return None
        if self._from <= start < self._until:  # most are met in the year they begin in
            found = self._due(start, length)
            if found is not None:
                return found
        first = self._days.local_date(start).year
        for years in (0, 1, 3, _YEARS_AHEAD):
            self._cover(first, min(first + years, _LAST_YEAR))
            found = self._due(start, length)
            if found is not None:
                return found
        return None

    def _due(self, start: int, length: int) -> int | None:
        """The deadline, if it is laid out."""
        begun = bisect_right(self._starts, start) - 1
        target = self._before[begun] + min(start, self._ends[begun]) - self._starts[begun] + length
        index = bisect_left(self._after, target)
        return self._starts[index] + target - self._before[index] if index < len(self._after) else None

    def _lay_out(self, start: int, end: int) -> None:
        self._cover(*(min(self._days.local_date(at).year, _LAST_YEAR) for at in (start, end)))

    def _cover(self, first: int, last: int) -> None:
        """Lays out all local years from one to another, besides those that already are."""
        if first in self._years and last in self._years:
            return
        first, last = min([first, *self._years]), max([last, *self._years])
        for year in range(first, last + 1):
            if year not in self._years:
                self._years[year] = self._spans(year)
        # The evening before the first day may reach into it: that is laid out as a year's first span.
        self._from = self._days.start(date(first, 1, 1))
        self._until = self._days.start(date(last + 1, 1, 1))
        self._add_up(span for year in range(first, last + 1) for span in self._years[year])

    def _spans(self, year: int) -> list[tuple[int, int]]:
        """The spans that begin in a local year or on the last day before it, in order."""
        spans = []
        day = date(year, 1, 1) - timedelta(days=1)
        while day.year <= year:
            if day not in self._holidays:
                for start, end in self._hours[day.weekday()]:
                    spans.append((self._days.wall(day, start), self._days.wall(day, end)))
            day += timedelta(days=1)
        return sorted(spans)

    def _add_up(self, spans: Iterable[tuple[int, int]]) -> None:
        starts: list[int] = [_LONG_AGO]  # an empty span, so that each instant has one at or before it
        ends: list[int] = [_LONG_AGO]
        for start, end in sorted(spans):
            if end <= start:  # between them the clocks were put forward
                continue
            if start <= ends[-1]:
                ends[-1] = max(ends[-1], end)
            else:
                starts.append(start)
                ends.append(end)
        before: list[int] = []
        total = 0
        for start, end in zip(starts, ends, strict=True):
            before.append(total)
            total += end - start
        self._starts, self._ends, self._before = starts, ends, before
        self._after = [begun + end - start for begun, start, end in zip(before, starts, ends, strict=True)]


def parse_hours(text: str) -> tuple[int, int]:
    """``"09:00-17:00"`` as minutes after midnight; an end not after its start is on the next day.

    ``ValueError`` for anything else. ``24:00`` is an end.
    """
    start, dash, end = text.partition("-")
    begin, finish = _minutes(start.strip()), _minutes(end.strip())
    if not dash or begin is None or finish is None or begin == DAY // MINUTE:
        raise ValueError('expected hours such as "09:00-17:00"')
    return (begin, finish) if finish > begin else (begin, finish + DAY // MINUTE)


def _minutes(text: str) -> int | None:
    """``HH:MM`` up to 24:00 as minutes; None for anything else."""
    hour, colon, minute = text.partition(":")
    if not (colon and len(hour) == len(minute) == 2 and f"{hour}{minute}".isdecimal() and text.isascii()):
        return None
    minutes = int(hour) * 60 + int(minute)
    return minutes if int(minute) < 60 and minutes <= DAY // MINUTE else None
