"""The records folded and waiting by a group's offsets, and a Kafka that does not answer."""

from __future__ import annotations

import logging

import pytest

from streams.board.follow.input_counts import InputFollower, input_counts
from streams.board.follow.input_lag import InputCounts
from streams.kafka.errors import RequestFailed
from streams.kafka.group_offsets import PartitionOffsets


@pytest.mark.parametrize(
    ("partitions", "expected"),
    [
        ([], InputCounts(0, 0)),
        ([PartitionOffsets(0, 0, -1, 0)], InputCounts(0, 0)),
        ([PartitionOffsets(0, 5, -1, 0)], InputCounts(0, 5)),
        ([PartitionOffsets(0, 5, 4, 4)], InputCounts(4, 1)),
        ([PartitionOffsets(0, 5, 5, 5), PartitionOffsets(0, 9, 2, 2)], InputCounts(7, 7)),
        ([PartitionOffsets(7, 10, 3, 7)], InputCounts(7, 3)),
        ([PartitionOffsets(0, 8, 1, 8)], InputCounts(1, 0)),
        ([PartitionOffsets(0, 8, 1, 6)], InputCounts(1, 2)),
    ],
    ids=[
        "no partition", "empty", "nothing committed", "a single record", "two partitions",
        "retention overtook the group", "markers only", "markers before the first record",
    ],
)  # fmt: skip
def test_counts_by_offsets(partitions: list[PartitionOffsets], expected: InputCounts) -> None:
    assert input_counts(partitions) == expected


async def test_counts_stay_while_the_coordinator_is_undecided_and_go_when_kafka_is_silent(
    caplog: pytest.LogCaptureFixture,
) -> None:
    answers: list[list[PartitionOffsets] | RequestFailed | None] = [
        None, [PartitionOffsets(0, 9, 4, 5)], None, RequestFailed("TimeoutError()"), [PartitionOffsets(0, 9, 9, 9)],
    ]  # fmt: skip

    async def read() -> list[PartitionOffsets] | None:
        answer = answers.pop(0)
        if isinstance(answer, RequestFailed):
            raise answer
        return answer

    follower, counts = InputFollower(read), []
    with caplog.at_level(logging.WARNING):
        while answers:
            await follower.refresh()
            counts.append(follower.counts)
    assert counts == [InputCounts(0, 0), InputCounts(4, 4), InputCounts(4, 4), None, InputCounts(9, 0)]
    assert caplog.messages == ["Kafka does not say how far the workers are: TimeoutError()"]
