"""The ladder of panes: lengths that nest, counted from local midnight up to whole local days.

1d   |-----------------------------------------------|-------- … ------|
12h  |-----------------------|-----------------------|
2h   |---|---|---|---|---|---|
…
"""

from __future__ import annotations

from typing import Final

from streams.core.temporal.calendar import LocalDays
from streams.core.temporal.instants import HOUR, MINUTE, SECOND

__all__ = ["DAYS", "LADDER", "ceiling", "floor"]


#: Pane lengths below a day; each divides the next and the day.
LADDER: Final = (5 * SECOND, MINUTE, 20 * MINUTE, 2 * HOUR, 12 * HOUR)
#: The resolution of local days, the coarsest one.
DAYS: Final = len(LADDER)


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
