"""What is remembered of a partition's offsets without a record, and when a partition is read again."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
from aiokafka import TopicPartition

from streams.kafka import visible_records
from streams.kafka.visible_records import Gap, VisibleRecords

AT, OTHER = TopicPartition("support.tickets", 0), TopicPartition("support.costs", 0)


@pytest.mark.parametrize(
    ("gap", "start", "end", "expected"),
    [
        (Gap(4, 9), 4, 9, Gap(4, 9)),
        (Gap(4, 9), 7, 12, Gap(4, 9)),
        (Gap(4, 9, record=True), 9, 10, Gap(4, 9, record=True)),
        (Gap(4, 9, record=True), 10, 12, Gap(10, 10)),
        (Gap(4, 9), 3, 9, Gap(3, 3)),
        (Gap(4, 9), 4, 8, Gap(4, 4)),
    ],
    ids=["the same", "inside, more has come", "at the record", "past the record", "before it", "a log that was cut"],
)
def test_what_a_gap_says_of_other_bounds(gap: Gap, start: int, end: int, expected: Gap) -> None:
    assert gap.known(start, end) == expected


@pytest.mark.parametrize(
    ("gap", "end", "expected"),
    [
        (Gap(4, 9), 9, False),
        (Gap(4, 9), 10, True),
        (Gap(4, 9, record=True), 10, False),
        (Gap(9, 9, record=True), 9, False),
        (Gap(0, 0), 0, False),
    ],
)
def test_a_gap_is_undecided_until_a_record_or_the_end(gap: Gap, end: int, expected: bool) -> None:
    assert gap.undecided(end) is expected


class Log:
    """A consumer of partitions in memory: offsets of visible records, and the end; each read goes on by ``step``."""

    def __init__(self, step: int = 1_000) -> None:
        self.records: dict[TopicPartition, set[int]] = {AT: set(), OTHER: set()}
        self.ends = {AT: 0, OTHER: 0}
        self.step, self.reads = step, 0
        self.positions: dict[TopicPartition, int] = {}
        self.active: set[TopicPartition] = set()

    def assign(self, sources: list[TopicPartition]) -> None:
        self.active = set(sources)

    def pause(self, *sources: TopicPartition) -> None:
        self.active -= set(sources)

    def resume(self, *sources: TopicPartition) -> None:
        self.active |= set(sources)

    def seek(self, source: TopicPartition, offset: int) -> None:
        self.positions[source] = offset

    async def position(self, source: TopicPartition) -> int:
        return self.positions[source]

    async def getmany(self, *sources: TopicPartition, timeout_ms: int, max_records: int) -> dict[Any, Any]:
        assert self.active == set(sources)
        assert (timeout_ms, max_records) == (50, 1)
        self.reads += 1
        for source in sources:
            start = self.positions[source]
            stop = min(self.ends[source], start + self.step)
            found = min((at for at in self.records[source] if start <= at < stop), default=None)
            self.positions[source] = stop if found is None else found + 1
            if found is not None:
                return {source: [SimpleNamespace(offset=found)]}
        return {}


async def test_markers_are_read_once_and_what_comes_later_from_there() -> None:
    log = Log()
    visible = VisibleRecords(log, [AT, OTHER])  # type: ignore[arg-type]
    log.ends[AT] = 6
    assert await visible.first({AT: (2, 6), OTHER: (0, 0)}) == {AT: 6, OTHER: 0}
    assert log.reads == 1
    assert await visible.first({AT: (2, 6), OTHER: (0, 0)}) == {AT: 6, OTHER: 0}
    assert await visible.first({AT: (5, 6), OTHER: (0, 0)}) == {AT: 6, OTHER: 0}
    assert log.reads == 1
    log.ends[AT], log.records[AT] = 9, {7}
    assert await visible.first({AT: (2, 9), OTHER: (0, 0)}) == {AT: 7, OTHER: 0}
    assert log.reads == 2
    assert not log.active


async def test_a_backlog_is_read_again_when_the_group_has_passed_its_first_record() -> None:
    log = Log()
    visible = VisibleRecords(log, [AT, OTHER])  # type: ignore[arg-type]
    log.ends, log.records = {AT: 100, OTHER: 50}, {AT: set(range(99)), OTHER: {3}}
    assert await visible.first({AT: (0, 100), OTHER: (0, 50)}) == {AT: 0, OTHER: 3}
    assert log.reads == 2
    log.ends[AT] = 120
    assert await visible.first({AT: (0, 120), OTHER: (2, 50)}) == {AT: 0, OTHER: 3}
    assert log.reads == 2
    assert await visible.first({AT: (60, 120), OTHER: (4, 50)}) == {AT: 60, OTHER: 50}
    assert await visible.first({AT: (99, 120), OTHER: (50, 50)}) == {AT: 120, OTHER: 50}


async def test_a_search_out_of_time_counts_what_is_unread_and_goes_on(monkeypatch: pytest.MonkeyPatch) -> None:
    log, times = Log(step=10), iter([0.0, 0.1, 0.2, 5.0, 10.0, 10.1, 10.2])
    monkeypatch.setattr(visible_records, "time", SimpleNamespace(monotonic=lambda: next(times)))
    visible = VisibleRecords(log, [AT])  # type: ignore[arg-type]
    log.ends[AT] = 35
    assert await visible.first({AT: (0, 35)}) == {AT: 20}
    assert await visible.first({AT: (0, 35)}) == {AT: 35}
    assert log.reads == 4


async def test_a_record_past_the_end_that_was_asked_for_waits_at_the_next_look() -> None:
    log = Log()
    visible = VisibleRecords(log, [AT])  # type: ignore[arg-type]
    log.ends[AT], log.records[AT] = 8, {7}
    assert await visible.first({AT: (2, 5)}) == {AT: 5}
    assert await visible.first({AT: (2, 8)}) == {AT: 7}
    assert log.reads == 1


async def test_a_search_that_fails_leaves_all_partitions_at_rest() -> None:
    class Silent(Log):
        async def getmany(self, *sources: TopicPartition, timeout_ms: int, max_records: int) -> dict[Any, Any]:
            raise TimeoutError

    log = Silent()
    visible = VisibleRecords(log, [AT])  # type: ignore[arg-type]
    with pytest.raises(TimeoutError):
        await visible.first({AT: (3, 5)})
    assert not log.active
    assert log.positions == {AT: 3}
