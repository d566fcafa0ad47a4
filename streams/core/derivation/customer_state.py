"""One owner's entities (of a customer, a cost, or an anonymous contact), and the indexes by which they find each other.

Rules of this file:

* A view is an entity as its own events leave it; indexes over the views let entities find each other.
* An entity's bookings depend on its view and its neighbours' (``rules``); ``dependents`` names those for whom a change
  of a view may matter.
"""

from __future__ import annotations

from bisect import bisect_left, insort
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from streams.core.customers import incremental_revenue, value_at_risk
from streams.core.customers.facts import (
    CustomerFacts,
    facts_of_customer,
    facts_of_order,
    facts_of_survey,
    facts_of_ticket,
)
from streams.core.customers.incremental_revenue import Timeline, TimelineChange
from streams.core.customers.lifecycle import Change, CustomerLifecycle
from streams.core.customers.value_at_risk import ValueAtRisk
from streams.core.derivation.entities import CART, CUSTOMER, SURVEY, TICKET, Entity, EntityKey, View, read_entity
from streams.core.events.decoding import from_state
from streams.core.events.keys import Key
from streams.core.events.types import Event
from streams.core.ledger.label_history import NO_HISTORY, OWNER_SEPARATOR, LabelHistory, Past
from streams.core.orders.reader import Order
from streams.core.policy import Policy
from streams.core.surveys.reader import Survey
from streams.core.temporal.rolling import rolling
from streams.core.temporal.windows import Window
from streams.core.tickets.service_levels import promise_bookings
from streams.core.tickets.view import Ticket, Touch

__all__ = ["CustomerState"]


class CustomerState:
    """The entities of one owner. ``known`` False: nobody stands behind them (costs, anonymous contacts)."""

    __slots__ = (
        "_histories", "answers", "carts", "contacts", "entities", "history", "ids", "label_changes", "lifecycle",
        "open", "paid", "past", "placed", "policy", "risk", "scored", "solved", "surveys", "touches", "windows",
    )  # fmt: skip

    def __init__(self, policy: Policy, windows: Sequence[Window], known: bool, past: Past | None = None) -> None:
        self.policy = policy
        self.windows = windows
        #: The time before merged customers were one; None of all others.
        self.past = past
        self._histories: dict[str, LabelHistory] = {}
        self.lifecycle = CustomerLifecycle(policy, windows) if known else None
        self.history = NO_HISTORY if self.lifecycle is None else self.lifecycle.history
        self.entities: dict[EntityKey, Entity] = {}
        self.ids: dict[str, Event] = {}
        # Sorted indexes over the views, by instant (ms) or key, each entry ending with the entity's id.
        #: Creations by the customer and first solvings, by issue type.
        self.contacts: dict[str, list[tuple[int, str]]] = {}
        self.solved: dict[str, list[tuple[int, str]]] = {}
        self.touches: list[Touch] = []
        self.placed: list[tuple[int, str]] = []
        self.paid: list[tuple[int, str]] = []
        #: NPS answers by program, and surveys with a CSAT score by their answer.
        self.answers: dict[str, list[tuple[Key, str]]] = {}
        self.scored: list[tuple[int, str]] = []
        #: Surveys by ticket, orders by cart.
        self.surveys: dict[str, set[str]] = {}
        self.carts: dict[str, set[str]] = {}
        #: Tickets' levels that hold now: (measure, value) -> how many; and how often the customer's labels changed.
        self.open: Counter[tuple[str, int]] = Counter()
        self.label_changes = 0
        #: None where nothing can be at risk: no promises, or nothing bought.
        self.risk: ValueAtRisk | None = None

    def load(self, states: Mapping[EntityKey, bytes]) -> None:
        """Takes up stored entities: views and indexes are derived again, bookings when they are needed."""
        for key, data in states.items():
            arrived, events = from_state(data)
            entity = self.entities[key] = Entity(events, arrived)
            for event in entity.events:
                self.ids[event.event_id] = event
            entity.view = self.read(key, entity)
        for key, entity in self.entities.items():
            self.index(key, entity.view, add=True)
        if self.lifecycle is not None:
            change = self.stage({key: entity.view for key, entity in self.entities.items()})
            if change is not None:
                self.lifecycle.commit(change)
            for key in self.entities:
                self.note_last_booking(key)

    def read(self, key: EntityKey, entity: Entity) -> View:
        """The view of an entity's events."""
        return read_entity(key[0], entity.events, self.policy)

    # -- indexes ----------------------------------------------------------------------------------------------

    def index(self, key: EntityKey, view: View, add: bool) -> None:
        """Enters a view into the indexes, or takes it out."""
        name = key[1]
        if isinstance(view, Ticket):
            self._index_ticket(name, view, add)
        elif isinstance(view, Order):
            if view.placed is not None:
                _enter(self.placed, (int(view.placed.occurred_at), name), add)
                if view.placed.cart_id is not None:
                    _add_member(self.carts, view.placed.cart_id, name, add)
            if view.paid_at is not None and view.has_remainder:
                _enter(self.paid, (view.paid_at, name), add)
        elif isinstance(view, Survey):
            if view.ticket_id is not None:
                _add_member(self.surveys, view.ticket_id, name, add)
            self._index_nps(name, view, add)
            if view.kind == "csat" and view.answered is not None and view.position is not None:
                _enter(self.scored, (view.answered[0], name), add)

    def _index_ticket(self, name: str, view: Ticket, add: bool) -> None:
        if view.contact is not None:
            _enter(self.contacts.setdefault(view.contact.issue_type, []), (view.contact.at, name), add)
        if view.solved is not None:
            _enter(self.solved.setdefault(view.solved.issue_type, []), (view.solved.at, name), add)
        for touch in view.touches:
            _enter(self.touches, touch, add)
        for level in view.open_levels():
            self.open[level] += 1 if add else -1
            if not self.open[level]:
                del self.open[level]
        if view.voided:
            for survey_id in self.surveys.get(name, ()):
                survey = self.entities[SURVEY, survey_id].view
                if isinstance(survey, Survey):
                    self._index_nps(survey_id, survey, add=False)

    def _index_nps(self, name: str, view: Survey, add: bool) -> None:
        """Enters an NPS answer among its program's, unless its ticket is voided."""
        if view.kind != "nps" or view.answered is None or view.position is None:
            return
        answers = self.answers.setdefault(view.program, [])
        entry = (view.answered, name)
        index = bisect_left(answers, entry)
        present = index < len(answers) and answers[index] == entry
        ticket = self.ticket(view.ticket_id)
        if add and not present and not (ticket is not None and ticket.voided):
            answers.insert(index, entry)
        elif not add and present:
            del answers[index]

    def ticket(self, ticket_id: str | None) -> Ticket | None:
        """The view of a ticket; None: the customer has no such ticket."""
        entity = None if ticket_id is None else self.entities.get((TICKET, ticket_id))
        return entity.view if entity is not None and isinstance(entity.view, Ticket) else None

    # -- the life cycle ---------------------------------------------------------------------------------------

    def stage(self, new_views: Mapping[EntityKey, View]) -> Change | None:
        """The change that new views make to the life cycle; its labels in force are still the old ones."""
        if self.lifecycle is None:
            return None
        facts: dict[EntityKey, CustomerFacts] = {}
        for key, view in new_views.items():
            if isinstance(view, Ticket):
                facts[key] = facts_of_ticket(key[1], view)
                facts.update(self._facts_of_surveys_about(key, view))
        for key, view in new_views.items():
            if isinstance(view, Survey):
                ticket = new_views.get((TICKET, view.ticket_id)) if view.ticket_id is not None else None
                known = ticket if isinstance(ticket, Ticket) else self.ticket(view.ticket_id)
                facts[key] = facts_of_survey(view, known)
            elif isinstance(view, Order):
                facts[key] = facts_of_order(view)
            elif key[0] == CUSTOMER:
                facts[key] = facts_of_customer(self.entities[key].events)
        return self.lifecycle.stage(facts)

    def _facts_of_surveys_about(self, key: EntityKey, view: Ticket) -> dict[EntityKey, CustomerFacts]:
        """The facts of a ticket's surveys, where it was created or voided with this view."""
        old = self.entities[key].view
        if isinstance(old, Ticket) and bool(old.keys) == bool(view.keys) and old.voided == view.voided:
            return {}
        facts: dict[EntityKey, CustomerFacts] = {}
        for survey_id in self.surveys.get(key[1], ()):
            survey = self.entities[SURVEY, survey_id].view
            if isinstance(survey, Survey):
                facts[SURVEY, survey_id] = facts_of_survey(survey, view)
        return facts

    def note_last_booking(self, key: EntityKey) -> None:
        """Notes up to when an entity books anything that has the customer's labels."""
        if self.lifecycle is None or key[0] in (CUSTOMER, CART):
            return
        entity = self.entities[key]
        at = int(entity.events[-1].occurred_at)
        if isinstance(entity.view, Survey):
            at = -1 if entity.view.anchor is None else entity.view.anchor[0]
        self.lifecycle.set_last_booking(key, at)

    def open_levels_besides(self, keys: Iterable[EntityKey]) -> Counter[tuple[str, int]]:
        """The levels that hold now of all tickets but these: (measure, value) -> how many."""
        levels = self.open.copy()
        for key in keys:
            view = self.entities[key].view
            if isinstance(view, Ticket):
                levels.subtract(view.open_levels())
        return levels

    def history_of(self, name: str) -> LabelHistory:
        """The customer's labels for an id: of merged customers those of the id's own customer up to the merge."""
        if self.past is None:
            return self.history
        owner = name.rpartition(OWNER_SEPARATOR)[2]
        history = self._histories.get(owner)
        if history is None:
            history = self._histories[owner] = self.past.then(owner, self.history)
        return history

    # -- value at risk, touched and untouched -----------------------------------------------------------------

    def value_at_risk(self) -> ValueAtRisk | None:
        """The customer's waits and payments as they are; None where nothing is promised, or nobody known."""
        if self.lifecycle is None or not self.policy.service_levels or not self.policy.needs(*value_at_risk.BOOKS):
            return None
        waits: dict[int, int] = {}
        paid: dict[int, int] = {}
        for entity in self.entities.values():
            if isinstance(entity.view, Ticket):
                value_at_risk.add_waits(promise_bookings(entity.view, self.history, self.policy), 1, waits)
            elif isinstance(entity.view, Order):
                value_at_risk.add_payments(entity.view.entries, 1, paid)
        risk = ValueAtRisk(rolling(value_at_risk.YEAR, self.policy.days))
        risk.change(waits, paid)
        return risk

    def timeline(self) -> Timeline:
        """The touches, payments and spells of a known customer."""
        assert self.lifecycle is not None
        return Timeline(self.touches, self.paid, self.lifecycle.spells)

    def timeline_change(self, new_views: Mapping[EntityKey, View], change: Change | None) -> TimelineChange | None:
        """The touches, payments and spells that new views change; None: none, as of a customer who is never active."""
        if self.lifecycle is None or not self.policy.needs(*incremental_revenue.BOOKS):
            return None
        edges = self.lifecycle.spell_edges(change)
        if not edges and not self.lifecycle.spells:
            return None
        touches: set[int] = set()
        paid: set[int] = set()
        for key, view in new_views.items():
            old = self.entities[key].view
            if isinstance(view, Ticket):
                before = old.touches if isinstance(old, Ticket) else []
                if before != view.touches:
                    touches.update(touch.key[0] for touch in set(before) ^ set(view.touches))
            elif isinstance(view, Order):
                orders = [order for order in (old, view) if isinstance(order, Order)]
                bought = {order.paid_at for order in orders if order.has_remainder}
                if len(bought) > 1 or not isinstance(old, Order) or old.has_remainder != view.has_remainder:
                    paid.update(at for at in bought if at is not None)
        return TimelineChange(touches, paid, edges) if touches or paid or edges else None


def _enter(entries: list[Any], entry: Any, add: bool) -> None:
    if add:
        insort(entries, entry)
    else:
        del entries[bisect_left(entries, entry)]


def _add_member(sets: dict[str, set[str]], name: str, member: str, add: bool) -> None:
    if add:
        sets.setdefault(name, set()).add(member)
    else:
        sets[name].discard(member)
        if not sets[name]:
            del sets[name]
