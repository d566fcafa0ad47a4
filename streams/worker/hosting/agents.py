"""The Faust agents: one, over the batches of the partition log."""

from __future__ import annotations

from typing import Any

from faust.types import AgentT, StreamT

from streams.worker.hosting.host import Host

__all__ = ["define"]


def define(host: Host) -> AgentT[Any]:
    """Registers the agent that folds every batch into its partition's state."""

    @host.agent(host.batches)
    async def fold(batches: StreamT[Any]) -> None:
        async for batch in batches:
            batch.fold.apply(batch.records)

    return fold
