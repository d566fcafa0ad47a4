"""What customers book per window and 90 days after an answer or a complaint."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

from streams.core.customers.segments import AFTERMATH_MS
from streams.core.customers.spells import Spell
from streams.core.events.keys import Key, first_key, last_key
from streams.core.ledger.bookings import Entry, Interval
from streams.core.ledger.measures import per_window
from streams.core.temporal.window_set import WindowSet

__all__ = ["AGAIN", "STANDING", "bought_again", "complaint", "repurchase", "standing"]
#: What is booked per window of spells and of orders.
STANDING: Final = ("active_at_start", "left_since_start", "joined_and_left")
AGAIN: Final = ("bought_again", "bought_twice_again")


def standing(spell: Spell, windows: WindowSet) -> Iterator[Interval]:
    """For which windows a spell runs at their start, and for which of these it has ended inside.

    Of aligned windows, who was active at the start follows from who is now and the flows since; only those who joined
    and left in the same one have to be told apart.
    """
    end, period = spell.end, windows.start
    if end is not None:
        for kind in windows.aligned:
            if end[0] < kind.period(spell.start[0]).end:
                yield per_window("joined_and_left", kind.name), end, None, (), 1
    for window in windows.rolling:
        enters = window.leaves(spell.start[0])
        leaves = None if end is None else window.leaves(end[0])
        if leaves is not None and leaves <= enters:
            continue
        upto = None if leaves is None else first_key(leaves)
        yield per_window("active_at_start", window.name), first_key(enters), upto, (), 1
        if end is not None and leaves is not None and max(enters, end[0]) < leaves:
            yield per_window("left_since_start", window.name), first_key(max(enters, end[0])), upto, (), 1
    if period is not None and spell.start[0] < period and (end is None or end[0] >= period):
        yield per_window("active_at_start", "period"), first_key(period - 1), None, (), 1
        if end is not None:
            yield per_window("left_since_start", "period"), end, None, (), 1


def bought_again(paid: int, following: Sequence[int], windows: WindowSet) -> Iterator[Interval]:
    """A paid order and the customer's next ones, as far as they are in a window together.

    Of k orders in a window, k − 1 are followed by another there and k − 2 by two: so customers with one or more are
    the orders less the first number, those with more than one are the first number less the second.
    """
    for name, at in zip(AGAIN, following, strict=False):
        for window, end in windows.holding(paid, at):
            yield per_window(name, window), first_key(at), None if end is None else last_key(end), (), 1


def repurchase(answered: Key, satisfied: bool, next_paid: int | None) -> Iterator[Entry]:
    """What a CSAT answer books when 90 days are over; ``next_paid``: the first paid order at or after it."""
    key, labels = first_key(answered[0] + AFTERMATH_MS), ("satisfied" if satisfied else "unsatisfied",)
    yield key, "csat_followed", labels, 1
    if next_paid is not None and next_paid < answered[0] + AFTERMATH_MS:
        yield key, "csat_repurchased", labels, 1


def complaint(at: int, spell: Spell | None) -> Iterator[Entry]:
    """What a complaint of an active customer books when 90 days are over; ``spell``: the one that ran then."""
    if spell is None:
        return
    key = first_key(at + AFTERMATH_MS)
    yield key, "complaints", (), 1
    if spell.end is None or spell.end[0] >= at + AFTERMATH_MS:
        yield key, "complaints_retained", (), 1
