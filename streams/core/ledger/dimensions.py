"""Dimensions: labels, the margins they add to, and the schemes that say which dimensions a measure's labels name.

Dimensions are never crossed: a cell belongs to one member of one dimension (its margin), and a booking adds to every
margin of its labels.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

__all__ = [
    "ABSENT", "ALL", "ALWAYS", "BY_CLASS", "BY_SATISFACTION", "BY_TARGET", "DIMENSIONS", "LABELLED", "LEVEL", "LEVELS",
    "NO_LABELS", "OTHER", "OWN", "PERSONS", "PERSON_LEVELS", "PROFILE", "SURVEYED", "SURVEY_LEVELS", "TARGET_LEVELS",
    "TOTAL", "TOTAL_LEVELS", "UNKNOWN", "Labels", "Margin", "Scheme", "margins",
]  # fmt: skip

#: One member for each dimension of a scheme, in its order.
Labels = tuple[str, ...]
#: (dimension, member)
Margin = tuple[str, str]

#: The member of a label that no event says.
UNKNOWN: Final = "unknown"
#: The member that collects those past a limit.
OTHER: Final = "other"
ALL: Final[Margin] = ("all", "all")
#: In place of a member: nothing is added in this dimension, nor to ``all``. No event can say it.
ABSENT: Final = ""

#: The labels of a ticket, survey or order itself. All but the agent are fields of its events, by the same name.
OWN: Final = ("channel", "issue_type", "priority", "product", "group", "agent")
#: The labels of its customer, derived at the instant of the sample.
PROFILE: Final = ("segment", "tenure", "value", "satisfaction", "contact_frequency")
DIMENSIONS: Final = OWN + PROFILE
NO_LABELS: Final[Labels] = (UNKNOWN,) * len(OWN)
#: Dimensions that configuration does not choose.
ALWAYS: Final = ("class", "target", "model")


@dataclass(frozen=True, slots=True, eq=False)  # compared by identity: it is part of the ledger's hottest key
class Scheme:
    """The dimensions of a measure's labels.

    ``total``: the labels add up to ``all`` as well. ``level``: the cells are those of levels, apart from flows (their
    dimensions' names begin with ``LEVEL``), since levels are sums of all time and windows need not carry them.
    ``profiled``: the customer's labels follow the sample's own.
    """

    dimensions: tuple[str, ...]
    total: bool = True
    level: bool = False
    profiled: bool = True


LEVEL: Final = "~"
LABELLED: Final = Scheme(DIMENSIONS)
LEVELS: Final = Scheme(DIMENSIONS, level=True)
SURVEYED: Final = Scheme((*DIMENSIONS, "kind", "program"))
SURVEY_LEVELS: Final = Scheme((*DIMENSIONS, "kind", "program"), level=True)
BY_CLASS: Final = Scheme(("class",), total=False, profiled=False)
BY_TARGET: Final = Scheme(("target",), total=False, profiled=False)
TARGET_LEVELS: Final = Scheme(("target",), total=False, level=True, profiled=False)
BY_SATISFACTION: Final = Scheme(("satisfaction",), total=False, profiled=False)
#: Schemes of customers themselves: their own labels, or none.
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
