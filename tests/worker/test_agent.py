"""The agent without a log: each batch is applied to its own processor, and a failure is raised."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest

from streams.worker.hosting.agents import define_agent
from streams.worker.hosting.host import Host
from streams.worker.log.processor import Batch


class NoLog:
    """The part of a partition log that a host uses; it never has a batch."""

    def __init__(self) -> None:
        self.failures: list[BaseException] = []

    def __aiter__(self) -> NoLog:
        return self

    async def __anext__(self) -> Batch:
        raise StopAsyncIteration

    def fail(self, error: BaseException) -> None:
        self.failures.append(error)


class CollectingProcessor:
    """Collects the records that it is given."""

    def __init__(self) -> None:
        self.records: list[Any] = []

    def apply(self, records: Sequence[Any]) -> None:
        self.records.extend(records)


def host_of(log: NoLog) -> Host:
    host = Host("agent-test", log)  # type: ignore[arg-type]
    host.finalize()
    return host


async def test_batches_reach_their_own_partitions_in_order() -> None:
    one, two = CollectingProcessor(), CollectingProcessor()
    async with define_agent(host_of(NoLog())).test_context() as agent:
        for number in range(6):
            processor = (one, two)[number % 2]
            await agent.put(Batch(number % 2, [number, number + 100], processor))  # type: ignore[list-item, arg-type]
    assert one.records == [0, 100, 2, 102, 4, 104]
    assert two.records == [1, 101, 3, 103, 5, 105]


async def test_what_a_processor_raises_is_not_swallowed() -> None:
    class Broken(CollectingProcessor):
        def apply(self, records: Sequence[Any]) -> None:
            raise RuntimeError("unknown state")

    with pytest.raises(RuntimeError, match="unknown state"):
        async with define_agent(host_of(NoLog())).test_context() as agent:
            await agent.put(Batch(0, [1], Broken()))  # type: ignore[list-item, arg-type]


async def test_a_failed_agent_fails_the_host_and_the_log_and_asks_for_nothing_more() -> None:
    log = NoLog()
    host = host_of(log)
    agent = define_agent(host)
    error = RuntimeError("unknown state")
    await host._on_agent_error(agent, error)
    assert host.failed.is_set()
    assert host.failure is error
    assert log.failures == [error]
    with pytest.raises(StopAsyncIteration):
        await host.batches.__anext__()
