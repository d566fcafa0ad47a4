"""What an entity says of its customer."""

from __future__ import annotations

from typing import Final, NamedTuple

from streams.core.customers.segments import Sources
from streams.core.customers.spells import Marker

__all__ = ["NO_FACTS", "CustomerFacts"]


class CustomerFacts(NamedTuple):
    """What an entity says of its customer."""

    sources: Sources = Sources()
    markers: tuple[Marker, ...] = ()
    #: (ticket, instant) of a complaint.
    complaint: tuple[str, int] | None = None


NO_FACTS: Final = CustomerFacts()
