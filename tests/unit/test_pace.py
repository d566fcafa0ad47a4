"""The pace of the inputs: live, empty, catching up, stalled. Looks are five seconds apart, from 0 on."""

from __future__ import annotations

from dataclasses import dataclass

import pytest

from streams.board.follow.input_lag import BEHIND, HISTORY, MANY, SPAN, Inputs, Pace, PaceKeeper

AS_OF = 1_800_000_000_000
OLD = AS_OF - HISTORY - 1
EVERY = 5.0


@dataclass(frozen=True)
class Case:
    says: str
    #: Folded, waiting and the newest event's time (None: none came) at each look.
    looks: tuple[tuple[int, int, int | None], ...]
    state: str
    seconds: float | None = None


def steady(folded: int, waiting: int, newest: int | None, step: int = 0) -> tuple[tuple[int, int, int | None], ...]:
    """Looks over the whole span; each has folded ``step`` more."""
    return tuple((folded + n * step, waiting, newest) for n in range(int(SPAN / EVERY) + 1))


CASES = [
    Case("nothing has ever come", ((0, 0, None),), "empty"),
    Case("what came first is not folded yet", ((0, 5, None),), "catching_up"),
    Case("nobody ever takes it", steady(0, 5, None), "stalled"),
    Case("a quiet night", steady(900, 0, OLD), "live"),
    Case("a unit under way", ((100, 40, AS_OF - 1), (150, 40, AS_OF)), "live", 4.0),
    Case("a busy desk is not behind", steady(0, 20_000, AS_OF, step=20_000), "live", 5.0),
    Case("ten seconds' work", ((0, 2 * MANY, AS_OF), (MANY, 2 * MANY, AS_OF)), "live", BEHIND),
    Case("more than that", ((0, 220, AS_OF), (100, 220, AS_OF)), "catching_up", 11.0),
    Case("few on a quiet desk", ((0, MANY, AS_OF), (1, MANY, AS_OF)), "live", EVERY * MANY),
    Case("one that was quiet has something new", ((9, 0, OLD), (10, 0, AS_OF)), "live", 0.0),
    Case("history that never waits", ((9, 0, OLD - 1), (10, 0, OLD)), "catching_up", 0.0),
    Case("history that waits, at the first look", ((9, 7, OLD),), "catching_up"),
    Case("history is over", ((9, 0, OLD - 1), (10, 0, AS_OF)), "live", 0.0),
    Case("the first event of the morning", ((9, 0, OLD), (9, 1, OLD)), "live"),
    Case("history that waits", ((9, 7, OLD), (9, 7, OLD)), "catching_up"),
    Case("waiting for less than the span", steady(900, 3, AS_OF)[:-1], "live"),
    Case("come just now, after a quiet while", (*steady(900, 0, AS_OF), (900, 3, AS_OF)), "live"),
    Case("waiting, and nobody takes it", steady(900, 3, AS_OF), "stalled"),
    Case("taken again", (*steady(900, 3, AS_OF), (902, 1, AS_OF)), "live", 15.0),
]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.says)
def test_the_pace(case: Case) -> None:
    keeper = PaceKeeper()
    for number, (folded, waiting, newest) in enumerate(case.looks):
        told = {} if newest is None else {"support.tickets": newest, "support.orders": newest - 5}
        pace = keeper.look(number * EVERY, Inputs(folded, waiting), told, AS_OF)
    assert pace == Pace(case.state, case.looks[-1][1], case.seconds)  # type: ignore[arg-type]


def test_costs_of_a_period_to_come_do_not_make_a_history_new() -> None:
    keeper = PaceKeeper()
    keeper.look(0, Inputs(1, 0), {"support.costs": AS_OF + 1, "support.tickets": OLD - 1}, AS_OF)
    pace = keeper.look(5, Inputs(2, 0), {"support.costs": AS_OF + 1, "support.tickets": OLD}, AS_OF)
    assert pace.state == "catching_up"


def test_only_so_many_looks_are_kept() -> None:
    keeper = PaceKeeper()
    for number in range(10_000):
        keeper.look(number * 0.1, Inputs(number, 0), {}, AS_OF)
    assert len(keeper._looks) <= SPAN / 0.1 + 2


def test_without_an_answer_nobody_knows() -> None:
    assert PaceKeeper().look(0, None, {"support.tickets": AS_OF}, AS_OF) == Pace("cut_off")
