"""Merged customers: who is one with whom from when on, and what they book together.

Rules of this file (definitions.md: "Merged customers count as one, history included, for what is booked from the merge
on; the past is not restated"):

* Merges cut the clock into stages. In each stage a set of customers is one, with all their events, also the old ones.
* Of what a stage would book by itself only the part in [since, until) counts. Levels, which are sums of all time, move
  over where a stage begins: what they come to under the old customers is taken out there, what under the new is added.
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

from streams.core.events.keys import Key, sort_key
from streams.core.events.types import CustomerLeft, CustomerMerged, Event
from streams.core.ledger.bookings import Booking
from streams.core.ledger.label_history import OWNER_SEPARATOR, LabelHistory, Past
from streams.core.ledger.measures import measure
from streams.core.temporal.instants import EVER
from streams.core.temporal.periods import Aligned

__all__ = ["Alone", "Sets", "booked"]

#: Each customer's events.
Sets: TypeAlias = Mapping[str, Sequence[Event]]
#: What events of one customer book by themselves, with multiplicity, and its labels; what was before it was one.
Alone: TypeAlias = Callable[[Iterable[Event], Past | None], tuple[Counter[Booking], LabelHistory]]

_IDS: Final = ("ticket_id", "survey_id", "order_id", "cart_id", "into_ticket_id")


class _Stage(NamedTuple):
    """These customers are one in [since, until), ms; made of the stages that end where it begins."""

    members: frozenset[str]
    since: int
    until: int
    parts: tuple[_Stage, ...]


def _merges_of(events: Iterable[Event]) -> list[CustomerMerged]:
    """The merges among events."""
    return [event for event in events if type(event) is CustomerMerged]


def booked(sets: Sets, alone: Alone, aligned: Sequence[Aligned]) -> Counter[Booking]:
    """What customers book, merged as their events say."""
    group = _Group(sets, alone)
    total: Counter[Booking] = Counter()
    for stage in _stages(sets):
        total.update(_clip(group.own(stage).booked, stage, aligned))
    return Counter({booking: times for booking, times in total.items() if times})


class _Own(NamedTuple):
    """What a stage's events come to by themselves, and each member's labels by time."""

    booked: Counter[Booking]
    labels: Mapping[str, LabelHistory]


class _Group:
    """What the stages of some customers come to, each found once."""

    def __init__(self, sets: Sets, alone: Alone) -> None:
        self._sets = sets
        self._alone = alone
        self._known: dict[frozenset[str], _Own] = {}

    def own(self, stage: _Stage) -> _Own:
        """What the members' events book as one customer, as if they had always been one.

        What lies before the stage has the labels of whom it was of then.
        """
        found = self._known.get(stage.members)
        if found is None:
            found = self._known[stage.members] = self._derive(stage)
        return found

    def _derive(self, stage: _Stage) -> _Own:
        if not stage.parts:
            (name,) = stage.members
            booked, history = self._alone((e for e in self._sets[name] if type(e) is not CustomerMerged), None)
            marked = [(at, rank, f"{event_id}{OWNER_SEPARATOR}{name}") for at, rank, event_id in history.keys]
            return _Own(booked, {name: LabelHistory(marked, list(history.labels))})
        parts = [self.own(part) for part in stage.parts]
        active = sum(_active(part.booked, stage.since) for part in parts)
        past = Past(
            stage.since,
            {name: labels for part in parts for name, labels in part.labels.items()},
            {name: part.members for part in stage.parts for name in part.members},
        )
        booked, history = self._alone(_as_one(stage, self._sets, active > 0), past)
        if active > 1:
            booked[stage.since, "customers_merged", (), 1] += active - 1
        return _Own(booked, {name: past.then(name, history) for name in stage.members})


def _stages(sets: Sets) -> list[_Stage]:
    """All stages, each after its parts."""
    merges: list[tuple[Key, str, str]] = sorted(
        (sort_key(event), name, event.into_customer_id) for name, events in sets.items() for event in _merges_of(events)
    )
    now = {name: _Stage(frozenset((name,)), -EVER, EVER, ()) for name in sets}
    done: list[_Stage] = []
    for key, one, into in merges:
        if into not in now or now[one] is now[into]:
            continue
        parts = tuple(stage._replace(until=key[0]) for stage in (now[one], now[into]))
        done.extend(parts)
        both = _Stage(parts[0].members | parts[1].members, key[0], EVER, parts)
        now.update(dict.fromkeys(both.members, both))
    return done + list({id(stage): stage for stage in now.values()}.values())


def _active(booked: Counter[Booking], at: int) -> bool:
    """Whether a part's customer is active when it becomes one with another."""
    spells = (item for item in booked.items() if item[0][1] == "customers_active" and item[0][0] < at)
    return sum(times * value for (_, _, _, value), times in spells) > 0


def _as_one(stage: _Stage, sets: Sets, stays: bool) -> Iterator[Event]:
    """The events of all members as those of one customer; who was active as either goes on, whoever left before."""
    leader = min(stage.members)
    for name in sorted(stage.members):
        for event in sets[name]:
            if type(event) is CustomerMerged or (
                stays and type(event) is CustomerLeft and event.occurred_at < stage.since
            ):
                continue
            own = {field: getattr(event, field, None) for field in ("event_id", *_IDS)}
            told = {field: f"{found}{OWNER_SEPARATOR}{name}" for field, found in own.items() if found is not None}
            yield msgspec.structs.replace(event, customer_id=leader, **told)


def _clip(full: Counter[Booking], stage: _Stage, aligned: Sequence[Aligned]) -> Counter[Booking]:
    """What counts of a stage's own bookings."""
    kinds = {kind.name: kind for kind in aligned}
    found: Counter[Booking] = Counter()
    since, until = stage.since, stage.until
    for (at, name, labels, value), times in full.items():
        kind = kinds.get(name.partition("@")[2])
        if measure(name).scheme.level:
            begin = max(at, since)
            moves = until < EVER
        elif kind is not None:  # within its period it is a level, too
            if at < since and kind.period(at) != kind.period(since):
                continue
            begin = max(at, since)
            moves = until < EVER and kind.period(begin) == kind.period(until)
        else:
            begin, moves = at, False
            if at < since:
                continue
        if begin < until:
            found[begin, name, labels, value] += times
            if moves:
                found[until, name, labels, value] -= times
    return found
