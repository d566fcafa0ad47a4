"""Dimensions: members, margins, and the schemes of labels."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

__all__ = [
    "ABSENT",
    "ALL",
    "ALWAYS",
    "CLASSES",
    "DIMENSIONS",
    "LEVEL",
    "MODELS",
    "NO_LABELS",
    "OTHER",
    "OWN",
    "PROFILE",
    "UNKNOWN",
    "Labels",
    "Margin",
    "Scheme",
    "margins",
]

Labels = tuple[str, ...]
Margin = tuple[str, str]

UNKNOWN: Final = "unknown"
OTHER: Final = "other"
ALL: Final[Margin] = ("all", "all")

#: What a ticket, survey or order labels its samples with itself, in this order.
OWN: Final = ("channel", "issue_type", "priority", "product", "group", "agent")
#: What its customer adds, derived at the instant of the sample.
PROFILE: Final = ("segment", "tenure", "value", "satisfaction", "contact_frequency")
DIMENSIONS: Final = OWN + PROFILE
NO_LABELS: Final[Labels] = (UNKNOWN,) * len(OWN)
#: In place of a member: nothing is added in this dimension, nor to ``all``. No event can tell it.
ABSENT: Final = ""
#: Dimensions that configuration does not choose.
ALWAYS: Final = ("class", "target", "model")
#: The classes of benefit, and the models of attribution.
CLASSES: Final[Labels] = (
    "saved_cart", "renewal", "upsell", "cross_sell", "upgrade", "referral", "repeat", "other", "savings",
)  # fmt: skip
MODELS: Final[Labels] = ("last_touch", "first_touch", "linear", "time_decay", "position")


@dataclass(frozen=True, slots=True, eq=False)  # compared by identity: it is part of the ledger's hottest key
class Scheme:
    """The dimensions of a measure's labels, and whether they also add up to ``all``.

    Levels have cells of their own (their dimensions' names begin with ``LEVEL``), because they are the sum of all
    time and windows need not carry them.
    """

    dimensions: tuple[str, ...]
    total: bool = True
    level: bool = False
    #: Whether the customer's labels stand after the sample's own.
    profiled: bool = True


LEVEL: Final = "~"
LABELLED: Final = Scheme(DIMENSIONS)
LEVELS: Final = Scheme(DIMENSIONS, level=True)
SURVEYED: Final = Scheme((*DIMENSIONS, "kind", "program"))
SURVEY_LEVELS: Final = Scheme((*DIMENSIONS, "kind", "program"), level=True)
#: An order's shares under the configured model's labels. They add up to what every other model credits as well, so
#: each of them is a member of all five models; to book the five apart would say the same five times over.
BY_MODEL: Final = Scheme((*DIMENSIONS, *("model",) * len(MODELS)))
BY_CLASS: Final = Scheme(("class",), total=False, profiled=False)
BY_TARGET: Final = Scheme(("target",), total=False, profiled=False)
TARGET_LEVELS: Final = Scheme(("target",), total=False, level=True, profiled=False)
BY_SATISFACTION: Final = Scheme(("satisfaction",), total=False, profiled=False)
#: Of customers themselves: their own labels, or none.
PERSONS: Final = Scheme(PROFILE)
PERSON_LEVELS: Final = Scheme(PROFILE, level=True)
TOTAL: Final = Scheme((), profiled=False)
TOTAL_LEVELS: Final = Scheme((), level=True, profiled=False)


def margins(scheme: Scheme, named: Sequence[Margin]) -> tuple[Margin, ...]:
    """The margins that labels, by dimension, add to: each of them and ``all`` (unless the scheme has no total)."""
    own = [margin for margin in named if margin[1] != ABSENT]
    if scheme.total and len(own) == len(named):
        own.append(ALL)
    return tuple((LEVEL + dimension, member) for dimension, member in own) if scheme.level else tuple(own)
