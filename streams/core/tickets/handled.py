"""Tickets handled in a window: each once in ``all``, and once under each member that handled it.

Every handling counts, less those followed by another of the same ticket in the same window:

    ann     |------------------)           ( ) = here ann's handling and the next one are both in the window:
    bob            |-----------------|           one of them is taken back, from bob's on until ann's leaves.
    window  enters             leaves

In a dimension whose member changed in between, the next handling under the same member is the one that follows.
Source: docs/definitions.md#handle-time.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

from streams.core.events.keys import Key
from streams.core.ledger.bookings import Booking
from streams.core.ledger.dimensions import ABSENT, Labels
from streams.core.ledger.label_history import LabelHistory
from streams.core.ledger.measures import COUNT, declare, per_window
from streams.core.temporal.windows import Window, holding
from streams.core.tickets.view import Touch

__all__ = ["BOOKS", "handled_bookings"]

BOOKS: Final = declare(tickets_handled=COUNT)
(_MEASURE,) = BOOKS


def handled_bookings(handlings: Sequence[Touch], history: LabelHistory, windows: Sequence[Window]) -> Iterator[Booking]:
    """The bookings of a ticket's handlings, which are sorted by key.

    The customer's labels are those before each handling and stay with it, as with every sample.
    """
    labelled = [(key, labels + history.before(key)) for key, labels in handlings]
    for index, (key, labels) in enumerate(labelled):
        yield key[0], _MEASURE, labels, 1
        later = labelled[index + 1 :]
        if not later:
            return
        next_key, next_labels = later[0]
        yield from _repetition(key, next_key, labels, 1, windows)
        for position in (position for position, member in enumerate(labels) if next_labels[position] != member):
            # The booking above took the member back with the rest: give it again until its own next handling.
            member = labels[position]
            one_label = (*[ABSENT] * position, member, *[ABSENT] * (len(labels) - position - 1))
            yield from _repetition(key, next_key, one_label, -1, windows)
            same_member = next((other for other, others in later if others[position] == member), None)
            if same_member is not None:
                yield from _repetition(key, same_member, one_label, 1, windows)


def _repetition(key: Key, following: Key, labels: Labels, value: int, windows: Sequence[Window]) -> Iterator[Booking]:
    """A handling that ``following`` repeats, in the windows that hold both."""
    for window, end in holding(windows, key[0], following[0]):
        name = per_window(_MEASURE, window.name)
        yield following[0], name, labels, value
        if end is not None:
            yield end, name, labels, -value
