"""From sums to records: the catalogue's formulas over every window, dimension and member.

Members beyond the limit of a dimension are added up as ``other``; those with the most samples of the metric in
the window stay (ties by name), so that the members with ``other`` always make up ``all``.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from .catalogue import Metric, Sums, Value
from .costs import Slope, allocate
from .events import format_instant
from .ledger import Cell, merge
from .measures import ALL, DIMENSIONS, OTHER, Margin
from .policy import Policy
from .records import MetricRecord

__all__ = ["Frame", "evaluate"]

#: All there are, in the order they are published in; the last ones are not chosen by configuration.
_DIMENSIONS = ("all", *DIMENSIONS, "kind", "program", "class", "target", "model")
_ALWAYS = ("all", "class", "target", "model")


@dataclass(frozen=True, slots=True)
class Frame:
    """One window at one instant: its flows by margin. ``start`` is None for ``now``."""

    window: str
    start: int | None
    sums: Mapping[Margin, Cell]
    period_start: str | None = None


def evaluate(
    frames: Sequence[Frame],
    levels: Mapping[Margin, Cell],
    as_of: int,
    slopes: Mapping[Slope, int],
    policy: Policy,
    metrics: Iterable[Metric],
    limit: int = 50,
    dimensions: Sequence[str] | None = None,
) -> Iterator[MetricRecord]:
    """The records of all metrics at ``as_of`` (ms, the exclusive end of every frame).

    ``levels`` are the sums of all time up to ``as_of``.
    """
    stamp = format_instant(as_of)
    shown = [name for name in _DIMENSIONS if dimensions is None or name in _ALWAYS or name in dimensions]
    tables = {
        (frame.window, dimension): _table(frame, levels, as_of, dimension, slopes, policy)
        for frame in frames
        for dimension in shown
    }
    for metric in metrics:
        own = [frame for frame in frames if (frame.start is None) == metric.level]
        for dimension in shown:
            if dimension not in metric.dimensions:
                continue
            members = _members(metric, [tables[frame.window, dimension] for frame in own])
            if dimension == "all":
                members = ["all"]
            for frame in own:
                table = tables[frame.window, dimension]
                for member, value in _values(metric, table, members, limit):
                    yield MetricRecord(
                        metric=metric.id,
                        window=frame.window,
                        period_start=frame.period_start,
                        dimension=dimension,
                        member=member,
                        value=value.value,
                        count=value.count,
                        low=value.low,
                        high=value.high,
                        unit=metric.unit_in(policy.currency),
                        as_of=stamp,
                        final=False,
                        definition=metric.definition,
                    )


class _Table:
    """The members of one dimension in one frame, and what each is measured by."""

    def __init__(self, frame: Frame, as_of: int, policy: Policy) -> None:
        self.frame = frame
        self.as_of = as_of
        self.policy = policy
        self.cells: dict[str, Cell] = {}
        self.levels: dict[str, Cell] = {}
        self.costs: dict[str, int] = {}
        self._stems: dict[str, set[str]] = {}

    def sums(self, member: str) -> Sums:
        return self._sums(self.cells.get(member, {}), self.levels.get(member, {}), self.costs.get(member, 0))

    def together(self, members: Iterable[str]) -> Sums:
        """Several members as one."""
        cell: Cell = {}
        levels: Cell = {}
        cost = 0
        for member in members:
            merge(cell, self.cells.get(member, {}))
            merge(levels, self.levels.get(member, {}))
            cost += self.costs.get(member, 0)
        return self._sums(cell, levels, cost)

    def _sums(self, cell: Cell, levels: Cell, cost: int) -> Sums:
        return Sums(cell, levels, self.frame.window, self.as_of, cost, self.policy)

    def having(self, needs: Sequence[str]) -> Iterator[str]:
        """The members with any amount of any of these measures."""
        if not self._stems:
            for cells in (self.cells, self.levels):
                for member, cell in cells.items():
                    self._stems.setdefault(member, set()).update(map(_stem, cell))
        for member, stems in self._stems.items():
            if not stems.isdisjoint(needs):
                yield member
        if "cost" in needs:
            yield from self.costs


def _stem(key: str) -> str:
    """The measure a key belongs to: without bin, instant or window."""
    return key.partition(".")[0].partition("@")[0]


def _table(
    frame: Frame,
    levels: Mapping[Margin, Cell],
    as_of: int,
    dimension: str,
    slopes: Mapping[Slope, int],
    policy: Policy,
) -> _Table:
    table = _Table(frame, as_of, policy)
    table.cells = {member: cell for (name, member), cell in frame.sums.items() if name == dimension}
    table.levels = {member: cell for (name, member), cell in levels.items() if name == dimension}
    if frame.start is None or dimension in ("class", "target", "model"):
        return table
    if dimension == "all":
        table.costs = {"all": sum(slope.within(frame.start, as_of) * times for slope, times in slopes.items())}
        return table
    whole = frame.sums.get(ALL, {})
    weight = "handle_ms" if whole.get("handle_ms") else "tickets_created"
    weights = {member: cell.get(weight, 0) for member, cell in table.cells.items()}
    table.costs = allocate(slopes, frame.start, as_of, dimension, weights)
    return table


def _members(metric: Metric, tables: Iterable[_Table]) -> list[str]:
    """All members that a metric has anything of in any window, so that shorter windows show their zeros."""
    found: set[str] = set()
    for table in tables:
        found.update(table.having(metric.needs))
    return sorted(found)


def _values(metric: Metric, table: _Table, members: Sequence[str], limit: int) -> Iterator[tuple[str, Value]]:
    values = [(member, metric.compute(table.sums(member))) for member in members]
    named = [item for item in values if item[0] != OTHER]
    if len(named) <= limit:
        yield from values
        return
    named.sort(key=lambda item: (-item[1].count, item[0]))
    yield from sorted(named[:limit])
    rest = [member for member, _ in named[limit:]]
    yield OTHER, metric.compute(table.together([*rest, OTHER]))
