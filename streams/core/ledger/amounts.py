"""How a booking's value adds up in a cell."""

from __future__ import annotations

from enum import Enum
from typing import Final

from streams.core.ledger.quantiles import bin_of

__all__ = ["Kind", "amounts", "pack_clocks", "unpack_clocks"]


class Kind(Enum):
    COUNT = "count"
    TWO_CLOCKS = "two clocks"
    AMOUNT = "amount"
    INSTANT = "instant"


_keys: dict[tuple[str, int], str] = {}
_WORKING: Final[dict[str, str]] = {}
#: Room for 35,000 years.
_BUSINESS_BITS: Final = 50
_BUSINESS: Final = (1 << _BUSINESS_BITS) - 1


def amounts(name: str, kind: Kind, value: int) -> tuple[tuple[str, int], ...]:
    """What one booking of a measure adds to a cell: (key, amount) pairs."""
    if kind is Kind.COUNT:
        return ((name, value),)
    if kind is Kind.AMOUNT:
        return ((name, value), (f"{name}.n", 1))
    if kind is Kind.INSTANT:
        return ((f"{name}.{abs(value)}", 1 if value > 0 else -1),)
    if kind is Kind.TWO_CLOCKS:
        calendar, business = unpack_clocks(value)
        working = _WORKING.get(name) or _WORKING.setdefault(name, f"{name}_business")
        return (
            (f"{name}.sum", calendar),
            (f"{name}.n", 1),
            (_bin_key(name, calendar), 1),
            (f"{working}.sum", business),
            (_bin_key(working, business), 1),
        )
    return ((f"{name}.sum", value), (f"{name}.n", 1), (_bin_key(name, value), 1))


def pack_clocks(calendar: int, business: int) -> int:
    """A duration in ms on both clocks (>= 0) as one value, so that it is one booking."""
    return calendar << _BUSINESS_BITS | business


def unpack_clocks(value: int) -> tuple[int, int]:
    """A duration, or a sum of durations, of ``pack_clocks`` clocks: calendar and business."""
    return value >> _BUSINESS_BITS, value & _BUSINESS


def _bin_key(name: str, ms: int) -> str:
    index = bin_of(ms)
    key = _keys.get((name, index))
    if key is None:
        key = _keys[name, index] = f"{name}.b{index}"
    return key
