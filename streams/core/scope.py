"""A scope: the entities of one customer (or of one cost, or one anonymous contact) and who concerns whom among them.

Rules of this file:

* A view is what an entity's own events come to; indexes over the views let entities find each other.
* What an entity books depends on its view and its neighbours' (``bookings``); ``affected`` names the neighbours for
  whom a change of a view may matter, and never walks the customer's whole past.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right, insort
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, Final, TypeAlias

from . import attribution, costs, customers, handling, orders, risk, service_level, statements, surveys, tickets
from .account import Account, Change, Statement
from .comparison import MEASURES as COMPARED
from .comparison import Concerned, People
from .events import (
    CartAbandoned,
    ContactDeflected,
    CostIncurred,
    CustomerJoined,
    CustomerLeft,
    CustomerMerged,
    CustomerUpdated,
    Event,
    Key,
    OrderCancelled,
    OrderChargedBack,
    OrderPaid,
    OrderPlaced,
    OrderRefunded,
    SurveyAnswered,
    SurveySent,
    from_state,
    order,
)
from .ledger import Booking
from .measures import MODELS, NO_LABELS, UNKNOWN
from .periods import Asked
from .policy import Policy
from .profile import MARK, NOBODY, Interval, Past, Profile, settle
from .risk import Risk
from .segments import HORIZON
from .windows import rolling

__all__ = ["CONTACT", "COST", "CUSTOMER", "ORDER", "TICKET", "Entity", "EntityKey", "Scope", "entity_of", "open_levels"]

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


class Scope:
    """The entities of one scope and the indexes by which they find each other."""

    __slots__ = (
        "_labels",
        "_past",
        "account",
        "answers",
        "asked",
        "carts",
        "created",
        "entities",
        "ids",
        "labelled",
        "open",
        "paid",
        "placed",
        "policy",
        "profile",
        "risk",
        "scored",
        "solved",
        "surveys",
        "touches",
    )  # fmt: skip

    def __init__(self, policy: Policy, asked: Asked, known: bool, past: Past | None = None) -> None:
        self.policy = policy
        self._past = past
        self._labels: dict[str, Profile] = {}
        self.asked = asked
        #: None where nobody is known: costs, anonymous contacts.
        self.account = Account(policy, asked) if known else None
        self.entities: dict[EntityKey, Entity] = {}
        self.ids: dict[str, Event] = {}
        self.profile = NOBODY if self.account is None else self.account.profile
        # Sorted indexes over the views, each entry ending with the entity's id.
        #: Creations and first solvings by issue type.
        self.created: dict[str, list[tuple[int, str]]] = {}
        self.solved: dict[str, list[tuple[int, str]]] = {}
        self.touches: list[tickets.Touch] = []
        self.placed: list[tuple[int, str]] = []
        self.paid: list[tuple[int, str]] = []
        self.answers: dict[str, list[tuple[Key, str]]] = {}
        #: Tickets' levels that hold now: (measure, value) -> how many. And how often labels changed.
        self.open: Counter[tuple[str, int]] = Counter()
        self.labelled = 0
        #: Surveys with a CSAT score, by their answer.
        self.scored: list[tuple[int, str]] = []
        self.surveys: dict[str, set[str]] = {}
        self.carts: dict[str, set[str]] = {}
        #: None where nothing can be at risk: no promises, or nothing bought.
        self.risk: Risk | None = None

    def load(self, kept: dict[EntityKey, bytes]) -> None:
        """Takes up what was kept of a scope: the views and indexes are derived again, the bookings when needed."""
        for key, data in kept.items():
            arrived, events = from_state(data)
            entity = self.entities[key] = Entity(events, arrived)
            for event in entity.events:
                self.ids[event.event_id] = event
            entity.view = self.read(key, entity)
        for key, entity in self.entities.items():
            self.enter(key, entity.view, add=True)
        if self.account is not None:
            change = self.stage({key: entity.view for key, entity in self.entities.items()})
            if change is not None:
                self.account.commit(change)
            for key in self.entities:
                self.reach(key)

    def read(self, key: EntityKey, entity: Entity) -> Any:
        """The view of an entity: what its own events come to."""
        kind, policy = key[0], self.policy
        if kind == TICKET:
            return tickets.read(entity.events, policy)
        if kind == SURVEY:
            return surveys.read(entity.events)
        if kind == ORDER:
            return orders.read(entity.events, policy)
        if kind == CART:
            return orders.read_cart(entity.events)
        if kind == COST:
            return costs.read(entity.events, policy)
        return None

    # -- indexes ----------------------------------------------------------------------------------------------

    def enter(self, key: EntityKey, view: Any, add: bool) -> None:
        """Enters a view into the indexes, or takes it out."""
        if view is None:
            return
        kind, name = key
        if kind == TICKET:
            if view.created is not None:
                _index(self.created.setdefault(view.created.issue_type, []), (view.created.at, name), add)
            if view.solved is not None:
                _index(self.solved.setdefault(view.solved.issue_type, []), (view.solved.at, name), add)
            for touch in view.touches:
                _index(self.touches, touch, add)
            for level in open_levels(view):
                self.open[level] += 1 if add else -1
                if not self.open[level]:
                    del self.open[level]
            if view.voided:
                self.revoid(name)
        elif kind == ORDER:
            if view.placed is not None:
                _index(self.placed, (view.placed.occurred_at, name), add)
                if view.placed.cart_id is not None:
                    _member(self.carts, view.placed.cart_id, name, add)
            if view.paid_at is not None and view.left:
                _index(self.paid, (view.paid_at, name), add)
        elif kind == SURVEY:
            if view.ticket_id is not None:
                _member(self.surveys, view.ticket_id, name, add)
            self.rank(name, view, add)
            if view.kind == "csat" and view.answered is not None and view.position is not None:
                _index(self.scored, (view.answered[0], name), add)

    def rank(self, name: str, view: surveys.Survey, add: bool) -> None:
        """Enters an NPS answer among its program's, unless its ticket is voided."""
        if view.kind != "nps" or view.answered is None or view.position is None:
            return
        answers = self.answers.setdefault(view.program, [])
        entry = (view.answered, name)
        index = bisect_left(answers, entry)
        present = index < len(answers) and answers[index] == entry
        if add and not present and not self.voided(view.ticket_id):
            answers.insert(index, entry)
        elif not add and present:
            del answers[index]

    def revoid(self, ticket_id: str) -> None:
        for name in self.surveys.get(ticket_id, ()):
            self.rank(name, self.entities[SURVEY, name].view, add=False)

    def ticket(self, ticket_id: str | None) -> tickets.Ticket | None:
        entity = None if ticket_id is None else self.entities.get((TICKET, ticket_id))
        return None if entity is None else entity.view

    def voided(self, ticket_id: str | None) -> bool:
        found = self.ticket(ticket_id)
        return found is not None and found.voided

    # -- the account ------------------------------------------------------------------------------------------

    def stage(self, fresh: dict[EntityKey, Any]) -> Change | None:
        """What new views make of the account; its labels in force are still the old ones."""
        if self.account is None:
            return None
        said: dict[EntityKey, Statement] = {}
        for key, view in fresh.items():
            kind, name = key
            events = self.entities[key].events
            if kind == TICKET:
                said[key] = statements.of_ticket(name, view)
                old = self.entities[key].view
                if old is None or bool(old.keys) != bool(view.keys) or old.voided != view.voided:
                    for survey_id in self.surveys.get(name, ()):
                        survey = self.entities[SURVEY, survey_id]
                        said[SURVEY, survey_id] = statements.of_survey(survey.events, survey.view, view)
        for key, view in fresh.items():
            kind, name = key
            events = self.entities[key].events
            if kind == SURVEY:
                ticket = fresh.get((TICKET, view.ticket_id)) or self.ticket(view.ticket_id)
                said[key] = statements.of_survey(events, view, ticket)
            elif kind == ORDER:
                said[key] = statements.of_order(events, view, self.policy)
            elif kind == CUSTOMER:
                said[key] = statements.of_customer(events)
        return self.account.stage(said)

    def reach(self, key: EntityKey) -> None:
        """Tells the account up to when an entity books anything that has the customer's labels."""
        entity, kind = self.entities[key], key[0]
        if self.account is None or kind in (CUSTOMER, CART):
            return
        until = int(entity.events[-1].occurred_at)
        if kind == SURVEY:
            until = -1 if entity.view.anchor is None else entity.view.anchor[0]
        self.account.reaches(key, until)

    def levels(self, concerned: Iterable[EntityKey]) -> Counter[tuple[str, int]]:
        """The levels that hold of all tickets but these."""
        levels = self.open.copy()
        for key in concerned:
            view = self.entities[key].view
            if key[0] == TICKET and view is not None:
                levels.subtract(open_levels(view))
        return levels

    def at_risk(self) -> Risk | None:
        """The customer's waits and payments as they are; None where nothing is promised, or nobody known."""
        if self.account is None or not self.policy.service_levels or not self.policy.books(*risk.MEASURES):
            return None
        waits: dict[int, int] = {}
        paid: dict[int, int] = {}
        for key, entity in self.entities.items():
            if entity.view is None:
                continue
            if key[0] == TICKET:
                risk.waits(service_level.bookings(entity.view, self.profile, self.policy), 1, waits)
            elif key[0] == ORDER:
                risk.payments(entity.view.entries, 1, paid)
        found = Risk(rolling(risk.YEAR, self.policy.days))
        found.change(waits, paid)
        return found

    # -- touched and untouched --------------------------------------------------------------------------------

    def people(self) -> People:
        """What of a known customer is compared."""
        assert self.account is not None
        return People(self.touches, self.paid, self.account.spells)

    def compared(self, fresh: dict[EntityKey, Any], change: Change | None) -> Concerned | None:
        """What new views and a change of the account change of it; None: nothing, as also of who is never active."""
        if self.account is None or not self.policy.books(*COMPARED):
            return None
        turns = self.account.turns(change)
        if not turns and not self.account.spells:
            return None
        touches: set[int] = set()
        paid: set[int] = set()
        for key, view in fresh.items():
            old = self.entities[key].view
            if key[0] == TICKET:
                before = [] if old is None else old.touches
                if before != view.touches:
                    touches.update(touch.key[0] for touch in set(before) ^ set(view.touches))
            elif key[0] == ORDER:
                bought = {seen.paid_at for seen in (old, view) if seen is not None and seen.left}
                if len(bought) > 1 or (old is None or bool(old.left) != bool(view.left)):
                    paid.update(at for at in bought if at is not None)
        return Concerned(touches, paid, turns) if touches or paid or turns else None

    # -- who is touched by whom -------------------------------------------------------------------------------

    def affected(self, key: EntityKey, old: Any, new: Any) -> Iterator[EntityKey]:
        """The other entities whose bookings may change when a view does. Asked before and after the change."""
        kind, name = key
        policy = self.policy
        if kind == TICKET:
            before, after = old or tickets.Ticket(), new
            if before.created != after.created:
                for created in (before.created, after.created):
                    if created is not None:
                        yield from self.repeated(created)
            if before.touches != after.touches:
                for touch in set(before.touches) ^ set(after.touches):
                    at = touch.key[0]
                    for _, order_id in _span(self.placed, at + 1, at + policy.attribution.look_back + 1):
                        yield ORDER, order_id
            if before.labels != after.labels or before.keys != after.keys or before.voided != after.voided:
                for survey_id in tuple(self.surveys.get(name, ())):
                    yield SURVEY, survey_id
                    if before.voided != after.voided:
                        yield from self.beside(self.entities[SURVEY, survey_id].view)
        elif kind == SURVEY:
            for view in (old, new):
                if view is not None:
                    yield from self.beside(view)
        elif kind == ORDER:
            spans = {(view.paid_at, bool(view.left)) for view in (old, new) if view is not None}
            if len(spans) > 1 or old is None:
                first = min((at for at, _ in spans if at is not None), default=None)
                if first is not None:
                    for _, order_id in _span(self.placed, first + 1, 1 << 60):
                        yield ORDER, order_id
                for at, left in spans:
                    if at is not None and left:
                        yield from self.around(at, name)
        elif kind == CART:
            for order_id in self.carts.get(name, ()):
                yield ORDER, order_id

    def around(self, paid: int, name: str) -> Iterator[EntityKey]:
        """The paid orders it follows, and the scores since the one before, for which it is the next purchase."""
        index = bisect_left(self.paid, (paid, name))
        start = paid - HORIZON + 1
        if index:
            start = max(start, self.paid[index - 1][0] + 1)
        for _, order_id in self.paid[max(index - 2, 0) : index + 2]:
            yield ORDER, order_id
        for _, survey_id in _span(self.scored, start, paid + 1):
            yield SURVEY, survey_id

    def repeated(self, created: tickets.Repeat) -> Iterator[EntityKey]:
        """The tickets for which a creation may be the repeated contact.

        Those solved before the last creation but one have a repeat in any case: so a customer who writes all day
        does not touch all of a week.
        """
        at, issue = created
        others = self.created.get(issue, [])
        index = bisect_left(others, (at,))
        start = at - self.policy.repeat + 1
        if index >= 2:
            start = max(start, others[index - 2][0])
        for _, ticket_id in _span(self.solved.get(issue, []), start, at + 1):
            yield TICKET, ticket_id

    def beside(self, view: surveys.Survey) -> Iterator[EntityKey]:
        """The answer before one in its program: its end is this one's beginning."""
        if view.kind == "nps" and view.answered is not None:
            answers = self.answers.get(view.program, [])
            index = bisect_left(answers, (view.answered, ""))
            if index:
                yield SURVEY, answers[index - 1][1]

    # -- bookings ---------------------------------------------------------------------------------------------

    def bookings(self, key: EntityKey, entity: Entity) -> list[Booking]:
        """All that an entity books, by its view and its neighbours'."""
        kind, name = key
        view = entity.view
        if kind == TICKET:
            return self.ticket_bookings(name, view)
        if kind == SURVEY:
            return self.survey_bookings(name, view)
        if kind == ORDER:
            return self.order_bookings(name, view)
        if kind == CONTACT:
            return _contact_bookings(entity.events, self.labels(name))
        return []

    def ticket_bookings(self, name: str, view: tickets.Ticket) -> list[Booking]:
        entries = view.entries
        if view.solved is not None and view.no_repeat is not None:
            at, issue = view.solved
            created = self.created.get(issue, [])
            first = bisect_left(created, (at,))
            following = created[first : first + 2]  # its own, perhaps, and one more
            if not any(then < at + self.policy.repeat and other != name for then, other in following):
                entries = [*entries, view.no_repeat]
        if view.sentiments and self.policy.books("sentiments", "sentiment_score"):
            entries = [*entries, *surveys.sentiments(view.sentiments)]
        profile = self.labels(name)
        booked = settle(entries, view.intervals, profile)
        if view.handlings and self.policy.books("tickets_handled"):
            booked += handling.bookings(view.handlings, profile, self.asked)
        if self.policy.service_levels and self.policy.books(*service_level.MEASURES):
            booked += service_level.bookings(view, profile, self.policy)
        return booked

    def labels(self, name: str) -> Profile:
        """The customer's labels by time, for what has this id: of merged customers first those of its own."""
        if self._past is None:
            return self.profile
        owner = name.rpartition(MARK)[2]
        found = self._labels.get(owner)
        if found is None:
            found = self._labels[owner] = self._past.then(owner, self.profile)
        return found

    def survey_bookings(self, name: str, view: surveys.Survey) -> list[Booking]:
        if not self.policy.books(*surveys.MEASURES, "csat_followed", "csat_repurchased"):
            return []
        ticket = self.ticket(view.ticket_id)
        intervals: list[Interval] = []
        if view.kind == "nps" and view.answered is not None and not (ticket and ticket.voided):
            answers = self.answers.get(view.program, [])
            index = bisect_right(answers, (view.answered, "\U0010ffff"))
            if index < len(answers):
                intervals = surveys.followed(view, ticket, answers[index][0], self.asked)
        if view.anchor is None:
            return []
        known = Profile([], [self.labels(name).before(view.anchor)])  # like its ticket's labels, they stay
        entries = surveys.entries(view, ticket)
        if view.kind == "csat" and view.answered is not None and view.position is not None and entries:
            index = bisect_left(self.paid, (view.answered[0],))
            paid = self.paid[index][0] if index < len(self.paid) else None
            entries += customers.repurchase(view.answered, surveys.satisfied(view.position), paid)
        return settle(entries, intervals, known, (view.kind or UNKNOWN, view.program))

    def order_bookings(self, name: str, view: orders.Order) -> list[Booking]:
        booked = settle(view.entries, [], self.labels(name))
        if view.paid_key is not None and view.left and self.policy.books("order_value", *customers.AGAIN):
            booked += self.purchase_bookings(name, view.paid_key, view.left)
        placed = view.placed
        if placed is None or view.paid_key is None or not self.policy.books(*orders.CREDITED):
            return booked
        at = placed.occurred_at
        credited = attribution.credits(self.touches_of(name, view.paid_key), at, self.policy.attribution)
        if not credited:
            return booked
        labels = [touch.labels + self.labels(touch.key[2]).before(touch.key) for touch, _ in credited]
        booked += orders.revenue_bookings(view, [own + MODELS for own in labels], [weight for _, weight in credited])
        if view.left:
            booked.append((view.paid_key[0], "attributed_orders", labels[-1], 1))
        # Abandoned, touched, then placed with its cart id: if any touch since, then the last.
        cart = None if placed.cart_id is None else self.entities.get((CART, placed.cart_id))
        saved = cart is not None and cart.view is not None and cart.view < credited[-1].touch.key
        repeat = any(other != name and paid < at for paid, other in self.paid[:2])  # sorted: its own and one more
        return booked + orders.benefit_bookings(view, saved, repeat)

    def touches_of(self, name: str, paid: Key) -> Sequence[tickets.Touch]:
        """The touches that an order can be credited to: those of whom its customer was one with when it was paid."""
        if self._past is None or paid[0] >= self._past.since:
            return self.touches
        mates = self._past.mates[name.rpartition(MARK)[2]]
        return [touch for touch in self.touches if touch.key[2].rpartition(MARK)[2] in mates]

    def purchase_bookings(self, name: str, paid: Key, left: int) -> list[Booking]:
        index = bisect_left(self.paid, (paid[0], name))
        following = [at for at, _ in self.paid[index + 1 : index + 3]]
        intervals = customers.bought_again(paid[0], following, self.asked)
        return settle([(paid, "order_value", (), left)], intervals, self.labels(name))


def open_levels(view: tickets.Ticket) -> list[tuple[str, int]]:
    """A ticket's levels that hold now."""
    return [(name, value) for name, _, end, _, value in view.intervals if end is None]


def _index(entries: list[Any], entry: Any, add: bool) -> None:
    if add:
        insort(entries, entry)
    else:
        del entries[bisect_left(entries, entry)]


def _member(sets: dict[str, set[str]], name: str, member: str, add: bool) -> None:
    if add:
        sets.setdefault(name, set()).add(member)
    else:
        sets[name].discard(member)
        if not sets[name]:
            del sets[name]


def _span(entries: Sequence[Any], start: int, end: int) -> Sequence[Any]:
    """The entries of a sorted index with their instant in [start, end)."""
    return entries[bisect_left(entries, (start,)) : bisect_left(entries, (end,))]


def _contact_bookings(events: Sequence[ContactDeflected], profile: Profile) -> list[Booking]:
    event = events[0]
    labels = (event.channel, event.issue_type or UNKNOWN, *NO_LABELS[2:])
    key = order(event)
    entries = [(key, "contacts_deflected", labels, 1), (key, "benefit_deflected", ("savings",), 1)]
    return settle(entries, [], profile)
