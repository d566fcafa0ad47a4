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
from streams.core.derivation.entities import CART, ORDER, SURVEY, TICKET, EntityKey
from streams.core.surveys import reader as surveys_reader
from streams.core.tickets import view as tickets_view

__all__ = ["dependents_of"]


def dependents_of(customer: CustomerState, key: EntityKey, old: Any, new: Any) -> Iterator[EntityKey]:
    """The other entities whose bookings may change when a view does. Asked before and after the change."""
    kind, name = key
    policy = customer.policy
    if kind == TICKET:
        before, after = old or tickets_view.Ticket(), new
        if before.created != after.created:
            for created in (before.created, after.created):
                if created is not None:
                    yield from _repeated(customer, created)
        if before.touches != after.touches:
            for touch in set(before.touches) ^ set(after.touches):
                at = touch.key[0]
                for _, order_id in _span(customer.placed, at + 1, at + policy.attribution.look_back_ms + 1):
                    yield ORDER, order_id
        if before.labels != after.labels or before.keys != after.keys or before.voided != after.voided:
            for survey_id in tuple(customer.surveys.get(name, ())):
                yield SURVEY, survey_id
                if before.voided != after.voided:
                    yield from _beside(customer, customer.entities[SURVEY, survey_id].view)
    elif kind == SURVEY:
        for view in (old, new):
            if view is not None:
                yield from _beside(customer, view)
    elif kind == ORDER:
        spans = {(view.paid_at, view.kept) for view in (old, new) if view is not None}
        if len(spans) > 1 or old is None:
            first = min((at for at, _ in spans if at is not None), default=None)
            if first is not None:
                for _, order_id in _span(customer.placed, first + 1, 1 << 60):
                    yield ORDER, order_id
            for at, left in spans:
                if at is not None and left:
                    yield from _around(customer, at, name)
    elif kind == CART:
        for order_id in customer.carts.get(name, ()):
            yield ORDER, order_id


def _around(customer: CustomerState, paid: int, name: str) -> Iterator[EntityKey]:
    """The paid orders it follows, and the scores since the one before, for which it is the next purchase."""
    index = bisect_left(customer.paid, (paid, name))
    start = paid - AFTERMATH_MS + 1
    if index:
        start = max(start, customer.paid[index - 1][0] + 1)
    for _, order_id in customer.paid[max(index - 2, 0) : index + 2]:
        yield ORDER, order_id
    for _, survey_id in _span(customer.scored, start, paid + 1):
        yield SURVEY, survey_id


def _repeated(customer: CustomerState, created: tickets_view.Repeat) -> Iterator[EntityKey]:
    """The tickets for which a creation may be the repeated contact.

    Those solved before the last creation but one have a repeat in any case: so a customer who writes all day
    does not touch all of a week.
    """
    at, issue = created
    others = customer.created.get(issue, [])
    index = bisect_left(others, (at,))
    start = at - customer.policy.repeat_ms + 1
    if index >= 2:
        start = max(start, others[index - 2][0])
    for _, ticket_id in _span(customer.solved.get(issue, []), start, at + 1):
        yield TICKET, ticket_id


def _beside(customer: CustomerState, view: surveys_reader.Survey) -> Iterator[EntityKey]:
    """The answer before one in its program: its end is this one's beginning."""
    if view.kind == "nps" and view.answered is not None:
        answers = customer.answers.get(view.program, [])
        index = bisect_left(answers, (view.answered, ""))
        if index:
            yield SURVEY, answers[index - 1][1]


def _span(entries: Sequence[Any], start: int, end: int) -> Sequence[Any]:
    """The entries of a sorted index with their instant in [start, end)."""
    return entries[bisect_left(entries, (start,)) : bisect_left(entries, (end,))]
