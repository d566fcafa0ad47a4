"""The log as a Faust channel."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import faust
from faust.channels import Channel

from streams.worker.log.processor import Batch

__all__ = ["BatchChannel"]


class BatchChannel(Channel[Batch]):
    """A *pull* channel: each step of the agent takes the next batch from the log.

    Putting batches into an ordinary channel would block for ever, as its flow control is only ever resumed
    by Faust's own consumer; and a buffer between log and agent would let a unit end before its batches are
    applied.
    """

    def __init__(self, app: faust.App, batches: AsyncIterator[Batch]) -> None:
        super().__init__(app)
        self._batches = batches
        self._broken = False

    def clone(self, **_: Any) -> BatchChannel:
        """The channel itself: Faust clones a channel for each stream."""
        return self

    def __aiter__(self) -> BatchChannel:
        return self

    async def __anext__(self) -> Any:  # a Batch; Faust expects an Event, but passes on whatever comes
        if self._broken:  # Faust starts a crashed agent again; it gets nothing more to do
            raise StopAsyncIteration
        try:
            return await self._batches.__anext__()
        except StopAsyncIteration:
            raise
        except BaseException:
            self._broken = True
            raise

    def break_off(self) -> None:
        """Ends the iteration: the agent has failed."""
        self._broken = True
