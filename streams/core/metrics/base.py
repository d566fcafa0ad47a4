"""What a metric is, what it is computed from, and the shapes that many formulas share.

A formula takes a ``Sums`` (what one margin's cells add up to in one window) and gives a ``Value``. A formula is
undefined (value None) iff its denominator is 0; none can give NaN or infinity. Changing one means a new version.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import lru_cache
from math import sqrt
from typing import Final, NamedTuple

import msgspec

from streams.core.costs.accrual import AccruedCosts
from streams.core.ledger.dimensions import DIMENSIONS
from streams.core.ledger.measures import per_window
from streams.core.ledger.quantiles import nearest_rank
from streams.core.policy import Policy

__all__ = [
    "ACTIVE_AT_START", "ALLOCATED", "COST", "LABELS", "MONEY", "SURVEYS", "Metric", "Sums", "Value", "Z", "cost_per",
    "count", "factored", "level", "mean_seconds", "money", "quantile_seconds", "ratio", "wilson",
]  # fmt: skip

#: Where a metric is published: the dimensions of its samples' labels, ``all`` among them.
LABELS: Final = ("all", *DIMENSIONS)
SURVEYS: Final = (*LABELS, "kind", "program")
MONEY: Final = "{currency}_minor"
#: In the place of a measure: a member is shown that bears any cost.
COST: Final = "cost"
#: What ``Sums.cost`` is shared over members by: what a formula reads that asks for it.
ALLOCATED: Final = ("handle_ms", "tickets_created")
#: What ``Sums.active`` is reckoned from: what a formula reads that asks for it.
ACTIVE_AT_START: Final = ("customers_active", "customers_joined", "customers_left", "customers_merged")

#: The 97.5th percentile of the normal distribution: two-sided 95 %.
Z: Final = 1.959963984540054


class Value(msgspec.Struct, frozen=True, gc=False):
    """A metric's value, the samples behind it (ratios: the denominator) and its 95 % bounds where defined."""

    value: int | float | None
    count: int
    low: float | None = None
    high: float | None = None


class Sums(NamedTuple):
    """One margin's amounts in one window. ``cost`` is what falls on it, allocated, in minor units.

    ``span`` is the window itself, [start, end); ``accrued`` all of its costs, whoever they fall on.
    """

    cell: Mapping[str, int]
    levels: Mapping[str, int]
    window: str
    as_of: int
    cost: int
    policy: Policy
    span: tuple[int, int] = (0, 0)
    accrued: AccruedCosts | None = None
    #: Customers active at the start of an aligned window; None in other windows.
    active: int | None = None
    #: The cell's bins by measure, sorted out when first asked for.
    sorted_bins: dict[str, dict[int, int]] | None = None

    def flow(self, key: str) -> int:
        return self.cell.get(key, 0)

    def level(self, name: str) -> int:
        """A level now."""
        return self.levels.get(name, 0)

    def here(self, name: str) -> int:
        """What depends on the window's own length: a level of rolling windows, a flow of aligned ones."""
        key = per_window(name, self.window)
        return self.levels.get(key, 0) + self.cell.get(key, 0)

    def distinct(self, name: str) -> int:
        """A flow less what comes again in the same window: the last of each thing that is counted by it."""
        return self.flow(name) - self.here(name)

    def instants(self, name: str) -> list[int]:
        """The instants (ms) that a level of marks holds."""
        stem = f"{name}."
        return [int(key[len(stem) :]) for key in self.levels if key.startswith(stem)]

    def bins(self, name: str) -> dict[int, int]:
        """The quantile bins of a measure: index -> samples."""
        found = {} if self.sorted_bins is None else self.sorted_bins
        if not found:
            found[""] = {}
            for key, amount in self.cell.items():
                bin_key = _bin_key(key)
                if bin_key is not None:
                    found.setdefault(bin_key[0], {})[bin_key[1]] = amount
        return found.get(name, {})


@lru_cache(1 << 16)  # cells of all members and windows have the same keys
def _bin_key(key: str) -> tuple[str, int] | None:
    """Measure and index of a bin's key; None for any other."""
    measure, _, index = key.partition(".b")
    return (measure, int(index)) if index else None


@dataclass(frozen=True, slots=True)
class Metric:
    """One metric and where it is published."""

    id: str
    kind: str
    unit: str
    help: str
    formula: str
    #: None for what is derived from other metrics' records (``judgement``).
    compute: Callable[[Sums], Value] | None
    #: The measures that ``compute`` reads, in whichever branch: what has to be booked for it.
    reads: tuple[str, ...]
    #: Measures of which a member must have any (ever) to be shown, ``cost`` for what is allocated; None: ``reads``.
    shown_by: tuple[str, ...] | None = None
    #: Metrics whose records it is derived from, where it is not computed from measures.
    judges: tuple[str, ...] = ()
    version: int = 1
    dimensions: tuple[str, ...] = LABELS
    #: True for levels, which hold now and are published in the window ``now`` alone.
    level: bool = False
    #: True where the values of the window before and of a year before stand beside the value.
    compared: bool = False
    #: False for what is not told of aligned windows: it would take a level at the start of each.
    aligned: bool = True
    #: True where less is better: durations, costs, breaches. Only goals without a baseline ask.
    lower_is_better: bool = False
    interval: str = ""
    #: The heading of docs/definitions.md that defines it (``under``), and the literature of its interval.
    heading: str = ""
    literature: str = ""

    @property
    def definition(self) -> str:
        return f"{self.id}@{self.version}"

    @property
    def source(self) -> str:
        """Where the formula is from: a link to its heading, then literature."""
        link = f"docs/definitions.md#{self.heading}"
        return f"{link}; {self.literature}" if self.literature else link

    @property
    def shows(self) -> tuple[str, ...]:
        """The measures by which its members are found."""
        return self.reads if self.shown_by is None else self.shown_by

    @property
    def measures(self) -> frozenset[str]:
        """All measures that have to be booked for it to be told of every member that it has."""
        return frozenset((*self.reads, *self.shows)) - {COST}

    def unit_in(self, currency: str) -> str:
        """The unit with the reporting currency's code for money, e.g. ``EUR_minor``."""
        return self.unit.replace("{currency}", currency)


def under(heading: str, *metrics: Metric) -> list[Metric]:
    """Metrics that one heading of docs/definitions.md defines."""
    return [replace(metric, heading=heading) for metric in metrics]


def count(key: str) -> Callable[[Sums], Value]:
    def compute(sums: Sums) -> Value:
        count = sums.flow(key)
        return Value(count, count)

    return compute


def level(key: str) -> Callable[[Sums], Value]:
    def compute(sums: Sums) -> Value:
        count = sums.level(key)
        return Value(count, count)

    return compute


def money(key: str) -> Callable[[Sums], Value]:
    return lambda sums: Value(sums.flow(key), sums.flow(f"{key}.n"))


def ratio(part: str, whole: str) -> Callable[[Sums], Value]:
    def compute(sums: Sums) -> Value:
        total = sums.flow(whole)
        return Value(sums.flow(part) / total if total else None, total)

    return compute


def mean_seconds(name: str) -> Callable[[Sums], Value]:
    def compute(sums: Sums) -> Value:
        n = sums.flow(f"{name}.n")
        return Value(sums.flow(f"{name}.sum") / (n * 1000) if n else None, n)

    return compute


def quantile_seconds(name: str, percent: int) -> Callable[[Sums], Value]:
    def compute(sums: Sums) -> Value:
        found = nearest_rank(sums.bins(name), percent)
        return Value(None if found is None else found / 1000, sums.flow(f"{name}.n"))

    return compute


def wilson(part: int, whole: int) -> tuple[float, float]:
    """The 95 % score interval of a proportion (Wilson, JASA 22, 1927), within [0, 1]."""
    p = part / whole
    spread = 1 + Z * Z / whole
    centre = (p + Z * Z / (2 * whole)) / spread
    margin = Z * sqrt(p * (1 - p) / whole + Z * Z / (4 * whole * whole)) / spread
    return max(0.0, centre - margin), min(1.0, centre + margin)


def cost_per(whole: str) -> Callable[[Sums], Value]:
    def compute(sums: Sums) -> Value:
        total = sums.flow(whole)
        return Value(sums.cost / total if total else None, total)

    return compute


def factored(amount: int, sums: Sums) -> int | float:
    """Revenue as benefit: times margin times incrementality, exact until the last step."""
    benefit = amount * sums.policy.contribution_margin * sums.policy.incrementality
    return benefit.numerator if benefit.denominator == 1 else float(benefit)
