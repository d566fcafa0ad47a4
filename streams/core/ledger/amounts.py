"""How a booking's value adds up in a cell: the kinds of measures, and the keys of a cell that each of them has."""

from __future__ import annotations

from enum import Enum
from typing import Final

from streams.core.ledger.quantiles import bin_of

__all__ = ["Kind", "amounts", "pack_clocks", "unpack_clocks"]

#: Bits of the business clock in a packed duration: room for 35,000 years.
_BUSINESS_BITS: Final = 50
_BUSINESS_MASK: Final = (1 << _BUSINESS_BITS) - 1


class Kind(Enum):
    """What a booking's value is, and under which keys of a cell it adds up."""

    #: A number: ``name``.
    COUNT = "count"
    #: Money in minor units, and how many amounts there are: ``name`` and ``name.n``.
    AMOUNT = "amount"
    #: A duration in ms on both clocks (``pack_clocks``): ``name.sum``, ``name.n``, the quantile bin ``name.b<bin>``;
    #: by the business clock ``name_business.sum`` and ``name_business.b<bin>``.
    TWO_CLOCKS = "two clocks"
    #: An instant in ms that can be found again: a count under ``name.<instant>``; a negative value takes it back.
    INSTANT = "instant"


_bin_keys: dict[tuple[str, int], str] = {}
_business_names: dict[str, str] = {}


def amounts(name: str, kind: Kind, value: int) -> tuple[tuple[str, int], ...]:
    """The (key, amount) pairs that one booking of a measure adds to a cell."""
    if kind is Kind.COUNT:
        return ((name, value),)
    if kind is Kind.AMOUNT:
        return ((name, value), (f"{name}.n", 1))
    if kind is Kind.INSTANT:
        return ((f"{name}.{abs(value)}", 1 if value > 0 else -1),)
    calendar_ms, business_ms = unpack_clocks(value)
    business = _business_names.get(name) or _business_names.setdefault(name, f"{name}_business")
    return (
        (f"{name}.sum", calendar_ms),
        (f"{name}.n", 1),
        (_bin_key(name, calendar_ms), 1),
        (f"{business}.sum", business_ms),
        (_bin_key(business, business_ms), 1),
    )


def pack_clocks(calendar_ms: int, business_ms: int) -> int:
    """A duration on both clocks (>= 0) as one value, so that it is one booking."""
    return calendar_ms << _BUSINESS_BITS | business_ms


def unpack_clocks(value: int) -> tuple[int, int]:
    """The calendar and business ms of a packed duration, or of a sum of packed durations."""
    return value >> _BUSINESS_BITS, value & _BUSINESS_MASK


def _bin_key(name: str, ms: int) -> str:
    index = bin_of(ms)
    key = _bin_keys.get((name, index))
    if key is None:
        key = _bin_keys[name, index] = f"{name}.b{index}"
    return key
