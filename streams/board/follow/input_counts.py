"""Follows how far the workers are with the input topics, by the offsets that their group has committed."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from typing import Final

from streams.board.follow.input_lag import InputCounts
from streams.kafka.connection import Connection
from streams.kafka.errors import RequestFailed
from streams.kafka.group_offsets import PartitionOffsets, ReadOffsets, group_offsets
from streams.kafka.topics import INPUTS

__all__ = ["InputFollower", "input_counts", "input_follower"]

logger = logging.getLogger(__name__)

_INTERVAL_SECONDS: Final = 2.0
_TIMEOUT_SECONDS: Final = 5.0


def input_counts(partitions: Iterable[PartitionOffsets]) -> InputCounts:
    """The records folded and waiting in all partitions, by their offsets.

    Nothing waits in a partition without a record that a reader of committed records would receive. Where there is one,
    all offsets from it to the end count: an upper bound, as markers of transactions and aborted records are among them.
    """
    folded = waiting = 0
    for beginning, end, committed, first_left in partitions:
        folded += max(committed, beginning)
        waiting += max(0, end - first_left)
    return InputCounts(folded, waiting)


class InputFollower:
    """``counts`` are the newest ones read; None while Kafka does not answer. An unknown group has folded nothing."""

    def __init__(self, read_offsets: ReadOffsets) -> None:
        self.counts: InputCounts | None = InputCounts()
        self._read_offsets = read_offsets

    async def follow(self) -> None:
        """Refreshes ``counts`` for ever. A failure is logged and tried again, as no value depends on it."""
        while True:
            await asyncio.sleep(_INTERVAL_SECONDS)
            await self.refresh()

    async def refresh(self) -> None:
        """Reads the offsets once; while the group's coordinator is undecided, ``counts`` stay."""
        try:
            offsets = await self._read_offsets()
        except RequestFailed as error:
            self.counts = None
            logger.warning("Kafka does not say how far the workers are: %s", error)
            return
        if offsets is not None:
            self.counts = input_counts(offsets)


@asynccontextmanager
async def input_follower(kafka: Connection, application: str) -> AsyncIterator[InputFollower]:
    """A follower that has read the offsets of ``application``'s group once. Raises ``KafkaError``."""
    async with group_offsets(kafka, application, INPUTS, _TIMEOUT_SECONDS) as read_offsets:
        follower = InputFollower(read_offsets)
        await follower.refresh()
        yield follower
