"""Rolling windows: a length up to ``as_of``, from an edge of the window's pane.

A rolling window of length w at ``as_of`` is [start, as_of), where ``start`` is ``as_of - w`` taken back to an edge of
the window's pane (docs/definitions.md#windows). Its right end is tiled by ever finer panes of the ladder (``ladder``):

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

_UNITS_MS: Final = {"m": MINUTE, "h": HOUR, "d": DAY}
#: A pane is at most this part of its window.
_PANES_PER_WINDOW: Final = 60


@dataclass(frozen=True, slots=True)
class RollingWindow:
    """A rolling window, [start, as_of). Instants are ms.

    With ``days`` > 0 it is that many whole local days and today so far, on day panes. Otherwise (0) it is ``length_ms``
    on the panes of ``resolution``.
    """

    name: str
    length_ms: int
    days: int
    resolution: int
    calendar: LocalDays

    @property
    def whole_days(self) -> int:
        """The length in days; 0 where it is not a whole number."""
        return self.days or (self.length_ms // DAY if self.length_ms % DAY == 0 else 0)

    def start(self, as_of: int) -> int:
        """The start of the window that ends at ``as_of``: an edge of its pane."""
        if self.days:
            return self.calendar.shift(as_of, -self.days)
        return floor(as_of - self.length_ms, self.resolution, self.calendar)

    def until(self, at: int) -> int:
        """The last ``as_of`` at which the window still holds ``at``; a level's −1 is booked there."""
        if self.days:
            return self.calendar.shift(at, self.days + 1) - 1
        return ceiling(at, self.resolution, self.calendar) + self.length_ms - 1


def rolling(name: str, calendar: LocalDays) -> RollingWindow:
    """The rolling window of a name such as ``5m``, ``24h`` or ``90d``. Raises ``ValueError`` for any other name."""
    match = re.fullmatch(r"([1-9]\d{0,3})([mhd])", name)
    if match is None:
        raise ValueError(f"window {name!r}: expected a number and m, h or d, such as 24h")
    length_ms = int(match[1]) * _UNITS_MS[match[2]]
    if not LADDER[0] * _PANES_PER_WINDOW <= length_ms <= 731 * DAY:
        raise ValueError(f"window {name!r}: from 5m to 731d")
    if length_ms >= DAY * _PANES_PER_WINDOW:
        return RollingWindow(name, length_ms, length_ms // DAY, DAYS, calendar)
    resolution = max(index for index, pane_ms in enumerate(LADDER) if pane_ms * _PANES_PER_WINDOW <= length_ms)
    return RollingWindow(name, length_ms, 0, resolution, calendar)
