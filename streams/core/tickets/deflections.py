"""Deflected contacts, which self-service or automation made unnecessary: their count and their savings.

Source: docs/definitions.md#benefit.
"""

from __future__ import annotations

from typing import Final

from streams.core.events.keys import sort_key
from streams.core.events.types import ContactDeflected
from streams.core.ledger.bookings import Entry
from streams.core.ledger.dimensions import BY_CLASS, NO_LABELS, UNKNOWN
from streams.core.ledger.measures import COUNT, Measure, declare

__all__ = ["BOOKS", "deflection_entries"]

BOOKS: Final = declare(contacts_deflected=COUNT, benefit_deflected=Measure(scheme=BY_CLASS))


def deflection_entries(event: ContactDeflected) -> list[Entry]:
    """The entries of one deflected contact."""
    key = sort_key(event)
    labels = (event.channel, event.issue_type or UNKNOWN, *NO_LABELS[2:])
    return [(key, "contacts_deflected", labels, 1), (key, "benefit_deflected", ("savings",), 1)]
