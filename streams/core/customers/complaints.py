"""One customer's complaints, by ticket: several entities may complain of a ticket, the first complaint counts."""

from __future__ import annotations

from bisect import bisect_left, insort
from collections.abc import Iterator, Mapping
from typing import TypeAlias

__all__ = ["Complaint", "Complaints"]

#: (ticket, instant in ms)
Complaint: TypeAlias = tuple[str, int]


class Complaints:
    """The complaints of a customer's tickets. Instants are ms."""

    __slots__ = ("_by_ticket", "_firsts")

    def __init__(self) -> None:
        #: By ticket: each complaining entity's instant.
        self._by_ticket: dict[str, dict[tuple[str, str], int]] = {}
        #: The first complaint of each ticket in order of time, as of the last ``commit``.
        self._firsts: list[tuple[int, str]] = []

    def first(self, ticket_id: str) -> int | None:
        """The first complaint of a ticket; None: there is none."""
        instants = self._by_ticket.get(ticket_id)
        return min(instants.values()) if instants else None

    def exchange(self, entity: tuple[str, str], old: Complaint | None, new: Complaint | None) -> None:
        """Takes an entity's complaint out and another one in; None: it has none."""
        if old is not None:
            instants = self._by_ticket[old[0]]
            del instants[entity]
            if not instants:
                del self._by_ticket[old[0]]
        if new is not None:
            self._by_ticket.setdefault(new[0], {})[entity] = new[1]

    def commit(self, before: Mapping[str, int | None]) -> None:
        """Takes the first complaints of changed tickets into force; ``before``: what they were, None: none."""
        for ticket_id, at in before.items():
            if at is not None:
                del self._firsts[bisect_left(self._firsts, (at, ticket_id))]
            now = self.first(ticket_id)
            if now is not None:
                insort(self._firsts, (now, ticket_id))

    def within(self, first: int, last: int) -> Iterator[str]:
        """The tickets whose first complaint is in [first, last]."""
        for _, ticket_id in self._firsts[bisect_left(self._firsts, (first,)) : bisect_left(self._firsts, (last + 1,))]:
            yield ticket_id
