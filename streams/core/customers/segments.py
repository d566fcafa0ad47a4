"""A customer's derived segments: step functions of labels, each moved on by the sources that one event adds.

Rules of this file (docs/definitions.md#derived-segments):

* ``segment``: the last one of ``customer.updated``. ``satisfaction``: the last CSAT score given, edits as they were
  then.
* ``value``: by the sum of payments so far, less money taken back so far. ``tenure``: by whether any order had something
  left, in whatever currency.
* ``contact_frequency``: tickets created in the 90 days before, this one excluded.

Cost of a change: a search and the steps around it. Only a late payment looks at the payments after it.
"""

from __future__ import annotations

from bisect import bisect_left, insort
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, Final, NamedTuple, TypeAlias

from streams.core.events.keys import Key, last_key
from streams.core.ledger.dimensions import PROFILE, UNKNOWN, Labels
from streams.core.ledger.label_history import KeySpan, LabelHistory
from streams.core.policy import Policy
from streams.core.temporal.instants import DAY

__all__ = ["AFTERMATH_MS", "ContactLabels", "LabelStep", "LastLabel", "PaymentLabels", "Segments", "Sources"]

#: How far back contacts count; also how long after an answer or a complaint its consequences count.
AFTERMATH_MS: Final = 90 * DAY
_VALUES: Final = ("low", "medium", "high")
_RARE, _SOME, _FREQUENT = ("rare",), ("some",), ("frequent",)
#: The number of contacts from which on a customer is ``some``, and ``frequent``.
_SOME_CONTACTS, _FREQUENT_CONTACTS = 2, 5

#: (key, labels from then on)
LabelStep: TypeAlias = tuple[Key, Labels]


class Sources(NamedTuple):
    """One entity's part in its customer's segments."""

    segments: tuple[LabelStep, ...] = ()
    #: Changes of an order's balance: (key, minor units of the reporting currency, orders). ``orders`` is 1 where the
    #: order has something left in any currency from then on, -1 where it has nothing any more, else 0.
    paid: tuple[tuple[Key, int, int], ...] = ()
    scores: tuple[LabelStep, ...] = ()
    #: Creations of tickets.
    contacts: tuple[Key, ...] = ()


class _LabelPart(LabelHistory):
    """A part of the labels, and its sources in order."""

    __slots__ = ("sources",)

    def __init__(self, start: Labels) -> None:
        super().__init__([], [start])
        self.sources: list[Any] = []

    def exchange_sources(self, old: Iterable[Any], new: Iterable[Any]) -> list[Any]:
        """Removes old sources and adds new ones; those in one of the two alone are returned, in order."""
        removed, added = set(old), set(new)
        for source in removed - added:
            del self.sources[bisect_left(self.sources, source)]
        for source in added - removed:
            insort(self.sources, source)
        return sorted(removed ^ added)


class LastLabel(_LabelPart):
    """``segment`` or ``satisfaction`` by the last source; a source is a ``LabelStep``."""

    __slots__ = ()

    def change(self, old: Iterable[LabelStep], new: Iterable[LabelStep]) -> Iterator[KeySpan]:
        """Exchanges sources; the spans in which the labels differ from before."""
        return filter(None, map(self._relabel, self.exchange_sources(old, new)))

    def _relabel(self, source: LabelStep) -> KeySpan | None:
        """Replaces the step of a source, be it still there or not; the span that differs."""
        index = bisect_left(self.sources, source)
        end = index + (index < len(self.sources) and self.sources[index] == source)
        following = self.sources[end][0] if end < len(self.sources) else None
        return self.replace(source[0], following, self.sources[index : end + 1])


class PaymentLabels(_LabelPart):
    """``tenure`` and ``value`` by the sums so far; a source is (key, amount, orders), see ``Sources.paid``."""

    __slots__ = ("sums", "tiers")

    def __init__(self, tiers: Sequence[int]) -> None:
        self.tiers = tiers
        #: After each source: the balance, and the number of orders with anything left.
        self.sums: list[tuple[int, int]] = []
        super().__init__(self._labels_of(0, 0))

    def _labels_of(self, balance: int, orders: int) -> Labels:
        reached = sum(tier <= balance for tier in self.tiers)
        return ("returning" if orders else "new", _VALUES[max(reached - 1, 0)])

    def change(self, old: Iterable[Any], new: Iterable[Any]) -> Iterator[KeySpan]:
        """Exchanges sources; the span in which the labels differ from before, in one run from the first change on."""
        first = min([*old, *new])
        self.exchange_sources(old, new)
        start = bisect_left(self.sources, first)
        del self.sums[start:]
        balance, orders = self.sums[-1] if self.sums else (0, 0)
        for _, amount, order in self.sources[start:]:
            balance, orders = balance + amount, orders + order
            self.sums.append((balance, orders))
        later = zip(self.sources[start:], self.sums[start:], strict=True)
        steps = [(source[0], self._labels_of(*sums)) for source, sums in later]
        span = self.replace(first[0], None, steps)
        if span is not None:
            yield span


class ContactLabels(_LabelPart):
    """``contact_frequency``; a source is the key of a ticket's creation.

    The contacts in the 90 days before an instant follow from the instants of the second-last and the fifth-last before
    it: a creation matters until five more have followed, and no sum is stored.
    """

    __slots__ = ()

    def change(self, old: Iterable[Key], new: Iterable[Key]) -> Iterator[KeySpan]:
        """Exchanges sources; the spans in which the labels differ from before."""
        return filter(None, map(self._relabel, self.exchange_sources(old, new)))

    def _relabel(self, source: Key) -> KeySpan | None:
        """Replaces the steps that a source has a part in, be it still there or not; the span that differs."""
        index = bisect_left(self.sources, source)
        end = index + _FREQUENT_CONTACTS
        last = self.sources[end] if end < len(self.sources) else None
        steps = [
            step
            for position in range(max(index - 1, 0), min(end + 1, len(self.sources)))
            for step in self._steps_from(position)
            if step[0] >= source and (last is None or step[0] <= last)
        ]
        return self.replace(source, last, steps)

    def _steps_from(self, position: int) -> Iterator[LabelStep]:
        """The steps from one creation up to the next."""
        key = self.sources[position]
        following = self.sources[position + 1] if position + 1 < len(self.sources) else None
        ends = []
        for needed, labels in ((_SOME_CONTACTS, _RARE), (_FREQUENT_CONTACTS, _SOME)):
            if position + 1 >= needed:
                over = last_key(self.sources[position + 1 - needed][0] + AFTERMATH_MS)
                if over > key:
                    ends.append((over, labels))
        yield key, (_RARE, _SOME, _FREQUENT)[len(ends)]
        for over, labels in reversed(ends):
            if following is None or over < following:
                yield over, labels


class Segments:
    """One customer's labels, and the parts that make them up.

    ``history`` stays as it is when sources change, until ``commit``: the old bookings can still be derived from it.
    """

    __slots__ = ("history", "parts")

    def __init__(self, policy: Policy) -> None:
        self.parts: tuple[LastLabel | PaymentLabels | ContactLabels, ...] = (
            LastLabel((UNKNOWN,)),
            PaymentLabels(policy.value_tiers),
            LastLabel((UNKNOWN,)),
            ContactLabels(_RARE),
        )
        self.history = LabelHistory([], [self._labels([part.labels[0] for part in self.parts])])

    @staticmethod
    def _labels(parts: Iterable[Labels]) -> Labels:
        return tuple(label for part in parts for label in part)

    def change(self, old: Sequence[Sources], new: Sequence[Sources]) -> list[KeySpan]:
        """Exchanges sources; the spans in which the labels will differ, in order, none overlapping."""
        spans: list[KeySpan] = []
        for index, part in enumerate(self.parts):
            removed: list[Any] = [source for sources in old for source in sources[index]]
            added: list[Any] = [source for sources in new for source in sources[index]]
            if removed != added:
                spans.extend(part.change(removed, added))
        return _joined(spans)

    def commit(self, spans: Sequence[KeySpan]) -> None:
        """Takes the changed labels into force."""
        for first, last in spans:
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


def _joined(spans: list[KeySpan]) -> list[KeySpan]:
    joined: list[KeySpan] = []
    for first, last in sorted(spans, key=lambda span: span[0]):
        if joined and (joined[-1][1] is None or first <= joined[-1][1]):
            start, end = joined[-1]
            joined[-1] = (start, None if end is None or last is None else max(end, last))
        else:
            joined.append((first, last))
    return joined


assert len(PROFILE) == 5  # in the order of the parts: segment, tenure and value, satisfaction, contact_frequency
