"""The replay: the same core over events in hand, at instants known beforehand. Used by ``support-roi replay``."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from .book import Book
from .catalogue import METRICS, Metric
from .evaluation import Frame, evaluate
from .events import Event, format_instant
from .ledger import Ledger
from .policy import Policy
from .records import MetricRecord
from .windows import CutGrid, Sliding, Window

__all__ = ["Replay"]


class Replay:
    """Values at each of ``instants`` (ms, ascending), each from the events before it alone.

    ``start`` adds the window ``period`` = [start, instant). ``warm`` bounds what is held decoded.
    """

    def __init__(
        self,
        policy: Policy,
        windows: Sequence[Window],
        instants: Sequence[int],
        start: int | None = None,
        warm: int = 2_000_000,
    ) -> None:
        self.policy = policy
        self.windows = windows
        self.instants = instants
        self.start = start
        cuts = {*instants, *(window.start(at) for at in instants for window in windows)}
        if start is not None:
            cuts.add(start)
        self.grid = CutGrid(cuts)
        self.ledger = Ledger(self.grid)
        self.book = Book(policy, self.ledger, windows, start, warm)
        self._levels = Sliding(self.ledger.panes, levels=True)
        self._sliding = [Sliding(self.ledger.panes) for _ in windows]
        self._period = Sliding(self.ledger.panes)

    def add(self, event: Event) -> str:
        """Takes an event that occurred before the next instant; see ``Book.add``."""
        return self.book.add(event)

    def close(self) -> Iterator[None]:
        """Derives and posts what was added; yields now and then, so that the caller can show progress."""
        for _ in self.book.close():
            yield
        changes = self.ledger.flush()
        for sliding in (*self._sliding, self._levels, self._period):
            sliding.absorb(changes)

    def records(
        self, as_of: int, metrics: Sequence[Metric] = tuple(METRICS.values()), limit: int = 50,
        dimensions: Sequence[str] | None = None,
    ) -> Iterator[MetricRecord]:  # fmt: skip
        """The records at one of the instants, in ascending order of calls."""
        frames = [Frame("now", None, {})]
        for window, sliding in zip(self.windows, self._sliding, strict=True):
            sliding.advance(self.grid.window(window, as_of))
            frames.append(Frame(window.name, window.start(as_of), sliding.sums))
        if self.start is not None and self.start <= as_of:
            self._period.advance(self.grid.between(self.start, as_of))
            frames.append(Frame("period", self.start, self._period.sums, format_instant(self.start)))
        self._levels.advance(self.grid.ever(as_of))
        return evaluate(frames, self._levels.sums, as_of, self.book.slopes, self.policy, metrics, limit, dimensions)
