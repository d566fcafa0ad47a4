"""Tickets handled in a window: each once in ``all``, and once under each member that handled it.

A count of distinct things does not add up from panes. So a ticket is a level of each window, from a handling until
that leaves the window or the next handling takes its place:

    ann     |--------------(---------)        ( ) = only in dimension ``agent``: bob's handling has taken the place
    bob            |------------------|             of ann's in ``all``, but hers is still in the window
    window  enters                    leaves

Source: definitions.md, ``handle_time_mean_seconds``.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from .events import Key
from .ledger import Booking
from .measures import ABSENT, Labels, per_window
from .profile import Profile
from .ticket_view import Touch
from .windows import Window, spans

__all__ = ["bookings"]

_MEASURE = "tickets_handled"


def bookings(
    handlings: Sequence[Touch], profile: Profile, windows: Sequence[Window], period: int | None
) -> Iterator[Booking]:
    """What a ticket's handlings book, sorted by key; ``period`` is the start of a replay's own window (ms).

    The customer's labels are those before each handling and stay with it, as with every sample.
    """
    whole = [(key, labels + profile.before(key)) for key, labels in handlings]
    for index, (key, labels) in enumerate(whole):
        following = whole[index + 1][0] if index + 1 < len(whole) else None
        yield from _level(key, key, following, labels, windows, period)
        if following is None:
            return
        after = whole[index + 1 :]
        for place, member in enumerate(labels):
            if after[0][1][place] != member:
                alone = (*[ABSENT] * place, member, *[ABSENT] * (len(labels) - place - 1))
                again = next((then for then, others in after if others[place] == member), None)
                yield from _level(key, following, again, alone, windows, period)


def _level(
    key: Key, since: Key, following: Key | None, labels: Labels, windows: Sequence[Window], period: int | None
) -> Iterator[Booking]:
    """A handling as a level of each window, from ``since`` on, until it leaves or ``following`` comes."""
    for window, end in spans(key, following, windows, period):
        if end is None or end[0] > since[0]:
            name = per_window(_MEASURE, window)
            yield since[0], name, labels, 1
            if end is not None:
                yield end[0], name, labels, -1
