"""A scope: the entities of one customer (or of one cost, or one anonymous contact), and how they find each other.

Rules of this file:

* A view is what an entity's own events come to; indexes over the views let entities find each other.
* What an entity books depends on its view and its neighbours' (``bookings``); for whom a change of a view may matter
  say ``neighbours``.
"""

from __future__ import annotations

from bisect import bisect_left, insort
from collections import Counter
from collections.abc import Iterable
from typing import Any

from streams.core.costs import accrual
from streams.core.customers import statements, value_at_risk
from streams.core.customers.facts import CustomerFacts
from streams.core.customers.incremental_revenue import BOOKS as COMPARED
from streams.core.customers.incremental_revenue import Concerned, People
from streams.core.customers.lifecycle import Change, CustomerLifecycle
from streams.core.customers.value_at_risk import Risk
from streams.core.derivation.entities import CART, COST, CUSTOMER, ORDER, SURVEY, TICKET, Entity, EntityKey, open_levels
from streams.core.events.decoding import from_state
from streams.core.events.keys import Key
from streams.core.events.types import (
    Event,
)
from streams.core.ledger.label_history import NO_HISTORY, OWNER_SEPARATOR, LabelHistory, Past
from streams.core.orders import reader as orders_reader
from streams.core.policy import Policy
from streams.core.surveys import reader as surveys_reader
from streams.core.temporal.window_set import WindowSet
from streams.core.temporal.windows import rolling
from streams.core.tickets import reader as tickets_reader
from streams.core.tickets import service_levels
from streams.core.tickets import view as tickets_view

__all__ = ["CustomerState"]


class CustomerState:
    """The entities of one scope and the indexes by which they find each other."""

    __slots__ = (
        "_labels",
        "_past",
        "answers",
        "carts",
        "created",
        "entities",
        "history",
        "ids",
        "labelled",
        "lifecycle",
        "open",
        "paid",
        "placed",
        "policy",
        "risk",
        "scored",
        "solved",
        "surveys",
        "touches",
        "windows",
    )  # fmt: skip

    def __init__(self, policy: Policy, windows: WindowSet, known: bool, past: Past | None = None) -> None:
        self.policy = policy
        self._past = past
        self._labels: dict[str, LabelHistory] = {}
        self.windows = windows
        #: None where nobody is known: costs, anonymous contacts.
        self.lifecycle = CustomerLifecycle(policy, windows) if known else None
        self.entities: dict[EntityKey, Entity] = {}
        self.ids: dict[str, Event] = {}
        self.history = NO_HISTORY if self.lifecycle is None else self.lifecycle.history
        # Sorted indexes over the views, each entry ending with the entity's id.
        #: Creations and first solvings by issue type.
        self.created: dict[str, list[tuple[int, str]]] = {}
        self.solved: dict[str, list[tuple[int, str]]] = {}
        self.touches: list[tickets_view.Touch] = []
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
        if self.lifecycle is not None:
            change = self.stage({key: entity.view for key, entity in self.entities.items()})
            if change is not None:
                self.lifecycle.commit(change)
            for key in self.entities:
                self.reach(key)

    def read(self, key: EntityKey, entity: Entity) -> Any:
        """The view of an entity: what its own events come to."""
        kind, policy = key[0], self.policy
        if kind == TICKET:
            return tickets_reader.read_ticket(entity.events, policy)
        if kind == SURVEY:
            return surveys_reader.read_survey(entity.events)
        if kind == ORDER:
            return orders_reader.read_order(entity.events, policy)
        if kind == CART:
            return orders_reader.read_cart(entity.events)
        if kind == COST:
            return accrual.read_cost(entity.events, policy)
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
                _index(self.placed, (int(view.placed.occurred_at), name), add)
                if view.placed.cart_id is not None:
                    _member(self.carts, view.placed.cart_id, name, add)
            if view.paid_at is not None and view.kept:
                _index(self.paid, (view.paid_at, name), add)
        elif kind == SURVEY:
            if view.ticket_id is not None:
                _member(self.surveys, view.ticket_id, name, add)
            self.rank(name, view, add)
            if view.kind == "csat" and view.answered is not None and view.position is not None:
                _index(self.scored, (view.answered[0], name), add)

    def rank(self, name: str, view: surveys_reader.Survey, add: bool) -> None:
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

    def ticket(self, ticket_id: str | None) -> tickets_view.Ticket | None:
        entity = None if ticket_id is None else self.entities.get((TICKET, ticket_id))
        return None if entity is None else entity.view

    def voided(self, ticket_id: str | None) -> bool:
        found = self.ticket(ticket_id)
        return found is not None and found.voided

    # -- the lifecycle ------------------------------------------------------------------------------------------

    def stage(self, fresh: dict[EntityKey, Any]) -> Change | None:
        """What new views make of the account; its labels in force are still the old ones."""
        if self.lifecycle is None:
            return None
        said: dict[EntityKey, CustomerFacts] = {}
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
        return self.lifecycle.stage(said)

    def reach(self, key: EntityKey) -> None:
        """Tells the lifecycle up to when an entity books anything that has the customer's labels."""
        entity, kind = self.entities[key], key[0]
        if self.lifecycle is None or kind in (CUSTOMER, CART):
            return
        until = int(entity.events[-1].occurred_at)
        if kind == SURVEY:
            until = -1 if entity.view.anchor is None else entity.view.anchor[0]
        self.lifecycle.reaches(key, until)

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
        if self.lifecycle is None or not self.policy.service_levels or not self.policy.needs(*value_at_risk.BOOKS):
            return None
        waits: dict[int, int] = {}
        paid: dict[int, int] = {}
        for key, entity in self.entities.items():
            if entity.view is None:
                continue
            if key[0] == TICKET:
                value_at_risk.waits(service_levels.bookings(entity.view, self.history, self.policy), 1, waits)
            elif key[0] == ORDER:
                value_at_risk.payments(entity.view.entries, 1, paid)
        found = Risk(rolling(value_at_risk.YEAR, self.policy.days))
        found.change(waits, paid)
        return found

    # -- touched and untouched --------------------------------------------------------------------------------

    def people(self) -> People:
        """What of a known customer is compared."""
        assert self.lifecycle is not None
        return People(self.touches, self.paid, self.lifecycle.spells)

    def compared(self, fresh: dict[EntityKey, Any], change: Change | None) -> Concerned | None:
        """What new views and a change of the lifecycle change of it; None: nothing, as also of who is never active."""
        if self.lifecycle is None or not self.policy.needs(*COMPARED):
            return None
        turns = self.lifecycle.turns(change)
        if not turns and not self.lifecycle.spells:
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
                bought = {seen.paid_at for seen in (old, view) if seen is not None and seen.kept}
                if len(bought) > 1 or (old is None or old.kept != view.kept):
                    paid.update(at for at in bought if at is not None)
        return Concerned(touches, paid, turns) if touches or paid or turns else None

    def labels(self, name: str) -> LabelHistory:
        """The customer's labels by time, for what has this id: of merged customers first those of its own."""
        if self._past is None:
            return self.history
        owner = name.rpartition(OWNER_SEPARATOR)[2]
        found = self._labels.get(owner)
        if found is None:
            found = self._labels[owner] = self._past.then(owner, self.history)
        return found


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
