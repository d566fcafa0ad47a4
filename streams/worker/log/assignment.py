"""The partitions that the consumer group assigns to this worker: how they are opened, read and released."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from aiokafka import TopicPartition
from aiokafka.abc import ConsumerRebalanceListener

from streams.worker.log.clients import Clients
from streams.worker.log.partition import Partition

if TYPE_CHECKING:
    from streams.worker.log.processor import Processor

__all__ = ["Assignment"]


class Assignment(ConsumerRebalanceListener):  # type: ignore[misc]
    """The partitions of this worker. The group's side only leaves notes; the reader acts on them.

    aiokafka logs a listener's exception and goes on, and sends no heartbeat while partitions are being
    assigned. So errors go to ``fail``, and opening a partition is a task of its own.
    """

    def __init__(
        self,
        clients: Clients,
        factory: Callable[[int], Processor],
        fail: Callable[[BaseException], None],
        wake_reader: Callable[[], None],
    ) -> None:
        #: The assigned partitions by number, opened or not.
        self.assigned: dict[int, Partition] = {}
        #: Those of them that the reader reads.
        self.running: dict[int, Partition] = {}
        #: Partitions opened since the start.
        self.openings = 0
        #: Set by the reader once the revoked partitions are released; None: nothing is being revoked.
        self.revocation: asyncio.Event | None = None
        self._clients = clients
        self._factory = factory
        self._fail = fail
        self._wake_reader = wake_reader
        self._opened: list[Partition] = []
        #: Released partitions, whose state is reused if they are assigned to this worker again.
        self._released: dict[int, Partition] = {}
        self._openings: list[asyncio.Task[None]] = []

    # -- the group's side ------------------------------------------------------------------------------

    async def on_partitions_revoked(self, revoked: set[Any]) -> None:
        """Waits until the reader has committed the last units; only then may another worker open the partitions."""
        try:
            await self._cancel_openings()
            self.revocation = done = asyncio.Event()
            self._wake_reader()
            await asyncio.wait_for(done.wait(), self._clients.options.rebalance_timeout_ms / 1000)
        except Exception as error:
            self._fail(error)

    def on_partitions_assigned(self, assigned: set[Any]) -> None:
        """Begins to open the partitions, each in a task of its own."""
        try:
            self._assign(assigned)
        except Exception as error:
            self._fail(error)

    def _assign(self, assigned: set[Any]) -> None:
        consumer, numbers = self._clients.consumer, {source.partition for source in assigned}
        for source in assigned:  # a position at once, or aiokafka looks for one of its own
            consumer.pause(source)
            consumer.seek(source, 0)
        complete = {TopicPartition(topic, n) for topic in self._clients.options.sources for n in numbers}
        if complete != assigned:
            raise RuntimeError(f"the sources are not co-partitioned: {sorted(complete ^ assigned)}")
        self._released = {n: partition for n, partition in self._released.items() if n in numbers}
        self.assigned = {n: Partition(n, self._clients) for n in sorted(numbers)}
        self._openings = [asyncio.create_task(self._open(partition)) for partition in self.assigned.values()]

    async def _open(self, partition: Partition) -> None:
        try:
            await partition.open(self._released.get(partition.number), self._factory)
        except BaseException as error:
            await partition.disconnect()
            if isinstance(error, asyncio.CancelledError):
                raise
            self._fail(error)  # to the reader, not to the log of a forgotten task
            return
        self._released.pop(partition.number, None)
        self._opened.append(partition)
        self.openings += 1
        self._wake_reader()

    async def _cancel_openings(self) -> None:
        tasks, self._openings = self._openings, []
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    # -- the reader's side -----------------------------------------------------------------------------

    def start_opened(self) -> None:
        """Lets the consumer fetch the partitions opened since the last call."""
        for partition in self._opened:
            self.running[partition.number] = partition
            for source, offset in partition.offsets.items():
                self._clients.consumer.seek(source, offset)
            self._clients.consumer.resume(*partition.sources)
        self._opened.clear()

    async def release(self) -> None:
        """Releases all partitions once their last units are committed, and keeps their state for reuse."""
        partitions = [*self.running.values(), *self._opened]
        self.running.clear()
        self._opened.clear()
        self._released.update({partition.number: partition for partition in partitions})
        await asyncio.gather(*(partition.disconnect() for partition in partitions))
        self.end_revocation()

    def end_revocation(self) -> None:
        """Lets a rebalance that waits for the reader go on."""
        if self.revocation is not None:
            self.revocation.set()
            self.revocation = None

    async def close(self) -> None:
        """Leaves the group; a rebalance must not wait for a reader that has left."""
        self.end_revocation()
        await self._cancel_openings()
        closing = asyncio.ensure_future(self._clients.stop())
        while not closing.done():  # a rebalance may begin even now
            self.end_revocation()
            await asyncio.wait({closing}, timeout=0.05)
        await self.release()
