"""Aligned windows: days, weeks, months, quarters and years of the business time zone.

    … | period (ended, may still change) | period (ended) |  running period …
                                                           start        as_of       end

A period is [its first midnight, the next one's). It is final once nothing inside the longest horizon (refunds:
30 d) can change it any more; until then it is published beside the running one.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from typing import Final

from streams.core.temporal.calendar import LocalDays
from streams.core.temporal.instants import DAY, HOUR
from streams.core.temporal.ladder import DAYS

__all__ = ["ALIGNED", "SETTLED", "AlignedWindow", "Period"]


#: The aligned windows there are.
ALIGNED: Final = ("day", "week", "month", "quarter", "year")


#: A period is final this long after its end: the longest horizon of definitions.md.
SETTLED: Final = 30 * DAY
#: For this long a period is still told with ``final`` true, so that subscribers hear of it.
_TOLD: Final = DAY
#: The pane to whose edge the elapsed part of a running period is compared, and the longest period before it, ms.
_COMPARED: Final = {"day": (2, DAY), "week": (3, 7 * DAY), "month": (4, 31 * DAY)}
#: Days whose periods are remembered.
_KEPT: Final = 5000


@dataclass(frozen=True, slots=True)
class Period:
    """One period: [start, end) in ms, and its start as RFC 3339 with the local offset."""

    name: str
    start: int
    end: int
    label: str

    def final(self, as_of: int) -> bool:
        """Whether no event within the horizons can change it any more."""
        return as_of >= self.end + SETTLED


@dataclass(frozen=True, slots=True)
class AlignedWindow:
    """A kind of period; ``name`` is one of ``ALIGNED``."""

    name: str
    calendar: LocalDays
    _known: dict[int, Period] = field(default_factory=dict, repr=False, compare=False)

    def period(self, at: int) -> Period:
        """The period that holds an instant."""
        midnight = self.calendar.midnight(at)
        found = self._known.get(midnight)
        if found is None:
            if len(self._known) > _KEPT:
                self._known.clear()
            found = self._known[midnight] = self._lay_out(at)
        return found

    def _lay_out(self, at: int) -> Period:
        day = self._first(self.calendar.local_date(at))
        start, end = self.calendar.start(day), self.calendar.start(self._next(day))
        return Period(self.name, start, end, _label(start, self.calendar))

    def opens(self, at: int) -> int:
        """The start of the period that holds an instant."""
        return self.period(at).start

    def until(self, at: int) -> int:
        """The end of the period that holds an instant: the last ``as_of`` of a window over it."""
        return self.period(at).end

    def before(self, period: Period) -> Period:
        """The period before one."""
        return self.period(period.start - 1)

    @property
    def compared(self) -> tuple[int, int]:
        """The resolution on which a running period is compared, and how old such a pane can be when it is, ms.

        It is of the day in which the elapsed part of the period before ends; both may be an hour longer.
        """
        resolution, longest = _COMPARED.get(self.name, (DAYS, 366 * DAY))
        return resolution, longest + DAY + 2 * HOUR

    def told(self, as_of: int) -> Iterator[Period]:
        """The periods to publish at ``as_of``, the running one first."""
        period = self.period(as_of)
        yield period
        while True:
            period = self.before(period)
            if as_of >= period.end + SETTLED + _TOLD:
                return
            yield period

    def year_before(self, at: int) -> int:
        """The same local date and time a calendar year earlier; of 29 February, 28 February."""
        local = datetime.fromtimestamp(at / 1000, self.calendar.zone)
        day = local.day
        if local.month == 2 and day == 29:
            day = 28
        earlier = local.replace(year=local.year - 1, day=day)
        return int(earlier.astimezone(UTC).timestamp() * 1000)

    def _first(self, day: date) -> date:
        if self.name == "week":
            return day - timedelta(days=day.weekday())
        if self.name == "month":
            return day.replace(day=1)
        if self.name == "quarter":
            return day.replace(month=(day.month - 1) // 3 * 3 + 1, day=1)
        if self.name == "year":
            return day.replace(month=1, day=1)
        return day

    def _next(self, first: date) -> date:
        if self.name == "day":
            return first + timedelta(days=1)
        if self.name == "week":
            return first + timedelta(days=7)
        months = {"month": 1, "quarter": 3, "year": 12}[self.name]
        index = first.year * 12 + first.month - 1 + months
        return date(index // 12, index % 12 + 1, 1)


def _label(start: int, calendar: LocalDays) -> str:
    return datetime.fromtimestamp(start // 1000, calendar.zone).isoformat(timespec="seconds")
