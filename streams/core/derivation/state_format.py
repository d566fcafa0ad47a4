"""The format of state: the keys and values of the two changelog topics, ``support.state`` and ``support.panes``.

``support.state`` holds the events of each entity, and the pending breaches of each ticket (``PENDING``).
``support.panes`` holds the running sums of each partition and the rest that the board needs. A key is a MessagePack
array; its first element is its sort:

    p  [resolution, slot, dimension, member] -> a cell: {key: amount}
    c  [start, end, amount, channel, issue_type, estimate] -> how often this cost is booked
    m  [dimension] -> the members that are told apart
    s  [] -> counters and the newest event of each topic
    v  [] -> the version and definitions that wrote the partition (``Origin``)

A key without a value is removed. State of an unknown version is refused by name, never misread.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import fields, is_dataclass
from fractions import Fraction
from functools import lru_cache
from typing import Any, Final, TypeAlias

import msgspec

from streams.core.costs.accrual import CostAccrual
from streams.core.derivation.entities import EntityKey
from streams.core.derivation.measures import booked_measures
from streams.core.ledger.dimensions import Margin
from streams.core.ledger.panes import Cell, Pane
from streams.core.policy import Policy
from streams.core.temporal.business_clock import BusinessClock
from streams.core.temporal.calendar import LocalDays

__all__ = [
    "Origin",
    "PaneKey",
    "StateError",
    "Stats",
    "entity_key",
    "origin",
    "pane_key",
    "pane_keys",
    "read_entity_key",
    "read_pane_key",
]

#: Version of this format; state of another one is refused.
FORMAT: Final = 2
#: Version of the bookings, to be raised when a booking or a cell's key changes its meaning: the panes of another
#: version are derived again from the stored events.
BOOKINGS: Final = 5

#: In the place of an entity's kind: the breaches of a ticket that are not published yet, [[deadline, target], ...].
PENDING: Final = "b"

PaneKey: TypeAlias = tuple[str, Any]

_encode = msgspec.msgpack.Encoder().encode
_cell = msgspec.msgpack.Decoder(dict[str, int]).decode


class StateError(Exception):
    """State that this program cannot take up; the message says why and what to do."""


class Origin(msgspec.Struct, frozen=True):
    """The writer of a partition's panes: its format, and a fingerprint of its definitions' parameters."""

    format: int
    definitions: str


class Stats(msgspec.Struct):
    """Counters of a partition since it began. ``newest``: the newest occurred_at (ms) by topic."""

    counters: dict[str, int] = msgspec.field(default_factory=dict)
    dead_letters: dict[str, int] = msgspec.field(default_factory=dict)
    newest: dict[str, int] = msgspec.field(default_factory=dict)

    def count(self, name: str, times: int = 1) -> None:
        """Adds to a counter."""
        self.counters[name] = self.counters.get(name, 0) + times


def origin(policy: Policy, windows: list[str]) -> Origin:
    """The origin of panes that are booked with these parameters and of these measures; ``windows`` are names."""
    booked = [field.name for field in fields(policy) if field.name not in ("retention_ms", "measures")]
    parameters = {name: _plain(getattr(policy, name)) for name in booked}
    measures = booked_measures(policy).items()
    parameters["measures"] = {name: [one.kind.value, list(one.scheme.dimensions)] for name, one in sorted(measures)}
    parameters |= {"windows": windows, "bookings": BOOKINGS}
    text = msgspec.json.encode(dict(sorted(parameters.items())))
    return Origin(FORMAT, hashlib.sha256(text).hexdigest()[:16])


def _plain(value: Any) -> Any:
    """A parameter as plain values. Raises ``TypeError`` for one that would not read the same in another process."""
    if isinstance(value, LocalDays | BusinessClock):
        return _plain(value.parameters())
    if isinstance(value, str | int | float | bool | None):
        return value
    if isinstance(value, Fraction):
        return str(value)
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    if isinstance(value, frozenset):
        return sorted(value)
    if isinstance(value, Mapping):
        return {str(key): _plain(item) for key, item in sorted(value.items())}
    if is_dataclass(value):
        return {field.name: _plain(getattr(value, field.name)) for field in fields(value)}
    raise TypeError(f"{type(value).__name__} cannot be told apart from others like it")


def entity_key(owner: str, key: EntityKey) -> bytes:
    """A key of ``support.state``."""
    return _encode([owner, *key])


def read_entity_key(data: bytes) -> tuple[str, EntityKey]:
    """The owner and the entity of a key of ``support.state``."""
    owner, kind, name = msgspec.msgpack.decode(data)
    return owner, (kind, name)


def read_pending(data: bytes) -> set[tuple[int, str]]:
    """The pending breaches of a ticket: (deadline in ms, target)."""
    return msgspec.msgpack.decode(data, type=set[tuple[int, str]])


def pane_key(pane: Pane, margin: Margin) -> bytes:
    """The key of a cell."""
    return _encode(["p", *pane, *margin])


def pane_keys(pane: Pane, margins: Iterable[Margin]) -> Iterator[bytes]:
    """The keys of a pane's cells. Their common beginning is encoded once, and each margin once for all panes."""
    shared = pane_key(pane, ("", ""))[:-2]
    return (shared + _margin(margin) for margin in margins)


@lru_cache(100_000)
def _margin(margin: Margin) -> bytes:
    """The last two elements of a pane's key: an array is its elements one after the other."""
    dimension, member = margin
    return _encode(dimension) + _encode(member)


def accrual_key(accrual: CostAccrual) -> bytes:
    """The key of a cost."""
    return _encode(["c", *accrual])


def members_key(dimension: str) -> bytes:
    """The key of a dimension's members."""
    return _encode(["m", dimension])


STATS_KEY: Final = _encode(["s"])
ORIGIN_KEY: Final = _encode(["v"])


def read_pane_key(data: bytes) -> PaneKey:
    """A key of ``support.panes``: ("p", (pane, margin)), ("c", accrual), ("m", dimension) or ("s"|"v", None).

    Raises ``StateError`` for a key of another sort.
    """
    kind, *rest = msgspec.msgpack.decode(data)
    if kind == "p":
        resolution, slot, dimension, member = rest
        return kind, ((resolution, slot), (dimension, member))
    if kind == "c":
        return kind, CostAccrual(*rest)
    if kind == "m":
        return kind, rest[0]
    if kind in ("s", "v"):
        return kind, None
    raise StateError(f"support.panes holds a key of an unknown sort, {kind!r}: written by a newer version")


#: Encodes any value but an entity's events.
write: Final[Callable[[Any], bytes]] = _encode


def read_cell(data: bytes) -> Cell:
    """A cell's amounts by key."""
    return _cell(data)


def read_count(data: bytes) -> int:
    """How often a cost is booked."""
    return msgspec.msgpack.decode(data, type=int)


def read_members(data: bytes) -> set[str]:
    """The members of a dimension."""
    return msgspec.msgpack.decode(data, type=set[str])


def read_stats(data: bytes) -> Stats:
    """The counters of a partition."""
    return msgspec.msgpack.decode(data, type=Stats)


def read_origin(data: bytes) -> Origin:
    """The writer of a partition. Raises ``StateError`` for a format that this program does not read."""
    origin = msgspec.msgpack.decode(data, type=Origin)
    if origin.format != FORMAT:
        raise StateError(
            f"state of format {origin.format} was found, this version reads {FORMAT}: run the version that wrote it, "
            "or begin anew under another kafka.application and other support.state and support.panes topics"
        )
    return origin
