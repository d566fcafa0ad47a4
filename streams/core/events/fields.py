"""The types of the events' fields, with their bounds. Source: docs/contracts.md#events."""

from __future__ import annotations

from typing import Annotated, TypeAlias

from msgspec import Meta

__all__ = [
    "Amount", "Currency", "EventId", "Id", "Label", "Level", "Number", "Seconds", "SignedAmount", "Text",
]  # fmt: skip

Id: TypeAlias = Annotated[str, Meta(min_length=1, max_length=256)]
EventId: TypeAlias = Annotated[str, Meta(min_length=1, max_length=128)]
Label: TypeAlias = Annotated[str, Meta(min_length=1, max_length=256)]
Text: TypeAlias = Annotated[str, Meta(max_length=1024)]
#: The length as well: `$` alone admits a trailing newline.
Currency: TypeAlias = Annotated[str, Meta(pattern="^[A-Z]{3}$", max_length=3)]
#: Minor units. The bound keeps every sum of amounts far inside what JSON numbers and Prometheus floats can hold.
Amount: TypeAlias = Annotated[int, Meta(ge=0, le=10**13)]
SignedAmount: TypeAlias = Annotated[int, Meta(ge=-(10**13), le=10**13)]
Seconds: TypeAlias = Annotated[float, Meta(ge=0, le=10**7)]
Number: TypeAlias = Annotated[float, Meta(ge=-1000, le=1000)]
#: Bounded because MessagePack, the form of the state, has no integers past 64 bits.
Level: TypeAlias = Annotated[int, Meta(ge=-(10**6), le=10**6)]
