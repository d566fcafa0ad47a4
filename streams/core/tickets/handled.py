"""Tickets handled in a window: each once in ``all``, and once under each member that handled it.

Every handling counts, less those followed by another of the same ticket in the same window:

    ann     |------------------)           ( ) = here ann's handling and the next one are both in the window:
    bob            |-----------------|           one of them is taken back, from bob's on until ann's leaves.
    window  enters             leaves

In a dimension whose member changed in between, the next handling under the same member is the one that follows.
Source: definitions.md, ``handle_time_mean_seconds``.
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
    """What a ticket's handlings book, sorted by key.

    The customer's labels are those before each handling and stay with it, as with every sample.
    """
    whole = [(key, labels + history.before(key)) for key, labels in handlings]
    for index, (key, labels) in enumerate(whole):
        yield key[0], _MEASURE, labels, 1
        after = whole[index + 1 :]
        if not after:
            return
        following, others = after[0]
        yield from _again(key, following, labels, 1, windows)
        for place in (place for place, member in enumerate(labels) if others[place] != member):
            # Taken back above with the rest, and given again up to where its own member follows.
            member = labels[place]
            alone = (*[ABSENT] * place, member, *[ABSENT] * (len(labels) - place - 1))
            yield from _again(key, following, alone, -1, windows)
            then = next((later for later, there in after if there[place] == member), None)
            if then is not None:
                yield from _again(key, then, alone, 1, windows)


def _again(key: Key, following: Key, labels: Labels, value: int, windows: Sequence[Window]) -> Iterator[Booking]:
    for window, end in holding(windows, key[0], following[0]):
        name = per_window(_MEASURE, window.name)
        yield following[0], name, labels, value
        if end is not None:
            yield end, name, labels, -value
