"""The event store: every entity's set of events, for all owners of one partition.

Rules of this file:

* Events are only added to sets; an event id seen before at its owner adds nothing. Nothing is derived until the unit is
  closed, so that any batching gives the same bookings.
* Closing derives the changed entities and those they may matter to (``derive``), and returns which are to be stored.
* An entity's stored state is its events and nothing else; all the rest is derived from them again.
"""

from __future__ import annotations

from bisect import insort
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, Final, NamedTuple

from streams.core.derivation import groups
from streams.core.derivation.customer_state import CustomerState
from streams.core.derivation.derive import Breached, Derivation
from streams.core.derivation.entities import TICKET, Entity, EntityKey, entity_of
from streams.core.derivation.links import Links
from streams.core.derivation.packing import pack, unpack
from streams.core.derivation.retention import Arrival, too_late
from streams.core.events.decoding import Rejected, from_state, to_state
from streams.core.events.keys import owner, sort_key
from streams.core.events.types import CustomerMerged, Event
from streams.core.ledger.bookings import Booking, Poster
from streams.core.ledger.label_history import NO_HISTORY, LabelHistory, Past
from streams.core.policy import Policy
from streams.core.temporal.windows import Window
from streams.core.tickets.reader import read_ticket
from streams.core.tickets.view import Ticket

__all__ = ["LINK", "EventStore", "Removed"]

#: The kind of a record that says whom a customer is merged with.
LINK: Final = "m"

#: An owner weighs at most this many entities against the limit of decoded ones: to decode a business customer with
#: 50,000 tickets again costs more than to hold it.
_HEAVY: Final = 100


class Removed(NamedTuple):
    """Customers removed from a store: the owners, all their events, and the keys under which they were stored."""

    owners: set[str]
    events: list[Event]
    keys: list[tuple[str, EntityKey]]


class _Sum:
    """Adds bookings up, in place of a ledger."""

    def __init__(self) -> None:
        self.total: Counter[Booking] = Counter()

    def post(self, delta: Mapping[Booking, int]) -> None:
        for booking, times in delta.items():
            self.total[booking] += times


class EventStore:
    """All owners' entities of one partition.

    ``windows``: those for which bookings exist that depend on a window's length. At most ``warm`` entities are held
    decoded between units; the others are bytes. ``past``: the time before the store's one customer was merged.
    ``breached`` is called for each breach of a service level that is booked or no longer is (``Breaches.exchange``).
    """

    def __init__(
        self,
        policy: Policy,
        ledger: Poster,
        windows: Sequence[Window],
        warm: int = 50_000,
        past: Past | None = None,
        breached: Breached | None = None,
    ) -> None:
        self.policy: Final = policy
        self.windows: Final = windows
        self.derivation: Final = Derivation(policy, ledger, windows, breached)
        self.links: Final = Links()
        self._ledger: Final = ledger
        self._past = past
        #: Stored bytes by owner: of decoded owners by entity, of all others packed.
        self._states: dict[str, dict[EntityKey, bytes]] = {}
        self._packed: dict[str, bytes] = {}
        self._decoded: dict[str, CustomerState] = {}
        #: The entities with new events in this unit, by owner.
        self._changed: dict[str, dict[EntityKey, Entity]] = {}
        self._warm = warm
        self._weight = 0

    # -- taking events ----------------------------------------------------------------------------------------

    def __contains__(self, name: str) -> bool:
        """True if an owner has any events here."""
        return name in self._decoded or name in self._packed

    def add(self, event: Event, arrival: Arrival | None = None) -> str:
        """Adds an event to its entity's set: ``"new"``, ``"duplicate"`` or ``"conflicting_duplicate"``.

        ``arrival`` None: a replay, where nothing is too late. Raises ``Rejected`` for an event that is too late.
        """
        name = owner(event)
        customer = self._decoded.get(name) or self._decode(name)
        seen = customer.ids.get(event.event_id)
        if seen is not None:
            return "duplicate" if seen == event else "conflicting_duplicate"
        key = entity_of(event)
        entity = customer.entities.get(key)
        if entity is None:
            entity = customer.entities[key] = Entity([])
            entity.bookings = []
            self._weight += len(customer.entities) <= _HEAVY
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
        changed = self._changed.get(name)
        if changed is None:
            changed = self._changed[name] = {}
        changed[key] = entity
        if type(event) is CustomerMerged:
            self.links.link(name, "c" + event.into_customer_id)
        return "new"

    def _decode(self, name: str) -> CustomerState:
        """An owner that is not held decoded, with its stored entities, if any."""
        customer = self._decoded[name] = CustomerState(self.policy, self.windows, name[0] == "c", self._past)
        packed = self._packed.pop(name, None)
        states = self._states[name] = {} if packed is None else unpack(packed)
        customer.load(states)
        self._weight += min(len(customer.entities), _HEAVY)
        return customer

    # -- stored state -----------------------------------------------------------------------------------------

    def restore(self, name: str, key: EntityKey, data: bytes | None) -> None:
        """Takes up an entity's stored bytes; None takes them away. ``restored`` ends it."""
        if key[0] == LINK:
            self.links.restore(name, key[1], data is not None)
            return
        states = self._states.setdefault(name, {})
        if data is None:
            states.pop(key, None)
        else:
            states[key] = data

    def restored(self) -> None:
        """Ends the restoring: owners are packed until they are needed."""
        while self._states:
            name, states = self._states.popitem()
            if states:
                self._packed[name] = pack(states)

    def stored(self) -> Iterator[bytes]:
        """The stored bytes of all entities."""
        for states in self._states.values():
            yield from states.values()
        for packed in self._packed.values():
            yield from unpack(packed).values()

    def ticket(self, name: tuple[str, str]) -> Ticket:
        """The view of a ticket that exists, by its owner and its id."""
        owner_name, ticket_id = name
        customer = self._decoded.get(owner_name)
        if customer is not None:
            view = customer.ticket(ticket_id)
            assert view is not None, "it exists"
            return view
        events: list[Any] = from_state(unpack(self._packed[owner_name])[TICKET, ticket_id])[1]
        return read_ticket(events, self.policy)

    # -- closing a unit ---------------------------------------------------------------------------------------

    def close(self) -> Iterator[tuple[str, EntityKey, bytes]]:
        """Posts the difference that the unit's events make, owner by owner; yields each changed entity's new state.

        To be run to its end; the caller may pause between items.
        """
        for name, other in self.links.take_new():
            yield name, (LINK, other), b""
        derived: set[str] = set()
        for name, changed in self._changed.items():
            customer = self._decoded[name]
            if name not in self.links:
                self.derivation.derive(name, customer, changed)
            elif name not in derived:
                derived |= self._derive_group(name)
            states = self._states[name]
            for key, entity in changed.items():
                data = states[key] = to_state(entity.events, entity.arrived)
                yield name, key, data
            self._decoded[name] = self._decoded.pop(name)  # the last changed are the last to be packed
        self._changed = {}
        self._pack_coldest()

    def _pack_coldest(self) -> None:
        """Packs the owners that were longest unchanged, beyond the limit."""
        while self._weight > self._warm and len(self._decoded) > 1:
            name = next(iter(self._decoded))
            self._weight -= min(len(self._decoded.pop(name).entities), _HEAVY)
            self._packed[name] = pack(self._states.pop(name))

    # -- merged customers -------------------------------------------------------------------------------------

    def _derive_group(self, name: str) -> set[str]:
        """Posts the difference that the unit makes for merged customers, who are derived as a whole."""
        group = self.links.group(name)
        before = self._group_bookings({one[1:]: self._stored_events(one) for one in group})
        after = self._group_bookings({one[1:]: self._events(one) for one in group})
        after.subtract(before)
        self._ledger.post({booking: times for booking, times in after.items() if times})
        for one in group & self._changed.keys():
            self._report_breaches(one)
            for key, entity in self._changed[one].items():
                view = self._decoded[one].read(key, entity)
                self.derivation.flaws.exchange(key[0], entity.view, view)
                entity.view = view
        return group

    def _group_bookings(self, sets: groups.EventSets) -> Counter[Booking]:
        return groups.group_bookings(sets, self._alone, self.windows)

    def _report_breaches(self, name: str) -> None:
        """Reports the new and gone breaches of a merged customer's tickets, each ticket's by its own customer."""
        breached = self.derivation.breached
        if breached is None:
            return
        old, new = self._breaches_among(self._stored_events(name)), self._breaches_among(self._events(name))
        for times, breaches in ((1, new - old), (-1, old - new)):
            for ticket_id, breach in breaches:
                view = self._decoded[name].ticket(ticket_id)
                breached((name, ticket_id), breach, times, Ticket() if view is None else view)

    def _breaches_among(self, events: Iterable[Event]) -> set[tuple[str, tuple[int, str]]]:
        """The breaches among one customer's events: ticket, (deadline, target)."""
        breaches: set[tuple[str, tuple[int, str]]] = set()
        store = EventStore(
            self.policy, _Sum(), self.windows, breached=lambda name, breach, *_: breaches.add((name[1], breach))
        )
        store._add_all(event for event in events if type(event) is not CustomerMerged)
        return breaches

    def _alone(self, events: Iterable[Event], past: Past | None) -> tuple[Counter[Booking], LabelHistory]:
        """The bookings of one customer's events by themselves, and its labels."""
        bookings = _Sum()
        store = EventStore(self.policy, bookings, self.windows, past=past)
        store._add_all(events)
        return bookings.total, next((customer.history for customer in store._decoded.values()), NO_HISTORY)

    def _add_all(self, events: Iterable[Event]) -> None:
        """Adds events and closes, in one unit."""
        for event in events:
            self.add(event)
        for _ in self.close():
            pass

    def _stored_events(self, name: str) -> list[Event]:
        """A customer's events as they were stored, before this unit."""
        packed = self._packed.get(name)
        states = self._states[name] if name in self._states else {} if packed is None else unpack(packed)
        return [event for data in states.values() for event in from_state(data)[1]]

    def _events(self, name: str) -> list[Event]:
        """All events of a customer."""
        return list(self._decoded[name].ids.values()) if name in self._decoded else self._stored_events(name)

    def remove(self, name: str) -> Removed:
        """Removes a customer and whoever is merged with it, to be taken up by another store."""
        group = self.links.group(name)
        before = self._group_bookings({one[1:]: self._stored_events(one) for one in group})
        self._ledger.post({booking: -times for booking, times in before.items()})
        removed = Removed(set(), [], [(one, (LINK, other)) for one, other in self.links.remove(group)])
        for one in sorted(name for name in group if name in self):
            customer = self._decoded.get(one) or self._decode(one)
            removed.owners.add(one)
            removed.events.extend(customer.ids.values())
            removed.keys.extend((one, key) for key in self._states[one])
            for key, entity in customer.entities.items():
                self.derivation.flaws.remove(key[0], entity.view)
            self._weight -= min(len(customer.entities), _HEAVY)
            self._changed.pop(one, None)
            del self._decoded[one], self._states[one]
        return removed
