"""Entities: sets of events under a kind and an id."""

from __future__ import annotations

from typing import Any, Final, TypeAlias

from streams.core.events.types import (
    CartAbandoned,
    ContactDeflected,
    CostIncurred,
    CustomerJoined,
    CustomerLeft,
    CustomerMerged,
    CustomerUpdated,
    Event,
    OrderCancelled,
    OrderChargedBack,
    OrderPaid,
    OrderPlaced,
    OrderRefunded,
    SurveyAnswered,
    SurveySent,
)
from streams.core.ledger.bookings import Booking
from streams.core.tickets import view as tickets_view

__all__ = [
    "CART",
    "CONTACT",
    "COST",
    "CUSTOMER",
    "ORDER",
    "SURVEY",
    "TICKET",
    "Entity",
    "EntityKey",
    "entity_of",
    "open_levels",
]


#: (kind, id) within a scope; the kind is one letter.
EntityKey: TypeAlias = tuple[str, str]
TICKET, SURVEY, ORDER, CART, CUSTOMER, CONTACT, COST = "tsoxcdk"

_KINDS: Final[dict[type, tuple[str, str]]] = {
    SurveySent: (SURVEY, "survey_id"),
    SurveyAnswered: (SURVEY, "survey_id"),
    OrderPlaced: (ORDER, "order_id"),
    OrderPaid: (ORDER, "order_id"),
    OrderRefunded: (ORDER, "order_id"),
    OrderChargedBack: (ORDER, "order_id"),
    OrderCancelled: (ORDER, "order_id"),
    CartAbandoned: (CART, "cart_id"),
    CustomerJoined: (CUSTOMER, "customer_id"),
    CustomerLeft: (CUSTOMER, "customer_id"),
    CustomerUpdated: (CUSTOMER, "customer_id"),
    CustomerMerged: (CUSTOMER, "customer_id"),
    ContactDeflected: (CONTACT, "event_id"),
    CostIncurred: (COST, "cost_id"),
}


def entity_of(event: Event) -> EntityKey:
    """The entity an event belongs to."""
    kind, name = _KINDS.get(type(event), (TICKET, "ticket_id"))
    return kind, getattr(event, name)


class Entity:
    """One set of events and what was derived from it."""

    __slots__ = ("arrived", "booked", "events", "labelled", "view")

    def __init__(self, events: list[Any], arrived: int = 0) -> None:
        self.events = events
        #: When the last of them came, in ms; 0 where that is not known.
        self.arrived = arrived
        self.view: Any = None
        #: What the ledger holds of it; None = to be derived (it is what the present views give).
        self.booked: list[Booking] | None = None
        #: Which of the customer's labels that is told by: those of open levels change without asking the ticket.
        self.labelled = 0


def open_levels(view: tickets_view.Ticket) -> list[tuple[str, int]]:
    """A ticket's levels that hold now."""
    return [(name, value) for name, _, end, _, value in view.intervals if end is None]
