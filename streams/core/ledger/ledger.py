"""The ledger: bookings, their difference, and the panes they add up in.

Rules of this file:

* A booking is ``(instant, measure, labels, value)``; an entity's bookings are a multiset.
* When the bookings of an entity change, only the difference is posted. Posting a difference and its inverse
  leaves nothing: cells at zero vanish. Every amount is an ``int``.
* A pane is a slot of time at one resolution; a cell is one margin's amounts in one pane. Nothing here knows
  what a ticket is.
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
from streams.core.ledger.panes import Cell, Changes, Pane, Panes, together, without_zeros

__all__ = ["Ledger"]
#: Cells under whole label sets of one scheme.
Labelled: TypeAlias = dict[Labels, Cell]

#: Of so many instants and label sets one scheme remembers where they go.
_REMEMBERED: Final = 100_000


class _Place(NamedTuple):
    """Where a measure's bookings go."""

    counted: bool
    kind: Kind
    #: What is pending under its scheme, by instant.
    at: dict[int, Labelled]
    scheme: Scheme
    ends_at_pane_edge: bool


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
            kind, scheme, ends_at_pane_edge = measure(name)
            place = _Place(kind is Kind.COUNT, kind, self._at[scheme, ends_at_pane_edge], scheme, ends_at_pane_edge)
            self._places[name] = place if wanted else None
        return self._places[name]

    def _open(self, at: int, place: _Place) -> Labelled:
        """What is pending at an instant."""
        if len(place.at) >= _REMEMBERED:
            place.at.clear()
        pane = self.grid.standing(at) if place.ends_at_pane_edge else self.grid.finest(at)
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
                cells = together(parts)
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
                cell = without_zeros(cell)
                if cell:
                    parts.append(dict.fromkeys(known.get(labels) or self._learn(scheme, labels), cell))
        return together(parts)

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
