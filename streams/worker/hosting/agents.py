"""The Faust agents: one, over the batches of the partition log."""

from __future__ import annotations

from typing import Any

from faust.types import AgentT, StreamT

from streams.worker.hosting.host import Host

__all__ = ["define_agent"]


def define_agent(host: Host) -> AgentT[Any]:
    """Registers the agent that applies every batch to its partition's processor."""

    @host.agent(host.batches)
    async def process(batches: StreamT[Any]) -> None:
        async for batch in batches:
            batch.processor.apply(batch.records)

    return process
