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
from streams.core.temporal.instants import DAY, HOUR, MINUTE
from streams.core.temporal.ladder import DAYS, LADDER, ceiling, floor

__all__ = ["RollingWindow", "rolling"]
_UNITS: Final = {"m": MINUTE, "h": HOUR, "d": DAY}


@dataclass(frozen=True, slots=True)
class RollingWindow:
    """A rolling window. ``days`` > 0: that many local days, on day panes; else ``length_ms`` on ``resolution``."""

    name: str
    length_ms: int
    days: int
    resolution: int
    calendar: LocalDays

    @property
    def whole_days(self) -> int:
        """Its length in days; 0 where that is no whole number."""
        return self.days or (self.length_ms // DAY if self.length_ms % DAY == 0 else 0)

    def start(self, as_of: int) -> int:
        """Where the window that ends at ``as_of`` begins: an edge of its pane."""
        if self.days:
            return self.calendar.shift(as_of, -self.days)
        return floor(as_of - self.length_ms, self.resolution, self.calendar)

    def until(self, at: int) -> int:
        """The last ``as_of`` at which the window still holds ``at``; there a level's −1 is booked."""
        if self.days:
            return self.calendar.shift(at, self.days + 1) - 1
        return ceiling(at, self.resolution, self.calendar) + self.length_ms - 1


def rolling(name: str, calendar: LocalDays) -> RollingWindow:
    """The rolling window of a name like ``5m``, ``24h`` or ``90d``; ``ValueError`` for any other."""
    match = re.fullmatch(r"([1-9]\d{0,3})([mhd])", name)
    if match is None:
        raise ValueError(f"window {name!r}: expected a number and m, h or d, such as 24h")
    length = int(match[1]) * _UNITS[match[2]]
    if not LADDER[0] * 60 <= length <= 731 * DAY:
        raise ValueError(f"window {name!r}: from 5m to 731d")
    if length >= 60 * DAY:
        return RollingWindow(name, length, length // DAY, DAYS, calendar)
    resolution = max(index for index, pane in enumerate(LADDER) if pane * 60 <= length)
    return RollingWindow(name, length, 0, resolution, calendar)
