"""Which of a customer's entities must be derived again when one of them changes.

``dependents_of`` names the entities whose bookings may change with another's view. It never walks the customer's whole
past.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator, Sequence
from typing import Any

from streams.core.customers.segments import AFTERMATH_MS
from streams.core.derivation.customer_state import CustomerState
from streams.core.derivation.entities import CART, ORDER, SURVEY, TICKET, EntityKey, View
from streams.core.orders.reader import Order
from streams.core.surveys.reader import Survey
from streams.core.temporal.instants import EVER
from streams.core.tickets.view import Repeat, Ticket

__all__ = ["dependents_of"]


def dependents_of(customer: CustomerState, key: EntityKey, old: View, new: View) -> Iterator[EntityKey]:
    """The other entities whose bookings may change with a view, by the indexes as they are before the change."""
    kind, name = key
    if isinstance(new, Ticket):
        yield from _of_ticket(customer, name, old if isinstance(old, Ticket) else Ticket(), new)
    elif isinstance(new, Survey):
        for survey in (old, new):
            if isinstance(survey, Survey):
                yield from _answer_before(customer, survey)
    elif isinstance(new, Order):
        yield from _of_order(customer, name, old, new)
    elif kind == CART:
        for order_id in customer.carts.get(name, ()):
            yield ORDER, order_id


def _of_ticket(customer: CustomerState, name: str, old: Ticket, new: Ticket) -> Iterator[EntityKey]:
    if old.contact != new.contact:
        for contact in (old.contact, new.contact):
            if contact is not None:
                yield from _repeated_by(customer, contact)
    if old.touches != new.touches:
        look_back_ms = customer.policy.attribution.look_back_ms
        for touch in set(old.touches) ^ set(new.touches):
            at = touch.key[0]
            for _, order_id in _between(customer.placed, at + 1, at + look_back_ms + 1):
                yield ORDER, order_id
    if old.labels != new.labels or old.keys != new.keys or old.voided != new.voided:
        for survey_id in tuple(customer.surveys.get(name, ())):
            yield SURVEY, survey_id
            survey = customer.entities[SURVEY, survey_id].view
            if old.voided != new.voided and isinstance(survey, Survey):
                yield from _answer_before(customer, survey)


def _of_order(customer: CustomerState, name: str, old: View, new: Order) -> Iterator[EntityKey]:
    payments = {(order.paid_at, order.has_remainder) for order in (old, new) if isinstance(order, Order)}
    if len(payments) == 1 and old is not None:
        return
    first = min((at for at, _ in payments if at is not None), default=None)
    if first is not None:
        for _, order_id in _between(customer.placed, first + 1, EVER):
            yield ORDER, order_id
    for at, has_remainder in payments:
        if at is not None and has_remainder:
            yield from _around_payment(customer, at, name)


def _around_payment(customer: CustomerState, paid: int, name: str) -> Iterator[EntityKey]:
    """The paid orders just before a payment, and the scores since the last of them: it is their next purchase."""
    index = bisect_left(customer.paid, (paid, name))
    start = paid - AFTERMATH_MS + 1
    if index:
        start = max(start, customer.paid[index - 1][0] + 1)
    for _, order_id in customer.paid[max(index - 2, 0) : index + 2]:
        yield ORDER, order_id
    for _, survey_id in _between(customer.scored, start, paid + 1):
        yield SURVEY, survey_id


def _repeated_by(customer: CustomerState, contact: Repeat) -> Iterator[EntityKey]:
    """The tickets for which a creation by the customer may be the repeated contact.

    Those solved before the last contact but one have a repetition in any case. So a customer who writes all day does
    not concern all of a week.
    """
    at, issue = contact
    contacts = customer.contacts.get(issue, [])
    index = bisect_left(contacts, (at,))
    start = at - customer.policy.repeat_ms + 1
    if index >= 2:
        start = max(start, contacts[index - 2][0])
    for _, ticket_id in _between(customer.solved.get(issue, []), start, at + 1):
        yield TICKET, ticket_id


def _answer_before(customer: CustomerState, survey: Survey) -> Iterator[EntityKey]:
    """The NPS answer before a survey's in its program: it ends where this one begins."""
    if survey.kind == "nps" and survey.answered is not None:
        answers = customer.answers.get(survey.program, [])
        index = bisect_left(answers, (survey.answered, ""))
        if index:
            yield SURVEY, answers[index - 1][1]


def _between(entries: Sequence[Any], start: int, end: int) -> Sequence[Any]:
    """The entries of a sorted index with their instant in [start, end)."""
    return entries[bisect_left(entries, (start,)) : bisect_left(entries, (end,))]
