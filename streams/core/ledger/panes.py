"""Panes: cells by margin, in slots of time."""

from __future__ import annotations

from bisect import bisect_left, insort
from collections.abc import Iterator, Mapping, Sequence
from typing import TypeAlias

from streams.core.ledger.dimensions import Margin
from streams.core.temporal.instants import EVER

__all__ = ["Cell", "Changes", "Pane", "Panes", "Range", "merge", "sum_by_margin", "without_zeros"]

#: Amounts by key (``amounts``), none of them zero once it is in a pane.
Cell: TypeAlias = dict[str, int]
#: (resolution, slot). The grid gives a slot number its meaning.
Pane: TypeAlias = tuple[int, int]
#: (resolution, first slot, end slot): [first, end).
Range: TypeAlias = tuple[int, int, int]
#: Amounts added to cells, by pane and margin.
Changes: TypeAlias = dict[Pane, dict[Margin, Cell]]


def merge(into: Cell, cell: Mapping[str, int], times: int = 1) -> None:
    """Adds a cell, ``times`` over, to another in place; amounts that become zero vanish."""
    for key, amount in cell.items():
        total = into.get(key, 0) + amount * times
        if total:
            into[key] = total
        else:
            into.pop(key, None)


def without_zeros(cell: Cell) -> Cell:
    """A cell without its zero amounts; the cell itself where it has none."""
    return {key: amount for key, amount in cell.items() if amount} if 0 in cell.values() else cell


def sum_by_margin(parts: Sequence[dict[Margin, Cell]]) -> dict[Margin, Cell]:
    """The sum of parts by margin, without zeros. A cell that is alone in its margin is shared, not copied."""
    if len(parts) == 1:
        return parts[0]
    totals: dict[Margin, Cell] = {}
    several: dict[Margin, list[Cell]] = {}
    for part in parts:
        for margin, cell in part.items():
            first = totals.get(margin)
            if first is None:
                totals[margin] = cell
            elif margin in several:
                several[margin].append(cell)
            else:
                several[margin] = [first, cell]
    for margin, cells in several.items():
        totals[margin] = _sum(cells)
    return {margin: cell for margin, cell in totals.items() if cell}


def _sum(cells: Sequence[Cell]) -> Cell:
    total = cells[0].copy()
    for cell in cells[1:]:
        for key, amount in cell.items():
            total[key] = total.get(key, 0) + amount
    return without_zeros(total)


class Panes:
    """The cells of all panes, in slots by resolution.

    A cell is shared with whoever added it, so it is replaced, never changed.
    """

    def __init__(self) -> None:
        self._slots: dict[int, dict[int, dict[Margin, Cell]]] = {}
        #: By resolution, its slots in order of time.
        self._order: dict[int, list[int]] = {}

    def add(self, pane: Pane, margin: Margin, delta: Cell) -> None:
        """Adds to one cell; cells and panes without amounts vanish."""
        delta = without_zeros(delta)
        if delta:
            self.add_all(pane, {margin: delta})

    def add_all(self, pane: Pane, deltas: Mapping[Margin, Cell]) -> None:
        """Adds to the cells of one pane, no amount being zero; cells and panes without amounts vanish."""
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
            self._drop(resolution, slot)

    def _drop(self, resolution: int, slot: int) -> None:
        del self._slots[resolution][slot]
        order = self._order[resolution]
        del order[bisect_left(order, slot)]

    def cells(self, pane: Pane) -> Mapping[Margin, Cell]:
        """The cells of one pane, none of them empty. The caller must not change them."""
        return self._slots.get(pane[0], {}).get(pane[1], {})

    def within(self, span: Range) -> Iterator[tuple[Pane, dict[Margin, Cell]]]:
        """The panes of a range that have cells, in order of time."""
        resolution, start, end = span
        order = self._order.get(resolution, [])
        slots = self._slots.get(resolution, {})
        for slot in order[bisect_left(order, start) : bisect_left(order, end)]:
            yield (resolution, slot), slots[slot]

    def count(self, span: Range) -> int:
        """The number of panes of a range that have cells."""
        order = self._order.get(span[0], [])
        return max(0, bisect_left(order, span[2]) - bisect_left(order, span[1]))

    def drop_before(self, resolution: int, slot: int) -> list[tuple[Pane, dict[Margin, Cell]]]:
        """Removes all panes before a slot, which no window reaches any longer. The result is the panes removed."""
        panes = list(self.within((resolution, -EVER, slot)))
        for (_, old_slot), _cells in panes:
            self._drop(resolution, old_slot)
        return panes

    def everything(self) -> Iterator[tuple[Pane, Margin, Cell]]:
        """All cells, with pane and margin."""
        for resolution, slots in self._slots.items():
            for slot, cells in slots.items():
                for margin, cell in cells.items():
                    yield (resolution, slot), margin, cell

    def __len__(self) -> int:
        """The number of cells."""
        return sum(len(cells) for slots in self._slots.values() for cells in slots.values())
