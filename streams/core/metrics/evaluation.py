"""From sums to records: the catalogue's formulas over every window, dimension and member.

Rules of this file:

* Members beyond the limit of a dimension are summed up as ``other``. Those with the most samples of the metric in the
  window stay (ties by name), so that the members with ``other`` always make up ``all``.
* A member with any amount in any window is published in all windows, so that shorter ones have its zeros. Members by
  definition are always published: a promise that nobody broke is at 0.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import lru_cache
from typing import Final

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

#: All dimensions in the order of publication.
_DIMENSIONS: Final = ("all", *DIMENSIONS, "kind", "program", "class", "target", "model")
#: Those that configuration does not choose, nor limits: their members are few, and ``class`` has an ``other`` itself.
_ALWAYS: Final = ("all", "class", "target", "model")
#: Those on whose members no cost falls.
_UNCOSTED: Final = ("class", "target", "model", "kind", "program")


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

    ``levels``: the sums of all time up to ``as_of``. ``accruals``: each cost with how often it is booked. ``limit``:
    the most members of a dimension. ``dimensions``: those of labels to publish; None: all.
    """
    context = _Context(levels, as_of, accruals, policy)
    published = [name for name in _DIMENSIONS if dimensions is None or name in _ALWAYS or name in dimensions]
    for metric in metrics:
        if metric.compute is None:
            continue
        own = [
            frame
            for frame in frames
            if (frame.flows is None) == metric.level and (metric.aligned or frame.window not in ALIGNED)
        ]
        for dimension in published:
            if dimension in metric.dimensions:
                yield from _records(context, metric, dimension, own, frames, limit)


def value_in(
    metric: Metric, flows: FlowSums, window: str, margin: Margin, accruals: Mapping[CostAccrual, int], policy: Policy
) -> int | float | None:
    """A metric's value over flows alone; None if undefined, and for metrics of levels or derived from records."""
    if metric.compute is None or metric.level:
        return None
    context = _Context({}, flows.end, accruals, policy)
    return metric.compute(context.table(window, flows, margin[0]).sums(margin[1])).value


def weights(whole: Cell, cells: Mapping[str, Cell]) -> dict[str, int]:
    """The weights by which costs are shared over members: handle time, or tickets created if ``whole`` has none.

    Source: docs/definitions.md#cost.
    """
    handled, created = ALLOCATED
    weight = handled if whole.get(handled) else created
    return {member: cell.get(weight, 0) for member, cell in cells.items()}


class _Table:
    """The members of one dimension in one frame, each with its flows, levels and cost. Instants are ms."""

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
        #: Customers active at the start of an aligned window; None in other windows.
        self.active: int | None = None
        #: The measures of which each member has any amount, collected on the first call.
        self._measures: dict[str, set[str]] = {}
        self._sums_by_member: dict[str, Sums] = {}

    def sums(self, member: str) -> Sums:
        """The sums of one member."""
        sums = self._sums_by_member.get(member)
        if sums is None:
            cell, levels = self.cells.get(member, {}), self.levels.get(member, {})
            sums = self._sums_by_member[member] = self._sums(cell, levels, self.costs.get(member, 0))
        return sums

    def joint_sums(self, members: Iterable[str]) -> Sums:
        """The sums of several members as one."""
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

    def members_with(self, measures: Sequence[str]) -> Iterator[str]:
        """The members with any amount of any of these measures; ``COST``: with any cost."""
        if not self._measures:
            for cells in (self.cells, self.levels):
                for member, cell in cells.items():
                    self._measures.setdefault(member, set()).update(map(_measure_of, cell))
        for member, own in self._measures.items():
            if not own.isdisjoint(measures):
                yield member
        if COST in measures:
            yield from self.costs


class _Context:
    """The tables of one evaluation, each made once. Instants are ms."""

    def __init__(
        self, levels: Mapping[Margin, Cell], as_of: int, accruals: Mapping[CostAccrual, int], policy: Policy
    ) -> None:
        self.levels = _by_dimension(levels)
        self.as_of = as_of
        self.stamp = format_instant(as_of)
        self.accruals = accruals
        self.policy = policy
        # Flows are the same object in many tables: derived data is stored by identity.
        self._flows: dict[int, dict[str, dict[str, Cell]]] = {}
        self._accrued: dict[int, AccruedCosts] = {}
        self._tables: dict[tuple[str, int, str], _Table] = {}

    def tables(self, frames: Iterable[Frame], dimension: str) -> list[_Table]:
        """The table of each frame."""
        return [self.table(frame.window, frame.flows, dimension, frame.active) for frame in frames]

    def table(self, window: str, flows: FlowSums | None, dimension: str, active: int | None = None) -> _Table:
        """The table of some flows; None: of levels alone. ``active``: see ``Sums``."""
        key = (window, id(flows), dimension)
        table = self._tables.get(key)
        if table is None:
            table = self._tables[key] = self._make(window, flows, dimension)
            table.active = active
        return table

    def _make(self, window: str, flows: FlowSums | None, dimension: str) -> _Table:
        table = _Table(window, flows, self.as_of, self.policy)
        table.levels = self.levels.get(dimension, {})
        if flows is None:
            return table
        cells = self._flows.get(id(flows))
        if cells is None:
            cells = self._flows[id(flows)] = _by_dimension(flows.sums)
        table.cells = cells.get(dimension, {})
        table.accrued = self._accrued.get(id(flows))
        if table.accrued is None:
            table.accrued = self._accrued[id(flows)] = accrued_costs(self.accruals, flows.start, flows.end)
        if dimension == "all":
            table.costs = {"all": table.accrued.total}
        elif dimension not in _UNCOSTED:
            table.costs = allocate(table.accrued, dimension, weights(flows.sums.get(ALL, {}), table.cells))
        return table

    def comparison_tables(self, metric: Metric, frame: Frame, dimension: str) -> dict[str, _Table]:
        """The tables of earlier windows by field of the record; none for a metric without comparison."""
        if not metric.has_comparison:
            return {}
        earlier = {"previous": frame.previous, "year_before": frame.year_before}
        return {
            field: self.table(frame.window, flows, dimension) for field, flows in earlier.items() if flows is not None
        }


def _by_dimension(sums: Mapping[Margin, Cell]) -> dict[str, dict[str, Cell]]:
    by_dimension: dict[str, dict[str, Cell]] = {}
    for (dimension, member), cell in sums.items():
        by_dimension.setdefault(dimension, {})[member] = cell
    return by_dimension


@lru_cache(1 << 16)
def _measure_of(key: str) -> str:
    """The measure of a cell's key: without bin, instant or window."""
    return key.partition(".")[0].partition("@")[0]


def _records(
    context: _Context, metric: Metric, dimension: str, own: Sequence[Frame], frames: Sequence[Frame], limit: int
) -> Iterator[MetricRecord]:
    """The records of one metric in one dimension. ``own``: the frames among all that the metric is published in."""
    tables = context.tables(own, dimension)
    in_any = context.tables(frames, dimension) if metric.level else tables
    members = ["all"] if dimension == "all" else _members(metric, in_any, _defined(dimension, context.policy))
    own_limit = None if dimension in _ALWAYS else limit
    for frame, table in zip(own, tables, strict=True):
        earlier = context.comparison_tables(metric, frame, dimension)
        for member, value, comparison in _values(metric, table, members, own_limit, earlier):
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
                unit=metric.unit_in(context.policy.currency),
                as_of=context.stamp,
                final=frame.final,
                definition=metric.definition,
                **comparison,
            )


def _defined(dimension: str, policy: Policy) -> Iterable[str]:
    """The members that a dimension has by definition; for most dimensions none."""
    if dimension == "target":
        return (level.name for level in policy.service_levels)
    return {"class": CLASSES, "model": MODELS}.get(dimension, ())


def _members(metric: Metric, tables: Iterable[_Table], defined: Iterable[str]) -> list[str]:
    """The members by definition, and all that a metric has any amount of in any window, sorted."""
    members = set(defined)
    for table in tables:
        members.update(table.members_with(metric.member_measures))
    return sorted(members)


def _values(
    metric: Metric, table: _Table, members: Sequence[str], limit: int | None, earlier: Mapping[str, _Table]
) -> Iterator[tuple[str, Value, dict[str, int | float | None]]]:
    """Each member's value, and its values in earlier windows by field of the record."""
    assert metric.compute is not None
    values = [(member, metric.compute(table.sums(member))) for member in members]
    named = [item for item in values if item[0] != OTHER]
    rest: list[str] = []
    if limit is not None and len(named) > limit:
        named.sort(key=lambda item: (-item[1].count, item[0]))
        rest = [member for member, _ in named[limit:]] + [OTHER]
        values = [*sorted(named[:limit]), (OTHER, metric.compute(table.joint_sums(rest)))]
    for member, value in values:
        comparison = {
            field: metric.compute(other.joint_sums(rest) if rest and member == OTHER else other.sums(member)).value
            for field, other in earlier.items()
        }
        yield member, value, comparison
