"""The partition log: batches of Kafka records in, durable units out, each record counted exactly once.

A *processor* is the state of one partition. The log hands its records to its reader (a Faust agent), and between
two batches it commits a *unit*: the processor's outputs, its changelog and the source offsets, in
one Kafka transaction. Nothing here knows what a record means.

    open (fence, offsets, restore) -> batch, batch, ... -> commit -> batch, ... -> commit -> release

Rules of this file, which exactness rests on:

- a new owner fences the old one *before* it reads offsets, so it never reads what is still moving;
- every send is awaited before the commit: a commit after a failed send succeeds, and loses the record;
- units are committed between batches by the reader that takes the next batch. Nothing runs at the same time as a
  processor, so a busy processor cannot starve a committer, and no unit can hold half a batch;
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

NextOffsets = dict[Any, int]  # by source, the offset after a batch
SLICE_MIN, SLICE_MAX = 16, 4_000  # records; the ceiling bounds aiokafka's decoding, which no processor's time includes
UNIT_SECONDS_MAX = 1.0
PATIENCE_SECONDS = 5.0  # for records that are there and do not arrive
LAG_SECONDS = 0.5  # between two measurements of lag
STOP_SECONDS = 60.0  # longer than a broker that restarts needs


class PartitionLog:
    """An asynchronous iterator of batches; iterating it is what drives it.

    ``factory`` makes the empty processor of a partition, by number. ``on_unit`` is called after every commit with
    partition, records and the seconds that the commit took.
    """

    def __init__(
        self,
        options: LogOptions,
        factory: Callable[[int], Processor],
        on_unit: Callable[[int, int, float], None] | None = None,
    ) -> None:
        self.options = options
        #: What made the log fail; None while it has not.
        self.failure: BaseException | None = None
        self._on_unit = on_unit
        self._clients = self.make_clients()
        self._assignment = Assignment(self._clients, factory, self.fail, self._wake_reader)
        self._queue: deque[tuple[Batch, NextOffsets]] = deque()
        #: The batch that the reader has in hand, and when it got it, in monotonic seconds.
        self._in_hand: tuple[Batch, NextOffsets, float] | None = None
        self._record_seconds = options.slice_seconds / 200  # a cautious guess, corrected by every batch
        self._lag_measured = 0.0
        self._started = self._stopping = False
        self._left = False
        self._over = asyncio.Event()  # left the group, or failed
        self._wake_up: asyncio.Future[None] | None = None

    def make_clients(self) -> Clients:
        """The Kafka clients; a test puts its own here."""
        return Clients(self.options)

    @property
    def partitions(self) -> dict[int, Partition]:
        """The assigned partitions by number, opened or not."""
        return self._assignment.assigned

    @property
    def openings(self) -> int:
        """Partitions opened since the start."""
        return self._assignment.openings

    @property
    def slice(self) -> int:
        """Number of records that are applied in about ``slice_seconds``."""
        records = int(self.options.slice_seconds / max(self._record_seconds, 1e-7))
        return max(SLICE_MIN, min(SLICE_MAX, records))

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
        self._note_applied()
        while True:
            self._wake_up = asyncio.get_running_loop().create_future()  # before the flags, or a call is missed
            if self.failure is not None:
                raise self.failure
            if self._stopping:
                await self._finish()
                raise StopAsyncIteration
            if not self._started:
                await self._start()
            if self._assignment.revocation is not None:
                self._queue.clear()
                await self._commit([p for p in self._assignment.running.values() if p.uncommitted_records])
                await self._assignment.release()
            self._assignment.start_opened()
            await self._commit_due()
            if self._queue:
                return self._hand_out(*self._queue.popleft())
            await self._poll()

    def _hand_out(self, batch: Batch, next_offsets: NextOffsets) -> Batch:
        partition, now = self._assignment.running[batch.partition], time.monotonic()
        if not partition.uncommitted_records:
            partition.unit_began = now
        self._in_hand = (batch, next_offsets, now)
        return batch

    def _note_applied(self) -> None:
        """Counts the batch handed out last: only now that the reader is back has the processor applied it."""
        if self._in_hand is None:
            return
        (batch, next_offsets, began), self._in_hand = self._in_hand, None
        self._assignment.running[batch.partition].applied(len(batch.records), next_offsets)
        seconds = (time.monotonic() - began) / len(batch.records)
        # slow records shrink the slice at once, fast ones let it grow gently
        self._record_seconds = max(seconds, 0.7 * self._record_seconds + 0.3 * seconds)

    async def _poll(self) -> None:
        """Fetches records until some arrive, a unit is due, or the reader is woken."""
        assert self._wake_up is not None
        running, now = self._assignment.running.values(), time.monotonic()
        due = min((p.unit_began for p in running if p.uncommitted_records), default=now) + self.options.unit_seconds
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
            await asyncio.wait({polling, self._wake_up}, timeout=timeout, return_when=asyncio.FIRST_COMPLETED)
        finally:
            polling.cancel()
            await asyncio.wait({polling})
        if not polling.cancelled():
            self._enqueue(polling.result())
        await self._measure_lag()

    def _enqueue(self, polled: Mapping[Any, list[Record]]) -> None:
        by_partition: defaultdict[int, tuple[list[Record], NextOffsets]] = defaultdict(lambda: ([], {}))
        for source, polled_records in polled.items():
            records, next_offsets = by_partition[source.partition]
            records.extend(polled_records)
            next_offsets[source] = polled_records[-1].offset + 1
        for number, (records, next_offsets) in by_partition.items():
            batch = Batch(number, records, self._assignment.running[number].processor)
            self._queue.append((batch, next_offsets))

    async def _measure_lag(self) -> None:
        if time.monotonic() - self._lag_measured < LAG_SECONDS or self._assignment.revocation is not None:
            return
        self._lag_measured = time.monotonic()
        queued = {batch.partition: len(batch.records) for batch, _ in self._queue}
        for number, partition in self._assignment.running.items():
            try:
                partition.lag = queued.get(number, 0) + await self._clients.lag(partition.sources)
            except (IllegalStateError, AssertionError):  # a rebalance came between
                return

    # -- units -----------------------------------------------------------------------------------------

    async def _commit_due(self) -> None:
        running = self._assignment.running.values()
        due = [p for p in running if p.uncommitted_records >= self.options.unit_records or self._is_due(p, 1.0)]
        if due:  # those soon due come along: one pause instead of several
            soon = [p for p in running if p.uncommitted_records and self._is_due(p, 0.5)]
            await self._commit(list(dict.fromkeys(due + soon)))

    def _is_due(self, partition: Partition, share: float) -> bool:
        """True once a share of the interval between two units has passed."""
        # where a commit is slow, units become rarer: at most a fifth of the time goes into them
        interval = max(self.options.unit_seconds, min(4 * partition.commit_seconds, UNIT_SECONDS_MAX))
        seconds = time.monotonic() - partition.unit_began
        if partition.uncommitted_records:
            return seconds >= share * interval
        # records that wait to be read come first: until then nothing is written for the clock alone, unless they
        # do not arrive
        return seconds >= (PATIENCE_SECONDS if partition.lag else interval) and partition.processor.commit_needed

    async def _commit(self, partitions: Sequence[Partition]) -> None:
        results = await asyncio.gather(*(p.commit() for p in partitions), return_exceptions=True)
        for partition, result in zip(partitions, results, strict=True):
            if isinstance(result, BaseException):
                raise result
            if self._on_unit is not None:
                self._on_unit(partition.number, result, partition.commit_seconds)

    # -- start, end, failure ---------------------------------------------------------------------------

    async def _start(self) -> None:
        self._started = True
        await self._clients.start()
        self._clients.consumer.subscribe(list(self.options.sources), listener=self._assignment)

    async def stop(self) -> None:
        """Lets the reader commit its units, leaves the group and ends the iteration; raises what made it fail."""
        self._stopping = True
        self._wake_reader()
        if self._started:
            await asyncio.wait_for(self._over.wait(), STOP_SECONDS)
        await self.abandon()
        if self.failure is not None:
            raise self.failure

    async def _finish(self) -> None:
        if not self._left:
            running = self._assignment.running.values()
            await self._commit([p for p in running if p.uncommitted_records or p.processor.commit_needed])
            await self.abandon()

    async def abandon(self) -> None:
        """Leaves the group without a commit, so that the others need not wait for the session's end."""
        if not self._left:
            self._left = self._stopping = True
            await self._assignment.close()
            self._over.set()

    def fail(self, error: BaseException) -> None:
        """Makes the log fail: nothing more is committed, and the reader gets the error."""
        if self.failure is None and not self._left:
            self.failure = error
        self._assignment.end_revocation()
        self._over.set()
        self._wake_reader()

    def _wake_reader(self) -> None:
        if self._wake_up is not None and not self._wake_up.done():
            self._wake_up.set_result(None)
