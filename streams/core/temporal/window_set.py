"""All windows that values are asked for."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from streams.core.temporal.periods import Aligned
from streams.core.temporal.windows import Window

__all__ = ["WindowSet"]


@dataclass(frozen=True, slots=True)
class WindowSet:
    """All windows that values are asked for; ``start`` (ms) is that of a replay's own window ``period``."""

    rolling: Sequence[Window] = ()
    aligned: Sequence[Aligned] = ()
    start: int | None = None

    def holding(self, first: int, last: int) -> Iterator[tuple[str, int | None]]:
        """The windows that hold two things at once, and until when (None: for ever), from the later one on.

        Distinct things in a window do not add up from panes. But those that come again in the same window do: so a
        count of distinct ones is that of all less that of those followed by another, booked where it follows.
        """
        for window in self.rolling:
            leaves = window.leaves(first)
            if last < leaves:
                yield window.name, leaves
        for kind in self.aligned:
            if last < kind.period(first).end:
                yield kind.name, None
        if self.start is not None and first >= self.start:
            yield "period", None
