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

from typing import Final, NamedTuple

from streams.core.ledger.amounts import Kind
from streams.core.ledger.dimensions import (
    BY_CLASS,
    BY_MODEL,
    BY_SATISFACTION,
    BY_TARGET,
    LABELLED,
    LEVELS,
    PERSON_LEVELS,
    PERSONS,
    SURVEY_LEVELS,
    SURVEYED,
    TARGET_LEVELS,
    TOTAL,
    TOTAL_LEVELS,
    Scheme,
)
from streams.core.temporal.periods import ALIGNED

__all__ = ["MEASURES", "Measure", "measure", "per_window"]


class Measure(NamedTuple):
    kind: Kind = Kind.COUNT
    scheme: Scheme = LABELLED
    #: Whether it is a level that mostly ends with a window's pane, just before its edge.
    ends_at_pane_edge: bool = False


_TWINS: Final = {LABELLED: LEVELS, SURVEYED: SURVEY_LEVELS, TOTAL: TOTAL_LEVELS}

_COUNT, _TIMES, _LEVEL = Measure(), Measure(Kind.TWO_CLOCKS), Measure(scheme=LEVELS)

MEASURES: Final[dict[str, Measure]] = {
    "tickets_created": _COUNT,
    "tickets_solved": _COUNT,
    "tickets_reopened": _COUNT,
    "tickets_escalated": _COUNT,
    "solved_unanswered": _COUNT,
    "solvings_reopened": _COUNT,
    "tickets_open": _LEVEL,
    "tickets_unanswered": _LEVEL,
    "unanswered_since": Measure(Kind.INSTANT, LEVELS),
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
        found = MEASURES[name] = Measure(kind, scheme, ends_at_pane_edge=scheme.level)
    return found
