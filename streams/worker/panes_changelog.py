"""The panes changelog: one partition's records of ``support.panes``, as a restart reads them and as a unit writes them.

They hold all that is not derived from events again: the panes' cells, the accruals of costs, the members admitted in a
dimension, the counters, and by which definitions these were booked (``state_format`` has keys and values).
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from streams.core.derivation import state_format
from streams.core.derivation.derive import Derivation
from streams.core.derivation.state_format import Origin, Stats
from streams.core.ledger.grids import LiveGrid
from streams.core.ledger.ledger import Ledger
from streams.core.temporal.ladder import DAYS

__all__ = ["PanesChangelog"]

#: How often panes out of every window's reach are removed, in ms of the partition's clock.
_SWEEP_INTERVAL_MS: Final = 60_000


class PanesChangelog:
    """Reads and writes the panes records of one partition; ``origin`` stands for the definitions in force."""

    def __init__(self, origin: Origin) -> None:
        self._origin: Final = origin
        #: The origin in the changelog; None before the first unit, and until everything is booked again.
        self._written_origin: Origin | None = None
        #: While restoring: the last value of each key.
        self._values: dict[bytes, bytes] = {}
        #: Keys that the next unit removes.
        self._outdated_keys: list[bytes] = []
        #: Number of members in the changelog, by dimension: while definitions stay, members are only ever added.
        self._written_members: dict[str, int] = {}
        self._last_sweep_ms = 0

    # -- reading ----------------------------------------------------------------------------------------------

    def restore(self, key: bytes, value: bytes | None) -> None:
        """Takes one record. A changelog may hold a key many times, and only its last value counts."""
        if value is None:
            self._values.pop(key, None)
        else:
            self._values[key] = value

    def load(self, ledger: Ledger, derivation: Derivation) -> Stats:
        """Fills the ledger and the accruals from the records taken; the partition's counters.

        Raises ``StateError`` for keys or a format that this version does not know.
        """
        stats = Stats()
        values, self._values = self._values, {}
        for key, value in values.items():
            kind, name = state_format.read_pane_key(key)
            if kind == "p":
                pane, margin = name
                ledger.panes.add(pane, margin, state_format.read_cell(value))
            elif kind == "c":
                derivation.accruals[name] = state_format.read_count(value)
            elif kind == "m":
                ledger.admitted[name] = state_format.read_members(value)
            elif kind == "s":
                stats = state_format.read_stats(value)
            else:
                self._written_origin = state_format.read_origin(value)
        self._written_members = {dimension: len(members) for dimension, members in ledger.admitted.items()}
        return stats

    @property
    def has_other_origin(self) -> bool:
        """True if the changelog was written under other definitions than those in force."""
        return self._written_origin is not None and self._written_origin != self._origin

    # -- writing ----------------------------------------------------------------------------------------------

    @property
    def has_outdated_keys(self) -> bool:
        """True if the next unit has keys to remove, even without new records."""
        return bool(self._outdated_keys)

    def retire(self, ledger: Ledger, derivation: Derivation) -> None:
        """Lets the next unit remove all cells, accruals and members: everything is about to be booked again."""
        self._outdated_keys = [
            *(state_format.pane_key(pane, margin) for pane, margin, _ in ledger.panes.everything()),
            *map(state_format.accrual_key, derivation.accruals),
            *map(state_format.members_key, ledger.admitted),
        ]
        self._written_members = {}
        self._written_origin = None

    def changes(
        self, ledger: Ledger, derivation: Derivation, grid: LiveGrid, stats: Stats | None
    ) -> Iterator[tuple[bytes, bytes | None]]:
        """A unit's records: removals of outdated keys first, then what has changed; ``stats`` None: unchanged."""
        yield from ((key, None) for key in self._outdated_keys)
        self._outdated_keys = []
        yield from _changed_cells(ledger)
        yield from _changed_accruals(derivation)
        yield from self._new_members(ledger)
        yield from self._sweep(ledger, grid)
        if self._written_origin != self._origin:
            self._written_origin = self._origin
            yield state_format.ORIGIN_KEY, state_format.write(self._origin)
        if stats is not None:
            yield state_format.STATS_KEY, state_format.write(stats)

    def _new_members(self, ledger: Ledger) -> Iterator[tuple[bytes, bytes]]:
        """The members of each dimension that has more of them than the changelog."""
        for dimension, members in ledger.admitted.items():
            if len(members) != self._written_members.get(dimension):
                self._written_members[dimension] = len(members)
                yield state_format.members_key(dimension), state_format.write(sorted(members))

    def _sweep(self, ledger: Ledger, grid: LiveGrid) -> Iterator[tuple[bytes, None]]:
        """Removes the panes that no window reaches any more."""
        if grid.clock - self._last_sweep_ms < _SWEEP_INTERVAL_MS:
            return
        self._last_sweep_ms = grid.clock
        for resolution in range(DAYS):
            for pane, cells in ledger.panes.drop_before(resolution, grid.keeps_from(resolution)):
                for key in state_format.pane_keys(pane, cells):
                    yield key, None


def _changed_cells(ledger: Ledger) -> Iterator[tuple[bytes, bytes | None]]:
    """The cells that the unit's bookings change, with their new sums; None for a cell that is empty now."""
    for pane, cells in ledger.flush().items():
        sums = ledger.panes.cells(pane)
        for margin, key in zip(cells, state_format.pane_keys(pane, cells), strict=True):
            cell = sums.get(margin)
            yield key, state_format.write(cell) if cell else None


def _changed_accruals(derivation: Derivation) -> Iterator[tuple[bytes, bytes | None]]:
    """The accruals of costs that the unit changes; None for one that is no longer booked."""
    for accrual in derivation.changed_accruals:
        times = derivation.accruals.get(accrual, 0)
        yield state_format.accrual_key(accrual), state_format.write(times) if times else None
    derivation.changed_accruals.clear()
