"""The book: every entity's set of events, and the difference that new events make to what is booked.

Rules of this file:

* Events are only added to sets; an event id seen before in its scope adds nothing. Nothing is derived until the
  unit is closed, so that any batching gives the same bookings.
* Closing derives only what was touched and what that touches at the same customer (``_Customer.affected``), posts
  the difference to the ledger, and tells which entities are to be kept.
* An entity's kept state is its events and nothing else; all the rest is derived from them again.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right, insort
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, Final, TypeAlias

from . import attribution, costs, customers, handling, orders, service_level, statements, surveys, tickets
from .account import Account, Change, Statement, relabelled
from .costs import Slope
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
    scope,
    to_state,
)
from .ledger import Booking, Ledger, difference
from .measures import MODELS, NO_LABELS, UNKNOWN
from .periods import Asked
from .policy import Policy
from .profile import NOBODY, Interval, Profile, settle
from .segments import HORIZON

__all__ = ["Book", "EntityKey"]

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


#: A scope weighs at most this many entities against the limit of what is held decoded: taking up a business customer
#: with 50,000 tickets again costs more than to hold it.
_HEAVY: Final = 100


class _Entity:
    """One set of events and what was derived from it."""

    __slots__ = ("booked", "events", "labelled", "view")

    def __init__(self, events: list[Any]) -> None:
        self.events = events
        self.view: Any = None
        #: What the ledger holds of it; None = to be derived (it is what the present views give).
        self.booked: list[Booking] | None = None
        #: Which of the customer's labels that is told by: those of open levels change without asking the ticket.
        self.labelled = 0


class _Customer:
    """The entities of one scope and the indexes by which they find each other."""

    __slots__ = (
        "account", "answers", "book", "carts", "created", "entities", "ids", "labelled", "open", "paid", "placed",
        "profile", "scored", "solved", "surveys", "touches",
    )  # fmt: skip

    def __init__(self, book: Book, known: bool) -> None:
        self.book = book
        #: None where nobody is known: costs, anonymous contacts.
        self.account = Account(book.policy, book.asked) if known else None
        self.entities: dict[EntityKey, _Entity] = {}
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

    def load(self, kept: dict[EntityKey, bytes]) -> None:
        """Takes up what was kept of a scope: the views and indexes are derived again, the bookings when needed."""
        for key, data in kept.items():
            entity = self.entities[key] = _Entity(from_state(data))
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

    def read(self, key: EntityKey, entity: _Entity) -> Any:
        """The view of an entity: what its own events come to."""
        kind, policy = key[0], self.book.policy
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
            for level in _open(view):
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
                said[key] = statements.of_order(events, view, self.book.policy)
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
                levels.subtract(_open(view))
        return levels

    # -- who is touched by whom -------------------------------------------------------------------------------

    def affected(self, key: EntityKey, old: Any, new: Any) -> Iterator[EntityKey]:
        """The other entities whose bookings may change when a view does. Asked before and after the change."""
        kind, name = key
        policy = self.book.policy
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
        start = at - self.book.policy.repeat + 1
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

    def bookings(self, key: EntityKey, entity: _Entity) -> list[Booking]:
        """All that an entity books, by its view and its neighbours'."""
        kind, name = key
        view = entity.view
        if kind == TICKET:
            return self.ticket_bookings(name, view)
        if kind == SURVEY:
            return self.survey_bookings(view)
        if kind == ORDER:
            return self.order_bookings(name, view)
        if kind == CONTACT:
            return _contact_bookings(entity.events, self.profile)
        return []

    def ticket_bookings(self, name: str, view: tickets.Ticket) -> list[Booking]:
        entries = view.entries
        if view.solved is not None and view.no_repeat is not None:
            at, issue = view.solved
            created = self.created.get(issue, [])
            first = bisect_left(created, (at,))
            following = created[first : first + 2]  # its own, perhaps, and one more
            if not any(then < at + self.book.policy.repeat and other != name for then, other in following):
                entries = [*entries, view.no_repeat]
        if view.sentiments:
            entries = [*entries, *surveys.sentiments(view.sentiments)]
        booked = settle(entries, view.intervals, self.profile)
        if view.handlings:
            booked += handling.bookings(view.handlings, self.profile, self.book.asked)
        if self.book.policy.service_levels:
            booked += service_level.bookings(view, self.profile, self.book.policy)
        return booked

    def survey_bookings(self, view: surveys.Survey) -> list[Booking]:
        ticket = self.ticket(view.ticket_id)
        intervals: list[Interval] = []
        if view.kind == "nps" and view.answered is not None and not (ticket and ticket.voided):
            answers = self.answers.get(view.program, [])
            index = bisect_right(answers, (view.answered, "\U0010ffff"))
            if index < len(answers):
                intervals = surveys.followed(view, ticket, answers[index][0], self.book.asked)
        if view.anchor is None:
            return []
        known = Profile([], [self.profile.before(view.anchor)])  # like its ticket's labels, they stay
        entries = surveys.entries(view, ticket)
        if view.kind == "csat" and view.answered is not None and view.position is not None and entries:
            index = bisect_left(self.paid, (view.answered[0],))
            paid = self.paid[index][0] if index < len(self.paid) else None
            entries += customers.repurchase(view.answered, surveys.satisfied(view.position), paid)
        return settle(entries, intervals, known, (view.kind or UNKNOWN, view.program))

    def order_bookings(self, name: str, view: orders.Order) -> list[Booking]:
        booked = settle(view.entries, [], self.profile)
        if view.paid_key is not None and view.left:
            booked += self.purchase_bookings(name, view.paid_key, view.left)
        placed = view.placed
        if placed is None or view.paid_key is None:
            return booked
        at = placed.occurred_at
        credited = attribution.credits(self.touches, at, self.book.policy.attribution)
        if not credited:
            return booked
        labels = [touch.labels + self.profile.before(touch.key) for touch, _ in credited]
        booked += orders.revenue_bookings(view, [own + MODELS for own in labels], [weight for _, weight in credited])
        if view.left:
            booked.append((view.paid_key[0], "attributed_orders", labels[-1], 1))
        # Abandoned, touched, then placed with its cart id: if any touch since, then the last.
        cart = None if placed.cart_id is None else self.entities.get((CART, placed.cart_id))
        saved = cart is not None and cart.view is not None and cart.view < credited[-1].touch.key
        repeat = any(other != name and paid < at for paid, other in self.paid[:2])  # sorted: its own and one more
        return booked + orders.benefit_bookings(view, saved, repeat)

    def purchase_bookings(self, name: str, paid: Key, left: int) -> list[Booking]:
        index = bisect_left(self.paid, (paid[0], name))
        following = [at for at, _ in self.paid[index + 1 : index + 3]]
        intervals = customers.bought_again(paid[0], following, self.book.asked)
        return settle([(paid, "order_value", (), left)], intervals, self.profile)


def _open(view: tickets.Ticket) -> list[tuple[str, int]]:
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


def _flaws(kind: str, view: Any, present: bool) -> tuple[int, int]:
    """Whether an entity waits for its creation, and how many of its amounts have no rate."""
    if not present:
        return 0, 0
    if kind == TICKET:
        return int(not view.keys and not view.voided), 0
    if kind == ORDER:
        return int(view.placed is None), view.unconverted
    return 0, int(kind == COST and view is None)


def _contact_bookings(events: Sequence[ContactDeflected], profile: Profile) -> list[Booking]:
    event = events[0]
    labels = (event.channel, event.issue_type or UNKNOWN, *NO_LABELS[2:])
    key = order(event)
    entries = [(key, "contacts_deflected", labels, 1), (key, "benefit_deflected", ("savings",), 1)]
    return settle(entries, [], profile)


class Book:
    """All scopes of one partition.

    ``asked`` are the windows for which what depends on a window's length is booked. At most
    ``warm`` entities are held decoded between units; the others are bytes.
    """

    def __init__(
        self,
        policy: Policy,
        ledger: Ledger,
        asked: Asked,
        warm: int = 50_000,
    ) -> None:
        self.policy: Final = policy
        self.ledger: Final = ledger
        self.asked: Final = asked
        #: Costs in course: how often each is booked (0 never stays).
        self.slopes: Final[dict[Slope, int]] = {}
        self.slopes_touched: set[Slope] = set()
        #: Entities that wait for what they belong to, and amounts of money without a rate. Kept by the caller.
        self.orphans = 0
        self.unconverted = 0
        self._kept: dict[str, dict[EntityKey, bytes]] = {}
        self._scopes: dict[str, _Customer] = {}
        self._fresh: dict[str, dict[EntityKey, _Entity]] = {}
        self._warm = warm
        self._held = 0

    # -- taking events ----------------------------------------------------------------------------------------

    def knows(self, scope_id: str) -> bool:
        """Whether a scope has any events here."""
        return scope_id in self._scopes or scope_id in self._kept

    def add(self, event: Event) -> str:
        """Adds an event to its entity's set: ``"new"``, ``"duplicate"`` or ``"conflicting_duplicate"``."""
        name = scope(event)
        customer = self._scopes.get(name)
        if customer is None:
            customer = self._scopes[name] = _Customer(self, known=name[0] == "c")
            kept = self._kept.get(name)
            if kept:
                customer.load(kept)
                self._held += min(len(customer.entities), _HEAVY)
        seen = customer.ids.get(event.event_id)
        if seen is not None:
            return "duplicate" if seen == event else "conflicting_duplicate"
        customer.ids[event.event_id] = event
        key = entity_of(event)
        entity = customer.entities.get(key)
        if entity is None:
            entity = customer.entities[key] = _Entity([])
            entity.booked = []
            self._held += len(customer.entities) <= _HEAVY
        if entity.events and order(event) < order(entity.events[-1]):
            insort(entity.events, event, key=order)
        else:
            entity.events.append(event)
        fresh = self._fresh.get(name)
        if fresh is None:
            fresh = self._fresh[name] = {}
        fresh[key] = entity
        return "new"

    def restore(self, scope_id: str, key: EntityKey, data: bytes | None) -> None:
        """Takes up an entity's kept state, as raw bytes; None takes it away."""
        kept = self._kept.setdefault(scope_id, {})
        if data is not None:
            kept[key] = data
        else:
            kept.pop(key, None)

    def kept(self) -> Iterator[bytes]:
        """The kept state of all entities."""
        for entities in self._kept.values():
            yield from entities.values()

    # -- closing a unit ---------------------------------------------------------------------------------------

    def close(self) -> Iterator[tuple[str, EntityKey, bytes]]:
        """Posts what the unit's events change, scope by scope, and gives each changed entity's new state.

        To be run to its end; the caller may pause between items.
        """
        for name, touched in self._fresh.items():
            customer = self._scopes[name]
            self._derive(customer, touched)
            kept = self._kept.setdefault(name, {})
            for key, entity in touched.items():
                data = kept[key] = to_state(entity.events)
                yield name, key, data
            self._scopes[name] = self._scopes.pop(name)  # the last touched are the last to be let go
        self._fresh = {}
        self._cool()

    def _derive(self, customer: _Customer, touched: dict[EntityKey, _Entity]) -> None:
        fresh = {key: customer.read(key, entity) for key, entity in touched.items()}
        concerned = dict.fromkeys(touched)
        if len(customer.entities) > 1:  # of most customers nobody else is concerned
            for key, view in fresh.items():
                concerned.update(dict.fromkeys(customer.affected(key, touched[key].view, view)))
        change = customer.stage(fresh)
        levels: Counter[tuple[str, int]] = Counter()  # of tickets with nothing new: they go on under other labels
        before: list[Booking] = []
        if change is not None and customer.account is not None:
            concerned.update(dict.fromkeys(customer.account.reaching(change)))
            before = customer.account.bookings(change, after=False)
            if change.stretches:
                levels = customer.levels(concerned)
                self.ledger.post(relabelled(levels, change.stretches[0][0], customer.profile, -1))
        self._recall(customer, concerned)
        for key, view in fresh.items():
            self._swap(customer, key, touched[key], view)
            customer.reach(key)
        if change is not None and customer.account is not None:
            customer.account.commit(change)
            self.ledger.post(difference(before, customer.account.bookings(change, after=True)))
            if change.stretches:
                self.ledger.post(relabelled(levels, change.stretches[0][0], customer.profile, 1))
                customer.labelled += 1
        # A view now in the indexes may concern others that it did not before, e.g. a survey by its ticket's new
        # labels; their bookings are still those of the old views, because nothing of theirs was posted.
        for key in concerned:
            self._post(customer, key, customer.entities[key])

    def _recall(self, customer: _Customer, keys: dict[EntityKey, None]) -> None:
        """Makes sure that the old bookings are known before any view changes."""
        for key in keys:
            entity = customer.entities[key]
            if entity.labelled != customer.labelled and key[0] == TICKET and entity.view and _open(entity.view):
                entity.booked = None
            if entity.booked is None:
                entity.booked = customer.bookings(key, entity)

    def _swap(self, customer: _Customer, key: EntityKey, entity: _Entity, view: Any) -> None:
        for seen, times in ((entity.view, -1), (view, 1)):
            waiting, without_rate = _flaws(key[0], seen, bool(entity.events) if times > 0 else seen is not None)
            self.orphans += waiting * times
            self.unconverted += without_rate * times
        if key[0] == COST:
            self._slope(entity.view, -1)
            self._slope(view, 1)
            entity.view = view
            return
        customer.enter(key, entity.view, add=False)
        entity.view = view
        customer.enter(key, view, add=True)

    def _slope(self, slope: Slope | None, times: int) -> None:
        if slope is None:
            return
        self.slopes_touched.add(slope)
        count = self.slopes.get(slope, 0) + times
        if count:
            self.slopes[slope] = count
        else:
            del self.slopes[slope]

    def _post(self, customer: _Customer, key: EntityKey, entity: _Entity) -> None:
        booked = customer.bookings(key, entity)
        if entity.booked is not None and (entity.booked or booked):
            self.ledger.post(difference(entity.booked, booked))
        entity.booked = booked
        entity.labelled = customer.labelled

    def _cool(self) -> None:
        """Lets go of the longest untouched scopes beyond the limit; their bytes stay."""
        while self._held > self._warm and len(self._scopes) > 1:
            name = next(iter(self._scopes))
            self._held -= min(len(self._scopes.pop(name).entities), _HEAVY)
