"""What a customer books once a window (standing, repeated purchases) and 90 days after an answer or a complaint.

What depends on the window's length is an interval on the clock: +1 at the last instant for which it does not hold yet,
-1 at the last for which it does.

Source: docs/definitions.md#churn-and-retention, docs/definitions.md#returning-customers,
docs/definitions.md#repurchase-and-retention-after-complaints.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

from streams.core.customers.segments import AFTERMATH_MS
from streams.core.customers.spells import Spell
from streams.core.events.keys import Key, first_key, last_key
from streams.core.ledger.amounts import Kind
from streams.core.ledger.bookings import Entry, Interval
from streams.core.ledger.dimensions import BY_SATISFACTION, PERSONS, TOTAL, TOTAL_LEVELS
from streams.core.ledger.measures import Measure, declare, per_window
from streams.core.temporal.instants import EVER
from streams.core.temporal.windows import Window, holding

__all__ = [
    "COMPLAINTS", "FOLLOWED_ANSWERS", "PURCHASES", "STANDING", "complaint_entries", "followed_answer_entries",
    "repeated_purchases", "standing",
]  # fmt: skip

_TOTAL: Final = Measure(scheme=TOTAL)
_TOTAL_LEVEL: Final = Measure(scheme=TOTAL_LEVELS)
_BY_SATISFACTION: Final = Measure(scheme=BY_SATISFACTION)

#: The measures of spells, once a window.
STANDING: Final = declare(active_at_start=_TOTAL_LEVEL, left_since_start=_TOTAL_LEVEL, joined_and_left=_TOTAL)
_AGAIN: Final = declare(bought_again=_TOTAL, bought_twice_again=_TOTAL)
#: The measures of paid orders; repetitions once a window.
PURCHASES: Final = (*declare(order_value=Measure(Kind.AMOUNT, PERSONS)), *_AGAIN)
FOLLOWED_ANSWERS: Final = declare(csat_followed=_BY_SATISFACTION, csat_repurchased=_BY_SATISFACTION)
COMPLAINTS: Final = declare(complaints=_TOTAL, complaints_retained=_TOTAL)


def standing(spell: Spell, windows: Sequence[Window]) -> Iterator[Interval]:
    """The windows at whose start a spell runs, and those of them in which it has ended.

    For aligned windows the customers active at the start follow from those active now and the flows since; only those
    who joined and left in the same window have to be told apart.
    """
    start, end = spell.edges
    for window in windows:
        if window.opens is None:
            yield from _standing_in_rolling(spell, window)
        elif window.resets:
            if spell.end is not None and end < window.until(start):
                yield per_window("joined_and_left", window.name), spell.end, None, (), 1
        elif start < (opened := window.opens(start)) <= end:
            yield per_window("active_at_start", window.name), first_key(opened - 1), None, (), 1
            if spell.end is not None:
                yield per_window("left_since_start", window.name), spell.end, None, (), 1


def _standing_in_rolling(spell: Spell, window: Window) -> Iterator[Interval]:
    enters = window.until(spell.start[0])
    leaves = EVER if spell.end is None else window.until(spell.end[0])
    if leaves <= enters:
        return
    until = None if spell.end is None else first_key(leaves)
    yield per_window("active_at_start", window.name), first_key(enters), until, (), 1
    if spell.end is not None and (left := max(enters, spell.end[0])) < leaves:
        yield per_window("left_since_start", window.name), first_key(left), until, (), 1


def repeated_purchases(paid: int, following: Sequence[int], windows: Sequence[Window]) -> Iterator[Interval]:
    """The windows that hold a paid order and the customer's next one or two. Instants are ms.

    Of k orders in a window, k − 1 are followed by another there and k − 2 by two. So the customers with one or more
    are the orders less the first number; those with more than one are the first number less the second.
    """
    for name, at in zip(_AGAIN, following, strict=False):
        for window, end in holding(windows, paid, at):
            yield per_window(name, window.name), first_key(at), None if end is None else last_key(end), (), 1


def followed_answer_entries(answered: Key, satisfied: bool, next_paid: int | None) -> Iterator[Entry]:
    """The entries of a CSAT answer when 90 days are over; ``next_paid`` (ms): the first paid order at or after it."""
    over, labels = answered[0] + AFTERMATH_MS, ("satisfied" if satisfied else "unsatisfied",)
    yield first_key(over), "csat_followed", labels, 1
    if next_paid is not None and next_paid < over:
        yield first_key(over), "csat_repurchased", labels, 1


def complaint_entries(at: int, spell: Spell | None) -> Iterator[Entry]:
    """The entries of a complaint (ms) when 90 days are over; ``spell``: the one that ran then, None: not active."""
    if spell is None:
        return
    over = at + AFTERMATH_MS
    yield first_key(over), "complaints", (), 1
    if spell.end is None or spell.end[0] >= over:
        yield first_key(over), "complaints_retained", (), 1
