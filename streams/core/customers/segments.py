"""What a customer's derived segments are made of: each a step function, moved on by what an event adds to it.

Rules of this file (definitions.md, "Customers"):

* ``segment``: as last told. ``satisfaction``: the last CSAT score given, edits as they were then.
* ``value``: by what was paid so far, less what was taken back so far. ``tenure``: by whether anything was, in whatever
  currency.
* ``contact_frequency``: tickets created in the 90 days before, this one not.

Cost of a change: a search and the steps around it. Only a late payment looks at what was paid after it.
"""

from __future__ import annotations

from bisect import bisect_left, insort
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, Final, NamedTuple

from streams.core.events.keys import Key, last_key
from streams.core.ledger.dimensions import PROFILE, UNKNOWN, Labels
from streams.core.ledger.label_history import KeySpan, LabelHistory
from streams.core.policy import Policy
from streams.core.temporal.instants import DAY

__all__ = ["Segments", "Sources", "Told"]

#: How far back contacts count; also how long after an answer or a complaint one looks at what became of it.
AFTERMATH_MS: Final = 90 * DAY
_VALUES: Final = ("low", "medium", "high")
RARE, SOME, FREQUENT = ("rare",), ("some",), ("frequent",)
#: Contacts from which on a customer is ``some`` and ``frequent``.
_SOME, _FREQUENT = 2, 5

#: (key, labels from then on)
Told = tuple[Key, Labels]


class Sources(NamedTuple):
    """What an entity says of its customer's segments."""

    segments: tuple[Told, ...] = ()
    #: What is paid or taken back: (key, minor units of the reporting currency, 1 or -1 where the order has something
    #: left in any currency from then on, or nothing any more).
    paid: tuple[tuple[Key, int, int], ...] = ()
    scores: tuple[Told, ...] = ()
    #: Creations of tickets.
    contacts: tuple[Key, ...] = ()


class _Steps(LabelHistory):
    """A part of the labels with its sources, in order."""

    __slots__ = ("sources",)

    def __init__(self, start: Labels) -> None:
        super().__init__([], [start])
        self.sources: list[Any] = []

    def change(self, old: Iterable[Any], new: Iterable[Any]) -> Iterator[KeySpan]:
        """Exchanges sources; gives the stretches in which the labels are others now."""
        gone, come = set(old), set(new)
        for source in gone - come:
            del self.sources[bisect_left(self.sources, source)]
        for source in come - gone:
            insort(self.sources, source)
        for source in sorted(gone ^ come):
            changed = self.around(source)
            if changed is not None:
                yield changed

    def around(self, source: Any) -> KeySpan | None:
        """Lays out anew the steps that a source has a say in, be it still there or not."""
        raise NotImplementedError


class Last(_Steps):
    """The last thing told; a source is (key, labels)."""

    __slots__ = ()

    def around(self, source: Told) -> KeySpan | None:
        index = bisect_left(self.sources, source)
        end = index + (index < len(self.sources) and self.sources[index] == source)
        following = self.sources[end][0] if end < len(self.sources) else None
        return self.replace(source[0], following, self.sources[index : end + 1])


class Paid(_Steps):
    """``tenure`` and ``value`` by the sums so far; a source is (key, amount, orders)."""

    __slots__ = ("sums", "tiers")

    def __init__(self, tiers: Sequence[int]) -> None:
        self.tiers = tiers
        #: What is paid, and how many orders have anything left, once each source has happened.
        self.sums: list[tuple[int, int]] = []
        super().__init__(self.label(0, 0))

    def label(self, paid: int, orders: int) -> Labels:
        reached = sum(tier <= paid for tier in self.tiers)
        return ("returning" if orders else "new", _VALUES[max(reached - 1, 0)])

    def change(self, old: Iterable[Any], new: Iterable[Any]) -> Iterator[KeySpan]:
        first = min([*old, *new])
        for _ in super().change(old, new):
            pass  # one run from the first change on does for all
        start = bisect_left(self.sources, first)
        del self.sums[start:]
        total, orders = self.sums[-1] if self.sums else (0, 0)
        for _, amount, kept in self.sources[start:]:
            total, orders = total + amount, orders + kept
            self.sums.append((total, orders))
        later = zip(self.sources[start:], self.sums[start:], strict=True)
        steps = [(source[0], self.label(*sums)) for source, sums in later]
        changed = self.replace(first[0], None, steps)
        if changed is not None:
            yield changed

    def around(self, source: Any) -> None:
        return None


class Contacts(_Steps):
    """``contact_frequency``; a source is the key of a ticket's creation.

    How many contacts there are in the 90 days before an instant is told by when the second-last and the fifth-last
    before it were: a creation has a say until five more have followed, and no sum is kept.
    """

    __slots__ = ()

    def around(self, source: Key) -> KeySpan | None:
        index = bisect_left(self.sources, source)
        end = index + _FREQUENT
        last = self.sources[end] if end < len(self.sources) else None
        steps = [
            step
            for position in range(max(index - 1, 0), min(end + 1, len(self.sources)))
            for step in self.following(position)
            if step[0] >= source and (last is None or step[0] <= last)
        ]
        return self.replace(source, last, steps)

    def following(self, position: int) -> Iterator[Told]:
        """The steps from one creation up to the next."""
        key = self.sources[position]
        until = self.sources[position + 1] if position + 1 < len(self.sources) else None
        ends = []
        for needed, label in ((_SOME, RARE), (_FREQUENT, SOME)):
            if position + 1 >= needed:
                over = last_key(self.sources[position + 1 - needed][0] + AFTERMATH_MS)
                if over > key:
                    ends.append((over, label))
        yield key, (RARE, SOME, FREQUENT)[len(ends)]
        for over, label in reversed(ends):
            if until is None or over < until:
                yield over, label


class Segments:
    """One customer's labels, and the parts they are made of.

    ``history`` stays as it was when sources change, until ``commit``: what was booked can still be told by it.
    """

    __slots__ = ("history", "parts")

    def __init__(self, policy: Policy) -> None:
        self.parts = (Last((UNKNOWN,)), Paid(policy.value_tiers), Last((UNKNOWN,)), Contacts(RARE))
        self.history = LabelHistory([], [self._labels([part.labels[0] for part in self.parts])])

    @staticmethod
    def _labels(parts: Iterable[Labels]) -> Labels:
        return tuple(label for part in parts for label in part)

    def change(self, old: Sequence[Sources], new: Sequence[Sources]) -> list[KeySpan]:
        """Exchanges sources; gives the stretches in which the labels will differ, in order, none overlapping."""
        stretches: list[KeySpan] = []
        for index, part in enumerate(self.parts):
            gone = [source for told in old for source in told[index]]
            come = [source for told in new for source in told[index]]
            if gone != come:
                stretches.extend(part.change(gone, come))
        return _joined(stretches)

    def commit(self, stretches: Sequence[KeySpan]) -> None:
        """Takes the changed labels into force."""
        for first, last in stretches:
            keys = set()
            for part in self.parts:
                low = bisect_left(part.keys, first)
                for key in part.keys[low:]:
                    if last is not None and key > last:
                        break
                    keys.add(key)
            self.history.replace(
                first, last, [(key, self._labels([part.after(key) for part in self.parts])) for key in sorted(keys)]
            )


def _joined(stretches: list[KeySpan]) -> list[KeySpan]:
    joined: list[KeySpan] = []
    for first, last in sorted(stretches, key=lambda stretch: stretch[0]):
        if joined and (joined[-1][1] is None or first <= joined[-1][1]):
            start, end = joined[-1]
            joined[-1] = (start, None if end is None or last is None else max(end, last))
        else:
            joined.append((first, last))
    return joined


assert len(PROFILE) == 5  # in the order of the parts: segment, tenure and value, satisfaction, contact_frequency
