"""From sums to records: the catalogue's formulas over every window, dimension and member.

Members beyond the limit of a dimension are added up as ``other``; those with the most samples of the metric in
the window stay (ties by name), so that the members with ``other`` always make up ``all``.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import lru_cache

from streams.core.costs.accrual import AccruedCosts, CostAccrual, accrued_costs, allocate
from streams.core.ledger.dimensions import ALL, DIMENSIONS, OTHER, Margin
from streams.core.ledger.frames import FlowSums, Frame
from streams.core.ledger.panes import Cell, merge
from streams.core.metrics.base import ALLOCATED, COST, Metric, Sums, Value
from streams.core.metrics.records import MetricRecord
from streams.core.orders.attribution import MODELS
from streams.core.orders.benefit import CLASSES
from streams.core.policy import Policy
from streams.core.temporal.instants import format_instant
from streams.core.temporal.periods import ALIGNED

__all__ = ["evaluate", "value_in", "weights"]

#: All there are, in the order they are published in; the last ones are not chosen by configuration.
_DIMENSIONS = ("all", *DIMENSIONS, "kind", "program", "class", "target", "model")
_ALWAYS = ("all", "class", "target", "model")
#: No cost falls on the members of these.
_UNCOSTED = ("class", "target", "model", "kind", "program")


def evaluate(
    frames: Sequence[Frame],
    levels: Mapping[Margin, Cell],
    as_of: int,
    accruals: Mapping[CostAccrual, int],
    policy: Policy,
    metrics: Iterable[Metric],
    limit: int = 50,
    dimensions: Sequence[str] | None = None,
) -> Iterator[MetricRecord]:
    """The records of all metrics at ``as_of`` (ms, the exclusive end of every running frame).

    ``levels`` are the sums of all time up to ``as_of``. A member that any frame has anything of is shown in all, and
    those that there are by definition always: a promise that nobody broke is at 0.
    """
    stamp = format_instant(as_of)
    shown = [name for name in _DIMENSIONS if dimensions is None or name in _ALWAYS or name in dimensions]
    context = _Context(levels, as_of, accruals, policy)
    for metric in metrics:
        if metric.compute is None:
            continue
        own = [
            frame
            for frame in frames
            if (frame.flows is None) == metric.level and (metric.aligned or frame.window not in ALIGNED)
        ]
        for dimension in shown:
            if dimension not in metric.dimensions:
                continue
            bound = None if dimension in _ALWAYS else limit  # their members are few, and ``other`` is one of class
            tables = context.tables(own, dimension)
            seen = context.tables(frames, dimension) if metric.level else tables
            members = ["all"] if dimension == "all" else _members(metric, seen, _defined(dimension, policy))
            for frame, table in zip(own, tables, strict=True):
                compared = context.compared(metric, frame, dimension)
                for member, value, beside in _values(metric, table, members, bound, compared):
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
                        final=frame.final,
                        definition=metric.definition,
                        **beside,
                    )


class _Context:
    """What all tables of one evaluation share; each table is made once."""

    def __init__(
        self, levels: Mapping[Margin, Cell], as_of: int, accruals: Mapping[CostAccrual, int], policy: Policy
    ) -> None:
        self.levels = _by_dimension(levels)
        self.as_of = as_of
        self.accruals = accruals
        self.policy = policy
        self._flows: dict[int, dict[str, dict[str, Cell]]] = {}
        self._accrued: dict[int, AccruedCosts] = {}
        self._tables: dict[tuple[str, int, str], _Table] = {}

    def tables(self, frames: Iterable[Frame], dimension: str) -> list[_Table]:
        return [self.table(frame.window, frame.flows, dimension, frame.active) for frame in frames]

    def table(self, window: str, flows: FlowSums | None, dimension: str, active: int | None = None) -> _Table:
        key = (window, id(flows), dimension)
        found = self._tables.get(key)
        if found is None:
            found = self._tables[key] = self._make(window, flows, dimension)
            found.active = active
        return found

    def _make(self, window: str, flows: FlowSums | None, dimension: str) -> _Table:
        table = _Table(window, flows, self.as_of, self.policy)
        table.levels = self.levels.get(dimension, {})
        if flows is None:
            return table
        parted = self._flows.get(id(flows))
        if parted is None:
            parted = self._flows[id(flows)] = _by_dimension(flows.sums)
        table.cells = parted.get(dimension, {})
        table.accrued = self._accrued.get(id(flows))
        if table.accrued is None:
            table.accrued = self._accrued[id(flows)] = accrued_costs(self.accruals, flows.start, flows.end)
        if dimension == "all":
            table.costs = {"all": table.accrued.total}
        elif dimension not in _UNCOSTED:
            table.costs = allocate(table.accrued, dimension, weights(flows.sums.get(ALL, {}), table.cells))
        return table

    def compared(self, metric: Metric, frame: Frame, dimension: str) -> dict[str, _Table]:
        """The tables to compare with, for metrics that are."""
        if not metric.compared:
            return {}
        beside = {"previous": frame.previous, "year_before": frame.year_before}
        return {name: self.table(frame.window, flows, dimension) for name, flows in beside.items() if flows is not None}


def value_in(
    metric: Metric, flows: FlowSums, window: str, margin: Margin, accruals: Mapping[CostAccrual, int], policy: Policy
) -> int | float | None:
    """A metric's value over one stretch of flows, by itself; None for what depends on levels."""
    if metric.compute is None or metric.level:
        return None
    context = _Context({}, flows.end, accruals, policy)
    return metric.compute(context.table(window, flows, margin[0]).sums(margin[1])).value


def weights(whole: Cell, cells: Mapping[str, Cell]) -> dict[str, int]:
    """By what costs are shared over members: handle time, or tickets created where ``whole`` has none."""
    handled, created = ALLOCATED
    weight = handled if whole.get(handled) else created
    return {member: cell.get(weight, 0) for member, cell in cells.items()}


def _by_dimension(sums: Mapping[Margin, Cell]) -> dict[str, dict[str, Cell]]:
    parted: dict[str, dict[str, Cell]] = {}
    for (dimension, member), cell in sums.items():
        parted.setdefault(dimension, {})[member] = cell
    return parted


class _Table:
    """The members of one dimension in one frame, and what each is measured by."""

    def __init__(self, window: str, flows: FlowSums | None, as_of: int, policy: Policy) -> None:
        self.window = window
        self.flows = flows
        self.as_of = as_of
        self.policy = policy
        self.cells: dict[str, Cell] = {}
        self.levels: dict[str, Cell] = {}
        self.costs: dict[str, int] = {}
        #: All costs of the window, whoever they fall on; None in ``now``.
        self.accrued: AccruedCosts | None = None
        self.active: int | None = None
        self._stems: dict[str, set[str]] = {}
        self._members: dict[str, Sums] = {}

    def sums(self, member: str) -> Sums:
        found = self._members.get(member)
        if found is None:
            cell, levels = self.cells.get(member, {}), self.levels.get(member, {})
            found = self._members[member] = self._sums(cell, levels, self.costs.get(member, 0))
        return found

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
        span = (self.as_of, self.as_of) if self.flows is None else (self.flows.start, self.flows.end)
        return Sums(cell, levels, self.window, self.as_of, cost, self.policy, span, self.accrued, self.active, {})

    def having(self, measures: Sequence[str]) -> Iterator[str]:
        """The members with any amount of any of these measures."""
        if not self._stems:
            for cells in (self.cells, self.levels):
                for member, cell in cells.items():
                    self._stems.setdefault(member, set()).update(map(_stem, cell))
        for member, stems in self._stems.items():
            if not stems.isdisjoint(measures):
                yield member
        if COST in measures:
            yield from self.costs


@lru_cache(1 << 16)
def _stem(key: str) -> str:
    """The measure a key belongs to: without bin, instant or window."""
    return key.partition(".")[0].partition("@")[0]


def _defined(dimension: str, policy: Policy) -> Iterable[str]:
    """The members that a dimension has whatever happens; for most none."""
    if dimension == "target":
        return (level.name for level in policy.service_levels)
    return {"class": CLASSES, "model": MODELS}.get(dimension, ())


def _members(metric: Metric, tables: Iterable[_Table], defined: Iterable[str]) -> list[str]:
    """All members that a metric has anything of in any window, so that shorter windows show their zeros."""
    found = set(defined)
    for table in tables:
        found.update(table.having(metric.shows))
    return sorted(found)


def _values(
    metric: Metric, table: _Table, members: Sequence[str], limit: int | None, compared: Mapping[str, _Table]
) -> Iterator[tuple[str, Value, dict[str, int | float | None]]]:
    """Each member's value, and the values beside it."""
    assert metric.compute is not None
    values = [(member, metric.compute(table.sums(member))) for member in members]
    named = [item for item in values if item[0] != OTHER]
    rest: list[str] = []
    if limit is not None and len(named) > limit:
        named.sort(key=lambda item: (-item[1].count, item[0]))
        rest = [member for member, _ in named[limit:]] + [OTHER]
        values = [*sorted(named[:limit]), (OTHER, metric.compute(table.together(rest)))]
    for member, value in values:
        beside = {
            name: metric.compute(other.together(rest) if rest and member == OTHER else other.sums(member)).value
            for name, other in compared.items()
        }
        yield member, value, beside
