"""The measures: what a booking can add, and to which margins. The catalogue's formulas are made of these.

A booking is ``(instant, measure, labels, value)``. Its measure says how the value adds up in a cell:

* ``COUNT``: the value itself, under the measure's name;
* ``SAMPLE``: a duration in ms: its sum, a count and a quantile bin, under ``name.sum``, ``name.n``, ``name.b<bin>``;
* ``TIMES``: a duration on both clocks (``both``): a ``SAMPLE`` of ms, and the business clock's sum and bin under
  ``name_business.sum``, ``name_business.b<bin>``; the count is the same;
* ``AMOUNT``: an amount of money and how many there are: under ``name`` and ``name.n``;
* ``MARK``: an instant that is to be found again: a count under ``name.<instant>``; its negative takes it back.

and its scheme says which dimensions the labels name. Dimensions are never crossed: a cell belongs to one member of
one dimension (its margin), and what a booking adds goes to every margin of its labels.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Final, NamedTuple

from .quantiles import bin_of

__all__ = [
    "ABSENT",
    "ALIGNED",
    "ALL",
    "DIMENSIONS",
    "LEVEL",
    "MEASURES",
    "NO_LABELS",
    "OTHER",
    "UNKNOWN",
    "Kind",
    "Labels",
    "Margin",
    "Measure",
    "amounts",
    "apart",
    "both",
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


class Kind(Enum):
    COUNT = "count"
    SAMPLE = "sample"
    TIMES = "times"
    AMOUNT = "amount"
    MARK = "mark"


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


#: The aligned windows there are.
ALIGNED: Final = ("day", "week", "month", "quarter", "year")
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


class Measure(NamedTuple):
    kind: Kind = Kind.COUNT
    scheme: Scheme = LABELLED
    #: Whether it is a level that mostly ends with a window's pane, just before its edge.
    edged: bool = False


_TWINS: Final = {LABELLED: LEVELS, SURVEYED: SURVEY_LEVELS, TOTAL: TOTAL_LEVELS}

_COUNT, _TIMES, _LEVEL = Measure(), Measure(Kind.TIMES), Measure(scheme=LEVELS)

MEASURES: Final[dict[str, Measure]] = {
    "tickets_created": _COUNT,
    "tickets_solved": _COUNT,
    "tickets_reopened": _COUNT,
    "tickets_escalated": _COUNT,
    "solved_unanswered": _COUNT,
    "solvings_reopened": _COUNT,
    "tickets_open": _LEVEL,
    "tickets_unanswered": _LEVEL,
    "unanswered_since": Measure(Kind.MARK, LEVELS),
    "handle_ms": _COUNT,
    "tickets_handled": _COUNT,
    "agent_messages": _COUNT,
    "contacts_created": _COUNT,
    "contacts_deflected": _COUNT,
    "first_response": _TIMES,
    "first_acknowledgement": _TIMES,
    "next_response": _TIMES,
    "first_resolution": _TIMES,
    "full_resolution": _TIMES,
    "requester_wait_ms": _COUNT,
    "requester_wait_business_ms": _COUNT,
    "fcr_one_touch": _COUNT,
    "fcr_one_session": _COUNT,
    "fcr_no_repeat": _COUNT,
    "sla_met": Measure(scheme=BY_TARGET),
    "sla_breached": Measure(scheme=BY_TARGET),
    "sla_open_breached": Measure(scheme=TARGET_LEVELS),
    "sla_due_soon": Measure(scheme=TARGET_LEVELS),
    "value_at_risk": Measure(scheme=TOTAL_LEVELS),
    "customers_valued": Measure(scheme=TOTAL_LEVELS),
    "sentiments": _COUNT,
    "sentiment_score": _COUNT,
    "surveys_sent": Measure(scheme=SURVEYED),
    "surveys_answered": Measure(scheme=SURVEYED),
    "sendings_answered": Measure(scheme=SURVEYED),
    "csat_answers": Measure(scheme=SURVEYED),
    "csat_satisfied": Measure(scheme=SURVEYED),
    "csat_score": Measure(scheme=SURVEYED),
    "ces_answers": Measure(scheme=SURVEYED),
    "ces_score": Measure(scheme=SURVEYED),
    "ces_positive": Measure(scheme=SURVEYED),
    "resolution_answers": Measure(scheme=SURVEYED),
    "resolution_yes": Measure(scheme=SURVEYED),
    "nps_answers": Measure(scheme=SURVEYED),
    "nps_promoters": Measure(scheme=SURVEYED),
    "nps_detractors": Measure(scheme=SURVEYED),
    "revenue_paid": Measure(Kind.AMOUNT),
    "revenue_refunded": Measure(Kind.AMOUNT),
    "attributed_revenue": Measure(Kind.AMOUNT, BY_MODEL),
    "net_attributed_revenue": Measure(Kind.AMOUNT, BY_MODEL),
    "attributed_orders": _COUNT,
    "benefit_revenue": Measure(Kind.AMOUNT, BY_CLASS),
    "benefit_deflected": Measure(scheme=BY_CLASS),
    "customers_active": Measure(scheme=PERSON_LEVELS),
    "customers_joined": Measure(scheme=PERSONS),
    "customers_left": Measure(scheme=PERSONS),
    "customers_merged": Measure(scheme=TOTAL),
    "order_value": Measure(Kind.AMOUNT, PERSONS),
    "active_at_start": Measure(scheme=TOTAL_LEVELS),
    "left_since_start": Measure(scheme=TOTAL_LEVELS),
    "joined_and_left": Measure(scheme=TOTAL),
    "bought_again": Measure(scheme=TOTAL),
    "bought_twice_again": Measure(scheme=TOTAL),
    "compared_active": Measure(scheme=TOTAL),
    "compared_touched": Measure(scheme=TOTAL),
    "touched_bought": Measure(scheme=TOTAL),
    "untouched_bought": Measure(scheme=TOTAL),
    "csat_followed": Measure(scheme=BY_SATISFACTION),
    "csat_repurchased": Measure(scheme=BY_SATISFACTION),
    "complaints": Measure(scheme=TOTAL),
    "complaints_retained": Measure(scheme=TOTAL),
}


def per_window(name: str, window: str) -> str:
    """The measure of a level that depends on a window's length, e.g. the last answers of 7 d."""
    return f"{name}@{window}"


def measure(name: str) -> Measure:
    """A measure by name. One per window (``name@window``) has the labels of the one it is named after; it is a level
    of rolling windows, which it leaves again, and a flow of aligned ones, which it stays in.
    """
    found = MEASURES.get(name)
    if found is None:
        if "@" not in name:
            raise KeyError(f"no measure {name!r}")
        family, _, window = name.partition("@")
        kind, scheme, _ = MEASURES[family]
        scheme = scheme if window in ALIGNED else _TWINS.get(scheme, scheme)
        found = MEASURES[name] = Measure(kind, scheme, edged=scheme.level)
    return found


_keys: dict[tuple[str, int], str] = {}
_WORKING: Final[dict[str, str]] = {}
#: Room for 35,000 years.
_BUSINESS_BITS: Final = 50
_BUSINESS: Final = (1 << _BUSINESS_BITS) - 1


def amounts(name: str, kind: Kind, value: int) -> tuple[tuple[str, int], ...]:
    """What one booking of a measure adds to a cell: (key, amount) pairs."""
    if kind is Kind.COUNT:
        return ((name, value),)
    if kind is Kind.AMOUNT:
        return ((name, value), (f"{name}.n", 1))
    if kind is Kind.MARK:
        return ((f"{name}.{abs(value)}", 1 if value > 0 else -1),)
    if kind is Kind.TIMES:
        calendar, business = apart(value)
        working = _WORKING.get(name) or _WORKING.setdefault(name, f"{name}_business")
        return (
            (f"{name}.sum", calendar),
            (f"{name}.n", 1),
            (_bin_key(name, calendar), 1),
            (f"{working}.sum", business),
            (_bin_key(working, business), 1),
        )
    return ((f"{name}.sum", value), (f"{name}.n", 1), (_bin_key(name, value), 1))


def both(calendar: int, business: int) -> int:
    """A duration in ms on both clocks (>= 0) as one value, so that it is one booking."""
    return calendar << _BUSINESS_BITS | business


def apart(value: int) -> tuple[int, int]:
    """A duration, or a sum of durations, of ``both`` clocks: calendar and business."""
    return value >> _BUSINESS_BITS, value & _BUSINESS


def _bin_key(name: str, ms: int) -> str:
    index = bin_of(ms)
    key = _keys.get((name, index))
    if key is None:
        key = _keys[name, index] = f"{name}.b{index}"
    return key


def margins(scheme: Scheme, named: Sequence[Margin]) -> tuple[Margin, ...]:
    """The margins that labels, by dimension, add to: each of them and ``all`` (unless the scheme has no total)."""
    own = [margin for margin in named if margin[1] != ABSENT]
    if scheme.total and len(own) == len(named):
        own.append(ALL)
    return tuple((LEVEL + dimension, member) for dimension, member in own) if scheme.level else tuple(own)
