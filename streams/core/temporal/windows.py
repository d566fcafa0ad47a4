"""Windows over panes: which slots tile them, and their sums kept while the clock moves.

A rolling window of length w at ``as_of`` is [start, as_of), where ``start`` is ``as_of - w`` taken back to the
edge of the window's pane. Panes form a ladder, each nested in the next, counted from local midnight:

    1d   |-----------------------------------------------|-------- … ------|
    12h  |-----------------------|-----------------------|
    2h   |---|---|---|---|---|---|                            a window's left end is an edge of its own pane,
    …                                                         its right end is tiled by ever finer panes:

         [start                                  as_of)
          |----p----|----p----|----p----|-q-|-q-|r|r|
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

from streams.core.temporal.calendar import LocalDays
from streams.core.temporal.instants import DAY, HOUR, MINUTE, SECOND

__all__ = ["DAYS", "LADDER", "Window", "floor", "rolling"]


#: Pane lengths below a day; each divides the next and the day.
LADDER: Final = (5 * SECOND, MINUTE, 20 * MINUTE, 2 * HOUR, 12 * HOUR)
#: The resolution of local days, the coarsest one.
DAYS: Final = len(LADDER)
_UNITS: Final = {"m": MINUTE, "h": HOUR, "d": DAY}


@dataclass(frozen=True, slots=True)
class Window:
    """A rolling window. ``days`` > 0: that many local days, on day panes; else ``length`` ms on ``resolution``."""

    name: str
    length: int
    days: int
    resolution: int
    calendar: LocalDays

    @property
    def whole_days(self) -> int:
        """Its length in days; 0 where that is no whole number."""
        return self.days or (self.length // DAY if self.length % DAY == 0 else 0)

    def start(self, as_of: int) -> int:
        """Where the window that ends at ``as_of`` begins: an edge of its pane."""
        if self.days:
            return self.calendar.shift(as_of, -self.days)
        return floor(as_of - self.length, self.resolution, self.calendar)

    def leaves(self, at: int) -> int:
        """The last ``as_of`` for which the window still holds ``at``: there a level's −1 is booked."""
        if self.days:
            return self.calendar.shift(at, self.days + 1) - 1
        return ceiling(at, self.resolution, self.calendar) + self.length - 1


def rolling(name: str, calendar: LocalDays) -> Window:
    """The rolling window of a name like ``5m``, ``24h`` or ``90d``; ``ValueError`` for any other."""
    match = re.fullmatch(r"([1-9]\d{0,3})([mhd])", name)
    if match is None:
        raise ValueError(f"window {name!r}: expected a number and m, h or d, such as 24h")
    length = int(match[1]) * _UNITS[match[2]]
    if not LADDER[0] * 60 <= length <= 731 * DAY:
        raise ValueError(f"window {name!r}: from 5m to 731d")
    if length >= 60 * DAY:
        return Window(name, length, length // DAY, DAYS, calendar)
    resolution = max(index for index, pane in enumerate(LADDER) if pane * 60 <= length)
    return Window(name, length, 0, resolution, calendar)


def floor(at: int, resolution: int, calendar: LocalDays) -> int:
    """The edge of a resolution at or before an instant."""
    midnight = calendar.midnight(at)
    if resolution == DAYS:
        return midnight
    pane = LADDER[resolution]
    return midnight + (at - midnight) // pane * pane


def ceiling(at: int, resolution: int, calendar: LocalDays) -> int:
    """The first edge of a resolution after an instant; a day's last pane ends with the day."""
    following = calendar.shift(at, 1)
    if resolution == DAYS:
        return following
    return min(floor(at, resolution, calendar) + LADDER[resolution], following)
