"""When values are published; the topic is a list."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import pytest

from streams.board.pages.latest import Latest
from streams.board.publish.metrics import MetricPublisher, PublishedRecord, content_of, metric_changes
from streams.board.snapshot import Health, Snapshot
from streams.core.metrics.records import MetricRecord
from streams.kafka.errors import RequestFailed

MARCH = "2026-03-01T00:00:00+01:00"


def record(member: str = "email", value: Any = 1, **changed: Any) -> MetricRecord:
    fields = {
        "window": "7d", "period_start": None, "dimension": "channel", "count": 3, "low": None, "high": None,
        "unit": "count", "as_of": "2026-03-03T00:00:00Z", "final": False, "definition": "tickets_created@1",
    } | changed  # fmt: skip
    return MetricRecord(metric="tickets_created", member=member, value=value, **fields)


def sent(*records: MetricRecord, sent_in_round: int = 1) -> dict[str, PublishedRecord]:
    return {r.key: PublishedRecord(content_of(r), sent_in_round, r.window, r.period_start) for r in records}


def snapshot(*records: MetricRecord, ready: bool = True) -> Snapshot:
    return Snapshot(1, records, Health(ready=ready))


class Recorder:
    def __init__(self) -> None:
        self.batches: list[list[tuple[bytes, bytes | None]]] = []
        self.stored_keys: list[str] = []
        self.fail = 0
        self.slept = 0.0

    async def read_keys(self) -> list[str]:
        return self.stored_keys

    async def send(self, batch: Sequence[tuple[bytes, bytes | None]]) -> None:
        if self.fail:
            self.fail -= 1
            raise RequestFailed("no broker")
        self.batches.append(list(batch))

    async def sleep(self, seconds: float) -> None:
        self.slept += seconds

    def take(self) -> list[tuple[str, Any]]:
        flat = [(k.decode(), None if v is None else json.loads(v)["value"]) for b in self.batches for k, v in b]
        self.batches.clear()
        return flat


def publisher(recorder: Recorder, **options: Any) -> MetricPublisher:
    return MetricPublisher(recorder.send, recorder.read_keys, sleep=recorder.sleep, clock=lambda: 0.0, **options)


@pytest.mark.parametrize(
    ("changed", "expected"),
    [
        ({}, False),
        ({"as_of": "2026-03-03T00:00:05Z"}, False),
        ({"value": 2}, True),
        ({"value": None}, True),
        ({"count": 4}, True),
        ({"low": 0.5}, True),
        ({"high": 0.5}, True),
        ({"final": True}, True),
        ({"previous": 7}, True),
        ({"year_before": 7}, True),
        ({"definition": "tickets_created@2"}, True),
    ],
)
def test_what_counts_as_a_change(changed: dict[str, Any], expected: bool) -> None:
    assert bool(metric_changes(sent(record()), [record(**changed)]).records) is expected


def test_who_waited_longest_goes_first() -> None:
    previous = sent(record("a"), sent_in_round=5) | sent(record("b"), sent_in_round=2)
    todo = metric_changes(previous, [record(m, 9) for m in "abc"]).records
    assert [r.member for _, r in todo] == ["c", "b", "a"]


def test_a_vanished_key_is_withdrawn_but_a_past_period_stays() -> None:
    vanished, past = record("vanished"), record("x", window="month", period_start=MARCH)
    assert metric_changes(sent(vanished, past), [record("other")]).withdrawn == [vanished.key]
    still = record("other", window="month", period_start=MARCH)
    assert metric_changes(sent(past), [still]).withdrawn == [past.key]


@pytest.mark.asyncio
async def test_everything_at_first_then_only_changes_in_the_contract_s_form() -> None:
    recorder = Recorder()
    it = publisher(recorder)
    await it.publish(snapshot(record("a"), record("b")))
    body = json.loads(recorder.batches[0][0][1] or b"")
    assert list(body) == [
        "metric", "window", "period_start", "dimension", "member", "value", "count", "low", "high", "unit",
        "as_of", "final", "definition",
    ]  # fmt: skip
    assert recorder.take() == [(record("a").key, 1), (record("b").key, 1)]
    await it.publish(snapshot(record("a"), record("b", 2)))
    assert recorder.take() == [(record("b").key, 2)]
    await it.publish(snapshot(record("a")))
    assert recorder.take() == [(record("b").key, None)]


@pytest.mark.asyncio
async def test_a_board_that_is_not_ready_publishes_and_withdraws_nothing() -> None:
    recorder = Recorder()
    it = publisher(recorder)
    await it.publish(snapshot(record()))
    recorder.take()
    await it.publish(snapshot(ready=False))
    assert recorder.take() == []


@pytest.mark.asyncio
async def test_after_a_failure_the_batch_counts_as_unknown() -> None:
    recorder = Recorder()
    it = publisher(recorder)
    await it.publish(snapshot(record(value=1)))
    recorder.fail = 1
    with pytest.raises(RequestFailed):
        await it.publish(snapshot(record(value=2)))
    recorder.take()
    await it.publish(snapshot(record(value=1)))  # the topic may hold 2
    assert recorder.take() == [(record().key, 1)]


@pytest.mark.asyncio
async def test_what_a_failure_left_behind_is_withdrawn_when_it_vanishes() -> None:
    recorder = Recorder()
    it = publisher(recorder)
    await it.publish(snapshot(record("a")))
    recorder.fail = 1
    with pytest.raises(RequestFailed):
        await it.publish(snapshot(record("a"), record("b")))
    recorder.take()
    await it.publish(snapshot(record("a")))  # the topic may hold b
    assert recorder.take() == [(record("b").key, None)]


@pytest.mark.asyncio
async def test_what_another_board_left_behind_is_replaced_or_withdrawn() -> None:
    """But for its periods that nobody tells any more."""
    recorder, past = Recorder(), record("x", window="month", period_start=MARCH)
    recorder.stored_keys = [record(member).key for member in ("a", "b|c")] + [past.key]
    it = publisher(recorder)
    await it.publish(snapshot(record("a"), ready=False))
    assert recorder.take() == [], "nothing is known yet"
    await it.publish(snapshot(record("a")))
    assert recorder.take() == [(record("b|c").key, None), (record("a").key, 1)]
    await it.publish(snapshot(record("a")))
    assert recorder.take() == []


@pytest.mark.asyncio
async def test_the_rate_is_bounded_and_a_newer_snapshot_wins() -> None:
    recorder = Recorder()
    it = publisher(recorder, per_second=1000.0)
    many = [record(f"m{i:04}") for i in range(2000)]
    await it.publish(snapshot(*many), lambda: False)
    assert len(recorder.take()) == 500
    assert recorder.slept == pytest.approx(0.5)
    await it.publish(snapshot(*many))
    assert len(recorder.take()) == 1500
    assert recorder.slept == pytest.approx(2.0)


@pytest.mark.asyncio
async def test_who_comes_to_lead_publishes_everything() -> None:
    recorder, leading = Recorder(), [True]
    it = publisher(recorder, leads=lambda: leading[0])
    await it.publish(snapshot(record()))
    leading[0] = False
    await it.publish(snapshot(record(value=2)))
    leading[0] = True
    recorder.take()
    await it.publish(snapshot(record()))
    assert recorder.take() == [(record().key, 1)]


@pytest.mark.asyncio
async def test_while_it_is_undecided_who_leads_nothing_is_sent_and_nothing_forgotten() -> None:
    recorder, leading = Recorder(), [True, None, True]
    it = publisher(recorder, leads=lambda: leading.pop(0))
    await it.publish(snapshot(record()))
    await it.publish(snapshot(record(value=2)))
    await it.publish(snapshot(record()))
    assert recorder.take() == [(record().key, 1)]


@pytest.mark.asyncio
async def test_a_run_survives_failures_and_ends_with_the_screen() -> None:
    recorder, latest = Recorder(), Latest()
    recorder.fail = 1
    values = iter(range(2, 4))

    async def sleep(seconds: float) -> None:
        if (value := next(values, None)) is None:
            latest.close()
        else:
            latest.show(snapshot(record(value=value)))

    latest.show(snapshot(record()))
    await MetricPublisher(recorder.send, recorder.read_keys, sleep=sleep).run(latest)
    assert recorder.take()[-1] == (record().key, 3)
