"""Measures: what a booking can add, and under which labels. The catalogue's formulas are made of these.

A booking is ``(instant, measure, labels, value)``. The measure's kind says how the value adds up in a cell
(``amounts``), its scheme which dimensions the labels name (``dimensions``).

Rules of this file:

* Each measure is declared once, in the file that books it (its ``BOOKS``); ``derivation`` imports all of these files.
* A measure that depends on a window's length exists once a window, as ``name@window``.
"""

from __future__ import annotations

from functools import cache
from typing import Final, NamedTuple

from streams.core.ledger.amounts import Kind
from streams.core.ledger.dimensions import LABELLED, LEVELS, SURVEY_LEVELS, SURVEYED, TOTAL, TOTAL_LEVELS, Scheme
from streams.core.temporal.periods import ALIGNED

__all__ = ["COUNT", "LEVEL_COUNT", "MEASURES", "Measure", "declare", "measure", "per_window"]


class Measure(NamedTuple):
    """How bookings under one name add up, and which labels they have."""

    kind: Kind = Kind.COUNT
    scheme: Scheme = LABELLED
    #: True for levels that mostly end with a window's pane, just before its edge.
    ends_at_pane_edge: bool = False


COUNT: Final = Measure()
LEVEL_COUNT: Final = Measure(scheme=LEVELS)

#: Every declared measure by name, without those of windows.
MEASURES: Final[dict[str, Measure]] = {}
_LEVELS_OF: Final = {LABELLED: LEVELS, SURVEYED: SURVEY_LEVELS, TOTAL: TOTAL_LEVELS}


def declare(**measures: Measure) -> tuple[str, ...]:
    """Declares measures and returns their names. Raises ``ValueError`` for a name that is declared already."""
    if twice := measures.keys() & MEASURES.keys():
        raise ValueError(f"declared twice: {', '.join(sorted(twice))}")
    MEASURES.update(measures)
    return tuple(measures)


def per_window(name: str, window: str) -> str:
    """The measure that depends on a window's length, e.g. the last answers of ``7d``."""
    return f"{name}@{window}"


@cache
def measure(name: str) -> Measure:
    """A measure by name; raises ``KeyError`` for one that is not declared.

    The measure of a window (``name@window``) has the labels of the one it is named after. It is a level of rolling
    windows, which samples leave again, and a flow of aligned ones, which they stay in.
    """
    family, at, window = name.partition("@")
    kind, scheme, _ = MEASURES[family]
    if not at:
        return MEASURES[family]
    scheme = scheme if window in ALIGNED else _LEVELS_OF.get(scheme, scheme)
    return Measure(kind, scheme, ends_at_pane_edge=scheme.level)
