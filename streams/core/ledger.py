"""The ledger: bookings, their difference, and the panes they add up in.

Rules of this file:

* A booking is ``(instant, measure, labels, value)``; an entity's bookings are a multiset.
* When the bookings of an entity change, only the difference is posted. Posting a difference and its inverse
  leaves nothing: cells at zero vanish. Every amount is an ``int``.
* A pane is a slot of time at one resolution; a cell is one margin's amounts in one pane. Nothing here knows
  what a ticket is.
"""

from __future__ import annotations

from bisect import bisect_left, insort
from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from itertools import zip_longest
from typing import Final, NamedTuple, Protocol, TypeAlias

from .measures import ABSENT, ALWAYS, OTHER, UNKNOWN, Kind, Labels, Margin, Scheme, amounts, margins, measure

__all__ = ["Booking", "Cell", "Changes", "Grid", "Ledger", "Pane", "Panes", "Range", "difference", "merge"]

Booking: TypeAlias = tuple[int, str, Labels, int]
Cell: TypeAlias = dict[str, int]
#: (resolution, slot): what a slot number means is the grid's business.
Pane: TypeAlias = tuple[int, int]
#: (resolution, first slot, end slot): half-open.
Range: TypeAlias = tuple[int, int, int]
#: Cells under whole label sets of one scheme.
Labelled: TypeAlias = dict[Labels, Cell]
#: What was added to cells, by pane and margin.
Changes: TypeAlias = dict[Pane, dict[Margin, Cell]]

#: Of so many instants and label sets one scheme remembers where they go.
_REMEMBERED: Final = 100_000


def difference(old: Sequence[Booking], new: Sequence[Booking]) -> Mapping[Booking, int]:
    """What is to be posted to get from the old bookings to the new ones: booking -> multiplicity (never 0)."""
    delta: dict[Booking, int] = {}
    same = 0  # an entity's books mostly grow at the end
    for one, other in zip(old, new, strict=False):
        if one != other:
            break
        same += 1
    for booking in new[same:]:
        delta[booking] = delta.get(booking, 0) + 1
    for booking in old[same:]:
        left = delta.get(booking, 0) - 1
        if left:
            delta[booking] = left
        else:
            del delta[booking]
    return delta


def merge(into: Cell, cell: Mapping[str, int], times: int = 1) -> None:
    """Adds a cell to another in place; what becomes zero vanishes."""
    for key, amount in cell.items():
        total = into.get(key, 0) + amount * times
        if total:
            into[key] = total
        else:
            into.pop(key, None)


def _without_zeros(cell: Cell) -> Cell:
    """The cell itself, or where it has any, one without them."""
    return {key: amount for key, amount in cell.items() if amount} if 0 in cell.values() else cell


def _together(parts: Sequence[dict[Margin, Cell]]) -> dict[Margin, Cell]:
    """What parts come to by margin, none of it zero. A cell that is alone in its margin is shared, not copied."""
    if len(parts) == 1:
        return parts[0]
    totals: dict[Margin, Cell] = {}
    several: dict[Margin, list[Cell]] = {}
    for part in parts:
        for margin, cell in part.items():
            found = totals.get(margin)
            if found is None:
                totals[margin] = cell
            elif margin in several:
                several[margin].append(cell)
            else:
                several[margin] = [found, cell]
    for margin, cells in several.items():
        totals[margin] = _sum(cells)
    return {margin: cell for margin, cell in totals.items() if cell}


def _sum(cells: Sequence[Cell]) -> Cell:
    total = cells[0].copy()
    for cell in cells[1:]:
        for key, amount in cell.items():
            total[key] = total.get(key, 0) + amount
    return _without_zeros(total)


class Grid(Protocol):
    """How time is cut into panes. Resolutions count from the finest, 0."""

    @property
    def resolutions(self) -> int:
        """How many there are."""

    def finest(self, at: int) -> Pane:
        """The smallest pane that a booking at ``at`` is posted to."""

    def standing(self, at: int) -> Pane:
        """The coarsest pane in whose last finest part ``at`` lies: enough for levels, which are asked for at edges."""

    def above(self, pane: Pane) -> Pane:
        """The pane of the next coarser resolution that contains this one."""


class Panes:
    """The cells of all panes, in slots by resolution.

    Cells are shared, with whoever added them too: one is replaced, never changed.
    """

    def __init__(self) -> None:
        self._slots: dict[int, dict[int, dict[Margin, Cell]]] = {}
        self._order: dict[int, list[int]] = {}

    def add(self, pane: Pane, margin: Margin, delta: Cell) -> None:
        """Adds to one cell; cells and panes without amounts vanish."""
        delta = _without_zeros(delta)
        if delta:
            self.add_all(pane, {margin: delta})

    def add_all(self, pane: Pane, deltas: Mapping[Margin, Cell]) -> None:
        """Adds to the cells of one pane, none of it zero; cells and panes without amounts vanish."""
        resolution, slot = pane
        slots = self._slots.setdefault(resolution, {})
        cells = slots.get(slot)
        if cells is None:
            slots[slot] = dict(deltas)
            insort(self._order.setdefault(resolution, []), slot)
            return
        for margin, delta in deltas.items():
            cell = cells.get(margin)
            if cell is None:
                cells[margin] = delta
                continue
            cells[margin] = cell = cell.copy()
            merge(cell, delta)
            if not cell:
                del cells[margin]
        if not cells:
            self._forget(resolution, slot)

    def _forget(self, resolution: int, slot: int) -> None:
        del self._slots[resolution][slot]
        order = self._order[resolution]
        del order[bisect_left(order, slot)]

    def cells(self, pane: Pane) -> Mapping[Margin, Cell]:
        """The cells of one pane, none of them empty. Not to be changed by the caller."""
        return self._slots.get(pane[0], {}).get(pane[1], {})

    def cell(self, pane: Pane, margin: Margin) -> Cell:
        """One cell; empty where nothing is booked. Not to be changed by the caller."""
        return self.cells(pane).get(margin, {})

    def within(self, span: Range) -> Iterator[tuple[Pane, dict[Margin, Cell]]]:
        """The panes of a range that hold anything, in order of time."""
        resolution, start, end = span
        order = self._order.get(resolution, [])
        slots = self._slots.get(resolution, {})
        for slot in order[bisect_left(order, start) : bisect_left(order, end)]:
            yield (resolution, slot), slots[slot]

    def count(self, span: Range) -> int:
        """How many panes of a range hold anything."""
        order = self._order.get(span[0], [])
        return max(0, bisect_left(order, span[2]) - bisect_left(order, span[1]))

    def drop_before(self, resolution: int, slot: int) -> list[tuple[Pane, dict[Margin, Cell]]]:
        """Takes out all panes before a slot: no window reaches them any more."""
        gone = list(self.within((resolution, -(1 << 62), slot)))
        for (_, old), _cells in gone:
            self._forget(resolution, old)
        return gone

    def everything(self) -> Iterator[tuple[Pane, Margin, Cell]]:
        """All cells there are."""
        for resolution, slots in self._slots.items():
            for slot, cells in slots.items():
                for margin, cell in cells.items():
                    yield (resolution, slot), margin, cell

    def __len__(self) -> int:
        return sum(len(cells) for slots in self._slots.values() for cells in slots.values())


class _Place(NamedTuple):
    """Where a measure's bookings go."""

    counted: bool
    kind: Kind
    #: What is pending under its scheme, by instant.
    at: dict[int, Labelled]
    scheme: Scheme
    edged: bool


class Ledger:
    """Collects differences and adds them to panes.

    ``member_limit`` bounds the members told apart in a dimension: what comes after that many is booked as
    ``other``, so that the sums stay right whatever producers invent. A replay has no limit (None).
    ``dimensions`` of labels are booked, others are not (None: all); ``measures`` likewise, with those of their windows.
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
        #: dimension -> members admitted so far. Part of the state: a booking is taken back where it was made.
        self.admitted: Final[dict[str, set[str]]] = {}
        self._limit = member_limit
        self._shown = None if dimensions is None else {*dimensions, *ALWAYS}
        self._measures = measures
        #: Where the measures that were posted go, None for those that are not booked.
        self._places: dict[str, _Place | None] = {}
        self._pending: dict[Pane, dict[Scheme, Labelled]] = {}
        #: The same by instant, as far as it was asked for: what is to be booked at one is mostly much.
        self._at: defaultdict[tuple[Scheme, bool], dict[int, Labelled]] = defaultdict(dict)
        self._margins: defaultdict[Scheme, dict[Labels, tuple[Margin, ...]]] = defaultdict(dict)

    def post(self, delta: Mapping[Booking, int]) -> None:
        """Posts a difference: once a booking, under its whole label set, into its finest pane."""
        places = self._places
        for (at, name, labels, value), times in delta.items():
            place = places.get(name) or self._look_up(name)
            if place is None:
                continue
            counted, kind, found, _, _ = place
            cells = found.get(at)
            if cells is None:
                cells = self._open(at, place)
            cell = cells.get(labels)
            if cell is None:
                cell = cells[labels] = {}
            if counted:
                cell[name] = cell.get(name, 0) + value * times
            else:
                for key, amount in amounts(name, kind, value):
                    cell[key] = cell.get(key, 0) + amount * times

    def _look_up(self, name: str) -> _Place | None:
        """Where a measure goes; None if it is not booked."""
        if name not in self._places:
            wanted = self._measures is None or name.partition("@")[0] in self._measures
            kind, scheme, edged = measure(name)
            place = _Place(kind is Kind.COUNT, kind, self._at[scheme, edged], scheme, edged)
            self._places[name] = place if wanted else None
        return self._places[name]

    def _open(self, at: int, place: _Place) -> Labelled:
        """What is pending at an instant."""
        if len(place.at) >= _REMEMBERED:
            place.at.clear()
        pane = self.grid.standing(at) if place.edged else self.grid.finest(at)
        found = place.at[at] = self._pending.setdefault(pane, {}).setdefault(place.scheme, {})
        return found

    def flush(self) -> Changes:
        """Rolls what was posted up to margins and coarser panes, adds it there and tells what changed."""
        levels: list[dict[Pane, list[dict[Margin, Cell]]]] = [{} for _ in range(self.grid.resolutions)]
        for pane, labelled in self._pending.items():
            levels[pane[0]][pane] = [self._by_margin(labelled)]
        self._pending = {}
        for found in self._at.values():
            found.clear()
        changes: Changes = {}
        for finer, coarser in zip_longest(levels, levels[1:]):
            for pane, parts in finer.items():
                cells = _together(parts)
                if not cells:
                    continue
                changes[pane] = cells
                if coarser is not None:
                    coarser.setdefault(self.grid.above(pane), []).append(cells)
        for pane, cells in changes.items():
            self.panes.add_all(pane, cells)
        return changes

    def _by_margin(self, pending: Mapping[Scheme, Labelled]) -> dict[Margin, Cell]:
        """Sums cells under whole label sets by dimension."""
        parts: list[dict[Margin, Cell]] = []
        for scheme, cells in pending.items():
            known = self._margins[scheme]
            for labels, cell in cells.items():
                cell = _without_zeros(cell)
                if cell:
                    parts.append(dict.fromkeys(known.get(labels) or self._learn(scheme, labels), cell))
        return _together(parts)

    def _learn(self, scheme: Scheme, labels: Labels) -> tuple[Margin, ...]:
        known = self._margins[scheme]
        if len(known) >= _REMEMBERED:
            known.clear()
        named = [pair for pair in zip(scheme.dimensions, labels, strict=True) if self._shows(pair[0])]
        found = known[labels] = margins(
            scheme, [(dimension, self._admit(dimension, member)) for dimension, member in named]
        )
        return found

    def _shows(self, dimension: str) -> bool:
        return self._shown is None or dimension in self._shown

    def _admit(self, dimension: str, member: str) -> str:
        known = self.admitted.get(dimension)
        if known is None:
            known = self.admitted[dimension] = {UNKNOWN, OTHER}
        if member in known or member == ABSENT:
            return member
        if self._limit is not None and len(known) >= self._limit:
            return OTHER
        known.add(member)
        return member
