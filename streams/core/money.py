"""Money: shares that add up, and rates."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction

__all__ = ["Rate", "share"]


def share(total: int, weights: Sequence[int]) -> list[int]:
    """Splits a whole amount by weights so that the parts add up to it: largest remainder, earlier part first.

    The weights' sum must be positive. A single weight may be negative (an order's discount), and so is its part.
    """
    if len(weights) == 1:
        return [total]
    whole = sum(weights)
    parts = []
    rests = []
    for index, weight in enumerate(weights):
        part, rest = divmod(total * weight, whole)
        parts.append(part)
        rests.append((-rest, index))
    for _, index in sorted(rests)[: total - sum(parts)]:
        parts[index] += 1
    return parts


@dataclass(frozen=True, slots=True)
class Rate:
    """Minor units of the reporting currency for one minor unit of a currency, from a local date on."""

    since: str
    factor: Fraction
