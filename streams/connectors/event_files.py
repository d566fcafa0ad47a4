"""The project's own event files: a record is the body of one event, as docs/contracts.md defines it."""

from __future__ import annotations

from streams.core.events.decoding import decode
from streams.core.events.types import Event

__all__ = ["events"]


def events(record: bytes) -> tuple[Event, ...]:
    """The event of a record, always exactly one. Raises ``Rejected`` for a record that is no event."""
    return (decode(record),)
