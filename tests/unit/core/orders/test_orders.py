"""Orders by hand: what is left, what is taken back and when, and the benefit's classes."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from streams.core.events.keys import sort_key
from streams.core.events.types import (
    EARLIEST,
    CartAbandoned,
    Line,
    OrderCancelled,
    OrderChargedBack,
    OrderEvent,
    OrderPaid,
    OrderPlaced,
    OrderRefunded,
)
from streams.core.ledger.dimensions import NO_LABELS
from streams.core.money import Rate
from streams.core.orders.attribution import Credit
from streams.core.orders.benefit import benefit_bookings
from streams.core.orders.reader import Cart, Order, read_cart, read_order
from streams.core.orders.revenue import revenue_bookings
from streams.core.policy import Policy
from streams.core.temporal.instants import Instant
from streams.core.tickets.view import Touch

EUR = Policy()
#: 1 USD = 0.9 EUR, from long ago.
RATES = Policy(rates={"USD": (Rate("2000-01-01", Fraction(9, 10)),)})


def when(at: int) -> Instant:
    return Instant(EARLIEST + at)


def common(at: int, name: str) -> dict[str, Any]:
    return {"event_id": name, "occurred_at": when(at), "customer_id": "c", "order_id": "o"}


def placed(at: int, *lines: tuple[int, str | None], **more: Any) -> OrderPlaced:
    made = tuple(
        Line(line_id=f"l{i}", amount_minor=amount, class_=name)  # type: ignore[arg-type]
        for i, (amount, name) in enumerate(lines)
    )
    return OrderPlaced(**common(at, f"p{at}"), currency="EUR", lines=made, **more)


def paid(at: int, amount: int, currency: str = "EUR") -> OrderPaid:
    return OrderPaid(**common(at, f"y{at}"), amount_minor=amount, currency=currency)


def refunded(at: int, amount: int, refund: str = "r", currency: str = "EUR") -> OrderRefunded:
    return OrderRefunded(**common(at, f"r{at}"), refund_id=refund, amount_minor=amount, currency=currency)


def charged_back(at: int, amount: int, refund: str = "b") -> OrderChargedBack:
    return OrderChargedBack(**common(at, f"b{at}"), refund_id=refund, amount_minor=amount, currency="EUR")


def cancelled(at: int) -> OrderCancelled:
    return OrderCancelled(**common(at, f"x{at}"))


def told(*events: OrderEvent, policy: Policy = EUR) -> Order:
    return read_order(sorted(events, key=sort_key), policy)


def booked(found: Order, name: str, shares: int = 1) -> list[tuple[int, int]]:
    """(when, amount) of a measure, credited to so many touches of the same weight."""
    credit = Credit(Touch((EARLIEST, 4, "m"), NO_LABELS), 1)
    bookings = revenue_bookings(found, [credit] * shares, [NO_LABELS] * shares)
    return [(at - EARLIEST, amount) for at, measure, _, amount in bookings if measure == name]


def entered(found: Order, name: str) -> list[tuple[int, int]]:
    return [(key[0] - EARLIEST, amount) for key, measure, _, amount in found.entries if measure == name]


def benefit(found: Order, saved: bool = False, repeat: bool = False) -> dict[str, int]:
    return {labels[0]: amount for _, _, labels, amount in benefit_bookings(found, saved, repeat)}


def test_a_refund_restates_the_cohort_and_is_a_negative_of_its_own_time() -> None:
    found = told(placed(0), paid(10, 1000), refunded(20, 300))
    assert found.left == 700
    assert booked(found, "attributed_revenue") == [(10, 700)]
    assert booked(found, "net_attributed_revenue") == [(10, 1000), (20, -300)]
    assert entered(found, "revenue_paid") == [(10, 1000)]
    assert entered(found, "revenue_refunded") == [(20, 300)]


def test_a_refund_before_the_payment_is_taken_back_at_the_payment() -> None:
    found = told(placed(0), refunded(5, 300), paid(10, 1000))
    assert booked(found, "net_attributed_revenue") == [(10, 1000), (10, -300)]
    assert booked(found, "attributed_revenue") == [(10, 700)]
    assert entered(found, "revenue_refunded") == [(5, 300)]


def test_a_refund_without_payment_is_money_back_and_no_revenue() -> None:
    found = told(placed(0), refunded(5, 300))
    assert entered(found, "revenue_refunded") == [(5, 300)]
    assert found.paid_key is None
    assert booked(found, "attributed_revenue") == booked(found, "attributed_orders") == []


def test_refund_and_charge_back_together_never_take_more_than_was_paid() -> None:
    found = told(placed(0), paid(10, 1000), refunded(20, 800), charged_back(30, 800))
    assert found.left == 0
    assert booked(found, "attributed_revenue") == []
    assert booked(found, "net_attributed_revenue") == [(10, 1000), (20, -800), (30, -200)]
    assert entered(found, "revenue_refunded") == [(20, 800), (30, 800)]


def test_the_same_refund_counts_once_be_it_a_refund_or_a_charge_back() -> None:
    found = told(placed(0), paid(10, 1000), refunded(20, 300), refunded(25, 300), charged_back(30, 300, "r"))
    assert found.left == 700
    assert entered(found, "revenue_refunded") == [(20, 300)]


def test_a_cancellation_takes_all_that_is_left_and_refunds_nothing() -> None:
    found = told(placed(0), paid(10, 1000), refunded(20, 300), cancelled(30), refunded(40, 100, "s"))
    assert found.left == 0
    assert booked(found, "net_attributed_revenue") == [(10, 1000), (20, -300), (30, -700)]
    assert entered(found, "revenue_refunded") == [(20, 300), (40, 100)]


def test_payments_add_up_at_the_first() -> None:
    found = told(placed(0), paid(10, 400), paid(20, 600))
    assert booked(found, "attributed_revenue") == [(10, 1000)]
    assert entered(found, "revenue_paid") == [(10, 400), (20, 600)]


def test_two_currencies_are_converted_each_and_what_has_no_rate_is_counted() -> None:
    found = told(
        placed(0), paid(10, 1000), paid(11, 1000, "USD"), paid(12, 500, "XXX"), refunded(20, 55, currency="USD"),
        policy=RATES,
    )  # fmt: skip
    assert entered(found, "revenue_paid") == [(10, 1000), (11, 900), (12, 0)]
    assert entered(found, "revenue_refunded") == [(20, 50)]  # 49.5, half to even
    assert found.left == 1850
    assert found.unconverted == 1


def test_an_order_is_kept_as_long_as_anything_is_left_of_it_in_any_currency() -> None:
    bought = (placed(0), paid(10, 1000), paid(11, 500, "XXX"))
    assert told(*bought).has_remainder
    assert told(*bought, refunded(20, 1000)).has_remainder
    assert told(*bought, refunded(20, 500, currency="XXX")).has_remainder
    assert not told(*bought, refunded(20, 1000), refunded(21, 500, "s", "XXX")).has_remainder
    assert told(*bought, refunded(20, 1000), refunded(21, 500, "s", "YYY")).has_remainder
    assert not told(*bought, cancelled(20)).has_remainder
    assert not told(placed(0), paid(10, 0)).has_remainder


DAYS = 24 * 60 * 60 * 1000


def rates(*factors: str, currency: str = "USD") -> Policy:
    """A rate for each of the first days of 2000."""
    days = (Rate(f"2000-01-{day:02}", Fraction(factor)) for day, factor in enumerate(factors, 1))
    return Policy(rates={currency: tuple(days)})


def test_money_given_back_in_its_currency_has_the_rate_of_its_payment() -> None:
    for later in ("0.8", "0.92"):
        found = told(
            placed(0), paid(10, 10000, "USD"), refunded(DAYS, 10000, currency="USD"), policy=rates("0.9", later)
        )
        assert (found.left, found.has_remainder) == (0, False)
        assert entered(found, "revenue_refunded") == [(DAYS, 9000)]
        assert booked(found, "net_attributed_revenue") == [(10, 9000), (DAYS, -9000)]
        assert [step[1:] for step in found.balance_steps] == [(9000, 1), (-9000, -1)]


def test_the_first_payment_is_given_back_first() -> None:
    payments = (placed(0), paid(1, 100, "USD"), paid(DAYS, 100, "USD"), paid(DAYS + 1, 1000))
    policy = rates("0.5", "0.7", "0.9")
    for amount, back in ((60, 30), (100, 50), (150, 85), (200, 120), (300, 210)):
        found = told(*payments, refunded(2 * DAYS, amount, currency="USD"), policy=policy)
        assert entered(found, "revenue_refunded") == [(2 * DAYS, back)], amount  # past 200 at the day's 0.9
        assert found.left == 1120 - back
    parts = [refunded(2 * DAYS + i, 60, f"r{i}", "USD") for i in range(4)]
    found = told(*payments, *parts, policy=policy)
    assert [amount for _, amount in entered(found, "revenue_refunded")] == [30, 34, 42, 50]  # 20+14, 42, 14+36


def test_a_refund_before_its_payment_has_the_payments_rate() -> None:
    found = told(placed(0), refunded(1, 100, currency="USD"), paid(DAYS, 100, "USD"), policy=rates("0.9", "0.5"))
    assert entered(found, "revenue_refunded") == [(1, 50)]
    assert (found.left, found.has_remainder) == (0, False)


def test_money_given_back_in_another_currency_has_its_own_days_rate() -> None:
    found = told(placed(0), paid(1, 1000), refunded(DAYS, 100, currency="USD"), policy=rates("0.5", "0.7"))
    assert (entered(found, "revenue_refunded"), found.left) == ([(DAYS, 70)], 930)


def test_a_payment_without_a_rate_is_given_back_without_one() -> None:
    policy = Policy(rates={"USD": (Rate("2000-01-02", Fraction(1, 2)),)})
    bought = (placed(0), paid(1, 100, "USD"))
    found = told(*bought, refunded(DAYS, 100, currency="USD"), policy=policy)
    assert (found.has_remainder, found.unconverted, entered(found, "revenue_refunded")) == (False, 2, [(DAYS, 0)])
    assert [step[2] for step in found.balance_steps] == [1, -1]
    found = told(*bought, refunded(DAYS, 150, currency="USD"), policy=policy)
    assert (found.has_remainder, entered(found, "revenue_refunded")) == (False, [(DAYS, 25)])
    found = told(*bought, paid(DAYS, 100, "USD"), refunded(DAYS + 1, 150, currency="USD"), policy=policy)
    assert (found.left, found.has_remainder) == (25, True)


AMOUNTS = st.lists(st.integers(0, 40), min_size=1, max_size=4)
FACTORS = st.fractions(Fraction(1, 50), 3, max_denominator=50)


@given(AMOUNTS, st.lists(FACTORS, min_size=6, max_size=6), st.lists(st.integers(0, 4 * DAYS), max_size=5), st.data())
def test_nothing_is_left_of_an_order_wholly_refunded(
    amounts: list[int], factors: list[Fraction], cuts: list[int], data: st.DataObject
) -> None:
    policy = rates(*map(str, factors))
    payments = [paid(day * DAYS + 1, amount, "USD") for day, amount in enumerate(amounts)]
    total = sum(amounts)
    bounds = sorted([0, total, *(data.draw(st.integers(0, total)) for _ in cuts)])
    days = [data.draw(st.integers(0, 5 * DAYS)) for _ in bounds[1:]]
    parts = [
        OrderRefunded(**common(at, f"r{i}"), refund_id=f"r{i}", amount_minor=high - low, currency="USD")
        for i, (at, low, high) in enumerate(zip(days, bounds, bounds[1:], strict=False))
    ]
    found = told(placed(0), *payments, *parts, policy=policy)
    assert (found.left, found.has_remainder) == (0, False)
    assert sum(amount for _, amount in entered(found, "revenue_refunded")) == found.paid
    assert all(amount >= 0 for _, amount in entered(found, "revenue_refunded"))
    assert sum(step.amount for step in found.balance_steps) == sum(step.orders for step in found.balance_steps) == 0


def test_shares_of_what_is_left_add_up_after_every_refund() -> None:
    found = told(placed(0), paid(10, 100), refunded(20, 1), refunded(30, 1, "s"))
    assert booked(found, "attributed_revenue", 3) == [(10, 33), (10, 33), (10, 32)]
    # 34 33 33, then 33 33 33, then 33 33 32
    assert booked(found, "net_attributed_revenue", 3) == [(10, 34), (10, 33), (10, 33), (20, -1), (30, -1)]


def test_an_order_never_placed_waits() -> None:
    found = told(paid(10, 1000), refunded(20, 300))
    assert found.placed is None
    assert found.entries == []


def test_classes_by_precedence() -> None:
    lines = [(600, None), (300, "upsell"), (100, "renewal")]
    plain = told(placed(0, *lines), paid(1, 1000))
    assert benefit(plain) == {"other": 600, "upsell": 300, "renewal": 100}
    assert benefit(plain, repeat=True) == {"repeat": 600, "upsell": 300, "renewal": 100}
    referred = told(placed(0, *lines, referred_by="d"), paid(1, 1000))
    assert benefit(referred, repeat=True) == {"referral": 600, "upsell": 300, "renewal": 100}
    assert benefit(referred, saved=True) == {"saved_cart": 1000}


def test_what_is_left_is_shared_over_the_lines() -> None:
    found = told(placed(0, (2, "upsell"), (1, "renewal")), paid(1, 1000), refunded(2, 900))
    assert benefit(found) == {"upsell": 67, "renewal": 33}


def test_a_discount_lessens_its_own_class() -> None:
    found = told(placed(0, (10_000, "upsell"), (5_000, None), (-1_000, None)), paid(1, 14_000))
    assert benefit(found) == {"upsell": 10_000, "other": 4_000}
    found = told(placed(0, (10_000, "upsell"), (5_000, None), (-1_000, "upsell")), paid(1, 14_000))
    assert benefit(found) == {"upsell": 9_000, "other": 5_000}


def test_a_discount_alone_in_its_class_lessens_the_others() -> None:
    found = told(placed(0, (6_000, "upsell"), (4_000, "renewal"), (-1_000, None)), paid(1, 9_000))
    assert benefit(found) == {"upsell": 5_400, "renewal": 3_600}


def test_lines_of_nothing_are_one_standard_line() -> None:
    for lines in ([], [(0, "upsell")], [(0, "upsell"), (0, None)], [(100, "upsell"), (-100, None)]):
        assert benefit(told(placed(0, *lines), paid(1, 900))) == {"other": 900}  # type: ignore[arg-type]


def test_nothing_left_is_no_benefit() -> None:
    assert benefit(told(placed(0, (100, None)), paid(1, 100), refunded(2, 100))) == {}
    assert benefit(told(placed(0, (100, None)), paid(1, 0))) == {}
    assert benefit(told(placed(0, (100, None)))) == {}


def test_a_cart_is_abandoned_when_it_first_was() -> None:
    again = [
        CartAbandoned(
            event_id=f"k{at}", occurred_at=when(at), customer_id="c", cart_id="k", amount_minor=1, currency="EUR"
        )
        for at in (3, 9)
    ]
    assert read_cart(again) == Cart((EARLIEST + 3, 5, "k3"))
    assert read_cart([]) is None
