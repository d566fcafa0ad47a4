"""A customer's derived segments as labels over time: those known just before each event.

Source: docs/definitions.md#derived-segments. The labels are one step function of time: a sample finds its labels by one
search, and a level moves to other labels at each step. ``customers.segments`` derives the steps.

        labels[0]   | labels[1]      | labels[2]
    ----------------|----------------|--------------->
                 keys[0]          keys[1]               an event at a step itself has the labels before it
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator, Mapping
from typing import Final, NamedTuple, TypeAlias

from streams.core.events.keys import Key, first_key
from streams.core.ledger.amounts import Kind
from streams.core.ledger.bookings import Booking, Entry, Interval
from streams.core.ledger.dimensions import PROFILE, UNKNOWN, Labels
from streams.core.ledger.measures import MEASURES, measure

__all__ = ["NO_HISTORY", "OWNER_SEPARATOR", "KeySpan", "LabelHistory", "Past", "label_entries"]

#: Separates an id from its owner where customers are merged. It sorts before the characters of ids, so that ids with
#: an owner sort as they do without.
OWNER_SEPARATOR: Final = "\x1f"
#: (first, last]: after the first key, up to the last one, included; last None: without end.
KeySpan: TypeAlias = tuple[Key, Key | None]


class LabelHistory:
    """Labels over time: ``labels[i]`` is in force after ``keys[i - 1]`` and up to ``keys[i]``, included."""

    __slots__ = ("keys", "labels")

    def __init__(self, keys: list[Key], labels: list[Labels]) -> None:
        self.keys = keys
        self.labels = labels

    def before(self, key: Key) -> Labels:
        """The labels just before an event."""
        return self.labels[bisect_left(self.keys, key)]

    def after(self, key: Key) -> Labels:
        """The labels just after an event."""
        return self.labels[bisect_right(self.keys, key)]

    def split(self, start: Key, end: Key | None) -> Iterator[tuple[Key, Key | None, Labels]]:
        """The parts of [start, end) with equal labels, each with those after its start. ``end`` None: without end."""
        index = bisect_right(self.keys, start)
        while index < len(self.keys) and (end is None or self.keys[index] < end):
            yield start, self.keys[index], self.labels[index]
            start = self.keys[index]
            index += 1
        yield start, end, self.labels[index]

    def replace(self, first: Key, last: Key | None, steps: Iterable[tuple[Key, Labels]]) -> KeySpan | None:
        """Replaces the steps from ``first`` to ``last``, both included, by others: (key, labels after it), in order.

        The labels before ``first`` and after ``last`` must stay the same (``last`` None: there are none after). A step
        that changes nothing is left out; of several at one key the last applies. The result is the span in which
        labels differ now, None where none do.
        """
        low = bisect_left(self.keys, first)
        high = len(self.keys) if last is None else bisect_right(self.keys, last)
        keys: list[Key] = []
        labels = [self.labels[low]]
        for key, labels_after in steps:
            if keys and keys[-1] == key:
                keys.pop()
                labels.pop()
            if labels_after != labels[-1]:
                keys.append(key)
                labels.append(labels_after)
        old_keys, old_labels = self.keys[low:high], self.labels[low : high + 1]
        if keys == old_keys and labels == old_labels:
            return None
        same = 0
        while same < min(len(keys), len(old_keys)) and (
            keys[same] == old_keys[same] and labels[same + 1] == old_labels[same + 1]
        ):
            same += 1
        differing = keys[same : same + 1] + old_keys[same : same + 1]
        until = max(keys[-1:] + old_keys[-1:]) if labels[-1] == old_labels[-1] else None
        self.keys[low:high] = keys
        self.labels[low : high + 1] = labels
        return min(differing), until


#: The history of a customer of whom nothing is known.
NO_HISTORY: Final = LabelHistory([], [(UNKNOWN,) * len(PROFILE)])


class Past(NamedTuple):
    """Merged customers before their merge at ``since`` (ms): each one's labels, and those it was one customer with.

    Source: docs/definitions.md#merged-customers.
    """

    since: int
    labels: Mapping[str, LabelHistory]
    mates: Mapping[str, frozenset[str]]

    def then(self, customer: str, history: LabelHistory) -> LabelHistory:
        """A customer's own labels before the merge, followed by those of all of them (``history``)."""
        own, start = self.labels[customer], (self.since,)
        own_end, shared_start = bisect_left(own.keys, start), bisect_left(history.keys, start)
        return LabelHistory(
            [*own.keys[:own_end], first_key(self.since), *history.keys[shared_start:]],
            [*own.labels[: own_end + 1], *history.labels[shared_start:]],
        )


def label_entries(
    entries: Iterable[Entry], intervals: Iterable[Interval], history: LabelHistory, tail: Labels = ()
) -> list[Booking]:
    """Entries and intervals as bookings: their own labels, then the customer's, then ``tail``.

    An interval is booked at its start and taken back at its end, and moves to the new labels at each step between.
    """
    bookings: list[Booking] = []
    keys = history.keys
    since: Key | None = None  # most entries of a ticket fall between two steps: one search for all of them
    until: Key | None = None
    profile: Labels = () if keys else history.labels[0] + tail
    for key, name, labels, value in entries:
        if (MEASURES.get(name) or measure(name)).scheme.profiled:
            if keys and (not profile or (since is not None and key <= since) or (until is not None and key > until)):
                index = bisect_left(keys, key)
                since = keys[index - 1] if index else None
                until = keys[index] if index < len(keys) else None
                profile = history.labels[index] + tail
            labels = labels + profile
        bookings.append((key[0], name, labels, value))
    for name, start, end, labels, value in intervals:
        kind, scheme, _ = MEASURES.get(name) or measure(name)
        back = -value if kind in (Kind.COUNT, Kind.INSTANT) else value
        parts = history.split(start, end) if scheme.profiled else ((start, end, None),)
        for part_start, part_end, part_profile in parts:
            full_labels = labels if part_profile is None else labels + part_profile + tail
            bookings.append((part_start[0], name, full_labels, value))
            if part_end is not None:
                bookings.append((part_end[0], name, full_labels, back))
    return bookings
