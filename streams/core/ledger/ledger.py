"""The ledger: the sums of bookings, by pane and margin.

Rules of this file:

* A booking is ``(instant, measure, labels, value)``; an entity's bookings are a multiset.
* When the bookings of an entity change, only the difference is posted. A difference and its inverse together leave
  nothing: cells at zero vanish. Every amount is an ``int``.
* A pane is a slot of time at one resolution; a cell is one margin's amounts in one pane. Nothing here depends on
  tickets.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping
from itertools import zip_longest
from typing import Final, NamedTuple, TypeAlias

from streams.core.ledger.amounts import Kind, amounts
from streams.core.ledger.bookings import Booking
from streams.core.ledger.dimensions import ABSENT, ALWAYS, OTHER, UNKNOWN, Labels, Margin, Scheme, margins
from streams.core.ledger.grids import Grid
from streams.core.ledger.measures import measure
from streams.core.ledger.panes import Cell, Changes, Pane, Panes, sum_by_margin, without_zeros

__all__ = ["Ledger"]

#: Cells by whole label sets of one scheme.
_LabelledCells: TypeAlias = dict[Labels, Cell]

#: Instants and label sets a scheme caches before the cache is emptied.
_CACHE_LIMIT: Final = 100_000


class _Route(NamedTuple):
    """The way of a measure's bookings into pending cells."""

    #: True for ``Kind.COUNT``, whose value adds up under the measure's name.
    is_count: bool
    kind: Kind
    #: Pending cells under the measure's scheme, by instant.
    cells_by_instant: dict[int, _LabelledCells]
    scheme: Scheme
    ends_at_pane_edge: bool


class Ledger:
    """Collects differences and adds them to panes.

    ``member_limit`` bounds the members of a dimension: later ones are booked as ``other``, so that the sums stay right
    whatever producers invent. None, in a replay: no limit. ``dimensions`` are the dimensions of labels that are booked,
    ``measures`` the measures, with those of their windows; None: all.
    """

    def __init__(
        self,
        grid: Grid,
        member_limit: int | None = None,
        panes: Panes | None = None,
        dimensions: Iterable[str] | None = None,
        measures: Collection[str] | None = None,
    ) -> None:
        self.grid: Final = grid
        self.panes: Final = Panes() if panes is None else panes
        #: Dimension -> members admitted so far. Part of the state: a booking is taken back from where it was made.
        self.admitted: Final[dict[str, set[str]]] = {}
        self._member_limit = member_limit
        self._dimensions = None if dimensions is None else {*dimensions, *ALWAYS}
        self._measures = measures
        #: The route of each measure posted so far; None for those that are not booked.
        self._routes: dict[str, _Route | None] = {}
        self._pending: dict[Pane, dict[Scheme, _LabelledCells]] = {}
        #: Pending cells indexed by instant; a unit usually posts many bookings at one instant.
        self._pending_by_instant: defaultdict[tuple[Scheme, bool], dict[int, _LabelledCells]] = defaultdict(dict)
        self._margins: defaultdict[Scheme, dict[Labels, tuple[Margin, ...]]] = defaultdict(dict)

    def post(self, delta: Mapping[Booking, int]) -> None:
        """Adds a difference, each booking once, under its whole label set, in its finest pane; see ``flush``."""
        routes = self._routes
        for (at, name, labels, value), times in delta.items():
            route = routes.get(name) or self._find_route(name)
            if route is None:
                continue
            is_count, kind, cells_by_instant, _, _ = route
            cells = cells_by_instant.get(at)
            if cells is None:
                cells = self._open_cells(at, route)
            cell = cells.get(labels)
            if cell is None:
                cell = cells[labels] = {}
            if is_count:
                cell[name] = cell.get(name, 0) + value * times
            else:
                for key, amount in amounts(name, kind, value):
                    cell[key] = cell.get(key, 0) + amount * times

    def _find_route(self, name: str) -> _Route | None:
        """The route of a measure; None if it is not booked."""
        if name not in self._routes:
            is_booked = self._measures is None or name.partition("@")[0] in self._measures
            kind, scheme, ends_at_pane_edge = measure(name)
            cells_by_instant = self._pending_by_instant[scheme, ends_at_pane_edge]
            route = _Route(kind is Kind.COUNT, kind, cells_by_instant, scheme, ends_at_pane_edge)
            self._routes[name] = route if is_booked else None
        return self._routes[name]

    def _open_cells(self, at: int, route: _Route) -> _LabelledCells:
        """The pending cells of an instant, indexed from now on."""
        if len(route.cells_by_instant) >= _CACHE_LIMIT:
            route.cells_by_instant.clear()
        pane = self.grid.level_pane(at) if route.ends_at_pane_edge else self.grid.finest(at)
        cells = route.cells_by_instant[at] = self._pending.setdefault(pane, {}).setdefault(route.scheme, {})
        return cells

    def flush(self) -> Changes:
        """Adds pending cells to the panes, by margin and at every coarser resolution. The result is what was added."""
        parts_by_resolution: list[dict[Pane, list[dict[Margin, Cell]]]] = [{} for _ in range(self.grid.resolutions)]
        for pane, labelled_cells in self._pending.items():
            parts_by_resolution[pane[0]][pane] = [self._by_margin(labelled_cells)]
        self._pending = {}
        for cells_by_instant in self._pending_by_instant.values():
            cells_by_instant.clear()
        changes: Changes = {}
        for finer, coarser in zip_longest(parts_by_resolution, parts_by_resolution[1:]):
            for pane, parts in finer.items():
                cells = sum_by_margin(parts)
                if not cells:
                    continue
                changes[pane] = cells
                if coarser is not None:
                    coarser.setdefault(self.grid.above(pane), []).append(cells)
        for pane, cells in changes.items():
            self.panes.add_all(pane, cells)
        return changes

    def _by_margin(self, pending: Mapping[Scheme, _LabelledCells]) -> dict[Margin, Cell]:
        """The sums of cells under whole label sets, by margin."""
        parts: list[dict[Margin, Cell]] = []
        for scheme, cells in pending.items():
            by_labels = self._margins[scheme]
            for labels, cell in cells.items():
                cell = without_zeros(cell)
                if cell:
                    parts.append(dict.fromkeys(by_labels.get(labels) or self._find_margins(scheme, labels), cell))
        return sum_by_margin(parts)

    def _find_margins(self, scheme: Scheme, labels: Labels) -> tuple[Margin, ...]:
        """The margins that a label set adds to; admits its members."""
        by_labels = self._margins[scheme]
        if len(by_labels) >= _CACHE_LIMIT:
            by_labels.clear()
        named = [pair for pair in zip(scheme.dimensions, labels, strict=True) if self._is_booked(pair[0])]
        admitted = [(dimension, self._admit(dimension, member)) for dimension, member in named]
        label_margins = by_labels[labels] = margins(scheme, admitted)
        return label_margins

    def _is_booked(self, dimension: str) -> bool:
        return self._dimensions is None or dimension in self._dimensions

    def _admit(self, dimension: str, member: str) -> str:
        """The member under which a dimension's member is booked: itself, or ``other`` past the limit."""
        members = self.admitted.get(dimension)
        if members is None:
            members = self.admitted[dimension] = {UNKNOWN, OTHER}
        if member in members or member == ABSENT:
            return member
        if self._member_limit is not None and len(members) >= self._member_limit:
            return OTHER
        members.add(member)
        return member
