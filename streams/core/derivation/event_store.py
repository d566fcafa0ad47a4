"""The book: every entity's set of events, and the difference that new events make to what is booked.

Rules of this file:

* Events are only added to sets; an event id seen before in its scope adds nothing. Nothing is derived until the
  unit is closed, so that any batching gives the same bookings.
* Closing derives only what was touched and what that touches at the same customer (``neighbours.affected``), posts
  the difference to the ledger, and tells which entities are to be kept.
* An entity's kept state is its events and nothing else; all the rest is derived from them again.
"""

from __future__ import annotations

from bisect import insort
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, Final, NamedTuple, TypeAlias

from streams.core.costs.accrual import CostAccrual
from streams.core.customers import incremental_revenue, value_at_risk
from streams.core.customers.lifecycle import relabelled
from streams.core.derivation import dependents, groups
from streams.core.derivation.customer_state import CustomerState
from streams.core.derivation.entities import COST, ORDER, TICKET, Entity, EntityKey, entity_of, open_levels
from streams.core.derivation.packing import pack, unpack
from streams.core.derivation.retention import Arrival, too_late
from streams.core.derivation.rules import bookings
from streams.core.events.decoding import Rejected, from_state, to_state
from streams.core.events.keys import owner, sort_key
from streams.core.events.types import CustomerMerged, Event
from streams.core.ledger.bookings import Booking, Poster, difference
from streams.core.ledger.label_history import NO_HISTORY, LabelHistory, Past
from streams.core.policy import Policy
from streams.core.temporal.window_set import WindowSet
from streams.core.tickets import reader as tickets_reader
from streams.core.tickets import view as tickets_view

__all__ = ["LINK", "EventStore"]

#: The kind of a record that says whom a customer is merged with.
LINK: Final = "m"

#: A scope weighs at most this many entities against the limit of what is held decoded: taking up a business customer
#: with 50,000 tickets again costs more than to hold it.
_HEAVY: Final = 100


def _flaws(kind: str, view: Any, present: bool) -> tuple[int, int]:
    """Whether an entity waits for its creation, and how many of its amounts have no rate."""
    if not present:
        return 0, 0
    if kind == TICKET:
        return int(not view.keys and not view.voided), 0
    if kind == ORDER:
        return int(view.placed is None), view.unconverted
    return 0, int(kind == COST and view is None)


#: (scope and ticket), (deadline, target), 1 if it is booked or -1 if no longer, the ticket before that.
Breached: TypeAlias = Callable[[tuple[str, str], tuple[int, str], int, tickets_view.Ticket], None]


class _Tally:
    """Only adds up what is booked."""

    def __init__(self) -> None:
        self.total: Counter[Booking] = Counter()

    def post(self, delta: Mapping[Booking, int]) -> None:
        for booking, times in delta.items():
            self.total[booking] += times


class Given(NamedTuple):
    """Customers taken out of a book: their scopes, all their events, and the keys under which they were kept."""

    scopes: set[str]
    events: list[Event]
    keys: list[tuple[str, EntityKey]]


class EventStore:
    """All scopes of one partition.

    ``windows`` are the windows for which what depends on a window's length is booked. At most
    ``warm`` entities are held decoded between units; the others are bytes. ``breached`` is told of every breach of a
    service level that is booked or no longer (``Breaches.turn``).
    """

    def __init__(
        self,
        policy: Policy,
        ledger: Poster,
        windows: WindowSet,
        warm: int = 50_000,
        past: Past | None = None,
        breached: Breached | None = None,
    ) -> None:
        self.policy: Final = policy
        self.ledger: Final[Poster] = ledger
        self.windows: Final = windows
        self._spans: Final = incremental_revenue.spans(windows)
        #: Costs in course: how often each is booked (0 never stays).
        self.accruals: Final[dict[CostAccrual, int]] = {}
        self.changed_accruals: set[CostAccrual] = set()
        #: Entities that wait for what they belong to, and amounts of money without a rate. Kept by the caller.
        self.orphans = 0
        self.unconverted = 0
        #: What is kept of the scopes held decoded, and, packed, of all others.
        self._kept: dict[str, dict[EntityKey, bytes]] = {}
        self._packed: dict[str, bytes] = {}
        self._scopes: dict[str, CustomerState] = {}
        self._fresh: dict[str, dict[EntityKey, Entity]] = {}
        #: What one customer's unit changes of waits and payments: amounts by instant.
        self._waits: dict[int, int] = {}
        self._paid: dict[int, int] = {}
        #: Who is merged with whom, by scope, both ways.
        self._links: dict[str, set[str]] = {}
        #: What of that is new in this unit.
        self._linked: list[tuple[str, str]] = []
        #: What the one customer of this book was before it was merged; None in a book of many.
        self._past = past
        self._warm = warm
        self._held = 0
        self._breached = breached if policy.service_levels and policy.breaches else None

    # -- taking events ----------------------------------------------------------------------------------------

    def knows(self, scope_id: str) -> bool:
        """Whether a scope has any events here."""
        return scope_id in self._scopes or scope_id in self._packed

    def add(self, event: Event, arrival: Arrival | None = None) -> str:
        """Adds an event to its entity's set: ``"new"``, ``"duplicate"`` or ``"conflicting_duplicate"``.

        ``arrival`` None: a replay, where nothing is too late. Raises ``Rejected`` for what is.
        """
        name = owner(event)
        customer = self._scopes.get(name) or self._take_up(name)
        seen = customer.ids.get(event.event_id)
        if seen is not None:
            return "duplicate" if seen == event else "conflicting_duplicate"
        key = entity_of(event)
        entity = customer.entities.get(key)
        if entity is None:
            entity = customer.entities[key] = Entity([])
            entity.booked = []
            self._held += len(customer.entities) <= _HEAVY
        elif arrival is not None:
            reason = too_late(key[0], entity.events, entity.arrived, arrival, self.policy.retention_ms)
            if reason is not None:
                raise Rejected("too_late", reason)
        if arrival is not None:
            entity.arrived = arrival.at
        customer.ids[event.event_id] = event
        if entity.events and sort_key(event) < sort_key(entity.events[-1]):
            insort(entity.events, event, key=sort_key)
        else:
            entity.events.append(event)
        fresh = self._fresh.get(name)
        if fresh is None:
            fresh = self._fresh[name] = {}
        fresh[key] = entity
        if type(event) is CustomerMerged:
            self._link(name, "c" + event.into_customer_id)
        return "new"

    def _take_up(self, name: str) -> CustomerState:
        """A scope that is not held decoded: with what was kept of it, if anything."""
        customer = self._scopes[name] = CustomerState(self.policy, self.windows, name[0] == "c", self._past)
        packed = self._packed.pop(name, None)
        kept = self._kept[name] = {} if packed is None else unpack(packed)
        customer.load(kept)
        self._held += min(len(customer.entities), _HEAVY)
        return customer

    def restore(self, scope_id: str, key: EntityKey, data: bytes | None) -> None:
        """Takes up an entity's kept state, as raw bytes; None takes it away. To be ended by ``restored``."""
        if key[0] == LINK:
            links = self._links.setdefault(scope_id, set())
            (links.add if data is not None else links.discard)(key[1])
            if not links:
                del self._links[scope_id]
            return
        kept = self._kept.setdefault(scope_id, {})
        if data is None:
            kept.pop(key, None)
        else:
            kept[key] = data

    def restored(self) -> None:
        """All that is kept has been told: it is packed until it is asked for."""
        while self._kept:
            name, kept = self._kept.popitem()
            if kept:
                self._packed[name] = pack(kept)

    def kept(self) -> Iterator[bytes]:
        """The kept state of all entities."""
        for entities in self._kept.values():
            yield from entities.values()
        for packed in self._packed.values():
            yield from unpack(packed).values()

    def ticket(self, name: tuple[str, str]) -> tickets_view.Ticket:
        """The view of a ticket there is, by its scope and its id."""
        scope_id, ticket_id = name
        customer = self._scopes.get(scope_id)
        if customer is not None:
            view: tickets_view.Ticket = customer.entities[TICKET, ticket_id].view
            return view
        events: list[Any] = from_state(unpack(self._packed[scope_id])[TICKET, ticket_id])[1]
        return tickets_reader.read_ticket(events, self.policy)

    # -- closing a unit ---------------------------------------------------------------------------------------

    def close(self) -> Iterator[tuple[str, EntityKey, bytes]]:
        """Posts what the unit's events change, scope by scope, and gives each changed entity's new state.

        To be run to its end; the caller may pause between items.
        """
        linked, self._linked = self._linked, []
        for name, other in linked:
            yield name, (LINK, other), b""
        derived: set[str] = set()
        for name, touched in self._fresh.items():
            customer = self._scopes[name]
            if name not in self._links:
                self._derive(name, customer, touched)
            elif name not in derived:
                derived |= self._derive_group(name)
            kept = self._kept[name]
            for key, entity in touched.items():
                data = kept[key] = to_state(entity.events, entity.arrived)
                yield name, key, data
            self._scopes[name] = self._scopes.pop(name)  # the last touched are the last to be let go
        self._fresh = {}
        self._cool()

    # -- merged customers -------------------------------------------------------------------------------------

    def _link(self, name: str, into: str) -> None:
        """Notes that two customers are merged."""
        for one, other in ((name, into), (into, name)):
            if one != other and other not in self._links.setdefault(one, set()):
                self._links[one].add(other)
                self._linked.append((one, other))

    def group(self, name: str) -> set[str]:
        """A customer and all who are ever merged with it, as scopes."""
        found, waiting = {name}, [name]
        while waiting:
            others = self._links.get(waiting.pop(), set()) - found
            found |= others
            waiting.extend(others)
        return found

    def _derive_group(self, name: str) -> set[str]:
        """Posts what the unit changes for merged customers, who are derived as a whole."""
        group = self.group(name)
        before = groups.booked({one[1:]: self._old_events(one) for one in group}, self._alone, self.windows.aligned)
        after = groups.booked({one[1:]: self._events(one) for one in group}, self._alone, self.windows.aligned)
        after.subtract(before)
        self.ledger.post({booking: times for booking, times in after.items() if times})
        for one in group & self._fresh.keys():
            if self._breached is not None:
                self._turn(one, self._breached)
            for key, entity in self._fresh[one].items():
                view = self._scopes[one].read(key, entity)
                self._count_flaws(key, entity, view)
                entity.view = view
        return group

    def _turn(self, name: str, breached: Breached) -> None:
        """Tells which breaches of a merged customer's tickets are new and gone: each ticket's by its own customer."""
        old, new = self._broken(self._old_events(name)), self._broken(self._events(name))
        for times, marks in ((1, new - old), (-1, old - new)):
            for ticket, mark in marks:
                breached((name, ticket), mark, times, self._scopes[name].entities[TICKET, ticket].view)

    def _broken(self, events: Iterable[Event]) -> set[tuple[str, tuple[int, str]]]:
        """The breaches among one customer's events: ticket, deadline and target."""
        found: set[tuple[str, tuple[int, str]]] = set()
        book = EventStore(
            self.policy, _Tally(), self.windows, breached=lambda name, mark, *_: found.add((name[1], mark))
        )
        book._fill(event for event in events if type(event) is not CustomerMerged)
        return found

    def _alone(self, events: Iterable[Event], past: Past | None) -> tuple[Counter[Booking], LabelHistory]:
        """What the events of one customer book by themselves, and its labels."""
        tally = _Tally()
        book = EventStore(self.policy, tally, self.windows, past=past)
        book._fill(events)
        return tally.total, next((customer.history for customer in book._scopes.values()), NO_HISTORY)

    def _fill(self, events: Iterable[Event]) -> None:
        """Takes events in one unit, of a book that is only asked what they come to."""
        for event in events:
            self.add(event)
        for _ in self.close():
            pass

    def _old_events(self, name: str) -> list[Event]:
        """A customer's events as they were kept, before this unit."""
        kept = self._kept[name] if name in self._kept else unpack(self._packed[name]) if name in self._packed else {}
        return [event for data in kept.values() for event in from_state(data)[1]]

    def _events(self, name: str) -> list[Event]:
        """All events of a customer."""
        if name not in self._scopes:
            return self._old_events(name)
        return list(self._scopes[name].ids.values())

    def give(self, name: str) -> Given:
        """Takes a customer and whoever is merged with it out of this book, to be taken up by another."""
        group = self.group(name)
        before = groups.booked({one[1:]: self._old_events(one) for one in group}, self._alone, self.windows.aligned)
        self.ledger.post({booking: -times for booking, times in before.items()})
        given = Given(set(), [], [])
        for one in sorted(group):
            given.keys.extend((one, (LINK, other)) for other in self._links.pop(one, ()))
            if one not in self._scopes and one not in self._packed:
                continue  # who is merged with these, and lives elsewhere
            customer = self._scopes.get(one) or self._take_up(one)
            given.scopes.add(one)
            given.events.extend(customer.ids.values())
            given.keys.extend((one, key) for key in self._kept[one])
            for key, entity in customer.entities.items():
                self._count_flaws(key, entity, None, gone=True)
            self._held -= min(len(customer.entities), _HEAVY)
            self._fresh.pop(one, None)
            del self._scopes[one], self._kept[one]
        self._linked = [link for link in self._linked if link[0] not in group]
        return given

    def _derive(self, name: str, customer: CustomerState, touched: dict[EntityKey, Entity]) -> None:
        fresh = {key: customer.read(key, entity) for key, entity in touched.items()}
        concerned = dict.fromkeys(touched)
        if len(customer.entities) > 1:  # of most customers nobody else is concerned
            for key, view in fresh.items():
                concerned.update(dict.fromkeys(dependents.dependents_of(customer, key, touched[key].view, view)))
        change = customer.stage(fresh)
        levels: Counter[tuple[str, int]] = Counter()  # of tickets with nothing new: they go on under other labels
        before: list[Booking] = []
        if change is not None and customer.lifecycle is not None:
            concerned.update(dict.fromkeys(customer.lifecycle.reaching(change)))
            before = customer.lifecycle.bookings(change, after=False)
            if change.stretches:
                levels = customer.levels(concerned)
                self.ledger.post(relabelled(levels, change.stretches[0][0], customer.history, -1))
        compared = customer.compared(fresh, change)
        beside: incremental_revenue.Moves = defaultdict(dict)
        if compared is not None:
            incremental_revenue.booked(customer.people(), compared, self._spans, -1, beside)
        self._recall(customer, concerned)
        self._weigh(customer, fresh)
        olds = {key: entity.view for key, entity in touched.items()}
        for key, view in fresh.items():
            self._swap(customer, key, touched[key], view)
            customer.reach(key)
        if change is not None and customer.lifecycle is not None:
            customer.lifecycle.commit(change)
            self.ledger.post(difference(before, customer.lifecycle.bookings(change, after=True)))
            if change.stretches:
                self.ledger.post(relabelled(levels, change.stretches[0][0], customer.history, 1))
                customer.labelled += 1
        if compared is not None:
            incremental_revenue.booked(customer.people(), compared, self._spans, 1, beside)
            self.ledger.post(incremental_revenue.moved(beside))
        # A view now in the indexes may concern others that it did not before, e.g. a survey by its ticket's new
        # labels; their bookings are still those of the old views, because nothing of theirs was posted.
        for key in concerned:
            entity = customer.entities[key]
            delta = self._post(customer, key, entity)
            if self._breached is not None and key[0] == TICKET:
                for (at, measure, target, _), times in delta.items():
                    if measure == "sla_breached":
                        self._breached((name, key[1]), (at, target[0]), times, olds.get(key, entity.view))
        if customer.risk is not None:
            self.ledger.post(customer.risk.change(self._waits, self._paid))
            self._waits, self._paid = {}, {}

    def _weigh(self, customer: CustomerState, fresh: dict[EntityKey, Any]) -> None:
        """Notes what payments change, where there is anything to be at risk."""
        orders = [key for key in fresh if key[0] == ORDER]
        if customer.risk is None and (orders or customer.placed):
            customer.risk = customer.at_risk()
        if customer.risk is not None:
            for key in orders:
                old = customer.entities[key].view
                value_at_risk.payments(() if old is None else old.entries, -1, self._paid)
                value_at_risk.payments(fresh[key].entries, 1, self._paid)

    def _recall(self, customer: CustomerState, keys: dict[EntityKey, None]) -> None:
        """Makes sure that the old bookings are known before any view changes."""
        for key in keys:
            entity = customer.entities[key]
            if entity.labelled != customer.labelled and key[0] == TICKET and entity.view and open_levels(entity.view):
                entity.booked = None
            if entity.booked is None:
                entity.booked = bookings(customer, key, entity)

    def _count_flaws(self, key: EntityKey, entity: Entity, view: Any, gone: bool = False) -> None:
        """Counts what waits and what has no rate, before and after a change."""
        for seen, times in ((entity.view, -1), (view, 1)):
            waiting, without_rate = _flaws(key[0], seen, not gone if times > 0 else seen is not None)
            self.orphans += waiting * times
            self.unconverted += without_rate * times

    def _swap(self, customer: CustomerState, key: EntityKey, entity: Entity, view: Any) -> None:
        self._count_flaws(key, entity, view)
        if key[0] == COST:
            self._count_accrual(entity.view, -1)
            self._count_accrual(view, 1)
            entity.view = view
            return
        customer.enter(key, entity.view, add=False)
        entity.view = view
        customer.enter(key, view, add=True)

    def _count_accrual(self, slope: CostAccrual | None, times: int) -> None:
        if slope is None:
            return
        self.changed_accruals.add(slope)
        count = self.accruals.get(slope, 0) + times
        if count:
            self.accruals[slope] = count
        else:
            del self.accruals[slope]

    def _post(self, customer: CustomerState, key: EntityKey, entity: Entity) -> Mapping[Booking, int]:
        booked = bookings(customer, key, entity)
        delta: Mapping[Booking, int] = {}
        if entity.booked is not None and (entity.booked or booked):
            delta = difference(entity.booked, booked)
            self.ledger.post(delta)
            if customer.risk is not None and key[0] == TICKET:
                value_at_risk.waits(entity.booked, -1, self._waits)
                value_at_risk.waits(booked, 1, self._waits)
        entity.booked = booked
        entity.labelled = customer.labelled
        return delta

    def _cool(self) -> None:
        """Lets go of the longest untouched scopes beyond the limit; their bytes stay."""
        while self._held > self._warm and len(self._scopes) > 1:
            name = next(iter(self._scopes))
            self._held -= min(len(self._scopes.pop(name).entities), _HEAVY)
            self._packed[name] = pack(self._kept.pop(name))
