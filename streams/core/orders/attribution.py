"""Attribution: which touches an order is credited to, and with what share.

Source: definitions.md, "Revenue". Order-centric look-back: the touches of the same customer in
[placed − look-back, placed). Five models share the same order out differently; each credits all of it, so their
totals are equal and what they tell apart is the touches' labels.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence
from decimal import ROUND_HALF_EVEN, Context, Decimal
from typing import Final, NamedTuple

from streams.core.policy import Attribution
from streams.core.tickets.view import Touch

__all__ = ["Credit", "credits", "weights"]

#: The weights' precision: far below what a share of the largest amount (10^13 minor units) can show.
_DIGITS: Final = 30
#: Its own context: what a caller's thread has set changes nothing, and ``exp`` is rounded correctly everywhere.
_EXACT: Final = Context(prec=_DIGITS + 10, rounding=ROUND_HALF_EVEN, traps=[])
_LN2: Final = Decimal("0.6931471805599453094172321214581765680755001343602553")


class Credit(NamedTuple):
    """A touch's part in an order: the weight is relative to the other touches'."""

    touch: Touch
    weight: int


def credits(touches: Sequence[Touch], placed: int, attribution: Attribution) -> list[Credit]:
    """The credited touches of an order placed at ``placed`` (ms), in order of time; empty if there are none.

    ``touches`` are all of the customer's, sorted by key. The last touch is always the last credit, even where the
    model gives it nothing: in counts the order is its. Other touches without a share are left out.
    """
    start = bisect_left(touches, ((placed - attribution.look_back_ms,),))
    end = bisect_left(touches, ((placed,),), lo=start)
    if start == end:
        return []
    if attribution.model == "last_touch":  # not to weigh a thousand touches for the one that gets all
        return [Credit(touches[end - 1], 1)]
    found = touches[start:end]
    weighed = weights(attribution.model, [touch.key[0] for touch in found], attribution.half_life_ms)
    pairs = [Credit(touch, weight) for touch, weight in zip(found, weighed, strict=True)]
    return [credit for credit in pairs[:-1] if credit.weight] + pairs[-1:]


def weights(model: str, instants: Sequence[int], half_life: int) -> list[int]:
    """The weights under a model of touches at these instants (ms, ascending, at least one): whole numbers >= 0.

    ``time_decay`` is 2^(−age/half-life) in fixed point: the youngest touch weighs 10^30, the others the power,
    computed in 40 decimal digits and cut to a whole number. No float, so that every machine shares out alike; a
    touch 100 half-lives older than the youngest weighs 0.
    """
    n = len(instants)
    if model == "last_touch":
        return [0] * (n - 1) + [1]
    if model == "first_touch":
        return [1] + [0] * (n - 1)
    if model == "time_decay":
        return [_decay(instants[-1] - at, half_life) for at in instants]
    if model == "position" and n > 2:  # 40 %, 20 % among those between, 40 %
        return [2 * (n - 2), *[1] * (n - 2), 2 * (n - 2)]
    return [1] * n


def _decay(older: int, half_life: int) -> int:
    power = _EXACT.exp(_EXACT.divide(_EXACT.multiply(_LN2, Decimal(-older)), Decimal(half_life)))
    return int(_EXACT.scaleb(power, _DIGITS))
