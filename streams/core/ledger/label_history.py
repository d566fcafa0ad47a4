"""A customer's derived segments as labels: what is known of it just before any event.

Source: definitions.md, "Customers". The labels are one step function of time, so that a sample finds its own by one
search, and a level moves over where they change. What they are made of is in ``segments``.

        labels[0]   | labels[1]      | labels[2]
    ----------------|----------------|--------------->
                 keys[0]          keys[1]               an event at a step itself is still before it
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator, Mapping
from typing import Final, NamedTuple

from streams.core.events.keys import Key, first_key
from streams.core.ledger.amounts import Kind
from streams.core.ledger.bookings import Booking, Entry, Interval
from streams.core.ledger.dimensions import PROFILE, UNKNOWN, Labels
from streams.core.ledger.measures import measure

__all__ = ["NO_HISTORY", "OWNER_SEPARATOR", "KeySpan", "LabelHistory", "Past", "label_entries"]

#: Parts an id of merged customers from whose it is; sorts before what ids are made of, so that they sort as they did.
OWNER_SEPARATOR: Final = "\x1f"
#: From one key up to another, included (None: ever).
KeySpan = tuple[Key, Key | None]


class LabelHistory:
    """Labels by time: ``labels[i]`` holds after ``keys[i - 1]`` and up to ``keys[i]``, included."""

    __slots__ = ("keys", "labels")

    def __init__(self, keys: list[Key], labels: list[Labels]) -> None:
        self.keys = keys
        self.labels = labels

    def before(self, key: Key) -> Labels:
        """The labels just before an event."""
        return self.labels[bisect_left(self.keys, key)]

    def after(self, key: Key) -> Labels:
        """The labels once an event has happened."""
        return self.labels[bisect_right(self.keys, key)]

    def split(self, start: Key, end: Key | None) -> Iterator[tuple[Key, Key | None, Labels]]:
        """The stretches of [start, end) with equal labels; what begins at an event has the labels after it."""
        index = bisect_right(self.keys, start)
        while index < len(self.keys) and (end is None or self.keys[index] < end):
            yield start, self.keys[index], self.labels[index]
            start = self.keys[index]
            index += 1
        yield start, end, self.labels[index]

    def replace(self, first: Key, last: Key | None, steps: Iterable[tuple[Key, Labels]]) -> KeySpan | None:
        """Puts other steps, (key, labels after it) in order, in place of those from ``first`` to ``last``.

        The labels before and after that stretch must stay as they are (``last`` None: there is no after). Steps
        that change nothing are left out, of several at one key the last holds. Gives the stretch in which the
        labels really differ now, None where they do not.
        """
        low = bisect_left(self.keys, first)
        high = len(self.keys) if last is None else bisect_right(self.keys, last)
        keys: list[Key] = []
        labels = [self.labels[low]]
        for key, known in steps:
            if keys and keys[-1] == key:
                keys.pop()
                labels.pop()
            if known != labels[-1]:
                keys.append(key)
                labels.append(known)
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


class Past(NamedTuple):
    """What merged customers were up to ``since`` (ms): each one's labels, and who was one with it."""

    since: int
    labels: Mapping[str, LabelHistory]
    mates: Mapping[str, frozenset[str]]

    def then(self, customer: str, history: LabelHistory) -> LabelHistory:
        """A customer's labels up to the merge, and those of all of them together from then on."""
        own, start = self.labels[customer], (self.since,)
        mine, ours = bisect_left(own.keys, start), bisect_left(history.keys, start)
        return LabelHistory(
            [*own.keys[:mine], first_key(self.since), *history.keys[ours:]],
            [*own.labels[: mine + 1], *history.labels[ours:]],
        )


#: Of whom nothing is known.
NO_HISTORY = LabelHistory([], [(UNKNOWN,) * len(PROFILE)])


def label_entries(
    entries: Iterable[Entry], intervals: Iterable[Interval], history: LabelHistory, tail: Labels = ()
) -> list[Booking]:
    """Entries and intervals as bookings: with the customer's labels, then ``tail``, after their own."""
    booked: list[Booking] = []
    keys = history.keys
    since: Key | None = None  # the entries of a ticket mostly fall between two steps: one search for all of them
    until: Key | None = None
    known: Labels = () if keys else history.labels[0] + tail
    for key, name, labels, value in entries:
        if measure(name).scheme.profiled:
            if keys and (not known or (since is not None and key <= since) or (until is not None and key > until)):
                index = bisect_left(keys, key)
                since = keys[index - 1] if index else None
                until = keys[index] if index < len(keys) else None
                known = history.labels[index] + tail
            labels = labels + known
        booked.append((key[0], name, labels, value))
    for name, start, end, labels, value in intervals:
        kind, scheme, _ = measure(name)
        back = -value if kind in (Kind.COUNT, Kind.INSTANT) else value
        stretches = history.split(start, end) if scheme.profiled else ((start, end, None),)
        for begin, upto, of_customer in stretches:
            whole = labels if of_customer is None else labels + of_customer + tail
            booked.append((begin[0], name, whole, value))
            if upto is not None:
                booked.append((upto[0], name, whole, back))
    return booked
