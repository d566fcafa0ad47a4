"""The agent without a log: each batch is folded into the state it belongs to, and a failure is nobody's secret."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest

from streams.worker.hosting.agents import define
from streams.worker.hosting.host import Host
from streams.worker.log.processor import Batch


class NoLog:
    """What a host asks of a log; nothing ever comes by itself."""

    def __init__(self) -> None:
        self.failures: list[BaseException] = []

    def __aiter__(self) -> NoLog:
        return self

    async def __anext__(self) -> Batch:
        raise StopAsyncIteration

    def fail(self, error: BaseException) -> None:
        self.failures.append(error)


class Fold:
    """Counts what it is given."""

    def __init__(self) -> None:
        self.seen: list[Any] = []

    def apply(self, records: Sequence[Any]) -> None:
        self.seen.extend(records)


def host_of(log: NoLog) -> Host:
    host = Host("agent-test", log)  # type: ignore[arg-type]
    host.finalize()
    return host


async def test_batches_reach_their_own_partitions_in_order() -> None:
    one, two = Fold(), Fold()
    async with define(host_of(NoLog())).test_context() as agent:
        for number in range(6):
            fold = (one, two)[number % 2]
            await agent.put(Batch(number % 2, [number, number + 100], fold))  # type: ignore[list-item, arg-type]
    assert one.seen == [0, 100, 2, 102, 4, 104]
    assert two.seen == [1, 101, 3, 103, 5, 105]


async def test_what_a_fold_raises_is_not_swallowed() -> None:
    class Broken(Fold):
        def apply(self, records: Sequence[Any]) -> None:
            raise RuntimeError("unknown state")

    with pytest.raises(RuntimeError, match="unknown state"):
        async with define(host_of(NoLog())).test_context() as agent:
            await agent.put(Batch(0, [1], Broken()))  # type: ignore[list-item, arg-type]


async def test_a_failed_agent_fails_the_host_and_the_log_and_asks_for_nothing_more() -> None:
    log = NoLog()
    host = host_of(log)
    agent = define(host)
    error = RuntimeError("unknown state")
    await host._on_agent_error(agent, error)
    assert host.failed.is_set()
    assert host.failure is error
    assert log.failures == [error]
    with pytest.raises(StopAsyncIteration):
        await host.batches.__anext__()
