"""Merged customers: the same values whichever partitions they lived in, in any order; one customer from then on."""

from __future__ import annotations

import random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from streams.core.temporal.instants import format_instant
from tests.oracle import SUPPORTED, oracle
from tests.oracle.clock import DAY, to_ms
from tests.oracle.strategies import FIRST, SETTINGS, random_events

from .harness import Desk, Event, before, edge, live, replayed, replays, same, settings_of, undated
from .test_oracle import PLAIN, compare

GIVEN: dict[str, Any] = SETTINGS | {
    "windows": {"rolling": ["1h", "7d", "90d"], "aligned": ["month"]},
    "service_levels": [level for level in SETTINGS["service_levels"] if level["name"] in ("reply_1h", "urgent_reply")],
}
DESK = settings_of(GIVEN)
#: Where a window holds two customers' pasts from before they became one, they count as one in these
#: (docs/definitions.md#merged-customers). The oracle counts what was apart then.
READ_OTHERWISE = {
    "churn_ratio", "retention_ratio", "orders_per_customer", "returning_customer_ratio", "clv_mean", "nps",
    "incremental_revenue",
}  # fmt: skip


def merge(number: int, at: int, one: str, into: str) -> Event:
    """A merge at an instant (ms)."""
    event = {"event_id": f"merge{number}", "type": "customer.merged", "occurred_at": format_instant(at)}
    return event | {"customer_id": one, "into_customer_id": into}


def merged(seed: int, size: int, merges: int = 2, customers: int = 4) -> list[Event]:
    """A history of a few customers, some of whom turn out to be the same."""
    rng = random.Random(seed)
    events = random_events(seed, size, customers=customers, merges=False)
    names = sorted({event["customer_id"] for event in events if "customer_id" in event})
    for number in range(min(merges, len(names) - 1)):
        one, into = rng.sample(names, 2)
        at = FIRST + rng.randrange(10, 90) * DAY + rng.randrange(DAY)
        events.append(merge(number, at, one, into))
    rng.shuffle(events)
    return events


@settings(max_examples=20)
@given(st.integers(0, 10**6), st.integers(20, 120), st.sampled_from([1, 2, 5]), st.integers(1, 3))
def test_live_in_any_partitions_equals_the_replay(seed: int, size: int, partitions: int, merges: int) -> None:
    events = merged(seed, size, merges)
    as_of = edge(FIRST + 100 * DAY)
    past = before(events, as_of)
    expected = undated(live(past, as_of, DESK))
    found = undated(live(past, as_of, DESK, seed=seed, partitions=partitions, restarts=0.3, warm=3))
    same(found, expected)


@settings(max_examples=10)
@given(st.integers(0, 10**6), st.integers(100, 300), st.booleans())
def test_many_merges_in_one_unit_and_a_restart_after_each(seed: int, size: int, compacted: bool) -> None:
    """Some stay and some move at once, chains of them too; who is one with whom must outlive the process."""
    events = merged(seed, size, 8, customers=14)
    as_of = edge(FIRST + 100 * DAY)
    past = before(events, as_of)
    desk = Desk(DESK, as_of, 4, compacted=compacted)
    for third in (past[0::3], past[1::3], past[2::3]):
        for event in third:
            desk.send(event)
        desk.drain()
        for number in range(4):
            desk.restart(number)
    same(undated(desk.values()), undated(live(past, as_of, DESK)))


@settings(max_examples=20)
@given(st.integers(0, 10**6), st.integers(20, 120))
def test_any_order_and_batching_gives_the_same(seed: int, size: int) -> None:
    events = merged(seed, size)
    as_of = FIRST + 100 * DAY + 12_345
    again = [*events, *events[::3]]
    random.Random(seed).shuffle(again)
    expected = replayed(events, as_of, DESK)
    same(replayed(again, as_of, DESK, closes=range(0, len(again), 7), warm=2), expected)


@pytest.mark.parametrize("seed", range(6))
def test_every_value_equals_the_oracles(seed: int) -> None:
    """But for what is read otherwise, and by labels of segments (those of a survey sent later than answered)."""
    events = merged(seed, 200)
    as_of = FIRST + 100 * DAY
    shared = set(SUPPORTED) - READ_OTHERWISE
    values = {
        key: row for key, row in replays(events, [as_of], settings_of(PLAIN), FIRST)[0].items() if key[0] in shared
    }
    expected = oracle(events, as_of=as_of, start=FIRST, settings=PLAIN, metrics=shared, aligned=True)
    assert compare(values, {key: row for key, row in expected.items() if key[0] in shared}, shared, False) > 80


@pytest.mark.parametrize("seed", range(3))
def test_customers_merged_in_a_circle_come_to_rest(seed: int) -> None:
    events = merged(seed, 60, 0)
    names = sorted({event["customer_id"] for event in events if "customer_id" in event})[:3]
    for number, (one, into) in enumerate(zip(names, names[1:] + names[:1], strict=True)):
        events.append(merge(number, FIRST + 40 * DAY, one, into))
    as_of = edge(FIRST + 100 * DAY)
    past = before(events, as_of)
    desk = Desk(DESK, as_of, 5)
    for event in past:
        desk.send(event)
    desk.run(random.Random(seed))
    counted = sum(state.stats.counters["events"] for state in desk.states if state.stats.counters)
    assert counted == len({(event.get("customer_id"), event.get("cost_id"), event["event_id"]) for event in past})
    created = {key: row.value for key, row in desk.values().items() if key[0] == "tickets_created" and key[3] == "all"}
    one = live(past, as_of, DESK)
    assert created == {key: one[key].value for key in created}


def test_two_active_customers_who_become_one_are_one_and_nobody_left() -> None:
    base = {"currency": "EUR"}
    events: list[Event] = [
        {"event_id": "1", "type": "customer.joined", "occurred_at": "2026-01-01T10:00:00Z", "customer_id": "ann"},
        {"event_id": "1", "type": "customer.joined", "occurred_at": "2026-01-02T10:00:00Z", "customer_id": "bea"},
        {"event_id": "2", "type": "ticket.created", "occurred_at": "2026-01-04T10:00:00Z", "customer_id": "ann",
         "ticket_id": "t", "channel": "email"},
        {"event_id": "3", "type": "ticket.message", "occurred_at": "2026-01-04T11:00:00Z", "customer_id": "ann",
         "ticket_id": "t", "author": "agent", "agent_id": "max"},
        {"event_id": "m", "type": "customer.merged", "occurred_at": "2026-01-05T10:00:00Z", "customer_id": "ann",
         "into_customer_id": "bea"},
        {"event_id": "4", "type": "order.placed", "occurred_at": "2026-01-06T10:00:00Z", "customer_id": "bea",
         "order_id": "o", "lines": [{"line_id": "l", "amount_minor": 500}], **base},
        {"event_id": "5", "type": "order.paid", "occurred_at": "2026-01-06T10:00:00Z", "customer_id": "bea",
         "order_id": "o", "amount_minor": 500, **base},
        {"event_id": "6", "type": "customer.left", "occurred_at": "2026-01-07T10:00:00Z", "customer_id": "bea"},
    ]  # fmt: skip
    days = [to_ms(f"2026-01-{day:02}T00:00:00Z") for day in (5, 6, 7, 8)]
    seen = [
        {metric: values[metric, window, None, "all", "all"].value
         for metric, window in (("customers_active", "now"), ("customers_left", "7d"), ("attributed_revenue", "7d"))}
        for values in replays(events, days, settings_of({"windows": {"aligned": []}}))
    ]  # fmt: skip
    assert [row["customers_active"] for row in seen] == [2, 1, 1, 0]
    assert [row["customers_left"] for row in seen] == [0, 0, 0, 1]
    assert [row["attributed_revenue"] for row in seen] == [0, 0, 500, 500], "ann's touch, bea's order"


def test_who_merges_in_the_unit_in_which_others_move_stays_merged_after_a_restart() -> None:
    desk = Desk(DESK, edge(FIRST + 10 * DAY), 2)
    names = [f"c{number}" for number in range(20)]
    here = [name for name in names if desk.owner(name.encode()) == 0]
    there = next(name for name in names if desk.owner(name.encode()) == 1)
    for number, name in enumerate([*here[:3], there]):
        joined = {"type": "customer.joined", "occurred_at": format_instant(FIRST + number), "customer_id": name}
        desk.send(joined | {"event_id": "1"})
    desk.drain()
    desk.send(merge(1, FIRST + DAY, here[0], there))
    desk.send(merge(2, FIRST + DAY, here[1], here[2]))
    desk.drain()
    desk.restart(0)
    assert desk.states[0].event_store.links.group("c" + here[1]) == {"c" + here[1], "c" + here[2]}
