"""What entities say of their customer: each by its own events, a survey's also by whether its ticket counts.

Source: definitions.md, "Customers". A complaint is a CSAT score that is not satisfied, by the answer that counts, or
a negative sentiment, of a ticket that was created and not voided; the first one a ticket counts.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from streams.core.customers.facts import NO_FACTS, CustomerFacts
from streams.core.customers.segments import Sources, Told
from streams.core.customers.spells import JOINED, LEFT, PAID, Marker
from streams.core.events.keys import Key, sort_key
from streams.core.events.types import (
    CustomerEvent,
    CustomerJoined,
    CustomerLeft,
    CustomerUpdated,
    OrderCancelled,
    OrderChargedBack,
    OrderEvent,
    OrderPaid,
    OrderRefunded,
    SurveyEvent,
)
from streams.core.orders.reader import Order
from streams.core.policy import Policy
from streams.core.surveys.reader import Survey, verdicts
from streams.core.surveys.scores import satisfied
from streams.core.tickets.view import Ticket

__all__ = ["of_customer", "of_order", "of_survey", "of_ticket"]


def of_ticket(ticket_id: str, ticket: Ticket) -> CustomerFacts:
    """Its creation, and its first negative sentiment."""
    contacts = (ticket.keys[0],) if ticket.created is not None else ()
    angry = [key[0] for key, _, score in ticket.sentiments if score < 0] if ticket.sentiments and ticket.keys else ()
    if not contacts and not angry:
        return NO_FACTS
    return CustomerFacts(Sources(contacts=contacts), complaint=(ticket_id, min(angry)) if angry else None)


def of_survey(events: Sequence[SurveyEvent], survey: Survey, ticket: Ticket | None) -> CustomerFacts:
    """Every CSAT score as it was given then, and whether the last is a complaint."""
    if survey.kind != "csat" or (ticket is not None and ticket.voided):
        return NO_FACTS
    scores = tuple((key, ("satisfied" if good else "unsatisfied",)) for key, good in verdicts(events))
    told = survey.answered is not None and survey.position is not None and not satisfied(survey.position)
    if told and survey.answered is not None and survey.ticket_id is not None and ticket is not None and ticket.keys:
        return CustomerFacts(Sources(scores=scores), complaint=(survey.ticket_id, survey.answered[0]))
    return CustomerFacts(Sources(scores=scores))


def of_order(events: Sequence[OrderEvent], bought: Order, policy: Policy) -> CustomerFacts:
    """What was paid and taken back when, together never below 0, and that it was paid at all."""
    if bought.placed is None:
        return NO_FACTS
    paid: list[tuple[Key, int, int]] = []
    balances: Counter[str] = Counter()  # the reporting currency's, and those of others without a rate
    left = kept = 0
    refunds: set[str] = set()
    for event in events:
        if isinstance(event, OrderPaid):
            _add(balances, event, 1, policy)
        elif isinstance(event, OrderRefunded | OrderChargedBack):
            if event.refund_id in refunds:
                continue
            refunds.add(event.refund_id)
            _add(balances, event, -1, policy)
        elif isinstance(event, OrderCancelled):
            balances.clear()
        else:
            continue
        before = left, kept
        left, kept = max(balances[policy.currency], 0), int(any(balance > 0 for balance in balances.values()))
        if (left, kept) != before:
            paid.append((sort_key(event), left - before[0], kept - before[1]))
        if isinstance(event, OrderCancelled):
            break
    markers: tuple[Marker, ...] = ((bought.paid_key, PAID),) if bought.paid_key is not None and bought.kept else ()
    return CustomerFacts(Sources(paid=tuple(paid)), markers)


def _add(
    balances: Counter[str], event: OrderPaid | OrderRefunded | OrderChargedBack, sign: int, policy: Policy
) -> None:
    amount = policy.convert(event.amount_minor, event.currency, event.occurred_at)
    if amount is None:
        balances[event.currency] += sign * event.amount_minor
    else:
        balances[policy.currency] += sign * amount


def of_customer(events: Sequence[CustomerEvent]) -> CustomerFacts:
    """Its segments as told, when it joined, when it left."""
    segments: list[Told] = []
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
