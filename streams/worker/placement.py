"""Homes: in which partition merged customers live, all of one group together.

Rules of this file:

* The least of a group's customers, by id, is its root, and the group lives where the root's key belongs. Whoever learns
  that two customers are one points the greater root to the lesser and tells the partition where the greater one lives.
* A pointer only ever leads to a lesser id: whatever the order of news, and be customers merged in a circle, a group
  moves a bounded number of times and comes to rest in one place.
"""

from __future__ import annotations

from collections.abc import Iterator

__all__ = ["Placement"]


class Placement:
    """What one partition knows of who lives with whom; customers by id."""

    def __init__(self) -> None:
        self._next: dict[str, str] = {}
        self._news: dict[str, str] = {}

    def root(self, customer: str) -> str:
        """The customer in whose partition this one lives, as far as is known."""
        while customer in self._next:
            customer = self._next[customer]
        return customer

    def point(self, customer: str, root: str) -> None:
        """Notes that a customer lives where a lesser one does."""
        if root < self.root(customer):
            self._next[customer] = self._news[customer] = root

    def restore(self, customer: str, root: str) -> None:
        self._next[customer] = root

    def moved(self) -> list[tuple[str, str]]:
        """Everyone who lives with another, if there is any news: (customer, root)."""
        return [(customer, self.root(customer)) for customer in self._next] if self._news else []

    def changed(self) -> Iterator[tuple[str, str]]:
        """What is new since it was last asked for: (customer, root)."""
        news, self._news = self._news, {}
        yield from news.items()
