"""Costs and the return on them, by hand."""

from __future__ import annotations

from collections.abc import Mapping
from fractions import Fraction
from typing import Any

import pytest

from streams.core.costs.accrual import AccruedCosts, CostAccrual, accrued_costs, allocate, read_cost
from streams.core.events.keys import sort_key
from streams.core.events.types import EARLIEST, CostIncurred
from streams.core.metrics.base import Sums, Value
from streams.core.metrics.families import METRICS
from streams.core.money import Rate
from streams.core.policy import Attribution, Policy
from streams.core.temporal.instants import DAY, Instant


def cost(at: int, amount: int, basis: Any = "actual", **more: Any) -> CostIncurred:
    given = {"currency": "EUR", "period_start": Instant(EARLIEST), "period_end": Instant(EARLIEST + 90)} | more
    return CostIncurred(
        event_id=f"e{at}", occurred_at=Instant(EARLIEST + at), cost_id="k", category="overhead", amount_minor=amount,
        basis=basis, **given,
    )  # fmt: skip


def slope(
    amount: int, channel: str | None = None, *, estimate: bool = False, start: int = 0, end: int = 90
) -> CostAccrual:
    return CostAccrual(start, end, amount, channel, None, estimate)


def value(metric: str, cell: Mapping[str, int] | None = None, cost: int = 0, **more: Any) -> Value:
    compute = METRICS[metric].compute
    assert compute is not None
    policy = more.pop("policy", Policy())
    return compute(Sums(cell or {}, {}, "30d", more.pop("as_of", 0), cost, policy, **more))


def test_accrual_is_floored_and_ends_at_the_whole_amount() -> None:
    a = slope(100)
    assert [a.amount_within(0, at) for at in (-5, 0, 1, 45, 89, 90, 200)] == [0, 0, 1, 50, 98, 100, 100]
    assert sum(a.amount_within(at, at + 1) for at in range(90)) == 100


def test_a_credit_note_accrues_to_its_whole_amount_too() -> None:
    a = slope(-100)
    assert sum(a.amount_within(at, at + 1) for at in range(90)) == -100


def test_the_latest_counts_and_an_actual_is_never_replaced_by_an_estimate() -> None:
    def amount(*events: CostIncurred) -> int:
        found = read_cost(sorted(events, key=sort_key), Policy())
        assert found is not None
        return found.amount

    assert amount(cost(1, 10), cost(2, 20)) == 20
    assert amount(cost(1, 10, "estimate"), cost(2, 20, "estimate")) == 20
    assert amount(cost(1, 10), cost(2, 20, "estimate")) == 10
    assert amount(cost(1, 10, "estimate"), cost(2, 20)) == 20


def test_another_currency() -> None:
    policy = Policy(rates={"USD": (Rate("2000-01-01", Fraction(9, 10)),)})
    found = read_cost([cost(1, 100, currency="USD")], policy)
    assert found is not None
    assert found.amount == 90
    assert read_cost([cost(1, 100, currency="XXX")], policy) is None


def test_the_course_of_a_window() -> None:
    found = accrued_costs({slope(90): 2, slope(45, estimate=True): 1, slope(7, start=500, end=600): 1}, 0, 10)
    assert (found.total, found.estimated, found.costs) == (25, 5, 3)


def test_labelled_costs_stay_and_the_rest_is_shared_to_the_unit() -> None:
    found = accrued_costs({slope(100): 1, slope(11, "chat"): 1}, 0, 90)
    by_channel = allocate(found, "channel", {"email": 1, "chat": 1, "phone": 1})
    assert by_channel == {"chat": 11 + 34, "email": 33, "phone": 33}  # by name: chat is the first
    assert sum(by_channel.values()) == found.total
    assert allocate(found, "priority", {"low": 1, "other": 2}) == {"low": 37, "other": 74}


def test_without_any_weights_the_rest_is_of_unknown() -> None:
    assert allocate(accrued_costs({slope(100): 1}, 0, 90), "channel", {"email": 0}) == {"unknown": 100}
    assert allocate(accrued_costs({}, 0, 90), "channel", {}) == {}


def test_a_credit_note_is_shared_to_the_unit() -> None:
    found = allocate(accrued_costs({slope(-100): 1}, 0, 90), "channel", {"a": 1, "b": 1, "c": 1})
    assert sum(found.values()) == -100
    assert sorted(found.values()) == [-34, -33, -33]


@pytest.mark.parametrize(("benefit", "net", "gross"), [(400_000, 3.0, 4.0), (150_000, 0.5, 1.5), (0, -1.0, 0.0)])
def test_the_published_examples(benefit: int, net: float, gross: float) -> None:
    cell = {"attributed_revenue": benefit}
    assert value("roi_net_ratio", cell, 100_000) == Value(net, 100_000)
    assert value("roi_gross_ratio", cell, 100_000) == Value(gross, 100_000)


def test_savings_are_told_apart() -> None:
    policy = Policy(cost_per_contact_saved=50, contribution_margin=Fraction(1, 2))
    cell = {"attributed_revenue": 4_000, "attributed_revenue.n": 3, "contacts_deflected": 20}
    assert value("benefit_total", cell, policy=policy) == Value(3_000, 23)
    assert value("roi_net_ratio", cell, 1_000, policy=policy).value == 2.0
    assert value("roi_net_excluding_savings_ratio", cell, 1_000, policy=policy).value == 1.0


def test_without_cost_there_is_no_return() -> None:
    for metric in ("roi_net_ratio", "roi_gross_ratio", "roi_net_excluding_savings_ratio", "cost_estimated_ratio"):
        assert value(metric, {"attributed_revenue": 5}) == Value(None, 0)


def test_costs_for_each() -> None:
    cell = {"tickets_solved": 4, "contacts_created": 5}
    assert value("cost_per_resolution", cell, 1_000) == Value(250.0, 4)
    assert value("cost_per_contact", cell, 1_000) == Value(200.0, 5)
    assert value("cost_per_contact", {}, 1_000) == Value(None, 0)


def test_count_of_cost_is_the_costs_in_course_and_estimates_have_their_share() -> None:
    found = AccruedCosts((), 1_000, 250, 3)
    assert value("service_cost", {}, 1_000, accrued=found) == Value(1_000, 3)
    assert value("service_cost", {}, 0, accrued=found) == Value(0, 0)
    assert value("cost_estimated_ratio", {}, 1_000, accrued=found) == Value(0.25, 1_000)


def test_maturity_is_the_share_past_the_longest_horizon() -> None:
    def mature(start: int, end: int, as_of: int, policy: Policy | None = None) -> float | None:
        span = (start * DAY, end * DAY)
        return value("maturity_ratio", as_of=as_of * DAY, span=span, policy=policy or Policy()).value

    assert mature(0, 90, 90) == 60 / 90
    assert mature(60, 90, 90) == 0
    assert mature(0, 30, 45) == 0.5  # an earlier aligned period
    assert mature(0, 30, 60) == 1
    assert mature(0, 90, 90, Policy(attribution=Attribution(look_back_ms=45 * DAY))) == 0.5
    assert mature(0, 90, 90, Policy(repeat_ms=60 * DAY)) == 30 / 90
    assert mature(5, 5, 5) is None
