"""The rules: which bookings an entity makes, by its own view and its neighbours', with the customer's labels."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Sequence

from streams.core.customers.standing import (
    FOLLOWED_ANSWERS,
    PURCHASES,
    followed_answer_entries,
    repeated_purchases,
)
from streams.core.customers.value_at_risk import BOOKS as VALUE_AT_RISK
from streams.core.derivation.customer_state import CustomerState
from streams.core.derivation.entities import CART, CONTACT, Entity, EntityKey
from streams.core.events.keys import Key
from streams.core.ledger.bookings import Booking, Entry, Interval
from streams.core.ledger.dimensions import UNKNOWN
from streams.core.ledger.label_history import OWNER_SEPARATOR, LabelHistory, label_entries
from streams.core.orders import benefit, revenue
from streams.core.orders.attribution import credits
from streams.core.orders.benefit import benefit_bookings
from streams.core.orders.reader import Cart, Order
from streams.core.orders.revenue import revenue_bookings
from streams.core.surveys import bookings as survey_bookings
from streams.core.surveys import sentiment
from streams.core.surveys.bookings import nps_repetitions, survey_entries
from streams.core.surveys.reader import Survey
from streams.core.surveys.scores import is_satisfied
from streams.core.surveys.sentiment import sentiment_entries
from streams.core.tickets import handled, service_levels
from streams.core.tickets.deflections import deflection_entries
from streams.core.tickets.handled import handled_bookings
from streams.core.tickets.service_levels import promise_bookings
from streams.core.tickets.view import Ticket, Touch

__all__ = ["bookings_of"]


def bookings_of(customer: CustomerState, key: EntityKey, entity: Entity) -> list[Booking]:
    """All bookings of an entity, by its view and its neighbours'."""
    kind, name = key
    view = entity.view
    if isinstance(view, Ticket):
        return _ticket_bookings(customer, name, view)
    if isinstance(view, Survey):
        return _survey_bookings(customer, name, view)
    if isinstance(view, Order):
        return _order_bookings(customer, name, view)
    if kind == CONTACT:
        return label_entries(deflection_entries(entity.events[0]), [], customer.history_of(name))
    return []


def _ticket_bookings(customer: CustomerState, name: str, ticket: Ticket) -> list[Booking]:
    policy, history = customer.policy, customer.history_of(name)
    entries = ticket.entries
    if ticket.no_repeat is not None and not _is_repeated(customer, name, ticket):
        entries = [*entries, ticket.no_repeat]
    if ticket.sentiments and policy.needs(*sentiment.BOOKS):
        entries = [*entries, *sentiment_entries(ticket.sentiments)]
    bookings = label_entries(entries, ticket.intervals, history)
    if ticket.handlings and policy.needs(*handled.BOOKS):
        bookings += handled_bookings(ticket.handlings, history, customer.windows)
    if policy.service_levels and policy.needs(*service_levels.BOOKS, *VALUE_AT_RISK):
        bookings += promise_bookings(ticket, history, policy)
    return bookings


def _is_repeated(customer: CustomerState, name: str, ticket: Ticket) -> bool:
    """True if the first solving does not count, or another contact about the same issue follows it too soon."""
    if ticket.solved is None:
        return True
    at, issue = ticket.solved
    contacts = customer.contacts.get(issue, [])
    first = bisect_left(contacts, (at,))
    following = contacts[first : first + 2]  # its own, perhaps, and one more
    return any(then < at + customer.policy.repeat_ms and other != name for then, other in following)


def _survey_bookings(customer: CustomerState, name: str, survey: Survey) -> list[Booking]:
    if not customer.policy.needs(*survey_bookings.BOOKS, *FOLLOWED_ANSWERS):
        return []
    ticket = customer.ticket(survey.ticket_id)
    intervals: list[Interval] = []
    if survey.kind == "nps" and survey.answered is not None and not (ticket and ticket.voided):
        answers = customer.answers.get(survey.program, [])
        index = bisect_right(answers, (survey.answered, "\U0010ffff"))
        if index < len(answers):
            intervals = nps_repetitions(survey, ticket, answers[index][0], customer.windows)
    if survey.anchor is None:
        return []
    history = LabelHistory([], [customer.history_of(name).before(survey.anchor)])  # like its ticket's labels, they stay
    entries = survey_entries(survey, ticket)
    if survey.kind == "csat" and survey.answered is not None and survey.position is not None and entries:
        index = bisect_left(customer.paid, (survey.answered[0],))
        next_paid = customer.paid[index][0] if index < len(customer.paid) else None
        entries += followed_answer_entries(survey.answered, is_satisfied(survey.position), next_paid)
    return label_entries(entries, intervals, history, (survey.kind or UNKNOWN, survey.program))


def _order_bookings(customer: CustomerState, name: str, order: Order) -> list[Booking]:
    bookings = label_entries(order.entries, [], customer.history_of(name))
    if order.placed is None or order.paid_key is None:
        return bookings
    if order.has_remainder and customer.policy.needs(*PURCHASES):
        bookings += _purchase_bookings(customer, name, order.paid_key, order.left)
    if customer.policy.needs(*revenue.BOOKS, *benefit.BOOKS):
        bookings += _credit_bookings(customer, name, order)
    return bookings


def _credit_bookings(customer: CustomerState, name: str, order: Order) -> list[Booking]:
    """The revenue and benefit of an order at the touches it is credited to."""
    assert order.placed is not None, "only a placed order is credited"
    assert order.paid_key is not None, "only a paid order is credited"
    at = order.placed.occurred_at
    credited = credits(_touches_before_merge(customer, name, order.paid_key), at, customer.policy.attribution)
    if not credited:
        return []
    labels = [touch.labels + customer.history_of(touch.key[2]).before(touch.key) for touch, _ in credited]
    cart = None if order.placed.cart_id is None else customer.entities.get((CART, order.placed.cart_id))
    abandoned = cart.view.abandoned if cart is not None and isinstance(cart.view, Cart) else None
    # Abandoned, touched, then placed with its cart id: if any touch came since, the last one did.
    saved_cart = abandoned is not None and abandoned < credited[-1].touch.key
    repeat = any(other != name and paid < at for paid, other in customer.paid[:2])  # sorted: its own and one more
    return revenue_bookings(order, credited, labels) + benefit_bookings(order, saved_cart, repeat)


def _touches_before_merge(customer: CustomerState, name: str, paid: Key) -> Sequence[Touch]:
    """The touches an order can be credited to: those of the customers who were one with its own when it was paid."""
    if customer.past is None or paid[0] >= customer.past.since:
        return customer.touches
    mates = customer.past.mates[name.rpartition(OWNER_SEPARATOR)[2]]
    return [touch for touch in customer.touches if touch.key[2].rpartition(OWNER_SEPARATOR)[2] in mates]


def _purchase_bookings(customer: CustomerState, name: str, paid: Key, left: int) -> list[Booking]:
    index = bisect_left(customer.paid, (paid[0], name))
    following = [at for at, _ in customer.paid[index + 1 : index + 3]]
    entries: list[Entry] = [(paid, "order_value", (), left)]
    intervals = repeated_purchases(paid[0], following, customer.windows)
    return label_entries(entries, intervals, customer.history_of(name))
