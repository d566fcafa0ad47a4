"""Relocation: records of another partition's customers are forwarded, customers merged into another's group move there.

Rules of this file:

* Whoever owns a key follows from the key alone, by Kafka's default partitioner, whatever partitioner its producer had.
* A customer of a merged group lives where the root of its group does (``placement``). A forwarded record names that
  root in a header, so that the partition it reaches knows the group as well.
* Customers move when the unit is closed, with all their events: sent there, removed here, in one transaction.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

import msgspec

from streams.core.derivation import state_format
from streams.core.derivation.event_store import EventStore
from streams.core.events.decoding import to_json
from streams.core.events.keys import owner, record_key
from streams.core.events.types import CustomerMerged, Event
from streams.core.tickets.breaches import Breaches
from streams.kafka.partitioner import partition_of
from streams.kafka.topics import CUSTOMERS, STATE
from streams.worker.log.processor import Output, Record
from streams.worker.placement import Placement

__all__ = ["PLACEMENT_KIND", "Relocation", "is_merge_notice", "is_moved"]

#: The kind of a state record that holds where a customer is placed.
PLACEMENT_KIND: Final = "h"
#: Header of a forwarded record: the root of its customer's group.
_HOME_HEADER: Final = "support-roi-home"
#: Header of an event that another partition has counted already.
_MOVED_HEADER: Final = "support-roi-moved"
#: Header of a notice that two groups are one; such a record is not an event.
_LINK_HEADER: Final = "support-roi-link"


def is_merge_notice(record: Record) -> bool:
    """True for another partition's notice of a merge, which is not an event."""
    return any(name == _LINK_HEADER for name, _ in record.headers)


def is_moved(record: Record) -> bool:
    """True for an event that came with its customer from another partition, and was counted there."""
    return any(name == _MOVED_HEADER for name, _ in record.headers)


class Relocation:
    """The records that one partition sends to others because of where customers live.

    ``partition`` is this partition, ``partitions`` the number of partitions of the input topics.
    """

    def __init__(self, partition: int, partitions: int) -> None:
        self._partition: Final = partition
        self._partitions: Final = partitions
        self._placement: Final = Placement()

    def restore(self, customer: str, root: str) -> None:
        """Takes one placement from the changelog."""
        self._placement.restore(customer, root)

    def forwarded(self, event: Event, record: Record, event_store: EventStore) -> Output | None:
        """The record on its way to the partition that it belongs to; None if that is this one."""
        owner_name, key = owner(event), record_key(event)
        home = next((value.decode() for name, value in reversed(record.headers) if name == _HOME_HEADER), None)
        root = self._placement.root(key)
        if owner_name[0] != "c" or (home is None and root == key):
            is_here = owner_name in event_store or self._partition_of(key) == self._partition
            return None if is_here else Output(record.topic, key.encode(), record.value)
        if home is not None:
            root = min(root, self._placement.root(home))
            self._placement.place(key, root)
        target = self._partition_of(root)
        if target == self._partition:
            return None
        headers = [*(header for header in record.headers if header[0] != _HOME_HEADER), (_HOME_HEADER, root.encode())]
        return Output(record.topic, key.encode(), record.value, target, headers)

    def merge(self, event: CustomerMerged) -> Output | None:
        """Places the group with the greater root where the lesser root lives.

        The result is the notice to the greater root's partition; None if the groups are one already, or if that
        partition is this one: its customers then move when the unit is closed.
        """
        roots = self._placement.root(event.customer_id), self._placement.root(event.into_customer_id)
        low, high = sorted(roots)
        if low == high:
            return None
        self._placement.place(high, low)
        target = self._partition_of(high)
        if target == self._partition:
            return None
        notice = msgspec.structs.replace(event, customer_id=high, into_customer_id=low)
        return Output(CUSTOMERS, high.encode(), to_json(notice), target, [(_LINK_HEADER, b"")])

    def departures(self, event_store: EventStore, breaches: Breaches) -> Iterator[Output]:
        """Moves the customers who live elsewhere now, and writes the unit's changes of placement."""
        for customer, root in self._placement.placed():
            if self._partition_of(root) != self._partition and "c" + customer in event_store:
                yield from self._departure(customer, root, event_store, breaches)
        for customer, root in self._placement.take_changes():
            key = state_format.entity_key("c" + customer, (PLACEMENT_KIND, ""))
            yield Output(STATE, key, root.encode(), self._partition)

    def _departure(self, customer: str, root: str, event_store: EventStore, breaches: Breaches) -> Iterator[Output]:
        """Moves one customer with its group: the events to the root's partition, the state records removed."""
        target = self._partition_of(root)
        removed = event_store.remove("c" + customer)
        for event in removed.events:
            headers = [(_MOVED_HEADER, b""), (_HOME_HEADER, root.encode())]
            yield Output(event.topic, record_key(event).encode(), to_json(event), target, headers)
        for owner_name, entity in removed.keys:
            yield Output(STATE, state_format.entity_key(owner_name, entity), None, self._partition)
        breaches.forget(removed.owners)
        for owner_name in removed.owners:
            self._placement.place(owner_name[1:], root)

    def _partition_of(self, key: str) -> int:
        return partition_of(key.encode(), self._partitions)
