"""Entities: sets of events under a kind and an id, and the view that each kind's events are read into.

A new kind of entity is a row of ``_ENTITY_OF`` for each of its events, a row of ``_READERS``, and its bookings in
``rules``.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final, TypeAlias

from streams.core.costs.accrual import CostAccrual, read_cost
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
from streams.core.orders.reader import Cart, Order, read_cart, read_order
from streams.core.policy import Policy
from streams.core.surveys.reader import Survey, read_survey
from streams.core.tickets.reader import read_ticket
from streams.core.tickets.view import Ticket

__all__ = [
    "CART", "CONTACT", "COST", "CUSTOMER", "ID_FIELDS", "ORDER", "SURVEY", "TICKET", "Entity", "EntityKey", "View",
    "entity_of", "read_entity",
]  # fmt: skip

#: (kind, id) among one owner's entities; the kind is one letter, as it is kept.
EntityKey: TypeAlias = tuple[str, str]
TICKET, SURVEY, ORDER, CART, CUSTOMER, CONTACT, COST = "tsoxcdk"

#: An entity as its own events leave it. None: not read yet, a cost without a rate, or a kind that has no view.
View: TypeAlias = Ticket | Survey | Order | Cart | CostAccrual | None

#: Kind and field of the id by event class; every other event is a ticket's.
_ENTITY_OF: Final[Mapping[type, tuple[str, str]]] = {
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

#: The fields of events that are an entity's id.
ID_FIELDS: Final = frozenset(("ticket_id", *(field for _, field in _ENTITY_OF.values())))

#: Events, sorted by ``sort_key``, to the view, by kind.
_READERS: Final[Mapping[str, Callable[[Sequence[Any], Policy], View]]] = {
    TICKET: read_ticket,
    SURVEY: lambda events, policy: read_survey(events),
    ORDER: read_order,
    CART: lambda events, policy: read_cart(events),
    COST: read_cost,
}


class Entity:
    """One set of events, and what was derived from it."""

    __slots__ = ("arrived", "bookings", "events", "label_changes", "view")

    def __init__(self, events: list[Any], arrived: int = 0) -> None:
        #: Sorted by ``sort_key``.
        self.events = events
        #: The arrival of the last of them, ms; 0: not known.
        self.arrived = arrived
        self.view: View = None
        #: The entity's bookings in the ledger; None: to be derived from the present views.
        self.bookings: list[Booking] | None = None
        #: The customer's count of label changes that the bookings are of: labels of open levels change without them.
        self.label_changes = 0


def entity_of(event: Event) -> EntityKey:
    """The entity an event belongs to."""
    kind, field = _ENTITY_OF.get(type(event), (TICKET, "ticket_id"))
    return kind, getattr(event, field)


def read_entity(kind: str, events: Sequence[Any], policy: Policy) -> View:
    """The view of an entity's events, sorted by ``sort_key``."""
    reader = _READERS.get(kind)
    return None if reader is None else reader(events, policy)
