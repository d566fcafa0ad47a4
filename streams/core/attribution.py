"""Attribution: which touches an order is credited to, and with what share.

Source: definitions.md, "Revenue". Order-centric look-back: the touches of the same customer in
[placed − look-back, placed).
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence
from fractions import Fraction
from typing import NamedTuple

from .measures import Labels
from .policy import Attribution
from .tickets import Touch

__all__ = ["Credit", "credits", "share"]


class Credit(NamedTuple):
    """A touch's part in an order: the weight is relative to the other touches'."""

    labels: Labels
    weight: Fraction | int


def credits(touches: Sequence[Touch], placed: int, attribution: Attribution) -> list[Credit]:
    """The credited touches of an order placed at ``placed``, in order of time; empty if there are none.

    ``touches`` are all of the customer's, sorted by key.
    """
    start = bisect_left(touches, ((placed - attribution.look_back,),))
    end = bisect_left(touches, ((placed,),), lo=start)
    return [] if start == end else [Credit(touches[end - 1].labels, 1)]


def share(total: int, weights: Sequence[Fraction | int]) -> list[int]:
    """Splits a whole amount by weights so that the parts add up to it: largest remainder, earlier part first.

    Weights are >= 0 with a positive sum. Negative totals split like their opposite.
    """
    if len(weights) == 1:
        return [total]
    if total < 0:
        return [-part for part in share(-total, weights)]
    whole = sum(weights)
    parts = []
    rests = []
    for index, weight in enumerate(weights):
        exact = Fraction(total * weight, whole) if isinstance(weight, int) else total * weight / whole
        part = exact.numerator // exact.denominator
        parts.append(part)
        rests.append((part - exact, index))
    for _, index in sorted(rests)[: total - sum(parts)]:
        parts[index] += 1
    return parts
