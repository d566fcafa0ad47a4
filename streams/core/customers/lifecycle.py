"""A customer's account: what its entities say of it as a whole, and what is booked of that.

Rules of this file:

* Each entity makes one ``CustomerFacts``, by its own events (a survey's also by whether its ticket counts).
* Statements are exchanged first (``stage``); labels in force, spells and complaints move on only with ``commit``, so
  that in between the old bookings can still be told. The difference of the two is what is to be posted.
* A change of labels concerns what is booked after it: found by when an entity last books anything.
"""

from __future__ import annotations

from bisect import bisect_left, insort
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Final, NamedTuple

from streams.core.customers.facts import NO_FACTS, CustomerFacts
from streams.core.customers.segments import AFTERMATH_MS, Segments
from streams.core.customers.spells import Plan, Spell, Spells
from streams.core.customers.standing import STANDING, complaint, standing
from streams.core.events.keys import Key, first_key
from streams.core.ledger.bookings import Booking, Entry, Interval
from streams.core.ledger.dimensions import ABSENT, OWN, PROFILE
from streams.core.ledger.label_history import NO_HISTORY, KeySpan, LabelHistory, label_entries
from streams.core.policy import Policy
from streams.core.temporal.window_set import WindowSet

__all__ = ["Change", "CustomerLifecycle", "relabelled"]
_NONE: Final = (ABSENT,) * len(OWN)
BOOKS: Final = ("customers_active", "customers_joined", "customers_left", "complaints", "complaints_retained")


class _SpellPart(NamedTuple):
    """A spell and what of it is booked: labels from ``since`` on, standing at windows' starts only if ``whole``."""

    spell: Spell
    since: Key
    whole: bool


class Change(NamedTuple):
    """What a unit changes of an account."""

    stretches: list[KeySpan]
    plan: Plan | None
    before: list[_SpellPart]
    after: list[_SpellPart]
    #: The tickets whose complaints are to be booked anew, and the instants of those that change.
    tickets: set[str]
    complaints: dict[str, int | None]


class CustomerLifecycle:
    """One customer's. ``windows`` are the windows that standing is booked for."""

    __slots__ = (
        "_booked",
        "_ends",
        "_labelled",
        "_moments",
        "_reach",
        "_said",
        "_segments",
        "_spells",
        "_standing",
        "_windows",
        "complaints",
    )

    def __init__(self, policy: Policy, windows: WindowSet) -> None:
        self._windows = windows
        self._standing = policy.needs(*STANDING)
        self._booked = self._standing or policy.needs(*BOOKS)
        filtered = {name for promise in policy.service_levels for name in promise.filter}.union(policy.dimensions or ())
        self._labelled = policy.dimensions is None or not filtered.isdisjoint(PROFILE)
        self._segments = Segments(policy)
        self._spells = Spells(policy.inactivity_ms)
        self._said: dict[tuple[str, str], CustomerFacts] = {}
        #: By ticket: who complains, and when; and all tickets' first complaints in order.
        self.complaints: dict[str, dict[tuple[str, str], int]] = {}
        self._moments: list[tuple[int, str]] = []
        #: When each entity last books anything that has the customer's labels, and the same in order.
        self._reach: dict[tuple[str, str], int] = {}
        self._ends: list[tuple[int, str, str]] = []

    @property
    def history(self) -> LabelHistory:
        """The labels in force."""
        return self._segments.history if self._labelled else NO_HISTORY

    @property
    def spells(self) -> Sequence[Spell]:
        """The spells in force, in order."""
        return self._spells.spells

    def turns(self, change: Change | None) -> set[int]:
        """Where the spells that a change takes out or brings in begin and end, in ms."""
        if change is None or change.plan is None:
            return set()
        gone = set(self._spells.spells[change.plan.start : change.plan.stop])
        come = set(change.plan.spells)
        old, new = ({at for spell in spells for at in spell.edges} for spells in (gone - come, come - gone))
        return old ^ new

    # -- who is concerned by labels ---------------------------------------------------------------------------

    def reaches(self, key: tuple[str, str], until: int) -> None:
        """Tells up to when an entity books."""
        before = self._reach.get(key)
        if before == until or not self._labelled:
            return
        if before is not None:
            del self._ends[bisect_left(self._ends, (before, *key))]
        self._reach[key] = until
        insort(self._ends, (until, *key))

    def reaching(self, change: Change) -> Iterator[tuple[str, str]]:
        """The entities that book anything at or after the first change of labels."""
        if change.stretches:
            first = change.stretches[0][0][0]
            for _, kind, name in self._ends[bisect_left(self._ends, (first,)) :]:
                yield kind, name

    # -- changing ---------------------------------------------------------------------------------------------

    def stage(self, statements: Mapping[tuple[str, str], CustomerFacts]) -> Change | None:
        """Takes what entities say now; None if nothing comes of it."""
        old, new = [], []
        complaints: dict[str, int | None] = {}
        for key, statement in statements.items():
            before = self._said.get(key, NO_FACTS)
            if before == statement:
                continue
            old.append(before)
            new.append(statement)
            if before.complaint != statement.complaint:
                for told in (before.complaint, statement.complaint):
                    if told is not None:
                        complaints.setdefault(told[0], self._complaint(told[0]))
                self._complain(key, before.complaint, statement.complaint)
            if statement == NO_FACTS:
                del self._said[key]
            else:
                self._said[key] = statement
        if not old:
            return None
        stretches = self._segments.change([s.sources for s in old], [s.sources for s in new]) if self._labelled else []
        gone = [marker for statement in old for marker in statement.markers]
        come = [marker for statement in new for marker in statement.markers]
        plan = self._spells.plan(gone, come) if set(gone) != set(come) else None
        return self._change(stretches, plan, complaints)

    def _change(self, stretches: list[KeySpan], plan: Plan | None, complaints: dict[str, int | None]) -> Change:
        old = set() if plan is None else set(self._spells.spells[plan.start : plan.stop])
        new = set() if plan is None else set(plan.spells)
        gone, come = old - new, new - old
        ends = _ends(gone, come)
        since = {start: start if len(both) == 1 else first_key(min(both)) for start, both in ends.items()}
        relabelled: set[Spell] = set()
        for first, last in stretches:
            for spell in self._spells.since(first, last):
                relabelled.add(spell)
                since[spell.start] = max(spell.start, min(first, since.get(spell.start, first)))
        kept = relabelled - gone
        before = [_SpellPart(spell, since[spell.start], spell in gone) for spell in gone | relabelled]
        after = [_SpellPart(spell, since[spell.start], spell in come) for spell in come | kept]
        changed = {name: at for name, at in complaints.items() if at != self._complaint(name)}
        return Change(stretches, plan, before, after, {*changed, *self._held(ends)}, changed)

    def _held(self, ends: Mapping[Key, set[int]]) -> Iterator[str]:
        """The tickets whose complaints come out otherwise by spells that end elsewhere."""
        for start, both in ends.items():
            first = start[0] if len(both) == 1 else max(start[0], min(both) - AFTERMATH_MS)
            low = bisect_left(self._moments, (first,))
            for _, name in self._moments[low : bisect_left(self._moments, (max(both) + 1,))]:
                yield name

    def commit(self, change: Change) -> None:
        """Takes labels, spells and complaints into force."""
        self._segments.commit(change.stretches)
        if change.plan is not None:
            self._spells.commit(change.plan)
        for name, before in change.complaints.items():
            if before is not None:
                del self._moments[bisect_left(self._moments, (before, name))]
            now = self._complaint(name)
            if now is not None:
                insort(self._moments, (now, name))

    # -- bookings ---------------------------------------------------------------------------------------------

    def bookings(self, change: Change, after: bool) -> list[Booking]:
        """What of the account a change concerns, before it is committed, or after."""
        if not self._booked:
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
        for name in change.tickets:
            at = self._complaint(name) if after or name not in change.complaints else change.complaints[name]
            if at is not None:
                entries.extend(complaint(at, self._spells.at(at)))
        return label_entries(entries, intervals, self.history)

    def _complaint(self, ticket_id: str) -> int | None:
        told = self.complaints.get(ticket_id)
        return min(told.values()) if told else None

    def _complain(self, key: tuple[str, str], old: tuple[str, int] | None, new: tuple[str, int] | None) -> None:
        if old is not None:
            told = self.complaints[old[0]]
            del told[key]
            if not told:
                del self.complaints[old[0]]
        if new is not None:
            self.complaints.setdefault(new[0], {})[key] = new[1]


def _ends(gone: Iterable[Spell], come: Iterable[Spell]) -> dict[Key, set[int]]:
    """When the spells that begin at each key ended and end now: one instant for a spell that was not, or is not."""
    ends: dict[Key, set[int]] = {}
    for spell in (*gone, *come):
        ends.setdefault(spell.start, set()).add(spell.edges[1])
    return ends


def relabelled(
    levels: Mapping[tuple[str, int], int], first: Key, history: LabelHistory, times: int
) -> dict[Booking, int]:
    """What levels that hold at the first change of labels book from there on; ``times`` -1: to be taken back.

    Only the customer's own labels: by all others nothing changes, so that a thousand open tickets are one sum.
    """
    booked: dict[Booking, int] = {}
    for (name, value), number in levels.items():
        if number:
            for booking in label_entries([], [(name, first, None, _NONE, value)], history):
                booked[booking] = booked.get(booking, 0) + number * times
    return booked
