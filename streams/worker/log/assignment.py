"""What the consumer group decides, and the way from there to open partitions and back."""

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


class Assignment(ConsumerRebalanceListener):  # type: ignore[misc]
    """The partitions of this worker. The group's side only leaves notes; the reader acts on them.

    aiokafka logs a listener's exception and goes on, and sends no heartbeat while partitions are being
    assigned. So errors go to `fail`, and opening a partition is a task of its own.
    """

    def __init__(
        self, clients: Clients, factory: Callable[[int], Processor], fail: Callable[[BaseException], None]
    ) -> None:
        self.all: dict[int, Partition] = {}  # what the group gave us, open or not
        self.open: dict[int, Partition] = {}  # what the reader reads
        self.openings = 0
        self.revoking: asyncio.Event | None = None
        self.call: Callable[[], None] = lambda: None  # wakes the reader
        self._clients = clients
        self._factory = factory
        self._fail = fail
        self._opened: list[Partition] = []
        self._kept: dict[int, Partition] = {}
        self._opening: list[asyncio.Task[None]] = []

    # -- the group's side ------------------------------------------------------------------------------

    async def on_partitions_revoked(self, revoked: set[Any]) -> None:
        """Returns once the reader has finished the last units; only then may another open them."""
        try:
            await self._cancel_openings()
            self.revoking = done = asyncio.Event()
            self.call()
            await asyncio.wait_for(done.wait(), self._clients.options.rebalance_timeout_ms / 1000)
        except Exception as error:
            self._fail(error)

    def on_partitions_assigned(self, assigned: set[Any]) -> None:
        try:
            self._assign(assigned)
        except Exception as error:
            self._fail(error)

    def _assign(self, assigned: set[Any]) -> None:
        consumer, numbers = self._clients.consumer, {source.partition for source in assigned}
        for source in assigned:  # a position at once, or aiokafka looks for one of its own
            consumer.pause(source)
            consumer.seek(source, 0)
        whole = {TopicPartition(topic, n) for topic in self._clients.options.sources for n in numbers}
        if whole != assigned:
            raise RuntimeError(f"the sources are not co-partitioned: {sorted(whole ^ assigned)}")
        self._kept = {n: kept for n, kept in self._kept.items() if n in numbers}
        self.all = {n: Partition(n, self._clients) for n in sorted(numbers)}
        self._opening = [asyncio.create_task(self._open(partition)) for partition in self.all.values()]

    async def _open(self, partition: Partition) -> None:
        try:
            await partition.open(self._kept.get(partition.number), self._factory)
        except BaseException as error:
            await partition.disconnect()
            if isinstance(error, asyncio.CancelledError):
                raise
            self._fail(error)  # to the reader, not to the log of a forgotten task
            return
        self._kept.pop(partition.number, None)
        self._opened.append(partition)
        self.openings += 1
        self.call()

    async def _cancel_openings(self) -> None:
        tasks, self._opening = self._opening, []
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    # -- the reader's side -----------------------------------------------------------------------------

    def admit(self) -> None:
        """Partitions that have been opened meanwhile are read from now on."""
        for partition in self._opened:
            self.open[partition.number] = partition
            for source, offset in partition.offsets.items():
                self._clients.consumer.seek(source, offset)
            self._clients.consumer.resume(*partition.sources)
        self._opened.clear()

    async def give_up(self) -> None:
        """Everything durable is done; their state is kept in case they come straight back."""
        partitions = [*self.open.values(), *self._opened]
        self.open.clear()
        self._opened.clear()
        self._kept.update({partition.number: partition for partition in partitions})
        await asyncio.gather(*(partition.disconnect() for partition in partitions))
        self.released()

    def released(self) -> None:
        if self.revoking is not None:
            self.revoking.set()
            self.revoking = None

    async def close(self) -> None:
        """Leaves the group; a group that waits for the reader must not wait for one that left."""
        self.released()
        await self._cancel_openings()
        closing = asyncio.ensure_future(self._clients.stop())
        while not closing.done():  # a rebalance may begin even now
            self.released()
            await asyncio.wait({closing}, timeout=0.05)
        await self.give_up()
