"""The family ``customers``: activity, loyalty and worth. Source: each metric's heading in docs/definitions.md."""

from __future__ import annotations

from fractions import Fraction
from math import sqrt
from typing import Final

from streams.core.ledger.dimensions import PROFILE
from streams.core.metrics.base import (
    ACTIVE_AT_START,
    MONEY,
    Metric,
    Sums,
    Value,
    count,
    level,
    ratio,
    rounded,
    under,
    wilson,
)  # fmt: skip

__all__ = ["CUSTOMERS"]

#: The dimensions of customers, who have no channel or agent of their own.
_PERSON: Final = ("all", *PROFILE)
_ALL: Final = ("all",)
#: The measures of ``_churn``: the first two of rolling windows, the rest of aligned ones.
_CHURN: Final = ("active_at_start", "left_since_start", *ACTIVE_AT_START, "joined_and_left")
#: The only window with a lifetime value.
_YEAR: Final = "365d"


def _churn(sums: Sums, left: bool) -> Value:
    """The share of customers active at the start who left (``left``), or stayed."""
    active, leavers = sums.in_window("active_at_start"), sums.in_window("left_since_start")
    if sums.active is not None:
        active, leavers = sums.active, sums.flow("customers_left") - sums.in_window("joined_and_left")
    return Value((leavers if left else active - leavers) / active if active else None, active)


def _buyers(sums: Sums) -> int:
    """The customers with a paid order in the window."""
    return sums.flow("order_value.n") - sums.in_window("bought_again")


def _returning(sums: Sums) -> Value:
    buyers = _buyers(sums)
    again = sums.in_window("bought_again") - sums.in_window("bought_twice_again")
    return Value(again / buyers if buyers else None, buyers)


def _order_value(sums: Sums) -> Value:
    n = sums.flow("order_value.n")
    return Value(sums.flow("order_value") / n if n else None, n)


def _orders(sums: Sums) -> Value:
    buyers = _buyers(sums)
    return Value(sums.flow("order_value.n") / buyers if buyers else None, buyers)


def _clv(sums: Sums) -> Value:
    """Exact until the last step. Average order value times orders per customer is the spending of a customer."""
    buyers, active, leavers = _buyers(sums), sums.in_window("active_at_start"), sums.in_window("left_since_start")
    if sums.window != _YEAR or not buyers or not active:
        return Value(None, 0)
    years = min(Fraction(active, leavers), sums.policy.clv_cap) if leavers else sums.policy.clv_cap
    value = Fraction(sums.flow("order_value"), buyers) * sums.policy.contribution_margin * years
    return Value(rounded(value), buyers)


def _increment(sums: Sums) -> Value:
    """Undefined without touched customers, untouched ones, or orders.

    Source of the bounds: Newcombe, Statistics in Medicine 17, 1998, method 10: the difference of two proportions by
    their Wilson intervals.
    """
    active = sums.in_window("compared_active") + (sums.active or 0)
    touched, orders = sums.in_window("compared_touched"), sums.flow("order_value.n")
    untouched = active - touched
    if not touched or not untouched or not orders:
        return Value(None, active)
    touched_buyers, untouched_buyers = sums.in_window("touched_bought"), sums.in_window("untouched_bought")
    share, untouched_share = touched_buyers / touched, untouched_buyers / untouched
    low, high = wilson(touched_buyers, touched)
    untouched_low, untouched_high = wilson(untouched_buyers, untouched)
    below = sqrt((share - low) ** 2 + (untouched_high - untouched_share) ** 2)
    above = sqrt((high - share) ** 2 + (untouched_share - untouched_low) ** 2)
    difference, scale = share - untouched_share, touched * sums.flow("order_value") / orders
    # The same in whole numbers up to the last step: difference * touched * order_value / orders.
    value = (touched_buyers * untouched - untouched_buyers * touched) * sums.flow("order_value") / (untouched * orders)
    return Value(value, active, (difference - below) * scale, (difference + above) * scale)


CUSTOMERS: Final = [
    *under("spells",
        Metric("customers_active", "count", "customers", "Customers active now: joined or bought, and not left since.",
               "spells begun less spells ended, up to now", level("customers_active"), ("customers_active",),
               ("customers_active", "customers_joined", "customers_left"), dimensions=_PERSON, level=True),
        Metric("customers_joined", "count", "customers", "Spells of being active begun, by joining or a paid order.",
               "count of beginnings", count("customers_joined"), ("customers_joined",), dimensions=_PERSON),
        Metric("customers_left", "count", "customers", "Spells of being active ended, by leaving or inactivity.",
               "count of ends", count("customers_left"), ("customers_left",), dimensions=_PERSON),
    ),
    *under("churn-and-retention",
        Metric("left_to_joined_ratio", "ratio", "ratio", "Customers left for each who joined.",
               "customers_left / customers_joined", ratio("customers_left", "customers_joined"),
               ("customers_left", "customers_joined"), dimensions=_PERSON),
        Metric("churn_ratio", "ratio", "ratio", "Share of the customers active at the window's start who left in it.",
               "active at start and left since / active at start", lambda sums: _churn(sums, left=True),
               _CHURN, ("active_at_start",), dimensions=_ALL),
        Metric("retention_ratio", "ratio", "ratio",
               "Share of the customers active at the window's start who stayed without interruption.",
               "active at start and ever since / active at start", lambda sums: _churn(sums, left=False),
               _CHURN, ("active_at_start",), dimensions=_ALL),
    ),
    *under("returning-customers",
        Metric("returning_customer_ratio", "ratio", "ratio",
               "Share of buyers with more than one paid order in the window.",
               "customers with > 1 paid order / customers with >= 1", _returning,
               ("order_value", "bought_again", "bought_twice_again"), ("order_value",), dimensions=_ALL),
    ),
    *under("order-value-and-lifetime-value",
        Metric("average_order_value", "mean", MONEY, "Mean of what is left of paid orders, at their first payment.",
               "sum of what is left / orders of which anything is left", _order_value, ("order_value",),
               dimensions=_PERSON),
        Metric("orders_per_customer", "mean", "orders", "Paid orders for each customer with one in the window.",
               "paid orders / customers with >= 1", _orders, ("order_value", "bought_again"), ("order_value",),
               dimensions=_ALL),
        Metric("clv_mean", "mean", MONEY,
               "Lifetime value of a customer, from the last 365 days; null in other windows.",
               "average_order_value * orders_per_customer * contribution_margin * min(1 / churn_ratio, clv_cap_years)",
               _clv, ("order_value", "bought_again", "active_at_start", "left_since_start"),
               ("order_value", "active_at_start"), dimensions=_ALL, aligned=False),
    ),
    *under("incremental-revenue",
        Metric("incremental_revenue", "mean", MONEY,
               "What touched customers bought more often than untouched ones, at the average order value. A "
               "comparison, not a proof: who writes to service may differ from who does not.",
               "(share of touched with a paid order after the touch - share of untouched with a paid order) * "
               "touched * average_order_value, of customers active in the window", _increment,
               ("order_value", *ACTIVE_AT_START, "compared_active", "compared_touched", "touched_bought",
                "untouched_bought"), ("order_value",), dimensions=_ALL, interval="Newcombe"),
    ),
    *under("repurchase-and-retention-after-complaints",
        Metric("repurchase_after_csat_ratio", "ratio", "ratio",
               "Share of CSAT answers after which the customer paid an order within 90 days; booked when these "
               "are over.",
               "answers followed by a paid order / answers, 90 days ago", ratio("csat_repurchased", "csat_followed"),
               ("csat_repurchased", "csat_followed"), ("csat_followed",), dimensions=("satisfaction",)),
        Metric("retention_after_complaint_ratio", "ratio", "ratio",
               "Share of complaints (a low CSAT score or negative sentiment, one a ticket) of active customers "
               "after which the customer stayed for 90 days; booked when these are over.",
               "complaints whose customer stayed / complaints of active customers, 90 days ago",
               ratio("complaints_retained", "complaints"),
               ("complaints_retained", "complaints"), ("complaints",), dimensions=_ALL),
    ),
]  # fmt: skip
