"""Breaches as they are told: in any order, batching, at any pace of the clock, through restarts and crashes.

What stands in the end, told and not taken back, is what the oracle finds broken; nothing was told before its deadline,
and under each id the records take turns: told, taken back, told.
"""

from __future__ import annotations

import itertools
import random
from collections import defaultdict
from typing import Any

import pytest

from streams.core.derivation import state_format
from streams.core.temporal.instants import MINUTE, format_instant, parse_instant
from streams.kafka.topics import STATE
from tests.contract import cases
from tests.oracle.clock import DAY
from tests.oracle.strategies import FIRST, LAST, SETTINGS, random_events, rfc3339
from tests.oracle.tickets import verdicts
from tests.oracle.world import Settings, World

from .harness import Desk, Event, before, edge, settings_of
from .test_merging import merged

EVERY: dict[str, Any] = SETTINGS | {
    "windows": {"rolling": ["1h"], "aligned": []},
    "service_levels": [
        *SETTINGS["service_levels"],
        {"name": "next_business", "metric": "next_response", "clock": "business", "seconds": 1800},
        {"name": "wait_business", "metric": "requester_wait", "clock": "business", "seconds": 14400},
    ],
}
Identity = tuple[str, str, str, str]  # customer, ticket, target, deadline


def expected(events: list[Event], as_of: int) -> set[Identity]:
    """What is broken by the events before an instant, by the oracle."""
    found = verdicts(World(events, as_of, Settings(EVERY)))
    broken = [verdict for verdict in found if verdict.at is not None and not verdict.met and verdict.at < as_of]
    assert all(verdict.at == verdict.deadline for verdict in broken)
    return {(one.customer, one.ticket, one.target, format_instant(one.deadline)) for one in broken}


def standing(desk: Desk) -> set[Identity]:
    """What was told and not taken back; each id's records take turns, and describe one and the same breach."""
    by_id: defaultdict[str, list[dict[str, Any]]] = defaultdict(list)
    for row in desk.breaches:
        by_id[row["id"]].append(row)
    found = set()
    for rows in by_id.values():
        assert [row["retracted"] for row in rows] == [turn % 2 == 1 for turn in range(len(rows))]
        (one,) = {tuple(row[name] for name in ("customer_id", "ticket_id", "target", "deadline")) for row in rows}
        if not rows[-1]["retracted"]:
            found.add(one)
    return found


def settle(desk: Desk) -> None:
    """Nothing comes any more, and the log closes what is dirty."""
    for number, state in enumerate(desk.states):
        desk.unit(number, [0])
        assert not state.commit_needed


def worked(desk: Desk, rng: random.Random, as_of: int, restarts: float) -> None:
    """All that waits, in random units, while the clock goes on to ``as_of`` in random steps."""
    while busy := [number for number in range(desk.partitions) if desk.waiting(number)]:
        number, told = rng.choice(busy), len(desk.breaches)
        desk.clock = min(as_of, desk.clock + rng.choice((0, MINUTE, DAY // 3, 5 * DAY)))
        if rng.random() < restarts:
            if rng.random() < 0.5:
                desk.restart(number)
            else:
                desk.crash(number, rng.randrange(1, 40), rng.choice((0, 1, 100)))
        desk.unit(number, [rng.randrange(0, 25) for _ in range(rng.randrange(1, 4))])
        assert all(parse_instant(row["deadline"]) < desk.clock for row in desk.breaches[told:])
    desk.clock = as_of
    settle(desk)


@pytest.mark.parametrize("seed", range(20))
def test_what_is_told_in_the_end_is_what_is_broken(seed: int) -> None:
    rng = random.Random(seed)
    events = random_events(seed, rng.randrange(80, 200), merges=False)
    as_of = edge(LAST + 5 * DAY - rng.randrange(30 * DAY))
    known = before(events, as_of)
    rng.shuffle(known)
    desk = Desk(
        settings_of(EVERY), rng.randrange(FIRST, as_of), rng.choice((1, 2, 3)), rng.choice((1, 50_000)),
        compacted=rng.random() < 0.5,
    )  # fmt: skip
    for event in known:
        desk.send(event)
    worked(desk, rng, as_of, restarts=0.3)
    assert standing(desk) == expected(known, as_of) != set()


@pytest.mark.parametrize("seed", range(4))
def test_large_histories_tell_much_and_take_much_back(seed: int) -> None:
    events = random_events(seed, 400, merges=False)
    rng = random.Random(seed)
    rng.shuffle(events)
    as_of = edge(LAST + 10 * DAY)
    desk = Desk(settings_of(EVERY), edge(LAST - 10 * DAY), 2)
    for event in events:
        desk.send(event)
    worked(desk, rng, as_of, restarts=0.2)
    assert standing(desk) == expected(before(events, as_of), as_of)
    taken_back = sum(row["retracted"] for row in desk.breaches)
    assert min(len(standing(desk)), taken_back) > 8, "the history says too little"
    for row in desk.breaches[:: max(1, len(desk.breaches) // 20)]:
        assert cases.complaints("support.sla-breaches", row) == []


def test_nothing_that_stays_pending_is_kept_for_ever() -> None:
    """Once every deadline has passed, the state topic holds no record of pending breaches."""
    events = random_events(7, 200, merges=False)
    desk = Desk(settings_of(EVERY), FIRST)
    for event in events:
        desk.send(event)
    desk.drain()
    assert pending(desk)
    desk.clock = LAST + 100 * DAY
    settle(desk)
    assert not pending(desk)


def pending(desk: Desk) -> dict[bytes, bytes]:
    last = {
        key: value
        for log in desk.logs
        for topic, key, value in log
        if topic == STATE and state_format.read_entity_key(key)[1][0] == state_format.PENDING
    }
    return {key: value for key, value in last.items() if value is not None}


# -- one ticket -----------------------------------------------------------------------------------------------

NINE = parse_instant("2026-03-02T09:00:00Z")
HOUR = 60
ONE = settings_of({"service_levels": [{"name": "reply", "metric": "first_response", "seconds": 3600}]})
serial = itertools.count()


def told(minute: int, kind: str, **fields: Any) -> Event:
    base = {"event_id": f"{next(serial)}", "customer_id": "ann", "ticket_id": "t", "type": f"ticket.{kind}"}
    return base | {"occurred_at": rfc3339(NINE + minute * MINUTE)} | fields


def at(desk: Desk, minute: int, *events: Event) -> list[tuple[str, bool]]:
    """What one unit at a minute tells: (target, retracted)."""
    desk.clock, seen = NINE + minute * MINUTE, len(desk.breaches)
    for event in events:
        desk.send(event)
    desk.unit(0, [len(events)])
    return [(row["target"], row["retracted"]) for row in desk.breaches[seen:]]


def test_by_the_clock_alone_just_past_the_deadline() -> None:
    desk = Desk(ONE, NINE)
    assert at(desk, 1, told(0, "created", channel="email")) == []
    assert at(desk, HOUR) == [], "an answer at the deadline would be in time"
    assert not desk.states[0].commit_needed
    desk.clock += 1
    assert desk.states[0].commit_needed, "so that the log closes a unit although no record comes"
    desk.unit(0, [0])
    (row,) = desk.breaches
    assert (row["id"], row["started_at"], row["retracted"]) == (
        "ann|t|reply|2026-03-02T10:00:00.000Z", "2026-03-02T09:00:00.000Z", False,
    )  # fmt: skip
    assert not desk.states[0].commit_needed


def test_labels_are_those_at_the_deadline() -> None:
    desk = Desk(ONE, NINE)
    at(desk, 1, told(0, "created", channel="email", priority="low"))
    at(desk, 31, told(30, "updated", priority="high", issue_type="billing"))
    at(desk, 62, told(61, "updated", priority="urgent"))
    at(desk, 63)
    (row,) = desk.breaches
    assert (row["channel"], row["issue_type"], row["priority"]) == ("email", "billing", "high")


@pytest.mark.parametrize(
    "event",
    [
        told(50, "message", author="agent"),
        told(50, "status_changed", status="solved"),
        told(90, "voided"),
        told(90, "merged", into_ticket_id="u"),
    ],
    ids=["answered in time", "solved in time", "voided", "merged"],
)
@pytest.mark.parametrize("restarted", [False, True])
def test_what_turns_out_not_to_be_broken_is_taken_back(event: Event, restarted: bool) -> None:
    desk = Desk(ONE, NINE)
    at(desk, 1, told(0, "created", channel="email"))
    assert at(desk, 70) == [("reply", False)]
    if restarted:
        desk.restart(0)
    assert at(desk, 91, event) == [("reply", True)]
    assert at(desk, 200) == []


def test_a_late_answer_takes_nothing_back() -> None:
    desk = Desk(ONE, NINE)
    at(desk, 1, told(0, "created", channel="email"))
    assert at(desk, 70) == [("reply", False)]
    assert at(desk, 91, told(90, "message", author="agent")) == []


def test_who_catches_up_does_not_take_for_broken_what_the_next_unit_answers() -> None:
    """Hours of events lie ready; a unit goes as far as 9:30, and the answer of 9:40 is in the next one."""
    desk = Desk(ONE, NINE)
    later = 5 * HOUR
    assert (
        at(desk, later, told(0, "created", channel="email"), told(30, "created", ticket_id="u", channel="chat")) == []
    )
    assert at(desk, later, told(40, "message", author="agent")) == []
    assert at(desk, later) == [("reply", False)], "of the other ticket, once nothing is left to read"
    assert desk.breaches[0]["ticket_id"] == "u"


def test_changed_definitions_tell_what_is_to_come_and_nothing_of_the_past_again() -> None:
    desk = Desk(ONE, NINE)
    at(desk, 1, told(0, "created", channel="email"))
    assert at(desk, 70, told(65, "created", ticket_id="u", channel="chat")) == [("reply", False)]
    desk.settings = settings_of({"service_levels": [{"name": "reply", "metric": "first_response", "seconds": 1800}]})
    desk.policy = desk.settings.policy()
    desk.restart(0)
    assert at(desk, 72) == [], "10:00 was told, by the new definitions it would have been 9:30"
    assert at(desk, 96) == [("reply", False)]
    assert desk.breaches[-1]["deadline"] == "2026-03-02T10:35:00.000Z"


def test_what_became_due_while_definitions_changed_is_told() -> None:
    desk = Desk(ONE, NINE)
    at(desk, 1, told(0, "created", channel="email"))
    desk.settings = settings_of({"csat_benchmark": 0.5, "currency": "USD"} | {"service_levels": [
        {"name": "reply", "metric": "first_response", "seconds": 3600}]})  # fmt: skip
    desk.policy = desk.settings.policy()
    desk.restart(0)
    assert at(desk, 70) == [("reply", False)]


# -- merged customers -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("seed", range(12))
def test_merged_customers_keep_their_breaches_in_any_partitions(seed: int) -> None:
    """Who moves to another partition is told of again there: under the same ids, so that what stands is the same."""
    rng = random.Random(seed)
    events = merged(seed, 120, 3)
    as_of = edge(FIRST + 100 * DAY)
    known = before(events, as_of)
    desk = Desk(settings_of(EVERY), rng.randrange(FIRST, as_of), rng.choice((1, 2, 5)), rng.choice((3, 50_000)))
    for event in known:
        desk.send(event)
    worked(desk, rng, as_of, restarts=0.3)
    last = {row["id"]: row for row in desk.breaches}
    found = {
        (row["customer_id"], row["ticket_id"], row["target"], row["deadline"])
        for row in last.values()
        if not row["retracted"]
    }
    assert found == expected(known, as_of) != set()
