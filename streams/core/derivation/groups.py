"""Merged customers: who is one with whom from when on, and their bookings together.

Rules of this file (docs/definitions.md#merged-customers):

* Merges cut the clock into stages. In each stage a set of customers is one, with all their events, also the old ones.
* Of a stage's bookings by itself only the part in [since, until) counts. Levels, which are sums of all time, move over
  where a stage begins: the level of the old customers is taken out there, the level of the new one is added.
* Active customers who become one are one active customer from then on, and nobody left.

        ann   |------------------|  since       until
        bob   |------------------|                      each customer's own, as if there were no merge
        both                     |---------------->     both customers' events under one name

A group is derived as a whole at each change, unlike a single customer: merges are rare, and the obvious way is safe.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Final, NamedTuple, TypeAlias

import msgspec

from streams.core.derivation.entities import ID_FIELDS
from streams.core.events.keys import Key, sort_key
from streams.core.events.types import CustomerLeft, CustomerMerged, Event
from streams.core.ledger.bookings import Booking
from streams.core.ledger.dimensions import TOTAL
from streams.core.ledger.label_history import OWNER_SEPARATOR, LabelHistory, Past
from streams.core.ledger.measures import Measure, declare, measure
from streams.core.temporal.instants import EVER
from streams.core.temporal.windows import Window

__all__ = ["BOOKS", "Alone", "EventSets", "group_bookings"]

BOOKS: Final = declare(customers_merged=Measure(scheme=TOTAL))

#: Each customer's events.
EventSets: TypeAlias = Mapping[str, Sequence[Event]]
#: The bookings of one customer's events by themselves, with multiplicity, and its labels; given the time before it was
#: one.
Alone: TypeAlias = Callable[[Iterable[Event], Past | None], tuple[Counter[Booking], LabelHistory]]

#: The fields that are ids within a customer.
_IDS: Final = ("event_id", "into_ticket_id", *sorted(ID_FIELDS - {"customer_id", "event_id", "cost_id"}))


class _Stage(NamedTuple):
    """Customers who are one in [since, until), ms; made of the stages that end where it begins."""

    members: frozenset[str]
    since: int
    until: int
    parts: tuple[_Stage, ...]


def group_bookings(sets: EventSets, alone: Alone, windows: Sequence[Window]) -> Counter[Booking]:
    """The bookings of customers who are merged as their events say."""
    group = _Group(sets, alone)
    total: Counter[Booking] = Counter()
    for stage in _stages(sets):
        total.update(_clip(group.own(stage).bookings, stage, windows))
    return Counter({booking: times for booking, times in total.items() if times})


class _Own(NamedTuple):
    """The bookings of a stage's events by themselves, and each member's labels."""

    bookings: Counter[Booking]
    histories: Mapping[str, LabelHistory]


class _Group:
    """The stages of some customers, each derived once."""

    def __init__(self, sets: EventSets, alone: Alone) -> None:
        self._sets = sets
        self._alone = alone
        self._derived: dict[frozenset[str], _Own] = {}

    def own(self, stage: _Stage) -> _Own:
        """The bookings of the members' events as of one customer, as if they had always been one.

        Bookings before the stage have the labels of the customer whose they were then.
        """
        own = self._derived.get(stage.members)
        if own is None:
            own = self._derived[stage.members] = self._derive(stage)
        return own

    def _derive(self, stage: _Stage) -> _Own:
        if not stage.parts:
            (name,) = stage.members
            bookings, history = self._alone((e for e in self._sets[name] if type(e) is not CustomerMerged), None)
            marked = [(at, rank, f"{event_id}{OWNER_SEPARATOR}{name}") for at, rank, event_id in history.keys]
            return _Own(bookings, {name: LabelHistory(marked, list(history.labels))})
        parts = [self.own(part) for part in stage.parts]
        active = sum(_is_active(part.bookings, stage.since) for part in parts)
        past = Past(
            stage.since,
            {name: history for part in parts for name, history in part.histories.items()},
            {name: part.members for part in stage.parts for name in part.members},
        )
        bookings, history = self._alone(_as_one(stage, self._sets, active > 0), past)
        if active > 1:
            bookings[stage.since, "customers_merged", (), 1] += active - 1
        return _Own(bookings, {name: past.then(name, history) for name in stage.members})


def _stages(sets: EventSets) -> list[_Stage]:
    """All stages, each after its parts."""
    merges: list[tuple[Key, str, str]] = sorted(
        (sort_key(event), name, event.into_customer_id)
        for name, events in sets.items()
        for event in events
        if type(event) is CustomerMerged
    )
    now = {name: _Stage(frozenset((name,)), -EVER, EVER, ()) for name in sets}
    ended: list[_Stage] = []
    for key, one, into in merges:
        if into not in now or now[one] is now[into]:
            continue
        parts = tuple(stage._replace(until=key[0]) for stage in (now[one], now[into]))
        ended.extend(parts)
        both = _Stage(parts[0].members | parts[1].members, key[0], EVER, parts)
        now.update(dict.fromkeys(both.members, both))
    return ended + list({id(stage): stage for stage in now.values()}.values())


def _is_active(bookings: Counter[Booking], at: int) -> bool:
    """True if a part's customer is active when it becomes one with another (ms)."""
    spells = (item for item in bookings.items() if item[0][1] == "customers_active" and item[0][0] < at)
    return sum(times * value for (_, _, _, value), times in spells) > 0


def _as_one(stage: _Stage, sets: EventSets, stays: bool) -> Iterator[Event]:
    """The events of all members as those of one customer. ``stays``: one was active, so nobody left before."""
    leader = min(stage.members)
    for name in sorted(stage.members):
        for event in sets[name]:
            left_before = type(event) is CustomerLeft and event.occurred_at < stage.since
            if type(event) is CustomerMerged or (stays and left_before):
                continue
            ids = {field: getattr(event, field, None) for field in _IDS}
            marked = {field: f"{own}{OWNER_SEPARATOR}{name}" for field, own in ids.items() if own is not None}
            yield msgspec.structs.replace(event, customer_id=leader, **marked)


def _clip(full: Counter[Booking], stage: _Stage, windows: Sequence[Window]) -> Counter[Booking]:
    """The part of a stage's own bookings that counts."""
    aligned = {window.name: window for window in windows if window.resets}
    clipped: Counter[Booking] = Counter()
    since, until = stage.since, stage.until
    for (at, name, labels, value), times in full.items():
        window = aligned.get(name.partition("@")[2])
        if measure(name).scheme.level:
            begin = max(at, since)
            moves = until < EVER
        elif window is not None:  # within its period it is a level, too
            if at < since and window.until(at) != window.until(since):
                continue
            begin = max(at, since)
            moves = until < EVER and window.until(begin) == window.until(until)
        else:
            begin, moves = at, False
            if at < since:
                continue
        if begin < until:
            clipped[begin, name, labels, value] += times
            if moves:
                clipped[until, name, labels, value] -= times
    return clipped
