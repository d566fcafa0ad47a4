"""A customer's derived segments: what is known of them just before any event, as labels.

Source: definitions.md, "Customers". Each label is a step function of time; all of them together are one list of
changes, so that a sample finds its labels by one search, and a level moves over where they change.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterator

from .events import Key
from .ledger import Booking
from .measures import PROFILE, UNKNOWN, Kind, Labels, measure

__all__ = ["NOBODY", "Entry", "Interval", "Profile", "settle"]

#: What a view books: (key of the event that makes it, measure, own labels, value).
Entry = tuple[Key, str, Labels, int]
#: A level or mark that holds from one key to another (None: still): (measure, from, to, own labels, value).
Interval = tuple[str, Key, Key | None, Labels, int]


class Profile:
    """Labels of a customer by time: ``labels[i]`` holds after ``keys[i - 1]`` and up to ``keys[i]``, included."""

    __slots__ = ("keys", "labels")

    def __init__(self, keys: list[Key], labels: list[Labels]) -> None:
        self.keys = keys
        self.labels = labels

    def before(self, key: Key) -> Labels:
        """The labels just before an event."""
        return self.labels[bisect_left(self.keys, key)] if self.keys else self.labels[0]

    def split(self, start: Key, end: Key | None) -> Iterator[tuple[Key, Key | None, Labels]]:
        """The stretches of [start, end) with equal labels."""
        index = bisect_right(self.keys, start)
        labels = self.before(start)
        while index < len(self.keys) and (end is None or self.keys[index] < end):
            yield start, self.keys[index], labels
            start = self.keys[index]
            index += 1
            labels = self.labels[index]
        yield start, end, labels

    def changed_since(self, other: Profile) -> int | None:
        """The first instant at which two profiles differ; None if they are the same."""
        if self.keys == other.keys and self.labels == other.labels:
            return None
        same = 0
        for mine, yours in zip(
            zip(self.keys, self.labels, strict=False), zip(other.keys, other.labels, strict=False), strict=False
        ):
            if mine != yours:
                break
            same += 1
        rest = [keys[same][0] for keys in (self.keys, other.keys) if same < len(keys)]
        return min(rest, default=0)


#: Of whom nothing is known.
NOBODY = Profile([], [(UNKNOWN,) * len(PROFILE)])


def settle(entries: list[Entry], intervals: list[Interval], profile: Profile, tail: Labels = ()) -> list[Booking]:
    """Entries and intervals as bookings: with the customer's labels, then ``tail``, after their own."""
    constant = None if profile.keys else profile.labels[0] + tail
    booked: list[Booking] = []
    for key, name, labels, value in entries:
        if measure(name).scheme.profiled:
            labels = labels + (profile.before(key) + tail if constant is None else constant)
        booked.append((key[0], name, labels, value))
    for name, start, end, labels, value in intervals:
        back = -value if measure(name).kind in (Kind.COUNT, Kind.MARK) else value
        for begin, until, known in profile.split(start, end):
            whole = labels + known + tail
            booked.append((begin[0], name, whole, value))
            if until is not None:
                booked.append((until[0], name, whole, back))
    return booked
