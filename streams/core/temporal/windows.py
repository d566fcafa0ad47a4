"""Windows as the clock moves: one type for rolling windows, aligned ones, and a replay's own ``period``.

rolling        |------ holds at ------|              until(at): the last as_of of a window that holds ``at``
           at  ^                      ^ until(at)
aligned    |-------at------|                         opens(at): where the period of ``at`` begins
           ^ opens(at)     ^ until(at)
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache

from streams.core.temporal.instants import EVER
from streams.core.temporal.periods import AlignedWindow
from streams.core.temporal.rolling import RollingWindow

__all__ = ["Window", "all_windows", "holding"]

#: Instants whose ``until`` a window remembers: the same touches and payments come up again and again.
_REMEMBERED = 10_000


@dataclass(frozen=True, slots=True, eq=False)
class Window:
    """A window by name. Instants are ms.

    ``until(at)`` is the last as_of at which the window still holds ``at``; before all time if it never does.
    ``opens(at)`` is the start of the period that holds ``at``; None: a rolling window, which has no fixed start.
    ``length_ms`` is how long a rolling window holds an instant at least; 0 for other windows.
    ``resets``: an aligned window, whose sums end with it, so that nothing is booked at its end.
    """

    name: str
    until: Callable[[int], int]
    opens: Callable[[int], int] | None = None
    length_ms: int = 0
    resets: bool = False


def all_windows(
    rolling: Sequence[RollingWindow] = (), aligned: Sequence[AlignedWindow] = (), start: int | None = None
) -> tuple[Window, ...]:
    """All windows of a book; ``start`` (ms) adds a replay's ``period`` = [start, as_of)."""
    windows = [Window(one.name, lru_cache(_REMEMBERED)(one.until), length_ms=one.length_ms) for one in rolling]
    windows += [Window(one.name, lru_cache(_REMEMBERED)(one.until), one.opens, resets=True) for one in aligned]
    if start is not None:
        windows.append(Window("period", lambda at: EVER if at >= start else -EVER, lambda at: start))
    return tuple(windows)


def holding(windows: Sequence[Window], first: int, last: int) -> Iterator[tuple[Window, int | None]]:
    """The windows that hold two instants at once, and until when: from ``last`` on; None: for ever.

    Distinct things in a window do not add up from panes, but repetitions in the same window do. So a count of distinct
    things is the count of all, less those followed by another, booked where the other follows.
    """
    for window in windows:
        until = window.until(first)
        if last < until:
            yield window, until if window.opens is None else None
