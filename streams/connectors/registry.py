"""The sources of events by name, a row each: a new source is a file of this room and a row here."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType
from typing import Final, TypeAlias

from streams.connectors import event_files
from streams.core.events.types import Event

__all__ = ["CONNECTORS", "EVENT_FILES", "Connector"]

#: The events of one foreign record, possibly none. Raises ``Rejected`` for a record that it cannot map.
Connector: TypeAlias = Callable[[bytes], Sequence[Event]]

EVENT_FILES: Final = "event_files"

CONNECTORS: Final[Mapping[str, Connector]] = MappingProxyType(
    {
        EVENT_FILES: event_files.events,
    }
)
