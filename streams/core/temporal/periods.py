"""Aligned windows: days, weeks, months, quarters and years of the business time zone.

    … | period (over, may still change) | period (over) |  running period …
                                                         start        as_of       end

A period is [its first midnight, the first midnight of the next period). It is final once no event within the longest
horizon (refunds: 30 d) can change it; until then it is published along with the running one. A final period is
published for one day more (docs/definitions.md#windows).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from typing import Final

from streams.core.temporal.calendar import CYCLE, CYCLE_YEARS, LocalDays, cycles
from streams.core.temporal.instants import DAY, HOUR
from streams.core.temporal.ladder import DAYS

__all__ = ["ALIGNED", "AlignedWindow", "Period"]

#: The names of the aligned windows.
ALIGNED: Final = ("day", "week", "month", "quarter", "year")

#: From the end of a period until it is final: the longest horizon, fixed by docs/definitions.md#windows.
_FINAL_AFTER_MS: Final = 30 * DAY
#: How long a final period is still published, so that readers receive it with ``final`` true.
_PUBLISHED_FINAL_MS: Final = DAY
#: By window: the pane's resolution at whose edge the elapsed part of a period is compared, and the longest period, ms.
_COMPARISON_PANES: Final = {"day": (2, DAY), "week": (3, 7 * DAY), "month": (4, 31 * DAY)}
#: Days whose period is cached.
_CACHE_LIMIT: Final = 5000


@dataclass(frozen=True, slots=True)
class Period:
    """One period of an aligned window: [start, end) in ms. ``label`` is its start as RFC 3339 with the local offset."""

    name: str
    start: int
    end: int
    label: str

    def final(self, as_of: int) -> bool:
        """True from ``as_of`` 30 days after the end on: no event within the horizons can change the period."""
        return as_of >= self.end + _FINAL_AFTER_MS


@dataclass(frozen=True, slots=True)
class AlignedWindow:
    """A window of calendar periods; ``name`` is one of ``ALIGNED``. Instants are ms."""

    name: str
    calendar: LocalDays
    _periods: dict[int, Period] = field(default_factory=dict, repr=False, compare=False)

    def period(self, at: int) -> Period:
        """The period that holds an instant."""
        midnight = self.calendar.midnight(at)
        period = self._periods.get(midnight)
        if period is None:
            if len(self._periods) > _CACHE_LIMIT:
                self._periods.clear()
            period = self._periods[midnight] = self._lay_out(at)
        return period

    def _lay_out(self, at: int) -> Period:
        periods = cycles(at)
        moved = periods * CYCLE
        day = self._first_day(self.calendar.local_date(at - moved))
        start, end = self.calendar.start(day), self.calendar.start(self._next_first_day(day))
        label = _label(start, self.calendar, periods * CYCLE_YEARS)
        return Period(self.name, start + moved, end + moved, label)

    def opens(self, at: int) -> int:
        """The start of the period that holds an instant."""
        return self.period(at).start

    def until(self, at: int) -> int:
        """The end of the period that holds an instant: the last ``as_of`` of a window over it."""
        return self.period(at).end

    def previous(self, period: Period) -> Period:
        """The period that ends where another starts."""
        return self.period(period.start - 1)

    @property
    def comparison_pane(self) -> tuple[int, int]:
        """The resolution of the pane at whose edge a running period is compared, and the pane's greatest age then, ms.

        The pane is of the day in which the elapsed part of the previous period ends. Both may be an hour longer where
        the clocks change.
        """
        resolution, longest_ms = _COMPARISON_PANES.get(self.name, (DAYS, 366 * DAY))
        return resolution, longest_ms + DAY + 2 * HOUR

    def published_at(self, as_of: int) -> Iterator[Period]:
        """The periods published at ``as_of``, latest first: the running one, those not final, those just final."""
        period = self.period(as_of)
        yield period
        while True:
            period = self.previous(period)
            if as_of >= period.end + _FINAL_AFTER_MS + _PUBLISHED_FINAL_MS:
                return
            yield period

    def year_before(self, at: int) -> int:
        """The same local date and time one calendar year earlier; for 29 February, 28 February."""
        moved = cycles(at) * CYCLE
        local = datetime.fromtimestamp((at - moved) / 1000, self.calendar.zone)
        day = local.day
        if local.month == 2 and day == 29:
            day = 28
        earlier = local.replace(year=local.year - 1, day=day)
        return int(earlier.astimezone(UTC).timestamp() * 1000) + moved

    def _first_day(self, day: date) -> date:
        """The first day of the period of a date."""
        if self.name == "week":
            return day - timedelta(days=day.weekday())
        if self.name == "month":
            return day.replace(day=1)
        if self.name == "quarter":
            return day.replace(month=(day.month - 1) // 3 * 3 + 1, day=1)
        if self.name == "year":
            return day.replace(month=1, day=1)
        return day

    def _next_first_day(self, first_day: date) -> date:
        """The first day of the period after the one that begins on a date."""
        if self.name == "day":
            return first_day + timedelta(days=1)
        if self.name == "week":
            return first_day + timedelta(days=7)
        months = {"month": 1, "quarter": 3, "year": 12}[self.name]
        index = first_day.year * 12 + first_day.month - 1 + months
        return date(index // 12, index % 12 + 1, 1)


def _label(start: int, calendar: LocalDays, more_years: int) -> str:
    local = datetime.fromtimestamp(start // 1000, calendar.zone)
    return f"{local.year + more_years:04}{local.isoformat(timespec='seconds')[4:]}"
