"""Facts about a customer, each from one entity: a survey's also by whether its ticket counts.

Source: docs/definitions.md#customers. A complaint is a CSAT score that is not satisfied, by the answer that counts, or
a negative sentiment, of a ticket that was created and not voided; the first complaint of a ticket counts.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, NamedTuple

from streams.core.customers.segments import LabelStep, Sources
from streams.core.customers.spells import JOINED, LEFT, PAID, Marker
from streams.core.events.keys import sort_key
from streams.core.events.types import CustomerEvent, CustomerJoined, CustomerLeft, CustomerUpdated
from streams.core.orders.reader import Order
from streams.core.surveys.reader import Survey
from streams.core.surveys.scores import is_satisfied
from streams.core.tickets.view import Ticket

__all__ = ["NO_FACTS", "CustomerFacts", "facts_of_customer", "facts_of_order", "facts_of_survey", "facts_of_ticket"]


class CustomerFacts(NamedTuple):
    """The facts that one entity adds: sources of segments, markers of spells, a complaint."""

    sources: Sources = Sources()
    markers: tuple[Marker, ...] = ()
    #: (ticket, instant in ms) of a complaint.
    complaint: tuple[str, int] | None = None


NO_FACTS: Final = CustomerFacts()


def facts_of_ticket(ticket_id: str, ticket: Ticket) -> CustomerFacts:
    """Its creation, and its first negative sentiment."""
    contacts = (ticket.keys[0],) if ticket.clocks is not None else ()
    angry = [key[0] for key, _, score in ticket.sentiments if score < 0] if ticket.sentiments and ticket.keys else ()
    if not contacts and not angry:
        return NO_FACTS
    return CustomerFacts(Sources(contacts=contacts), complaint=(ticket_id, min(angry)) if angry else None)


def facts_of_survey(survey: Survey, ticket: Ticket | None) -> CustomerFacts:
    """Every CSAT score as it was given then, and a complaint if the last one is not satisfied."""
    if survey.kind != "csat" or (ticket is not None and ticket.voided):
        return NO_FACTS
    labelled = ((key, ("satisfied" if good else "unsatisfied",)) for key, good in survey.csat_answers)
    scores = Sources(scores=tuple(labelled))
    if survey.answered is None or survey.position is None or is_satisfied(survey.position):
        return CustomerFacts(scores)
    if survey.ticket_id is None or ticket is None or not ticket.keys:
        return CustomerFacts(scores)
    return CustomerFacts(scores, complaint=(survey.ticket_id, survey.answered[0]))


def facts_of_order(order: Order) -> CustomerFacts:
    """Its balance over time, and its first payment if anything is left of it."""
    markers: tuple[Marker, ...] = (
        ((order.paid_key, PAID),) if order.paid_key is not None and order.has_remainder else ()
    )
    return CustomerFacts(Sources(paid=tuple(order.balance_steps)), markers)


def facts_of_customer(events: Sequence[CustomerEvent]) -> CustomerFacts:
    """Its segments as its events say them, when it joined, when it left."""
    segments: list[LabelStep] = []
    markers: list[Marker] = []
    for event in events:
        if isinstance(event, CustomerUpdated):
            if event.segment is not None:
                segments.append((sort_key(event), (event.segment,)))
        elif isinstance(event, CustomerJoined):
            markers.append((sort_key(event), JOINED))
        elif isinstance(event, CustomerLeft):
            markers.append((sort_key(event), LEFT))
    return CustomerFacts(Sources(segments=tuple(segments)), tuple(markers))
