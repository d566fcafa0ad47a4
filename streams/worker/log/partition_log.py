"""The partition log: batches of Kafka records in, durable units out, each record counted exactly once.

A *fold* is the state of one partition. The log hands its records to whoever iterates (a Faust agent), and
between two batches it makes a *unit* durable: the fold's outputs, its changelog and the source offsets, in
one Kafka transaction. Nothing here knows what a record means.

    open (fence, offsets, restore) -> batch, batch, ... -> unit -> batch, ... -> unit -> give up

The rules that exactness rests on:

- a new owner fences the old one *before* it reads offsets, so it never reads what is still moving;
- every send is awaited before the commit: a commit after a failed send succeeds, and loses the record;
- units are made between batches by the one who asks for the next batch. Nothing runs beside a fold, so a
  busy fold cannot starve a committer, and no unit can hold half a batch;
- whatever is unexpected ends the process before anything is committed. Its supervisor starts it again.
"""

from __future__ import annotations

import asyncio
import time
from collections import defaultdict, deque
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from aiokafka.errors import IllegalStateError

from streams.worker.log.assignment import Assignment
from streams.worker.log.clients import Clients
from streams.worker.log.options import LogOptions
from streams.worker.log.partition import Partition
from streams.worker.log.processor import Batch, Output, Processor, Record

__all__ = ["Batch", "LogOptions", "Output", "PartitionLog", "Processor", "Record"]

Ends = dict[Any, int]  # by source, the offset after a batch
SLICE_MIN, SLICE_MAX = 16, 4_000  # records; the ceiling bounds aiokafka's decoding, which no fold sees
UNIT_SECONDS_MAX = 1.0
PATIENCE_SECONDS = 5.0  # for records that are there and do not come
STOP_SECONDS = 60.0  # longer than a broker that comes back needs


class PartitionLog:
    """An asynchronous iterator of batches; iterating it is what drives it."""

    def __init__(
        self,
        options: LogOptions,
        factory: Callable[[int], Processor],
        on_unit: Callable[[int, int, float], None] | None = None,  # partition, records, seconds
    ) -> None:
        self.options = options
        self.failure: BaseException | None = None
        self._on_unit = on_unit
        self._clients = self.make_clients()
        self._assignment = Assignment(self._clients, factory, self.fail)
        self._assignment.call = self._call
        self._queue: deque[tuple[Batch, Ends]] = deque()
        self._folding: tuple[Batch, Ends, float] | None = None
        self._record_seconds = options.slice_seconds / 200  # a cautious guess, corrected by every batch
        self._observed = 0.0
        self._started = self._stopping = False
        self._ended = False
        self._over = asyncio.Event()  # ended or failed
        self._wake: asyncio.Future[None] | None = None

    def make_clients(self) -> Clients:
        """Where a test puts its own connections."""
        return Clients(self.options)

    @property
    def partitions(self) -> dict[int, Partition]:
        """What the metrics show: state, lag, restored, reused, units, unit_seconds of each."""
        return self._assignment.all

    @property
    def openings(self) -> int:
        return self._assignment.openings

    @property
    def slice(self) -> int:
        """As many records as take `slice_seconds` to fold."""
        wanted = int(self.options.slice_seconds / max(self._record_seconds, 1e-7))
        return max(SLICE_MIN, min(SLICE_MAX, wanted))

    # -- reading ---------------------------------------------------------------------------------------

    def __aiter__(self) -> PartitionLog:
        return self

    async def __anext__(self) -> Batch:
        try:
            return await self._next()
        except StopAsyncIteration:
            raise
        except BaseException as error:  # a cancelled one, too: nobody may go on from half a unit
            self.fail(error)
            raise

    async def _next(self) -> Batch:
        self._account()
        while True:
            self._wake = asyncio.get_running_loop().create_future()  # before the flags, or a call is missed
            if self.failure is not None:
                raise self.failure
            if self._stopping:
                await self._finish()
                raise StopAsyncIteration
            if not self._started:
                await self._start()
            if self._assignment.revoking is not None:
                self._queue.clear()
                await self._seal([p for p in self._assignment.open.values() if p.records])
                await self._assignment.give_up()
            self._assignment.admit()
            await self._seal_due()
            if self._queue:
                return self._hand_out(*self._queue.popleft())
            await self._poll()

    def _hand_out(self, batch: Batch, ends: Ends) -> Batch:
        partition, now = self._assignment.open[batch.partition], time.monotonic()
        if not partition.records:
            partition.since = now
        self._folding = (batch, ends, now)
        return batch

    def _account(self) -> None:
        """The reader is back for more: now, not earlier, what it was given is in the fold."""
        if self._folding is None:
            return
        (batch, ends, began), self._folding = self._folding, None
        self._assignment.open[batch.partition].folded(len(batch.records), ends)
        seconds = (time.monotonic() - began) / len(batch.records)
        # slow records shrink the slice at once, fast ones let it grow gently
        self._record_seconds = max(seconds, 0.7 * self._record_seconds + 0.3 * seconds)

    async def _poll(self) -> None:
        assert self._wake is not None
        running, now = self._assignment.open.values(), time.monotonic()
        due = min((p.since for p in running if p.records), default=now) + self.options.unit_seconds
        timeout = max(0.001, due - now)
        # getmany() waits for ever while the group rebalances: it is raced against the wake-up, and safely
        # cancelled, as it takes records out only in the very step that returns them
        polling = asyncio.ensure_future(
            self._clients.consumer.getmany(
                *(source for p in running for source in p.sources),
                timeout_ms=int(timeout * 1000),
                max_records=self.slice,
            )
        )
        try:
            await asyncio.wait({polling, self._wake}, timeout=timeout, return_when=asyncio.FIRST_COMPLETED)
        finally:
            polling.cancel()
            await asyncio.wait({polling})
        if not polling.cancelled():
            self._enqueue(polling.result())
        await self._observe()

    def _enqueue(self, polled: Mapping[Any, list[Record]]) -> None:
        together: defaultdict[int, tuple[list[Record], Ends]] = defaultdict(lambda: ([], {}))
        for source, polled_records in polled.items():
            records, ends = together[source.partition]
            records.extend(polled_records)
            ends[source] = polled_records[-1].offset + 1
        for number, (records, ends) in together.items():
            self._queue.append((Batch(number, records, self._assignment.open[number].fold), ends))

    async def _observe(self) -> None:
        if time.monotonic() - self._observed < 0.5 or self._assignment.revoking is not None:
            return
        self._observed = time.monotonic()
        queued = {batch.partition: len(batch.records) for batch, _ in self._queue}
        for number, partition in self._assignment.open.items():
            try:
                partition.lag = queued.get(number, 0) + await self._clients.behind(partition.sources)
            except (IllegalStateError, AssertionError):  # a rebalance came between
                return

    # -- units -----------------------------------------------------------------------------------------

    async def _seal_due(self) -> None:
        running = self._assignment.open.values()
        due = [p for p in running if p.records >= self.options.unit_records or self._due(p, 1.0)]
        if due:  # those soon due come along: one pause instead of several
            soon = [p for p in running if p.records and self._due(p, 0.5)]
            await self._seal(list(dict.fromkeys(due + soon)))

    def _due(self, partition: Partition, share: float) -> bool:
        # where a unit is slow, units become rarer: at most a fifth of the time goes into them
        interval = max(self.options.unit_seconds, min(4 * partition.unit_seconds, UNIT_SECONDS_MAX))
        waiting = time.monotonic() - partition.since
        if partition.records:
            return waiting >= share * interval
        # what the clock alone does is not done before what is there to read, unless that does not come
        return waiting >= (PATIENCE_SECONDS if partition.lag else interval) and partition.fold.dirty

    async def _seal(self, partitions: Sequence[Partition]) -> None:
        results = await asyncio.gather(*(p.seal() for p in partitions), return_exceptions=True)
        for partition, result in zip(partitions, results, strict=True):
            if isinstance(result, BaseException):
                raise result
            if self._on_unit is not None:
                self._on_unit(partition.number, result, partition.unit_seconds)

    # -- start, end, failure ---------------------------------------------------------------------------

    async def _start(self) -> None:
        self._started = True
        await self._clients.start()
        self._clients.consumer.subscribe(list(self.options.sources), listener=self._assignment)

    async def stop(self) -> None:
        """Lets the reader finish its units; then leaves the group. The iteration ends."""
        self._stopping = True
        self._call()
        if self._started:
            await asyncio.wait_for(self._over.wait(), STOP_SECONDS)
        await self.abandon()
        if self.failure is not None:
            raise self.failure

    async def _finish(self) -> None:
        if not self._ended:
            await self._seal([p for p in self._assignment.open.values() if p.records or p.fold.dirty])
            await self.abandon()

    async def abandon(self) -> None:
        """Leaves the group and commits nothing, so that the others need not wait for the session's end."""
        if not self._ended:
            self._ended = self._stopping = True
            await self._assignment.close()
            self._over.set()

    def fail(self, error: BaseException) -> None:
        """From here on nothing is committed, and the reader gets the error."""
        if self.failure is None and not self._ended:
            self.failure = error
        self._assignment.released()
        self._over.set()
        self._call()

    def _call(self) -> None:
        if self._wake is not None and not self._wake.done():
            self._wake.set_result(None)
