"""The laws, one section each: docs/architecture.md#the-laws.

Law 2 (kills) needs Kafka; what of it needs none is here under law 3.
"""

from __future__ import annotations

import math
import random
from collections import Counter
from collections.abc import Mapping
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from streams.board.reader import Reader
from streams.config import Settings
from streams.core.derivation import state_format
from streams.core.derivation.state_format import StateError
from streams.core.ledger.bookings import Booking, difference
from streams.core.ledger.grids import CutGrid, LiveGrid
from streams.core.ledger.ledger import Ledger
from streams.core.ledger.measures import MEASURES
from streams.core.metrics.families import METRICS
from streams.kafka.topics import PANES
from tests.oracle.clock import DAY, HOUR, MINUTE, to_ms
from tests.oracle.strategies import FIRST, LAST, SETTINGS, histories, random_events, rfc3339

from .harness import (
    EDGE,
    Desk,
    Event,
    Values,
    before,
    differences,
    edge,
    ledger_of,
    live,
    reader_of,
    replayed,
    replays,
    same,
    settings_of,
    table,
    undated,
    without_period,
)

GIVEN: dict[str, Any] = SETTINGS | {
    "windows": {"rolling": ["1h", "7d", "90d"], "aligned": ["month"]},
    "service_levels": [level for level in SETTINGS["service_levels"] if level["name"] in ("reply_1h", "urgent_reply")],
}
DESK = settings_of(GIVEN)
seeds = st.integers(0, 10**6)


# -- 1: order, batching, duplication ----------------------------------------------------------------------------


@settings(max_examples=15)
@given(histories(max_size=70), st.randoms(use_true_random=False), st.integers(0, 120))
def test_law_1_replay(events: list[Event], rng: random.Random, days: int) -> None:
    as_of = FIRST + days * DAY + 12_345
    expected = replayed(events, as_of, DESK, start=FIRST)
    again = events + rng.sample(events, len(events) // 2)
    rng.shuffle(again)
    closes = rng.sample(range(len(again) + 1), min(len(again), 12))
    same(replayed(again, as_of, DESK, start=FIRST, closes=closes), expected)
    same(replayed(again, as_of, DESK, start=FIRST, closes=range(len(again))), expected)


@settings(max_examples=10)
@given(histories(max_size=70), st.randoms(use_true_random=False), st.integers(0, 10**9))
def test_law_1_live(events: list[Event], rng: random.Random, after: int) -> None:
    as_of = edge(FIRST + 30 * DAY + after * 7)
    expected = live(events, as_of, DESK)
    again = events + rng.sample(events, len(events) // 2)
    rng.shuffle(again)
    same(live(again, as_of, DESK, seed=rng.randrange(10**6)), expected)


def test_a_repetition_is_counted_and_adds_nothing() -> None:
    events = [event for event in random_events(1, 40) if event["type"] == "ticket.created"][:1]
    (event,) = events
    desk = Desk(DESK, edge(LAST))
    for told in (event, event, event | {"channel": "other body"}):
        desk.send(told)
    desk.drain()
    health = desk.snapshot().health
    assert health.counters == {"events": 1, "duplicate": 1, "conflicting_duplicate": 1, "orphans": 0, "unconverted": 0}


# -- 3: partitions, boards, restarts ---------------------------------------------------------------------------


@settings(max_examples=12)
@given(histories(max_size=70), seeds, st.integers(0, 120 * DAY), st.sampled_from([2, 3, 7]))
def test_law_3_partitions_merge_to_one_and_to_the_replay(
    events: list[Event], seed: int, after: int, partitions: int
) -> None:
    as_of = edge(FIRST + DAY + after)
    known = before(events, as_of)
    expected = without_period(replayed(known, as_of, DESK))
    same(live(known, as_of, DESK), expected)
    same(live(known, as_of, DESK, seed, partitions), expected)


@settings(max_examples=10)
@given(histories(max_size=70), seeds, st.integers(0, 120 * DAY))
def test_everything_cold_equals_everything_warm(events: list[Event], seed: int, after: int) -> None:
    as_of = edge(FIRST + DAY + after)
    known = before(events, as_of)
    expected = live(known, as_of, DESK, seed, warm=10**6)
    same(live(known, as_of, DESK, seed, warm=1), expected)
    same(replayed(known, as_of, DESK, warm=1, closes=range(0, 200, 7)), replayed(known, as_of, DESK))


@pytest.mark.parametrize("compacted", [True, False], ids=["compacted", "not yet compacted"])
@pytest.mark.parametrize("seed", range(5))
def test_restarts_and_crashes_leave_no_trace(seed: int, compacted: bool) -> None:
    """State taken up from the changelogs, also after a unit that never became durable.

    Until the broker cleans it, a changelog holds every value a key ever had: the last one counts, not their sum.
    """
    events = random_events(seed, 150)
    as_of = edge(LAST - seed * 9 * DAY)
    known = before(events, as_of)
    expected = live(known, as_of, DESK)
    same(live(known, as_of, DESK, seed, 2, restarts=0.5, compacted=compacted), expected)
    same(live(known, as_of, DESK, seed, 2, restarts=0.5, compacted=compacted, warm=1), expected)


@pytest.mark.parametrize("compacted", [True, False], ids=["compacted", "not yet compacted"])
def test_a_restart_takes_up_exactly_what_was_held(compacted: bool) -> None:
    """Cell by cell, not only by what shows."""
    desk = Desk(DESK, edge(LAST), compacted=compacted)
    for event in random_events(3, 200, merges=False):
        desk.send(event)
    desk.run(random.Random(3))
    held = {(pane, margin): dict(cell) for pane, margin, cell in ledger_of(desk).panes.everything()}
    accruals, stats = dict(desk.states[0].event_store.derivation.accruals), desk.states[0].stats
    admitted = dict(ledger_of(desk).admitted)
    assert len(held) > 500
    assert accruals
    desk.restart(0)
    found = {(pane, margin): dict(cell) for pane, margin, cell in ledger_of(desk).panes.everything()}
    assert found == held
    assert desk.states[0].event_store.derivation.accruals == accruals
    assert desk.states[0].stats == stats
    assert ledger_of(desk).admitted == admitted


def test_a_new_board_equals_the_old_one() -> None:
    desk = Desk(DESK, edge(LAST), partitions=3)
    for event in random_events(8, 200, merges=False):
        desk.send(event)
    desk.run(random.Random(8))
    expected = desk.values()
    desk.reader = desk.board()
    same(desk.values(), expected)


@pytest.mark.parametrize("seed", range(6))
def test_a_moving_clock_ends_where_a_standing_one_does(seed: int) -> None:
    """Weeks go by between units, panes go out of reach, old events still arrive: the values are the replay's."""
    rng = random.Random(seed)
    events = random_events(seed, 160)  # shuffled: most come weeks late
    desk = Desk(DESK, edge(FIRST + rng.randrange(5 * DAY)), partitions=2, warm=rng.choice((1, 1000)))
    told: list[Event] = []
    looks = 0
    steps = (EDGE, MINUTE, HOUR, 5 * HOUR, DAY, 9 * DAY)
    while len(told) < len(events):
        some = events[len(told) : len(told) + rng.randrange(1, 20)]
        told += some
        for event in some:
            desk.send(event)
        if rng.random() < 0.3:
            desk.restart(rng.randrange(2))
        desk.drain()
        if rng.random() < 0.5:
            # The replay knows only what came before; the board's sums hold the future too, but behind as_of.
            known = before(told, desk.clock)
            if len(known) == len(told):
                same(undated(desk.values()), undated(without_period(replayed(told, desk.clock, DESK))))
                looks += 1
        desk.clock = edge(desk.clock + rng.choice(steps))
    desk.clock = edge(max(desk.clock, LAST + rng.randrange(40 * DAY)))
    desk.drain()
    same(undated(desk.values()), undated(without_period(replayed(told, desk.clock, DESK))))


def test_what_the_board_shows_moves_with_the_clock_alone() -> None:
    """No event comes, the board slides: at each instant what a replay gives there, the booked future included."""
    events = random_events(11, 200, merges=False)
    last = max(edge(LAST), 0)
    desk = Desk(DESK, last)
    for event in events:
        desk.send(event)
    desk.drain()
    at = last
    instants = [at := at + step for step in (0, EDGE, MINUTE, 59 * MINUTE, HOUR + EDGE, 25 * HOUR, 8 * DAY, 91 * DAY)]
    for instant, expected in zip(instants, replays(events, instants, DESK), strict=True):
        desk.clock = instant
        desk.unit(0, [0])  # the worker goes on closing units and sweeping
        same(undated(desk.values(instant)), undated(expected))


def test_an_ended_period_keeps_up_with_what_changes_without_its_sums() -> None:
    """A board that computed an ended period before shows of it later what a new board shows: its maturity goes on, and
    a target that was heard of meanwhile has its row."""
    desk = Desk(DESK, FIRST + 35 * DAY)
    own = {"customer_id": "c", "ticket_id": "t", "channel": "email", "type": "ticket.created"}
    desk.send(own | {"event_id": "1", "occurred_at": "2026-01-10T00:00:00Z"})
    desk.drain()
    desk.values()
    desk.clock += 5 * DAY
    desk.send(own | {"event_id": "2", "ticket_id": "u", "channel": "chat", "occurred_at": "2026-02-05T00:00:00Z"})
    desk.drain()
    same(all_of(desk.values()), all_of(table(desk.board().snapshot(desk.clock, ready=True).records)))


def all_of(values: Values) -> Values:
    return {key: msgspec.structs.replace(record, as_of="") for key, record in values.items()}


@pytest.mark.parametrize("kind", ["day", "week", "month"])
def test_a_running_period_is_compared_whatever_rolling_windows_there_are(kind: str) -> None:
    """
    |===== the period before =====cut    |===== running =====as_of
                          [-------)           the day's panes up to the cut: still there, however old

    After a day of 23 hours, after one of 25, and where the period before has no day like today.
    """
    given = {"windows": {"rolling": ["5m"], "aligned": [kind]}, "business": {"time_zone": "Europe/Berlin"}}
    desk = settings_of(given | {"cost_per_contact_saved": 1})
    for as_of in map(to_ms, ("2026-03-30T21:50:00Z", "2026-10-26T22:50:00Z", "2026-05-31T15:20:00Z")):
        events = [
            {"event_id": str(n), "type": "contact.deflected", "occurred_at": rfc3339(as_of - n * HOUR - 1),
             "channel": "web", "by": "automation"}
            for n in range(70 * 24)
        ]  # fmt: skip
        expected = without_period(replayed(events, as_of, desk))
        assert any(row.previous for row in expected.values() if row.window == kind), "there is nothing to compare with"
        same(live(events, as_of, desk), expected)


def test_a_record_in_the_wrong_partition_is_sent_on() -> None:
    events = random_events(12, 120, merges=False)
    as_of = edge(LAST)
    desk = Desk(DESK, as_of, partitions=4)
    rng = random.Random(12)
    for event in events:
        desk.send(event, partition=rng.randrange(4))
    desk.run(rng)
    same(desk.values(), live(events, as_of, DESK))
    assert desk.snapshot().health.counters["rekeyed"] > 20


# -- 4: members and all ----------------------------------------------------------------------------------------

#: Sums and counts. Not: ratios, means, quantiles, ages.
ADDITIVE = {
    name
    for name, metric in METRICS.items()
    if (metric.kind == "count" or (metric.kind == "money" and "cost_per" not in name and "mean" not in name))
    and name not in ("average_order_value", "clv_mean", "incremental_revenue", "value_at_risk")
}
#: Their denominators (or samples) are sums too.
COUNTED = {name for name, metric in METRICS.items() if metric.kind in ("ratio", "mean", "seconds")}


def add_up(values: Values) -> int:
    totals: dict[tuple[str, str, str | None, str], list[float]] = {}
    counts: Counter[tuple[str, str, str | None, str]] = Counter()
    for (metric, window, period, dimension, _), record in values.items():
        if dimension not in ("all", "class", "target", "model"):
            totals.setdefault((metric, window, period, dimension), []).append(record.value or 0)
            counts[metric, window, period, dimension] += record.count
    checked = 0
    for (metric, window, period, dimension), parts in totals.items():
        if "all" not in METRICS[metric].dimensions:  # surges: of a member against itself
            continue
        whole = values[metric, window, period, "all", "all"]
        if metric in ADDITIVE:
            assert math.isclose(sum(parts), whole.value or 0, rel_tol=1e-12, abs_tol=1e-6), (metric, window, dimension)
            checked += bool(whole.value)
        if metric in COUNTED and not metric.startswith(("roi_", "cost_", "handle_")):
            assert counts[metric, window, period, dimension] == whole.count, (metric, window, dimension)
    return checked


@pytest.mark.parametrize("limit", [50, 3, 1])
@settings(max_examples=5)
@given(events=histories(max_size=90), after=st.integers(0, 130 * DAY))
def test_law_4_members_sum_to_all(limit: int, events: list[Event], after: int) -> None:
    desk = settings_of(GIVEN | {"dimensions": {"limit": limit}})
    values = replayed(events, FIRST + after + 1, desk, start=FIRST)
    add_up(values)
    unlimited = ("all", "class", "target", "model", "warning", "goal")
    named = Counter(key[:4] for key in values if key[3] not in unlimited and key[4] != "other")
    assert max(named.values(), default=0) <= limit


def test_law_4_has_something_to_add() -> None:
    assert {"tickets_created", "revenue_paid", "attributed_revenue", "benefit_total", "service_cost"} <= ADDITIVE
    assert add_up(replayed(random_events(2, 300), LAST, DESK, start=FIRST)) > 100


def test_classes_sum_to_the_total_benefit() -> None:
    for seed in range(5):
        values = replayed(random_events(seed, 250), LAST + 80 * DAY, DESK, start=FIRST)
        for window in ("7d", "90d", "period"):
            parts = sum((record.value or 0) for key, record in values.items() if key[:2] == ("benefit", window))
            (total,) = (r.value for k, r in values.items() if k[:2] == ("benefit_total", window) and k[3] == "all")
            assert math.isclose(parts, total or 0, rel_tol=1e-12)


def test_a_bounded_ledger_keeps_its_sums() -> None:
    """The worker's bound of members, smaller than what producers invent, and retractions from `other`."""
    desk = Desk(settings_of(), edge(LAST), members=10)
    rng = random.Random(1)
    for number in range(60):
        base = {"customer_id": f"c{number}", "ticket_id": "t", "occurred_at": "2026-01-05T10:00:00Z"}
        desk.send(base | {"event_id": "1", "type": "ticket.created", "channel": f"channel {number}"})
        if number % 3 == 0:
            desk.send(base | {"event_id": "2", "type": "ticket.voided", "occurred_at": "2026-01-06T10:00:00Z"})
    desk.run(rng, restarts=0.3)
    channels = {
        key[4]: r.value
        for key, r in desk.values().items()
        if key[:2] == ("tickets_created", "365d") and key[3] == "channel"
    }
    assert len(channels) <= 10
    assert channels["other"]
    assert sum(value or 0 for value in channels.values()) == 40
    assert all(value is not None and value >= 0 for value in channels.values())


# -- 5: nothing from the future -------------------------------------------------------------------------------


@settings(max_examples=10)
@given(histories(max_size=70), st.lists(st.integers(0, 130 * DAY), min_size=1, max_size=5, unique=True))
def test_law_5_a_value_depends_only_on_what_was_before(events: list[Event], moments: list[int]) -> None:
    instants = sorted(FIRST + moment for moment in moments)
    start = instants[0] - DAY
    for at, values in zip(instants, replays(events, instants, DESK, start), strict=True):
        same(values, replayed(before(events, at), at, DESK, start=start))


# -- 6: the ledger --------------------------------------------------------------------------------------------

NAMES = [name for name in MEASURES if "@" not in name]
LABELS = [("email", "billing", "low", "ann"), ("chat", "unknown", "urgent", "bob")]


def labels_for(name: str, index: int) -> tuple[str, ...]:
    dimensions = MEASURES[name].scheme.dimensions
    pool = LABELS[index]
    return tuple(pool[number % len(pool)] for number in range(len(dimensions)))


bookings = st.builds(
    lambda at, name, index, value: (at, name, labels_for(name, index), value),
    st.integers(FIRST, FIRST + 400 * DAY), st.sampled_from(NAMES), st.integers(0, 1), st.integers(0, 10**12),
)  # fmt: skip


def walk(ledger: Ledger) -> None:
    for pane, margin, cell in ledger.panes.everything():
        assert all(type(part) is int for part in pane)
        assert cell, "an empty cell stays"
        for key, amount in cell.items():
            assert type(amount) is int, (margin, key, amount)
            assert amount != 0, (margin, key)


@settings(max_examples=30)
@given(st.lists(bookings, max_size=30), st.lists(bookings, max_size=30), st.integers(0, 400 * DAY))
def test_law_6_inverse_postings_leave_nothing(one: list[Booking], two: list[Booking], now: int) -> None:
    windows = DESK.rolling(DESK.policy())
    for grid in (LiveGrid(windows, DESK.policy().days, FIRST + now), CutGrid(range(FIRST, FIRST + 400 * DAY, 9 * DAY))):
        ledger = Ledger(grid)
        ledger.post(difference([], one))
        ledger.flush()
        walk(ledger)
        ledger.post(difference(one, two))
        ledger.flush()
        walk(ledger)
        direct = Ledger(grid)
        direct.post(difference([], two))
        direct.flush()
        assert dict(cells(ledger)) == dict(cells(direct)), "the way there does not matter"
        ledger.post(difference(two, []))
        ledger.flush()
        assert len(ledger.panes) == 0
        assert list(ledger.panes.everything()) == []


def cells(ledger: Ledger) -> Mapping[Any, Any]:
    return {(pane, margin): dict(cell) for pane, margin, cell in ledger.panes.everything()}


@pytest.mark.parametrize("seed", range(4))
def test_law_6_no_float_in_any_pane(seed: int) -> None:
    desk = Desk(DESK, edge(LAST - seed * 20 * DAY))
    for event in random_events(seed, 250):
        desk.send(event)
    desk.run(random.Random(seed))
    walk(ledger_of(desk))
    assert len(ledger_of(desk).panes) > 300


def test_the_same_events_from_nothing_and_back_leave_an_empty_ledger() -> None:
    """Voiding every ticket takes all of it out again, what lies in the future too."""
    desk = Desk(DESK, edge(LAST))
    events = [event for event in random_events(4, 200) if event["type"].startswith(("ticket.", "survey."))]
    owners = {(event["customer_id"], event.get("ticket_id")) for event in events}
    for event in events:
        if event["type"].startswith("ticket."):
            desk.send(event)
    desk.run(random.Random(4))
    assert len(ledger_of(desk).panes) > 100
    for number, (customer, ticket) in enumerate(sorted(owners, key=str)):
        if ticket is not None:
            void = {"event_id": f"void{number}", "type": "ticket.voided", "occurred_at": "2026-01-01T00:00:00Z"}
            desk.send(void | {"customer_id": customer, "ticket_id": ticket})
    desk.run(random.Random(5))
    assert list(ledger_of(desk).panes.everything()) == []


# -- 7: formulas ----------------------------------------------------------------------------------------------

#: Formulas that are undefined without samples: a value is None iff nothing is behind it.
UNDEFINED = {name for name, metric in METRICS.items() if metric.kind in ("ratio", "mean", "seconds", "points")}


@settings(max_examples=15)
@given(histories(max_size=60), st.integers(0, 130 * DAY), st.sampled_from([50, 1]))
def test_law_7_no_nan_and_none_only_without_samples(events: list[Event], after: int, limit: int) -> None:
    desk = settings_of(GIVEN | {"dimensions": {"limit": limit}})
    for key, record in replayed(events, FIRST + after + 1, desk, start=FIRST).items():
        for number in (record.value, record.low, record.high):
            assert number is None or math.isfinite(number), key
        metric = METRICS[record.metric]
        if "all" not in metric.dimensions:  # warnings, goals and surges judge other values
            continue
        if record.metric in UNDEFINED or "cost_per" in record.metric:
            assert (record.value is None) == (record.count == 0), key
        elif metric.kind in ("count", "money") and "mean" not in record.metric and "average" not in record.metric:
            assert record.value is not None, key
        if record.low is not None and record.high is not None and record.value is not None:
            assert record.low <= record.value + 1e-9, key
            assert record.value <= record.high + 1e-9, key
        if metric.kind == "ratio" and not record.metric.startswith(("roi_", "cost_")) and record.value is not None:
            assert record.value >= 0, key


def test_law_7_holds_without_any_event() -> None:
    values = replayed([], FIRST, DESK, start=FIRST - DAY)
    assert {key[0] for key in values if key[3] == "all"} >= {"tickets_created", "csat_ratio", "roi_net_ratio"}
    for key, record in values.items():
        if "all" not in METRICS[key[0]].dimensions or key[0] == "maturity_ratio":  # of the window, not of events
            continue
        assert record.count == 0, key
        assert (record.value is None) == (record.metric in UNDEFINED or "cost_per" in record.metric), key
        assert record.value in (None, 0), key


# -- 8: state of other versions and definitions ---------------------------------------------------------------


#: A history that every one of the changes below changes.
SEED = 0
#: All of a history is before this.
AFTER = edge(LAST + DAY)


def filled(desk: Desk) -> Desk:
    for event in random_events(SEED, 150, merges=False):
        desk.send(event)
    desk.run(random.Random(6))
    return desk


@pytest.mark.parametrize("version", [0, 2, 99])
def test_law_8_another_format_is_refused_by_name(version: int) -> None:
    desk = filled(Desk(DESK, AFTER))
    (found,) = {value for topic, key, value in desk.logs[0] if topic == PANES and key == state_format.ORIGIN_KEY}
    assert found is not None
    other = state_format.write({"format": state_format.FORMAT + version if version else 0, "definitions": "x"})
    desk.logs[0].append((PANES, state_format.ORIGIN_KEY, other))
    with pytest.raises(
        StateError, match=f"format {state_format.FORMAT + version if version else 0} .*reads {state_format.FORMAT}"
    ):
        desk.restart(0)
    with pytest.raises(StateError, match="format"):
        desk.board()


def test_law_8_a_key_of_an_unknown_sort_is_refused() -> None:
    desk = filled(Desk(DESK, edge(LAST)))
    desk.logs[0].append((PANES, state_format.write(["zzz", 1]), state_format.write(1)))
    with pytest.raises(StateError, match="zzz"):
        desk.restart(0)
    with pytest.raises(StateError, match="zzz"):
        desk.board()


def test_law_8_a_board_with_other_definitions_refuses() -> None:
    desk = filled(Desk(DESK, edge(LAST)))
    desk.policy = settings_of(GIVEN | {"attribution": {"look_back_days": 4}}).policy()
    board = desk.board()
    with pytest.raises(StateError, match=r"definitions|roi\.toml"):
        board.snapshot(edge(LAST), ready=True)


CHANGES: list[dict[str, Any]] = [
    {"attribution": {"look_back_days": 1}},
    {"fcr": {"repeat_days": 1}},
    {"service_levels": []},
    {"rates": {}},
    {"business": GIVEN["business"] | {"time_zone": "Asia/Kathmandu"}},
    {"windows": {"rolling": ["1h", "48h", "90d"], "aligned": ["week"]}},
    {"contribution_margin": 1, "cost_per_contact_saved": 1},
]


@pytest.mark.parametrize("compacted", [True, False], ids=["compacted", "not yet compacted"])
@pytest.mark.parametrize("change", CHANGES, ids=lambda change: "+".join(change))
def test_law_8_changed_definitions_book_everything_anew(change: dict[str, Any], compacted: bool) -> None:
    as_of = AFTER
    new = settings_of(GIVEN | change)
    events = random_events(SEED, 150, merges=False)
    expected = without_period(replayed(events, as_of, new))
    old_values = without_period(replayed(events, as_of, DESK))
    assert differences(old_values, expected), "the change changes nothing: the test would pass by accident"
    desk = filled(Desk(DESK, as_of, compacted=compacted))
    desk.settings, desk.policy = new, new.policy()
    desk.windows = new.rolling(desk.policy)
    desk.restart(0)
    assert desk.states[0].commit_needed
    desk.reader = reader_of(new, desk.policy)
    desk.unit(0, [0])
    desk.reader = cleaned(desk, new)
    same(desk.values(), expected)
    assert not desk.states[0].commit_needed
    # And it goes on from there as if it had always been so, after another restart too.
    desk.restart(0)
    assert not desk.states[0].commit_needed
    desk.send({"event_id": "late", "type": "ticket.created", "occurred_at": "2026-02-01T00:00:00Z", "customer_id": "c0",
               "ticket_id": "late", "channel": "email"})  # fmt: skip
    late = decode_last(desk)
    desk.drain()
    desk.reader = cleaned(desk, new)
    same(desk.values(), without_period(replayed([*events, late], as_of, new)))


def cleaned(desk: Desk, settings: Settings) -> Reader:
    """A board that reads the panes topic once the broker has cleaned it: tombstones took the old panes away."""
    board = reader_of(settings, desk.policy)
    last = {key: value for topic, key, value in desk.logs[0] if topic == PANES}
    for key, value in last.items():
        if value is not None:
            board.take(0, key, value)
    return board


def decode_last(desk: Desk) -> Event:
    import json

    value = desk.queues[0][-1].value
    assert value is not None
    event: Event = json.loads(value)
    return event


def test_a_board_starts_on_a_topic_that_still_holds_the_old_definitions() -> None:
    """Until the broker cleans it the topic holds the old panes, their origin, their removal and the new origin."""
    as_of = AFTER
    new = settings_of(GIVEN | {"fcr": {"repeat_days": 1}})
    desk = filled(Desk(DESK, as_of))
    desk.settings, desk.policy = new, new.policy()
    desk.windows = new.rolling(desk.policy)
    desk.reader = reader_of(new, desk.policy)
    desk.restart(0)
    desk.unit(0, [0])
    desk.reader = desk.board()
    same(desk.values(), without_period(replayed(random_events(SEED, 150, merges=False), as_of, new)))
