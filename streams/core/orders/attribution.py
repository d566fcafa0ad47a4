"""Attribution: which touches an order is credited to, and with what share.

Source: docs/definitions.md#attribution. Order-centric look-back: the touches of the same customer in
[placed − look-back, placed). Each model shares the same order out differently and credits all of it, so the models'
totals are equal; they differ in the labels of the touches. A new model is one function and one row of ``MODELS``.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Mapping, Sequence
from decimal import ROUND_HALF_EVEN, Context, Decimal
from typing import Final, NamedTuple, TypeAlias

from streams.core.policy import Attribution
from streams.core.tickets.view import Touch

__all__ = ["MODELS", "Credit", "credits"]

#: Instants of touches (ms, ascending, at least one) and the half-life (ms) to weights: whole numbers >= 0, not all 0.
Weigh: TypeAlias = Callable[[Sequence[int], int], list[int]]

#: The weights' precision: far below what a share of the largest amount (10^13 minor units) can show.
_DIGITS: Final = 30
#: Its own context: what a caller's thread has set changes nothing, and ``exp`` is rounded correctly everywhere.
_EXACT: Final = Context(prec=_DIGITS + 10, rounding=ROUND_HALF_EVEN, traps=[])
_LN2: Final = Decimal("0.6931471805599453094172321214581765680755001343602553")


class Credit(NamedTuple):
    """A touch's part in an order; the weight is relative to the other touches'."""

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
    credited = touches[start:end]
    weights = MODELS[attribution.model]([touch.key[0] for touch in credited], attribution.half_life_ms)
    pairs = [Credit(touch, weight) for touch, weight in zip(credited, weights, strict=True)]
    return [credit for credit in pairs[:-1] if credit.weight] + pairs[-1:]


def _last_touch(instants: Sequence[int], half_life_ms: int) -> list[int]:
    return [0] * (len(instants) - 1) + [1]


def _first_touch(instants: Sequence[int], half_life_ms: int) -> list[int]:
    return [1] + [0] * (len(instants) - 1)


def _linear(instants: Sequence[int], half_life_ms: int) -> list[int]:
    return [1] * len(instants)


def _time_decay(instants: Sequence[int], half_life_ms: int) -> list[int]:
    """2^(−age/half-life) in fixed point: the youngest touch weighs 10^30, one 100 half-lives older 0.

    The power is computed in 40 decimal digits and cut to a whole number: no float, so that every machine shares out
    alike.
    """
    return [_power_of_two(at - instants[-1], half_life_ms) for at in instants]


def _power_of_two(age_ms: int, half_life_ms: int) -> int:
    power = _EXACT.exp(_EXACT.divide(_EXACT.multiply(_LN2, Decimal(age_ms)), Decimal(half_life_ms)))
    return int(_EXACT.scaleb(power, _DIGITS))


def _position(instants: Sequence[int], half_life_ms: int) -> list[int]:
    """40 % to the first, 20 % among those between, 40 % to the last; of two touches half each, of one all."""
    between = len(instants) - 2
    return [2 * between, *[1] * between, 2 * between] if between > 0 else [1] * len(instants)


#: The models by the names that settings and the dimension ``model`` know them by.
MODELS: Final[Mapping[str, Weigh]] = {
    "last_touch": _last_touch,
    "first_touch": _first_touch,
    "linear": _linear,
    "time_decay": _time_decay,
    "position": _position,
}
