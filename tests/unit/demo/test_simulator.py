"""The simulator: the same every time, in order of time, live at the pace of the clock, and as files."""

from __future__ import annotations

import asyncio
import gzip
import json
from collections import Counter
from collections.abc import AsyncIterator
from itertools import islice, pairwise
from pathlib import Path

import pytest

from streams.core.temporal.instants import DAY, parse_instant
from streams.demo.event_files import write_event_files
from streams.demo.simulator import live, simulate
from streams.demo.world import SimulatedEvent
from streams.kafka.topics import CUSTOMERS, INPUTS, ORDERS
from tests.unit.demo.simulated import DAYS, START, Events, desk_events, of_type
from tests.unit.demo.test_simulated_events import CONTRACT, body_errors


@pytest.fixture(scope="module")
def events() -> Events:
    return desk_events()


def test_events_are_in_order_and_before_the_end(events: Events) -> None:
    assert all(a.at <= b.at for a, b in pairwise(events))
    assert events[-1].at < START + DAYS * DAY


def test_before_the_desk_opens_customers_only_join_and_buy(events: Events) -> None:
    before = {event.topic for event in events if event.at < START}
    assert before == {CUSTOMERS, ORDERS}
    opened = list(simulate(seed=1, start_ms=START, end_ms=START + DAY, prelude_days=0))
    assert min(event.at for event in opened) == START


def test_event_ids_are_unique_over_everything(events: Events) -> None:
    ids = [event.event["event_id"] for event in events]
    assert len(set(ids)) == len(ids)
    assert ids == sorted(ids), "the contract's last resort at equal times keeps the order as well"


def test_ids_of_another_run_are_others(events: Events) -> None:
    for other in (
        simulate(seed=2, start_ms=START, end_ms=START + DAY),
        simulate(seed=1, start_ms=START + 1, end_ms=START + DAY),
    ):
        assert not {event.key for event in other} & {event.key for event in events}


def test_same_seed_same_events_whatever_the_end(events: Events) -> None:
    again = simulate(seed=1, start_ms=START)
    assert list(islice(again, 30_000)) == events[:30_000]


def test_another_seed_is_another_desk(events: Events) -> None:
    kinds = [event.event["type"] for event in events[:5000]]
    other = [event.event["type"] for event in islice(simulate(seed=2, start_ms=START), 5000)]
    assert kinds != other


def test_what_refers_to_something_comes_after_it(events: Events) -> None:
    seen: set[tuple[str, str]] = set()
    for one in events:
        body = one.event
        for name in ("ticket_id", "order_id", "survey_id"):
            if name in body:
                if body["type"] in ("ticket.created", "order.placed", "survey.sent") and (
                    name.split("_")[0] == body["type"].split(".")[0]
                ):
                    assert (one.key, body[name]) not in seen
                    seen.add((one.key, body[name]))
                assert (one.key, body[name]) in seen, body
        if "into_ticket_id" in body:
            assert (one.key, body["into_ticket_id"]) in seen
            assert body["into_ticket_id"] != body["ticket_id"]


def test_nobody_buys_or_leaves_after_leaving(events: Events) -> None:
    gone: set[str] = set()
    for one in of_type(events, "customer.left", "customer.joined", "order.placed"):
        assert one.key not in gone, one
        if one.event["type"] == "customer.left":
            gone.add(one.key)
    assert gone


def test_wrong_parameters_are_refused() -> None:
    for wrong in ({"customers": 0}, {"tickets_per_day": 0}, {"prelude_days": -1}):
        with pytest.raises(ValueError, match="must be above 0"):
            simulate(seed=1, start_ms=START, **wrong)  # type: ignore[arg-type]


class Clock:
    """A wall clock that only sleeping moves."""

    def __init__(self, at: int) -> None:
        self.at = at

    def now(self) -> int:
        return self.at

    async def sleep(self, seconds: float) -> None:
        self.at += round(seconds * 1000) or (1 if seconds else 0)


def play(speed: float, seconds: int) -> tuple[Events, int]:
    async def run() -> Events:
        clock, out, quiet = Clock(START), list[SimulatedEvent](), 0
        async for events in live(seed=1, history_days=3, speed=speed, now=clock.now, sleep=clock.sleep):
            assert all(event.at <= clock.at for event in events), "nothing from the future"
            assert len(events) <= 500
            if not events:
                assert out, "history is due at once"
                quiet += 1
            out += events
            if clock.at > START + seconds * 1000:
                assert quiet, "it says when nothing is due"
                return out
        raise AssertionError("the stream has no end")

    return asyncio.run(run()), START


def test_live_sends_history_then_paces_what_happens() -> None:
    events, began = play(1.0, 1200)
    assert all(a.at <= b.at for a, b in pairwise(events))
    after = [event for event in events if event.at > began]
    assert len(events) - len(after) > 5000
    assert len(of_type(after, "ticket.created")) >= 40, "the surge shows within minutes"
    plain = simulate(seed=1, start_ms=began - 3 * DAY, surge_at_ms=began + 20_000)
    assert events == list(islice(plain, len(events)))


def test_live_at_speed_gives_events_the_time_of_the_wall() -> None:
    events, began = play(60.0, 600)
    assert all(a.at <= b.at for a, b in pairwise(events))
    assert [errors for event in events if (errors := body_errors(event))] == []
    assert len([event for event in events if event.at > began]) > 500
    one = next(e for e in events if e.event["type"] == "cost.incurred" and e.event["category"] == "personnel")
    assert parse_instant(one.event["period_end"]) < began + DAY


async def _first(slices: AsyncIterator[Events]) -> Events:
    return await anext(slices)


def test_live_refuses_standing_still() -> None:
    with pytest.raises(ValueError, match="speed"):
        asyncio.run(_first(live(seed=1, speed=0)))


@pytest.mark.parametrize("compress", [False, True])
def test_files_hold_every_event_and_are_the_same_bytes_again(tmp_path: Path, compress: bool) -> None:
    told: list[int] = []
    kept = {}
    for name in ("one", "two"):
        counts = write_event_files(
            tmp_path / name, days=4, seed=9, end_ms=START, compress=compress, on_progress=told.append
        )
        assert {path.name.split(".jsonl")[0] for path in counts} == set(INPUTS)
        kept[name] = {path.name: path.read_bytes() for path in counts}
    assert kept["one"] == kept["two"]
    assert told
    lines: Counter[str] = Counter()
    for file, data in kept["one"].items():
        for line in (gzip.decompress(data) if compress else data).splitlines():
            body = json.loads(line)
            assert CONTRACT[body["type"]][0] == file.split(".jsonl")[0]
            lines[file] += 1
    assert {path.name: count for path, count in counts.items()} == dict(lines)
    assert sum(lines.values()) == sum(1 for _ in simulate(seed=9, start_ms=START - 4 * DAY, end_ms=START))
