"""What an entity books: by its own view and its neighbours', with the customer's labels."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Sequence

from streams.core.customers import standing
from streams.core.derivation.customer_state import CustomerState
from streams.core.derivation.entities import CART, CONTACT, ORDER, SURVEY, TICKET, Entity, EntityKey
from streams.core.events.keys import Key, sort_key
from streams.core.events.types import ContactDeflected
from streams.core.ledger.bookings import Booking, Interval
from streams.core.ledger.dimensions import MODELS, NO_LABELS, UNKNOWN
from streams.core.ledger.label_history import OWNER_SEPARATOR, LabelHistory, label_entries
from streams.core.orders import attribution, benefit, revenue
from streams.core.orders import reader as orders_reader
from streams.core.surveys import bookings as surveys_bookings
from streams.core.surveys import reader as surveys_reader
from streams.core.surveys import scores
from streams.core.tickets import handled, service_levels
from streams.core.tickets import view as tickets_view

__all__ = ["bookings"]


def bookings(customer: CustomerState, key: EntityKey, entity: Entity) -> list[Booking]:
    """All that an entity books, by its view and its neighbours'."""
    kind, name = key
    view = entity.view
    if kind == TICKET:
        return _of_ticket(customer, name, view)
    if kind == SURVEY:
        return _of_survey(customer, name, view)
    if kind == ORDER:
        return _of_order(customer, name, view)
    if kind == CONTACT:
        return _of_contact(entity.events, customer.labels(name))
    return []


def _of_ticket(customer: CustomerState, name: str, view: tickets_view.Ticket) -> list[Booking]:
    entries = view.entries
    if view.solved is not None and view.no_repeat is not None:
        at, issue = view.solved
        created = customer.created.get(issue, [])
        first = bisect_left(created, (at,))
        following = created[first : first + 2]  # its own, perhaps, and one more
        if not any(then < at + customer.policy.repeat_ms and other != name for then, other in following):
            entries = [*entries, view.no_repeat]
    if view.sentiments and customer.policy.needs("sentiments", "sentiment_score"):
        entries = [*entries, *surveys_bookings.sentiments(view.sentiments)]
    history = customer.labels(name)
    booked = label_entries(entries, view.intervals, history)
    if view.handlings and customer.policy.needs("tickets_handled"):
        booked += handled.bookings(view.handlings, history, customer.windows)
    if customer.policy.service_levels and customer.policy.needs(*service_levels.BOOKS):
        booked += service_levels.bookings(view, history, customer.policy)
    return booked


def _of_survey(customer: CustomerState, name: str, view: surveys_reader.Survey) -> list[Booking]:
    if not customer.policy.needs(*surveys_bookings.BOOKS, "csat_followed", "csat_repurchased"):
        return []
    ticket = customer.ticket(view.ticket_id)
    intervals: list[Interval] = []
    if view.kind == "nps" and view.answered is not None and not (ticket and ticket.voided):
        answers = customer.answers.get(view.program, [])
        index = bisect_right(answers, (view.answered, "\U0010ffff"))
        if index < len(answers):
            intervals = surveys_bookings.followed(view, ticket, answers[index][0], customer.windows)
    if view.anchor is None:
        return []
    known = LabelHistory([], [customer.labels(name).before(view.anchor)])  # like its ticket's labels, they stay
    entries = surveys_bookings.entries(view, ticket)
    if view.kind == "csat" and view.answered is not None and view.position is not None and entries:
        index = bisect_left(customer.paid, (view.answered[0],))
        paid = customer.paid[index][0] if index < len(customer.paid) else None
        entries += standing.repurchase(view.answered, scores.satisfied(view.position), paid)
    return label_entries(entries, intervals, known, (view.kind or UNKNOWN, view.program))


def _of_order(customer: CustomerState, name: str, view: orders_reader.Order) -> list[Booking]:
    booked = label_entries(view.entries, [], customer.labels(name))
    if view.paid_key is not None and view.kept and customer.policy.needs("order_value", *standing.AGAIN):
        booked += _of_purchase(customer, name, view.paid_key, view.left)
    placed = view.placed
    if placed is None or view.paid_key is None or not customer.policy.needs(*revenue.CREDITED):
        return booked
    at = placed.occurred_at
    credited = attribution.credits(_touches_of(customer, name, view.paid_key), at, customer.policy.attribution)
    if not credited:
        return booked
    labels = [touch.labels + customer.labels(touch.key[2]).before(touch.key) for touch, _ in credited]
    booked += revenue.revenue_bookings(view, [own + MODELS for own in labels], [weight for _, weight in credited])
    if view.kept:
        booked.append((view.paid_key[0], "attributed_orders", labels[-1], 1))
    # Abandoned, touched, then placed with its cart id: if any touch since, then the last.
    cart = None if placed.cart_id is None else customer.entities.get((CART, placed.cart_id))
    saved = cart is not None and cart.view is not None and cart.view < credited[-1].touch.key
    repeat = any(other != name and paid < at for paid, other in customer.paid[:2])  # sorted: its own and one more
    return booked + benefit.benefit_bookings(view, saved, repeat)


def _touches_of(customer: CustomerState, name: str, paid: Key) -> Sequence[tickets_view.Touch]:
    """The touches that an order can be credited to: those of whom its customer was one with when it was paid."""
    if customer._past is None or paid[0] >= customer._past.since:
        return customer.touches
    mates = customer._past.mates[name.rpartition(OWNER_SEPARATOR)[2]]
    return [touch for touch in customer.touches if touch.key[2].rpartition(OWNER_SEPARATOR)[2] in mates]


def _of_purchase(customer: CustomerState, name: str, paid: Key, left: int) -> list[Booking]:
    index = bisect_left(customer.paid, (paid[0], name))
    following = [at for at, _ in customer.paid[index + 1 : index + 3]]
    intervals = standing.bought_again(paid[0], following, customer.windows)
    return label_entries([(paid, "order_value", (), left)], intervals, customer.labels(name))


def _of_contact(events: Sequence[ContactDeflected], history: LabelHistory) -> list[Booking]:
    event = events[0]
    labels = (event.channel, event.issue_type or UNKNOWN, *NO_LABELS[2:])
    key = sort_key(event)
    entries = [(key, "contacts_deflected", labels, 1), (key, "benefit_deflected", ("savings",), 1)]
    return label_entries(entries, [], history)
