"""Placement: in which partition merged customers live, all of one group together.

Rules of this file:

* The root of a group is the least of its customers by id, and the group lives in the partition of the root's key.
  A partition that sees a merge places the greater root with the lesser and informs the greater root's partition.
* A customer is only ever placed with a lesser id: in whatever order merges become known, and even if customers are
  merged in a circle, a group moves a bounded number of times and ends in one place.
"""

from __future__ import annotations

from collections.abc import Iterator

__all__ = ["Placement"]


class Placement:
    """The groups of merged customers as far as one partition knows them: a forest of customer ids."""

    def __init__(self) -> None:
        self._parents: dict[str, str] = {}
        self._changes: dict[str, str] = {}

    def root(self, customer: str) -> str:
        """The root of a customer's group as far as it is known; the customer itself if it is not merged."""
        while customer in self._parents:
            customer = self._parents[customer]
        return customer

    def place(self, customer: str, root: str) -> None:
        """Places a customer with a lesser one; changes nothing if it is placed as low already."""
        if root < self.root(customer):
            self._parents[customer] = self._changes[customer] = root

    def restore(self, customer: str, root: str) -> None:
        """Takes one placement from the changelog."""
        self._parents[customer] = root

    def placed(self) -> list[tuple[str, str]]:
        """All customers placed with another, each with its root; empty while there are no changes to write."""
        return [(customer, self.root(customer)) for customer in self._parents] if self._changes else []

    def take_changes(self) -> Iterator[tuple[str, str]]:
        """The placements since the last call, to be written: (customer, root)."""
        changes, self._changes = self._changes, {}
        yield from changes.items()
