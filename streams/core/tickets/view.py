"""A ticket as its events leave it: its own bookings, its neighbours' needs, its promises' clocks.

``reader.read_ticket`` fills it. Keys are in the contract's order, instants in ms.
"""

from __future__ import annotations

from bisect import bisect_right
from typing import Final, NamedTuple

from streams.core.events.keys import Key
from streams.core.ledger.bookings import Entry, Interval
from streams.core.ledger.dimensions import NO_LABELS, Labels

__all__ = ["SOLVED", "WAITING", "Clocks", "Repeat", "Ticket", "Touch", "Wait"]

SOLVED: Final = frozenset(("solved", "closed"))
#: The statuses in which the requester waits for the desk.
WAITING: Final = frozenset(("new", "open", "on_hold"))


class Touch(NamedTuple):
    """A public agent message or a call, with the labels of its ticket at that moment."""

    key: Key
    labels: Labels


class Repeat(NamedTuple):
    """An instant and an issue type: what decides whether contacts repeat."""

    at: int
    issue_type: str


class Wait(NamedTuple):
    """A customer's wait for an agent: its start, and the reply or the solving without one (None: not yet)."""

    start: Key
    replied: int | None
    dropped: int | None


class Clocks(NamedTuple):
    """The clocks that service levels are judged by."""

    created: Key
    #: From the creation to the first reply; None if no customer created the ticket.
    first_wait: Wait | None
    later_waits: list[Wait]
    #: Each status with the instant it began, ``new`` at the creation first.
    statuses: list[tuple[int, str]]


class Ticket:
    """A ticket's view."""

    __slots__ = (
        "clocks", "contact", "entries", "handlings", "intervals", "keys", "labels", "no_repeat", "sentiments", "solved",
        "touches", "voided",
    )  # fmt: skip

    def __init__(self) -> None:
        #: Its bookings, but for those that depend on the customer's other tickets or on the windows' lengths.
        self.entries: list[Entry] = []
        self.intervals: list[Interval] = []
        #: The handlings, with their labels: in each window the ticket is one ticket handled.
        self.handlings: list[Touch] = []
        self.touches: list[Touch] = []
        #: Scores of sentiment, -1..1; those of merged-away tickets stay.
        self.sentiments: list[tuple[Key, Labels, float]] = []
        #: None if it takes no part in ticket metrics.
        self.clocks: Clocks | None = None
        #: Creation by the customer and first solving for its neighbours; None if it takes no part in ticket metrics.
        #: The solving is None also if it was reopened too soon to count as the first contact's.
        self.contact: Repeat | None = None
        self.solved: Repeat | None = None
        #: Its entry if no contact repeats after the first solving.
        self.no_repeat: Entry | None = None
        self.voided = False
        #: The labels from each change on, by the key of the event that made it; none: the ticket was never created.
        self.keys: list[Key] = []
        self.labels: list[Labels] = []

    @classmethod
    def empty(cls, voided: bool) -> Ticket:
        """A ticket that counts nowhere: voided, or never created."""
        ticket = cls()
        ticket.voided = voided
        return ticket

    def labels_at(self, key: Key) -> Labels:
        """The labels in force just after everything up to ``key``; before the creation those of the creation."""
        if not self.keys:
            return NO_LABELS
        return self.labels[max(bisect_right(self.keys, key) - 1, 0)]

    def open_levels(self) -> list[tuple[str, int]]:
        """The levels that hold now: (measure, value)."""
        return [(name, value) for name, _, end, _, value in self.intervals if end is None]
