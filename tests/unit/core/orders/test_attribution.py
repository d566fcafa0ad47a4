"""Attribution: the five models' weights and the splitting of whole minor units, by hand."""

from __future__ import annotations

import pytest

from streams.core.ledger.dimensions import NO_LABELS
from streams.core.money import share
from streams.core.orders.attribution import MODELS, credits
from streams.core.policy import Attribution
from streams.core.temporal.instants import DAY
from streams.core.tickets.view import Touch


def touches(*instants: int) -> list[Touch]:
    return [Touch((at, 4, f"m{at}"), NO_LABELS) for at in instants]


def split(model: str, total: int, *instants: int) -> list[int]:
    return share(total, MODELS[model](instants, 2 * DAY))


@pytest.mark.parametrize("model", MODELS)
def test_one_touch_gets_everything(model: str) -> None:
    assert split(model, 100, 7) == [100]


@pytest.mark.parametrize(
    ("model", "parts"),
    [
        ("last_touch", [0, 100]),
        ("first_touch", [100, 0]),
        ("linear", [50, 50]),
        ("position", [50, 50]),
        ("time_decay", [33, 67]),  # one half-life apart: 1 to 2
    ],
)
def test_two_touches(model: str, parts: list[int]) -> None:
    assert split(model, 100, 0, 2 * DAY) == parts


def test_position_with_three_and_more() -> None:
    assert split("position", 100, 1, 2, 3) == [40, 20, 40]
    assert split("position", 100, 1, 2, 3, 4) == [40, 10, 10, 40]
    assert split("position", 100, 1, 2, 3, 4, 5) == [40, 7, 7, 6, 40]  # 6 2/3 each, the earlier ones up


def test_time_decay_halves_with_every_half_life() -> None:
    assert split("time_decay", 700, 0, 2 * DAY, 4 * DAY) == [100, 200, 400]
    whole, half = MODELS["time_decay"]([0, 2 * DAY], 2 * DAY)[::-1]
    assert whole == 10**30
    assert abs(half * 2 - whole) <= 2


def test_time_decay_forgets_what_is_ages_older_than_the_youngest_but_never_the_youngest() -> None:
    assert MODELS["time_decay"]([0, 1000 * DAY], DAY) == [0, 10**30]
    assert MODELS["time_decay"]([5, 5], 1) == [10**30, 10**30]


def test_largest_remainder_the_earlier_touch_first() -> None:
    assert share(100, [1, 1, 1]) == [34, 33, 33]
    assert share(101, [1, 1, 1]) == [34, 34, 33]
    assert share(1, [1, 1]) == [1, 0]
    assert share(2, [1, 2]) == [1, 1]  # 2/3 and 4/3: the larger remainder is the first's
    assert share(10, [0, 3, 0]) == [0, 10, 0]
    assert share(0, [1, 1]) == [0, 0]


@pytest.mark.parametrize("total", [-101, -1, 0, 1, 7, 10**13])
def test_shares_always_add_up(total: int) -> None:
    for given in ([1], [1, 1], [3, 0, 7], [10**30, 10**30 // 3, 1]):
        assert sum(share(total, given)) == total


@pytest.mark.parametrize("model", MODELS)
def test_every_model_credits_the_same_total(model: str) -> None:
    found = credits(touches(1, 2, 2 * DAY, 3 * DAY), 3 * DAY + 1, Attribution(model))
    assert sum(share(9_999, [weight for _, weight in found])) == 9_999


def test_the_look_back_is_half_open() -> None:
    early, first, last, late = touches(99, 100, 100 + 5 * DAY - 1, 100 + 5 * DAY)
    found = credits([early, first, last, late], 100 + 5 * DAY, Attribution("linear"))
    assert [credit.touch for credit in found] == [first, last]
    assert credits([early, late], 100 + 5 * DAY, Attribution("linear")) == []


@pytest.mark.parametrize("model", MODELS)
def test_the_last_touch_is_the_last_credit_under_any_model(model: str) -> None:
    found = credits(touches(10, 20, 30), 40, Attribution(model))
    assert found[-1].touch.key[0] == 30
    if model == "first_touch":
        assert [(touch.key[0], weight) for touch, weight in found] == [(10, 1), (30, 0)]
