"""The lag of the inputs: live, empty, catching up, stalled. Observations are five seconds apart, from 0 on."""

from __future__ import annotations

from dataclasses import dataclass

import pytest

from streams.board.follow.input_lag import (
    BACKLOG_RECORDS,
    BACKLOG_SECONDS,
    HISTORY_MS,
    OBSERVED_SECONDS,
    InputCounts,
    InputLag,
    InputLagMeter,
)

AS_OF = 1_800_000_000_000
OLD = AS_OF - HISTORY_MS - 1
INTERVAL_SECONDS = 5.0


@dataclass(frozen=True)
class Case:
    name: str
    #: Folded, waiting and the newest event's time (None: no event) at each observation.
    observations: tuple[tuple[int, int, int | None], ...]
    state: str
    seconds_to_go: float | None = None


def steady(folded: int, waiting: int, newest: int | None, step: int = 0) -> tuple[tuple[int, int, int | None], ...]:
    """Observations over the whole time; each has folded ``step`` more."""
    return tuple((folded + n * step, waiting, newest) for n in range(int(OBSERVED_SECONDS / INTERVAL_SECONDS) + 1))


CASES = [
    Case("nothing has ever come", ((0, 0, None),), "empty"),
    Case("what came first is not folded yet", ((0, 5, None),), "catching_up"),
    Case("nobody ever takes it", steady(0, 5, None), "stalled"),
    Case("a quiet night", steady(900, 0, OLD), "live"),
    Case("a unit under way", ((100, 40, AS_OF - 1), (150, 40, AS_OF)), "live", 4.0),
    Case("a busy desk is not behind", steady(0, 20_000, AS_OF, step=20_000), "live", 5.0),
    Case(
        "ten seconds' work",
        ((0, 200, AS_OF), (100, 200, AS_OF)),
        "live",
        BACKLOG_SECONDS,
    ),
    Case("more than that", ((0, 220, AS_OF), (100, 220, AS_OF)), "catching_up", 11.0),
    Case(
        "few on a quiet desk",
        ((0, BACKLOG_RECORDS, AS_OF), (1, BACKLOG_RECORDS, AS_OF)),
        "live",
        INTERVAL_SECONDS * BACKLOG_RECORDS,
    ),
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


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_the_lag(case: Case) -> None:
    meter = InputLagMeter()
    for number, (folded, waiting, newest) in enumerate(case.observations):
        newest_event = {} if newest is None else {"support.tickets": newest, "support.orders": newest - 5}
        lag = meter.observe(number * INTERVAL_SECONDS, InputCounts(folded, waiting), newest_event, AS_OF)
    assert lag == InputLag(case.state, case.observations[-1][1], case.seconds_to_go)  # type: ignore[arg-type]


def test_costs_of_a_period_to_come_do_not_make_a_history_new() -> None:
    meter = InputLagMeter()
    meter.observe(0, InputCounts(1, 0), {"support.costs": AS_OF + 1, "support.tickets": OLD - 1}, AS_OF)
    lag = meter.observe(5, InputCounts(2, 0), {"support.costs": AS_OF + 1, "support.tickets": OLD}, AS_OF)
    assert lag.state == "catching_up"


def test_only_so_many_observations_are_kept() -> None:
    meter = InputLagMeter()
    for number in range(10_000):
        meter.observe(number * 0.1, InputCounts(number, 0), {}, AS_OF)
    assert len(meter._observations) <= OBSERVED_SECONDS / 0.1 + 2


def test_without_an_answer_nobody_knows() -> None:
    assert InputLagMeter().observe(0, None, {"support.tickets": AS_OF}, AS_OF) == InputLag("cut_off")
