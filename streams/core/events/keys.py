"""The order of events and their owners."""

from __future__ import annotations

from typing import Final, TypeAlias

from streams.core.events.types import ContactDeflected, CostIncurred, CustomerLeft, Event, TicketMessage

__all__ = ["Key", "first_key", "last_key", "leaving_key", "owner", "record_key", "sort_key"]

#: The rank of a message, by its author.
_MESSAGE_RANK: Final = {"customer": 2, "bot": 3, "rule": 3, "agent": 4}

#: (instant in ms, rank, event id): a place in the one order of a customer's events.
Key: TypeAlias = tuple[int, int, str]


def sort_key(event: Event) -> Key:
    """An event's instant, its rank among the events of that instant, and its id: independent of the arrival.

    Source: docs/contracts.md#order-of-events-at-one-instant.
    """
    at = int(event.occurred_at)  # a plain int: the quickest to compare and hash, and untracked by the garbage collector
    if type(event) is TicketMessage:
        return (at, _MESSAGE_RANK[event.author], event.event_id)
    return (at, event.rank, event.event_id)


def record_key(event: Event) -> str:
    """The key of an event's record: the customer, the cost, or the event id of an anonymous contact."""
    return owner(event)[1:]


def owner(event: Event) -> str:
    """The record's key after one letter for the kind of owner, because ids of different kinds may be equal.

    ``c``: a customer, ``k``: a cost, ``d``: an anonymous deflected contact.
    """
    if type(event) is CostIncurred:
        return "k" + event.cost_id
    if type(event) is ContactDeflected and event.customer_id is None:
        return "d" + event.event_id
    return "c" + event.customer_id  # type: ignore[union-attr,operator]  # every other class has a customer


def first_key(at: int) -> Key:
    """The key before all events of an instant (ms)."""
    return (at, -1, "")


def last_key(at: int) -> Key:
    """The key after all events of an instant (ms)."""
    return (at, 99, "")


def leaving_key(at: int) -> Key:
    """The key of a leaving that no event tells: after the payments of an instant (ms), before the told leavings."""
    return (at, CustomerLeft.rank, "")
