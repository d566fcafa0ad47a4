"""Families switched off: not told, not booked, and every value that is left is what it is with all of them on."""

from __future__ import annotations

import random
from collections.abc import Collection
from itertools import combinations
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from streams.config import Settings
from streams.core.derivation import state_format
from streams.core.ledger.measures import MEASURES
from streams.core.metrics.families import FAMILIES, METRICS, booked_for, metrics_of
from tests.oracle.clock import DAY
from tests.oracle.strategies import FIRST, LAST, SETTINGS, histories, random_events

from .harness import Desk, Event, Values, before, edge, ledger_of, live, replayed, same, settings_of, undated

ALL = tuple(FAMILIES)
ALONE = [(name,) for name in ALL]
BUT_ONE = [tuple(name for name in ALL if name != off) for off in ALL]
GIVEN: dict[str, Any] = SETTINGS | {
    "windows": {"rolling": ["1h", "7d", "365d"], "aligned": ["day", "month"]},
    "service_levels": [level for level in SETTINGS["service_levels"] if level["name"] in ("reply_1h", "next_reply")],
    "inactivity_days": 40,
    "goals": [{"name": "faster", "metric": "first_response_p90_seconds", "window": "7d", "target": 60,
               "baseline": "2026-01-10", "due": "2026-03-01"}],
}  # fmt: skip
families = st.sets(st.sampled_from(ALL), min_size=1, max_size=len(ALL) - 1)


def with_families(chosen: Collection[str]) -> Settings:
    """Goals only where what they are judged by is told."""
    goals = GIVEN["goals"] if {"tickets", "judgement"} <= set(chosen) else []
    return settings_of(GIVEN | {"goals": goals, "metrics": {"families": sorted(chosen)}})


def left(values: Values, chosen: Collection[str]) -> Values:
    """What is to be left of the values of all families."""
    told = {metric.id for metric in metrics_of(chosen)}
    return {key: record for key, record in values.items() if key[0] in told}


def everything(chosen: Collection[str]) -> Settings:
    return msgspec.structs.replace(with_families(chosen), metrics=Settings().metrics)


@settings(max_examples=25)
@given(histories(max_size=90), st.integers(0, 150), families)
def test_a_replay_tells_the_rest_as_before(events: list[Event], days: int, chosen: Collection[str]) -> None:
    as_of = FIRST + days * DAY + 12_345
    expected = replayed(events, as_of, everything(chosen), start=FIRST)
    same(replayed(events, as_of, with_families(chosen), start=FIRST), left(expected, chosen))


@settings(max_examples=12)
@given(histories(max_size=80), st.integers(0, 10**6), st.integers(0, 120 * DAY), families)
def test_worker_and_board_tell_the_rest_as_before(
    events: list[Event], seed: int, after: int, chosen: Collection[str]
) -> None:
    as_of = edge(FIRST + DAY + after)
    known = before(events, as_of)
    expected = live(known, as_of, everything(chosen))
    found = live(known, as_of, with_families(chosen), seed, 2, restarts=0.3)
    same(undated(found), undated(left(expected, chosen)))


@pytest.mark.parametrize("chosen", [*ALONE, *BUT_ONE], ids=",".join)
def test_each_family_alone_and_all_but_it_over_a_long_history(chosen: tuple[str, ...]) -> None:
    events = random_events(len(chosen), 400, customers=4)
    expected = replayed(events, LAST, everything(chosen), start=FIRST)
    found = replayed(events, LAST, with_families(chosen), start=FIRST)
    assert len(found) < len(expected)
    same(found, left(expected, chosen))


@pytest.mark.parametrize("chosen", [*ALONE, *combinations(ALL, 2)], ids=",".join)
def test_what_no_family_reads_is_not_booked(chosen: tuple[str, ...]) -> None:
    desk = Desk(with_families(chosen), edge(LAST))
    for event in random_events(5, 150):
        desk.send(event)
    desk.run(random.Random(5))
    keys = {key for _, _, cell in ledger_of(desk).panes.everything() for key in cell}
    booked = {key.partition(".")[0].partition("@")[0].removesuffix("_business") for key in keys}
    wanted = booked_for(chosen)
    assert wanted is not None
    assert booked
    assert booked <= wanted


@pytest.mark.parametrize("chosen", [ALL, *ALONE, *BUT_ONE], ids=",".join)
def test_breaches_are_told_with_the_family_of_service_levels(chosen: tuple[str, ...]) -> None:
    desk = Desk(with_families(chosen), edge(LAST))
    for event in random_events(5, 150):
        desk.send(event)
    desk.drain()
    assert bool(desk.breaches) == ("service_levels" in chosen)


def test_every_measure_is_read_by_a_metric() -> None:
    """What nobody reads is booked in vain."""
    assert {name for name in MEASURES if "@" not in name} == frozenset().union(
        *(metric.measures for metric in METRICS.values())
    )
    assert booked_for(ALL) is None


def test_what_is_booked_is_part_of_the_origin() -> None:
    """A family that books something is booked anew when it is switched on; one that books nothing changes no state."""
    origins = {off: state_format.origin(with_families(set(ALL) - {off}).policy(), ["1h"]) for off in ALL}
    plain = state_format.origin(everything(set(ALL)).policy(), ["1h"])
    assert origins.pop("judgement") == plain
    assert len({plain, *origins.values()}) == len(ALL)
