"""Keeps the newest of ``support.sla-breaches``, without those retracted."""

from __future__ import annotations

import logging
from typing import Final

import msgspec

from streams.core.temporal.instants import parse_instant

__all__ = ["BREACHES_TAIL", "MAX_BREACHES", "RecentBreach", "RecentBreaches"]

logger = logging.getLogger(__name__)

#: The newest so many are kept; more than are shown, as some will be retracted.
MAX_BREACHES: Final = 200
#: Offsets of each partition to read before its end: the topic holds more than a year.
BREACHES_TAIL: Final = 2_000


class RecentBreach(msgspec.Struct, frozen=True):
    """The fields of a breach that are shown. Not the customer: the board's pages require no login."""

    ticket_id: str
    target: str
    #: RFC 3339.
    deadline: str
    channel: str | None
    priority: str | None
    retracted: bool

    @property
    def at(self) -> int:
        """The deadline, ms. Raises ``ValueError``."""
        return parse_instant(self.deadline)


class RecentBreaches:
    """The newest breaches by deadline. A record that is no breach is logged and ignored."""

    def __init__(self) -> None:
        self._by_key: dict[bytes, tuple[int, RecentBreach]] = {}
        self._decode = msgspec.json.Decoder(RecentBreach).decode

    def take(self, key: bytes, value: bytes | None) -> None:
        """Takes a record: it replaces an earlier one of the same key, and removes it if it is a retraction."""
        self._by_key.pop(key, None)
        if value is None:
            return
        try:
            breach = self._decode(value)
            at = breach.at
        except ValueError as error:  # msgspec's errors are ValueErrors
            logger.warning("no breach: %s", error)
            return
        if not breach.retracted:
            self._by_key[key] = at, breach
        if len(self._by_key) > MAX_BREACHES:
            del self._by_key[min(self._by_key, key=lambda key: self._by_key[key][0])]

    def newest_first(self) -> tuple[RecentBreach, ...]:
        """All breaches by deadline, the newest first."""
        newest = sorted(self._by_key.items(), key=lambda item: (-item[1][0], item[0]))
        return tuple(breach for _, (_, breach) in newest)
