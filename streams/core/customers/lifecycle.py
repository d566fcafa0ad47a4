"""A customer's life cycle: labels, spells and complaints, from the facts of all its entities, and their bookings.

Rules of this file:

* Each entity has its ``CustomerFacts``. They are exchanged first (``stage``); labels in force, spells and complaints
  move on only with ``commit``, so that the old bookings are known in between.
* A change of labels concerns the bookings after it: the entities whose last booking is at or after it.
"""

from __future__ import annotations

from bisect import bisect_left, insort
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Final, NamedTuple

from streams.core.customers.complaints import Complaints
from streams.core.customers.facts import NO_FACTS, CustomerFacts
from streams.core.customers.segments import AFTERMATH_MS, Segments
from streams.core.customers.spells import Plan, Spell, Spells
from streams.core.customers.standing import COMPLAINTS, STANDING, complaint_entries, standing
from streams.core.events.keys import Key, first_key
from streams.core.ledger.bookings import Booking, Entry, Interval
from streams.core.ledger.dimensions import ABSENT, OWN, PERSON_LEVELS, PERSONS, PROFILE
from streams.core.ledger.label_history import NO_HISTORY, KeySpan, LabelHistory, label_entries
from streams.core.ledger.measures import Measure, declare
from streams.core.policy import Policy
from streams.core.temporal.windows import Window

__all__ = ["Change", "CustomerLifecycle", "relabelled"]

BOOKS: Final = (
    *declare(
        customers_active=Measure(scheme=PERSON_LEVELS),
        customers_joined=Measure(scheme=PERSONS),
        customers_left=Measure(scheme=PERSONS),
    ),
    *STANDING,
    *COMPLAINTS,
)
_NO_OWN_LABELS: Final = (ABSENT,) * len(OWN)


class _SpellPart(NamedTuple):
    """The part of a spell that a change concerns: labels from ``since`` on, standing in windows only if ``whole``."""

    spell: Spell
    since: Key
    whole: bool


class Change(NamedTuple):
    """A unit's change of a life cycle."""

    #: Where the labels differ.
    label_spans: list[KeySpan]
    plan: Plan | None
    before: list[_SpellPart]
    after: list[_SpellPart]
    #: The tickets whose complaints are booked otherwise, and the first complaints before of those that changed.
    tickets: set[str]
    complaints: dict[str, int | None]


class CustomerLifecycle:
    """One customer's life cycle. ``windows``: those that standing is booked for."""

    __slots__ = (
        "_books", "_complaints", "_facts", "_labelled", "_last_bookings", "_last_of", "_segments", "_spells",
        "_standing", "_windows",
    )  # fmt: skip

    def __init__(self, policy: Policy, windows: Sequence[Window]) -> None:
        self._windows = windows
        self._standing = policy.needs(*STANDING)
        self._books = policy.needs(*BOOKS)
        filtered = {name for promise in policy.service_levels for name in promise.filter}.union(policy.dimensions or ())
        self._labelled = policy.dimensions is None or not filtered.isdisjoint(PROFILE)
        self._segments = Segments(policy)
        self._spells = Spells(policy.inactivity_ms)
        self._complaints = Complaints()
        self._facts: dict[tuple[str, str], CustomerFacts] = {}
        #: The instant (ms) of each entity's last booking with the customer's labels; the same in order of time.
        self._last_of: dict[tuple[str, str], int] = {}
        self._last_bookings: list[tuple[int, str, str]] = []

    @property
    def history(self) -> LabelHistory:
        """The labels in force."""
        return self._segments.history if self._labelled else NO_HISTORY

    @property
    def spells(self) -> Sequence[Spell]:
        """The spells in force, in order."""
        return self._spells.spells

    def spell_edges(self, change: Change | None) -> set[int]:
        """The starts and ends (ms) of the spells that a change removes or adds."""
        if change is None or change.plan is None:
            return set()
        removed, added = self._exchanged(change.plan)
        old, new = ({at for spell in spells for at in spell.edges} for spells in (removed, added))
        return old ^ new

    def _exchanged(self, plan: Plan | None) -> tuple[set[Spell], set[Spell]]:
        """The spells that a plan removes and adds."""
        old = set() if plan is None else set(self._spells.spells[plan.start : plan.stop])
        new = set() if plan is None else set(plan.spells)
        return old - new, new - old

    # -- who is concerned by labels ---------------------------------------------------------------------------

    def set_last_booking(self, entity: tuple[str, str], at: int) -> None:
        """Notes the instant (ms) of an entity's last booking with the customer's labels."""
        before = self._last_of.get(entity)
        if before == at or not self._labelled:
            return
        if before is not None:
            del self._last_bookings[bisect_left(self._last_bookings, (before, *entity))]
        self._last_of[entity] = at
        insort(self._last_bookings, (at, *entity))

    def relabelled_entities(self, change: Change) -> Iterator[tuple[str, str]]:
        """The entities with a booking at or after the first change of labels."""
        if change.label_spans:
            first = change.label_spans[0][0][0]
            for _, kind, name in self._last_bookings[bisect_left(self._last_bookings, (first,)) :]:
                yield kind, name

    # -- changing ---------------------------------------------------------------------------------------------

    def stage(self, facts: Mapping[tuple[str, str], CustomerFacts]) -> Change | None:
        """Exchanges the facts of entities; None if nothing changes."""
        old, new = [], []
        complaints: dict[str, int | None] = {}
        for entity, now in facts.items():
            before = self._facts.get(entity, NO_FACTS)
            if before == now:
                continue
            old.append(before)
            new.append(now)
            if before.complaint != now.complaint:
                for complaint in (before.complaint, now.complaint):
                    if complaint is not None:
                        complaints.setdefault(complaint[0], self._complaints.first(complaint[0]))
                self._complaints.exchange(entity, before.complaint, now.complaint)
            if now == NO_FACTS:
                del self._facts[entity]
            else:
                self._facts[entity] = now
        if not old:
            return None
        spans = self._segments.change([f.sources for f in old], [f.sources for f in new]) if self._labelled else []
        removed = [marker for before in old for marker in before.markers]
        added = [marker for now in new for marker in now.markers]
        plan = self._spells.plan(removed, added) if set(removed) != set(added) else None
        return self._change(spans, plan, complaints)

    def _change(self, label_spans: list[KeySpan], plan: Plan | None, complaints: dict[str, int | None]) -> Change:
        removed, added = self._exchanged(plan)
        ends = _ends(removed, added)
        since = {start: start if len(both) == 1 else first_key(min(both)) for start, both in ends.items()}
        relabelled: set[Spell] = set()
        for first, last in label_spans:
            for spell in self._spells.within(first, last):
                relabelled.add(spell)
                since[spell.start] = max(spell.start, min(first, since.get(spell.start, first)))
        staying = relabelled - removed
        before = [_SpellPart(spell, since[spell.start], spell in removed) for spell in removed | relabelled]
        after = [_SpellPart(spell, since[spell.start], spell in added) for spell in added | staying]
        changed = {ticket_id: at for ticket_id, at in complaints.items() if at != self._complaints.first(ticket_id)}
        return Change(label_spans, plan, before, after, {*changed, *self._complaining_at(ends)}, changed)

    def _complaining_at(self, ends: Mapping[Key, set[int]]) -> Iterator[str]:
        """The tickets whose complaints are booked otherwise, since spells end elsewhere."""
        for start, both in ends.items():
            first = start[0] if len(both) == 1 else max(start[0], min(both) - AFTERMATH_MS)
            yield from self._complaints.within(first, max(both))

    def commit(self, change: Change) -> None:
        """Takes labels, spells and complaints into force."""
        self._segments.commit(change.label_spans)
        if change.plan is not None:
            self._spells.commit(change.plan)
        self._complaints.commit(change.complaints)

    # -- bookings ---------------------------------------------------------------------------------------------

    def bookings(self, change: Change, after: bool) -> list[Booking]:
        """The bookings that a change concerns, before it is committed, or after."""
        if not self._books:
            return []
        entries: list[Entry] = []
        intervals: list[Interval] = []
        for spell, since, whole in change.after if after else change.before:
            if since <= spell.start:
                entries.append((spell.start, "customers_joined", (), 1))
            if spell.end is not None:
                entries.append((spell.end, "customers_left", (), 1))
            if spell.end is None or since < spell.end:
                intervals.append(("customers_active", max(since, spell.start), spell.end, (), 1))
            if whole and self._standing:
                intervals.extend(standing(spell, self._windows))
        for ticket_id in change.tickets:
            changed = not after and ticket_id in change.complaints
            at = change.complaints[ticket_id] if changed else self._complaints.first(ticket_id)
            if at is not None:
                entries.extend(complaint_entries(at, self._spells.at(at)))
        return label_entries(entries, intervals, self.history)


def _ends(removed: Iterable[Spell], added: Iterable[Spell]) -> dict[Key, set[int]]:
    """The ends (ms) of spells by their start, before and after: one for a spell that is new, or is gone."""
    ends: dict[Key, set[int]] = {}
    for spell in (*removed, *added):
        ends.setdefault(spell.start, set()).add(spell.edges[1])
    return ends


def relabelled(
    levels: Mapping[tuple[str, int], int], first: Key, history: LabelHistory, times: int
) -> dict[Booking, int]:
    """The bookings, from the first change of labels on, of levels that hold then; ``times`` -1 takes them back.

    ``levels``: (measure, value) -> how many. Only the customer's own labels change, so that a thousand open tickets are
    one sum.
    """
    total: dict[Booking, int] = {}
    for (name, value), number in levels.items():
        if number:
            for booking in label_entries([], [(name, first, None, _NO_OWN_LABELS, value)], history):
                total[booking] = total.get(booking, 0) + number * times
    return total
