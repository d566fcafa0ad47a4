"""Quantiles from log-spaced bins of whole milliseconds, which merge and are taken back exactly.

A bin spans at most a factor (1 + a) / (1 - a) = 101 / 99 with a = 0.01, so the value that stands for it is within 1 %
of every sample in it (the bound of DDSketch, Masson et al., VLDB 2019). The edges are whole numbers computed in exact
arithmetic, so a sample falls into the same bin on every machine. Up to 50 ms a bin holds one value.

Source: docs/definitions.md#quantiles.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Mapping
from typing import Final

from streams.core.temporal.instants import DAY

__all__ = ["bin_of", "bin_value", "nearest_rank"]

#: The last edge is at or past this: durations above 100 years share the last bin.
_LONGEST_MS: Final = 100 * 366 * DAY


def _edges() -> list[int]:
    edges = [0]
    while edges[-1] < _LONGEST_MS:
        edges.append(max(edges[-1] + 1, edges[-1] * 101 // 99))
    return edges


#: Upper edges in ms: bin i is (edge[i-1], edge[i]].
_EDGES: Final = _edges()


def bin_of(ms: int) -> int:
    """The bin of a duration in ms (>= 0)."""
    return min(bisect_left(_EDGES, ms), len(_EDGES) - 1)


def bin_value(index: int) -> float:
    """The value in ms that stands for a bin: within 1 % of every duration in it."""
    if index == 0:
        return 0.0
    low, high = _EDGES[index - 1] + 1, _EDGES[index]
    return float(low) if low == high else 2 * low * high / (low + high)


def nearest_rank(bins: Mapping[int, int], percent: int) -> float | None:
    """The ``percent``-th percentile of bins (bin -> samples) in ms, by nearest rank ceil(n·p/100); None: no samples."""
    total = sum(bins.values())
    if total <= 0:
        return None
    rank = -(-total * percent // 100)
    for index in sorted(bins):
        rank -= bins[index]
        if rank <= 0:
            return bin_value(index)
    return None  # pragma: no cover - the ranks add up to the total
