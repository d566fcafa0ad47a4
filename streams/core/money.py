"""Money in whole minor units: shares that add up, and conversion at the rate of a day."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction

__all__ = ["Rate", "convert", "share"]


@dataclass(frozen=True, slots=True)
class Rate:
    """Minor units of the reporting currency for one minor unit of a currency, from a local date (ISO) on."""

    since: str
    factor: Fraction


def convert(amount: int, rates: Sequence[Rate], day: str) -> int | None:
    """An amount at the rate in force on a local date (ISO); None before the first rate. ``rates`` ascend by date.

    Rounded half to even, once for each amount, so that every later sum is of whole minor units.
    """
    factor = None
    for rate in rates:
        if rate.since > day:
            break
        factor = rate.factor
    return None if factor is None else round(amount * factor)


def share(total: int, weights: Sequence[int]) -> list[int]:
    """Splits a whole amount by weights into parts that add up to it: largest remainder, earlier part first.

    The weights' sum must be positive. A single weight may be negative (an order's discount), and so is its part.
    """
    if len(weights) == 1:
        return [total]
    whole = sum(weights)
    parts = []
    remainders = []
    for index, weight in enumerate(weights):
        part, remainder = divmod(total * weight, whole)
        parts.append(part)
        remainders.append((-remainder, index))
    for _, index in sorted(remainders)[: total - sum(parts)]:
        parts[index] += 1
    return parts
