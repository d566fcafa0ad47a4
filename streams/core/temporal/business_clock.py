"""The business clock: weekly hours and holidays of one time zone.

Rules of this file (docs/definitions.md#business-clock):

* Instants and lengths are ms. A span of business time is half-open; spans that touch or overlap are one.
* Hours are local times. A span that passes midnight belongs to the day on which it begins, and a holiday removes the
  spans that begin on it.
* Hours hold while the wall clock shows a time within them: a local time that is shown twice holds twice, one that the
  clocks skip never does. A local day that does not exist has no hours.
* From the year 2500 on (``calendar``) business time repeats every 400 years, without holidays: however far an instant,
  a few hundred years are laid out.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Mapping, Sequence
from datetime import date, timedelta
from typing import Final

from streams.core.temporal.calendar import CYCLE, FAR, LocalDays, cycles
from streams.core.temporal.instants import DAY, EVER, MINUTE

__all__ = ["WEEKDAYS", "WORKING_WEEK", "BusinessClock", "Hours", "parse_hours"]

#: In the order of ``date.weekday()``.
WEEKDAYS: Final = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
#: A weekday's spans, [start, end) in minutes after its midnight; an end past 24 h is on the next day.
Hours = Sequence[tuple[int, int]]
#: The default: Monday to Friday, 09:00 to 17:00.
WORKING_WEEK: Final[Mapping[str, Hours]] = dict.fromkeys(WEEKDAYS[:5], ((9 * 60, 17 * 60),))
#: How many local years a deadline may lie ahead; a promise with a later one cannot be broken.
_YEARS_AHEAD: Final = 20
_DAY_MINUTES: Final = DAY // MINUTE


class BusinessClock:
    """The business time between instants, in ms.

    Spans are laid out by local years on demand, each with the business time before it: between any two instants,
    however far apart, the result takes two binary searches.
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
        #: The spans of each year laid out, not yet joined with those of its neighbours.
        self._years: dict[int, list[tuple[int, int]]] = {}
        #: The instants laid out: [from, until).
        self._from = self._until = 0
        self._starts: list[int] = []
        self._ends: list[int] = []
        #: Business time since the first span: before each span, and up to its end.
        self._before: list[int] = []
        self._after: list[int] = []

    def parameters(self) -> list[object]:
        """Zone, hours and holidays as plain values: clocks with equal parameters are equal."""
        return [self._days.parameters(), self._hours, sorted(day.isoformat() for day in self._holidays)]

    def elapsed(self, start: int, end: int) -> int:
        """Business time in [start, end), ms; 0 where ``end`` is not after ``start``."""
        if end <= start:
            return 0
        if end > FAR:
            return self._elapsed_far(start, end)
        if start < self._from or end >= self._until:
            self._lay_out(start, end)
        starts, ends, before = self._starts, self._ends, self._before
        first, last = bisect_right(starts, start) - 1, bisect_right(starts, end) - 1
        at_start = before[first] + min(start, ends[first]) - starts[first]
        return before[last] + min(end, ends[last]) - starts[last] - at_start

    def _elapsed_far(self, start: int, end: int) -> int:
        """``elapsed`` up to a far end: whole periods of the calendar, and the rest in the years before."""
        periods_before, periods = (max(cycles(at - 1), 0) for at in (start, end))
        start, end = start - periods_before * CYCLE, end - periods * CYCLE
        rest = self.elapsed(start, end) - self.elapsed(end, start)
        return (periods - periods_before) * self.elapsed(FAR - CYCLE, FAR) + rest

    def deadline(self, start: int, length: int) -> int | None:
        """The earliest instant with ``length`` ms of business time since ``start``; None: not within 20 years."""
        if length <= 0:
            return start
        if not any(self._hours):
            return None
        if start >= FAR:
            moved = cycles(start) * CYCLE
            nearer = self.deadline(start - moved, length)
            return None if nearer is None else nearer + moved
        if self._from <= start < self._until:  # most deadlines are in the year they start in
            deadline = self._deadline_laid_out(start, length)
            if deadline is not None:
                return deadline
        first = self._days.local_date(start).year
        for years in (0, 1, 3, _YEARS_AHEAD):
            self._cover(first, first + years)
            deadline = self._deadline_laid_out(start, length)
            if deadline is not None:
                return deadline
        return None

    def _deadline_laid_out(self, start: int, length: int) -> int | None:
        """The deadline, None where it is past what is laid out."""
        span = bisect_right(self._starts, start) - 1
        target = self._before[span] + min(start, self._ends[span]) - self._starts[span] + length
        index = bisect_left(self._after, target)
        return self._starts[index] + target - self._before[index] if index < len(self._after) else None

    def _lay_out(self, start: int, end: int) -> None:
        self._cover(*(self._days.local_date(at).year for at in (start, end)))

    def _cover(self, first: int, last: int) -> None:
        """Lays out the local years ``first`` to ``last``, both included, and all between them and those laid out."""
        if first in self._years and last in self._years:
            return
        first, last = min([first, *self._years]), max([last, *self._years])
        for year in range(first, last + 1):
            if year not in self._years:
                self._years[year] = self._spans(year)
        # A span of the evening before may reach into the first day: it is the first span of its year.
        self._from = self._days.start(date(first, 1, 1))
        self._until = self._days.start(date(last + 1, 1, 1))
        self._add_up(span for year in range(first, last + 1) for span in self._years[year])

    def _spans(self, year: int) -> list[tuple[int, int]]:
        """The spans that begin in a local year or on the day before it, in order."""
        first = date(year, 1, 1) - timedelta(days=1)
        days = (first + timedelta(days=number) for number in range((date(year + 1, 1, 1) - first).days))
        hours = ((day, *span) for day in days if day not in self._holidays for span in self._hours[day.weekday()])
        return sorted(self._days.spans(year, hours))

    def _add_up(self, spans: Iterable[tuple[int, int]]) -> None:
        """Joins spans and sums them up."""
        starts: list[int] = [-EVER]  # an empty span, so that each instant has one at or before it
        ends: list[int] = [-EVER]
        for start, end in sorted(spans):
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
        self._after = [earlier + end - start for earlier, start, end in zip(before, starts, ends, strict=True)]


def parse_hours(text: str) -> tuple[int, int]:
    """The span of a text such as ``"09:00-17:00"``, [start, end) in minutes after midnight.

    An end not after its start is on the next day. ``24:00`` may only be an end. Raises ``ValueError`` for other texts.
    """
    start_text, dash, end_text = text.partition("-")
    start, end = _minutes(start_text.strip()), _minutes(end_text.strip())
    if not dash or start is None or end is None or start == _DAY_MINUTES:
        raise ValueError('expected hours such as "09:00-17:00"')
    return (start, end) if end > start else (start, end + _DAY_MINUTES)


def _minutes(text: str) -> int | None:
    """``HH:MM`` up to 24:00 as minutes after midnight; None for any other text."""
    hour, colon, minute = text.partition(":")
    if not (colon and len(hour) == len(minute) == 2 and f"{hour}{minute}".isdecimal() and text.isascii()):
        return None
    minutes = int(hour) * 60 + int(minute)
    return minutes if int(minute) < 60 and minutes <= _DAY_MINUTES else None
