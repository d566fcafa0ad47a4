"""The one order of events, and whose they are."""

from __future__ import annotations

from typing import Final, TypeAlias

from streams.core.events.types import ContactDeflected, CostIncurred, Event, TicketMessage

__all__ = ["Key", "first_key", "last_key", "owner", "record_key", "sort_key"]

_MESSAGE_RANK: Final = {"customer": 2, "bot": 3, "rule": 3, "agent": 4}


#: (instant, rank, event id): the one order of all events of a customer.
Key: TypeAlias = tuple[int, int, str]


def sort_key(event: Event) -> Key:
    """The sort key of an event: its instant, its rank among equals, its id. The same whatever the arrival."""
    at = int(event.occurred_at)  # plain: reckoned with and hashed all over, and nothing the collector has to track
    if type(event) is TicketMessage:
        return (at, _MESSAGE_RANK[event.author], event.event_id)
    return (at, event.rank, event.event_id)


def record_key(event: Event) -> str:
    """The record's key: the customer, the cost, or the anonymous contact itself."""
    return owner(event)[1:]


def owner(event: Event) -> str:
    """Whose event it is: the record's key with the sort of owner before it, for their ids may be alike."""
    if type(event) is CostIncurred:
        return "k" + event.cost_id
    if type(event) is ContactDeflected and event.customer_id is None:
        return "d" + event.event_id
    return "c" + event.customer_id  # type: ignore[union-attr,operator]  # every other class is of a customer


def first_key(at: int) -> Key:
    """The key of an instant (ms) before whatever happens at it."""
    return (at, -1, "")


def last_key(at: int) -> Key:
    """The key of an instant (ms) after whatever happens at it."""
    return (at, 99, "")
