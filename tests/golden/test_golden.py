"""Each case through each engine: the values worked out by hand, and all the others alike to the last digit."""

from __future__ import annotations

from pathlib import Path

import pytest

from streams.core.metrics.families import METRICS

from .runner import CHECKED, PLACE, Case, by_agent, by_command, by_partitions, by_replay, cases, number

CASES = cases()
each = pytest.mark.parametrize("case", CASES, ids=[case.name for case in CASES])
#: The other engines hold the same core, and take ten times as long as the replay.
thorough = pytest.mark.thorough


@each
def test_replay(case: Case) -> None:
    case.check(by_replay(case))


@each
@thorough
def test_command(case: Case, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    found = by_command(case, tmp_path)
    case.check(found)
    case.agree(found, by_replay(case))


@each
@thorough
@pytest.mark.parametrize("partitions", [1, 3])
def test_partitions(case: Case, partitions: int) -> None:
    found = by_partitions(case, partitions)
    case.check(found)
    case.agree(found, by_replay(case))


@each
@thorough
async def test_agent(case: Case) -> None:
    found = await by_agent(case)
    case.check(found)
    case.agree(found, by_replay(case))


def test_the_cases_are_all_there() -> None:
    assert len(CASES) >= 12
    for case in CASES:
        assert case.expected, case.name
        assert case.as_of % 5000 == 0, "an edge of the finest pane, for the board's sake"
        for row in case.expected:
            assert row.keys() <= {"metric", "within", *PLACE, *CHECKED}, f"{case.name}: {row}"


def test_every_metric_of_the_catalogue_is_worked_out() -> None:
    """By a value that says something: a formula that gives 0 or nothing for everything passes many a case."""
    told = {row["metric"] for case in CASES for row in case.expected if number(row["value"])}
    assert told == METRICS.keys()
