"""Metrics, the sums they are computed from, and the formulas that many of them share.

Rules of this file (docs/definitions.md#undefined-values):

* A formula maps ``Sums``, the amounts of one margin in one window, to a ``Value``.
* A value is None (undefined) iff the formula's denominator is 0; no value is NaN or infinite.
* A formula that changes gets a new version.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from fractions import Fraction
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
    "count", "factored", "level", "mean_seconds", "money", "quantile_seconds", "ratio", "rounded", "wilson",
]  # fmt: skip

#: The dimensions of a metric whose samples have a ticket's or customer's labels.
LABELS: Final = ("all", *DIMENSIONS)
#: The dimensions of a metric of surveys.
SURVEYS: Final = (*LABELS, "kind", "program")
#: The unit of money, with a place for the reporting currency's code.
MONEY: Final = "{currency}_minor"
#: In the place of a measure: the cost that falls on a member.
COST: Final = "cost"
#: The measures by which costs are shared over members: a formula that uses ``Sums.cost`` reads them.
ALLOCATED: Final = ("handle_ms", "tickets_created")
#: The measures from which ``Sums.active`` is computed: a formula that uses it reads them.
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
    """One margin's amounts in one window. Instants are ms, money is in minor units."""

    cell: Mapping[str, int]
    levels: Mapping[str, int]
    window: str
    as_of: int
    #: The part of the window's costs that falls on the margin.
    cost: int
    policy: Policy
    #: The window as [start, end).
    span: tuple[int, int] = (0, 0)
    #: All costs of the window, whoever they fall on; None in ``now``.
    accrued: AccruedCosts | None = None
    #: Customers active at the start of an aligned window; None in other windows.
    active: int | None = None
    #: An empty dict that ``bins`` fills on its first call; None: they are collected each time.
    bins_by_measure: dict[str, dict[int, int]] | None = None

    def flow(self, key: str) -> int:
        """The amount of a flow in the window, by the key of its cell entry; 0 without samples."""
        return self.cell.get(key, 0)

    def level(self, name: str) -> int:
        """The amount of a level at ``as_of``."""
        return self.levels.get(name, 0)

    def in_window(self, name: str) -> int:
        """The amount of a measure booked per window: a level of rolling windows, a flow of aligned ones."""
        key = per_window(name, self.window)
        return self.levels.get(key, 0) + self.cell.get(key, 0)

    def distinct(self, name: str) -> int:
        """The number of distinct things in a flow: all, less those that another follows in the same window."""
        return self.flow(name) - self.in_window(name)

    def instants(self, name: str) -> list[int]:
        """The instants (ms) that a level of instants holds."""
        stem = f"{name}."
        return [int(key[len(stem) :]) for key in self.levels if key.startswith(stem)]

    def bins(self, name: str) -> dict[int, int]:
        """The quantile bins of a measure: index -> samples."""
        by_measure = {} if self.bins_by_measure is None else self.bins_by_measure
        if not by_measure:
            by_measure[""] = {}
            for key, amount in self.cell.items():
                bin_key = _bin_key(key)
                if bin_key is not None:
                    by_measure.setdefault(bin_key[0], {})[bin_key[1]] = amount
        return by_measure.get(name, {})


@lru_cache(1 << 16)  # cells of all members and windows have the same keys
def _bin_key(key: str) -> tuple[str, int] | None:
    """Measure and index of a bin's key; None for any other."""
    measure, _, index = key.partition(".b")
    return (measure, int(index)) if index else None


@dataclass(frozen=True, slots=True)
class Metric:
    """A metric of the catalogue: its formula, the measures it needs, and the dimensions and windows it has."""

    id: str
    kind: str
    unit: str
    help: str
    formula: str
    #: None for a metric derived from other metrics' records (``judgement``).
    compute: Callable[[Sums], Value] | None
    #: The measures that ``compute`` reads, in whichever branch; they have to be booked.
    reads: tuple[str, ...]
    #: Measures (or ``COST``) of which a published member has any amount, in any window; None: those of ``reads``.
    members_by: tuple[str, ...] | None = None
    #: The metrics from whose records it is derived, where it is not computed from measures.
    derived_from: tuple[str, ...] = ()
    version: int = 1
    dimensions: tuple[str, ...] = LABELS
    #: True for levels, which are published in the window ``now`` alone.
    level: bool = False
    #: True where records have the values of the window before and of a year before.
    has_comparison: bool = False
    #: False where aligned windows have no value, as it would take a level at the start of each.
    aligned: bool = True
    #: True where less is better: durations, costs, breaches. Goals and verdicts on values use it.
    lower_is_better: bool = False
    #: The name of the 95 % interval; empty: there is none.
    interval: str = ""
    #: The heading of docs/definitions.md that defines it (see ``under``), and the literature of its interval.
    heading: str = ""
    literature: str = ""

    @property
    def definition(self) -> str:
        """The id with the formula's version: ``id@version``."""
        return f"{self.id}@{self.version}"

    @property
    def source(self) -> str:
        """The source of the formula: a link to its heading, then literature."""
        link = f"docs/definitions.md#{self.heading}"
        return f"{link}; {self.literature}" if self.literature else link

    @property
    def member_measures(self) -> tuple[str, ...]:
        """The measures of which a published member has any amount; ``COST`` may be among them."""
        return self.reads if self.members_by is None else self.members_by

    @property
    def measures(self) -> frozenset[str]:
        """All measures that have to be booked for the values of every member."""
        return frozenset((*self.reads, *self.member_measures)) - {COST}

    def unit_in(self, currency: str) -> str:
        """The unit with the reporting currency's code for money, e.g. ``EUR_minor``."""
        return self.unit.replace("{currency}", currency)


def under(heading: str, *metrics: Metric) -> list[Metric]:
    """Metrics that one heading of docs/definitions.md defines."""
    return [replace(metric, heading=heading) for metric in metrics]


def count(key: str) -> Callable[[Sums], Value]:
    """The formula of a flow that is a count."""

    def compute(sums: Sums) -> Value:
        count = sums.flow(key)
        return Value(count, count)

    return compute


def level(key: str) -> Callable[[Sums], Value]:
    """The formula of a level."""

    def compute(sums: Sums) -> Value:
        count = sums.level(key)
        return Value(count, count)

    return compute


def money(key: str) -> Callable[[Sums], Value]:
    """The formula of a flow of money, in minor units."""
    return lambda sums: Value(sums.flow(key), sums.flow(f"{key}.n"))


def ratio(part: str, whole: str) -> Callable[[Sums], Value]:
    """The formula of one flow over another; undefined if the other is 0."""

    def compute(sums: Sums) -> Value:
        total = sums.flow(whole)
        return Value(sums.flow(part) / total if total else None, total)

    return compute


def mean_seconds(name: str) -> Callable[[Sums], Value]:
    """The formula of the mean of a duration, in seconds; undefined without samples."""

    def compute(sums: Sums) -> Value:
        n = sums.flow(f"{name}.n")
        return Value(sums.flow(f"{name}.sum") / (n * 1000) if n else None, n)

    return compute


def quantile_seconds(name: str, percent: int) -> Callable[[Sums], Value]:
    """The formula of a quantile of a duration, in seconds; undefined without samples.

    Source: docs/definitions.md#quantiles.
    """

    def compute(sums: Sums) -> Value:
        sample_ms = nearest_rank(sums.bins(name), percent)
        return Value(None if sample_ms is None else sample_ms / 1000, sums.flow(f"{name}.n"))

    return compute


def wilson(part: int, whole: int) -> tuple[float, float]:
    """The 95 % score interval of the proportion part / whole (Wilson, JASA 22, 1927), within [0, 1]; whole > 0."""
    p = part / whole
    spread = 1 + Z * Z / whole
    centre = (p + Z * Z / (2 * whole)) / spread
    margin = Z * sqrt(p * (1 - p) / whole + Z * Z / (4 * whole * whole)) / spread
    return max(0.0, centre - margin), min(1.0, centre + margin)


def cost_per(whole: str) -> Callable[[Sums], Value]:
    """The formula of the cost for each sample of a flow, in minor units; undefined without samples."""

    def compute(sums: Sums) -> Value:
        total = sums.flow(whole)
        return Value(sums.cost / total if total else None, total)

    return compute


def factored(amount: int, sums: Sums) -> Fraction:
    """The benefit of an amount of revenue: times margin and incrementality, exact; minor units.

    Source: docs/definitions.md#benefit.
    """
    return amount * sums.policy.contribution_margin * sums.policy.incrementality


def rounded(exact: Fraction) -> int | float:
    """A value from its exact fraction: formulas round once, in the last step, so that equal values are equal."""
    return exact.numerator if exact.denominator == 1 else float(exact)
