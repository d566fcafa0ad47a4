"""Customers: spells by hand and against a plain run over everything; values by a replay of a few events."""

from __future__ import annotations

import random
from collections.abc import Iterable
from typing import Any

import msgspec
import pytest

from streams.core.customers.lifecycle import CustomerLifecycle
from streams.core.customers.spells import JOINED, LEFT, PAID, Marker, Spell, Spells
from streams.core.derivation import derive, rules
from streams.core.events.decoding import decode
from streams.core.events.keys import Key, leaving_key
from streams.core.events.types import CustomerJoined, CustomerLeft, Event, OrderPaid
from streams.core.ledger.dimensions import PROFILE
from streams.core.ledger.label_history import NO_HISTORY
from streams.core.metrics.customers import CUSTOMERS
from streams.core.policy import Policy, ServiceLevel
from streams.core.replay import Replay
from streams.core.temporal.instants import DAY, format_instant
from streams.core.temporal.rolling import rolling

START = 1_767_225_600_000  # 2026-01-01
RANKS = {JOINED: CustomerJoined.rank, PAID: OrderPaid.rank, LEFT: CustomerLeft.rank}


def key(at: int, name: str = "") -> Key:
    return (at, 0, name)


def paid(at: int, name: str = "m") -> Marker:
    return (at, OrderPaid.rank, name), PAID


def made_of(markers: Iterable[Marker], quiet: int = 0) -> list[Spell]:
    spells = Spells(quiet)
    given = list(markers)
    if given:
        spells.commit(spells.plan([], given))
    return spells.spells


class TestSpells:
    def test_begins_by_joining_or_paying_and_ends_by_leaving(self) -> None:
        markers = [(key(1), JOINED), (key(2), PAID), (key(5), LEFT), (key(6), LEFT), (key(7), PAID)]
        assert made_of(markers) == [(key(1), key(5)), (key(7), None)]

    def test_inactivity_ends_it_ahead_and_a_payment_puts_that_off(self) -> None:
        assert made_of([(key(1), JOINED)], 10) == [(key(1), leaving_key(11))]
        assert made_of([(key(1), JOINED), (key(8), PAID)], 10) == [(key(1), leaving_key(18))]
        assert made_of([(key(1), JOINED), (key(8), JOINED)], 10) == [(key(1), leaving_key(11))]

    def test_at_the_instant_inactivity_is_over_a_payment_comes_before_the_leaving(self) -> None:
        assert made_of([paid(1), paid(11)], 10) == [(paid(1)[0], leaving_key(21))]
        assert made_of([paid(1), paid(12)], 10) == [(paid(1)[0], leaving_key(11)), (paid(12)[0], leaving_key(22))]

    def test_joining_at_that_instant_is_the_active_customers_and_keeps_nothing(self) -> None:
        assert made_of([paid(1), (key(11), JOINED)], 10) == [(paid(1)[0], leaving_key(11))]
        assert made_of([paid(1), (key(11), JOINED), paid(11)], 10) == [(paid(1)[0], leaving_key(21))]

    def test_leaving_at_that_instant_is_one_leaving(self) -> None:
        left = (11, CustomerLeft.rank, "m")
        assert made_of([paid(1), (left, LEFT)], 10) == [(paid(1)[0], leaving_key(11))]
        assert made_of([paid(1), paid(11), (left, LEFT)], 10) == [(paid(1)[0], left)]

    @pytest.mark.parametrize(("at", "active"), [(0, False), (1, True), (4, True), (5, False)])
    def test_which_runs_at_an_instant(self, at: int, active: bool) -> None:
        spells = Spells(0)
        spells.commit(spells.plan([], [(key(1), JOINED), (key(5), LEFT)]))
        assert (spells.at(at) is not None) is active

    @pytest.mark.parametrize("seed", range(30))
    def test_changed_bit_by_bit_equals_made_at_once(self, seed: int) -> None:
        rng = random.Random(seed)
        quiet = rng.choice((0, 3, 10, 40))
        kinds = [rng.choice((JOINED, PAID, PAID, LEFT)) for _ in range(40)]
        pool = [((rng.randrange(60), RANKS[kind], f"m{i}"), kind) for i, kind in enumerate(kinds)]
        spells, held = Spells(quiet), set[Marker]()
        for _ in range(60):
            chosen = set(rng.sample(pool, rng.randrange(1, 4)))
            gone, come = chosen & held, chosen - held
            spells.commit(spells.plan(gone, come))
            held = held - gone | come
            assert spells.spells == made_of(held, quiet)


# -- values ---------------------------------------------------------------------------------------------------


class History:
    """Events of customers, `days` after the start; ids are told apart by themselves."""

    def __init__(self) -> None:
        self.events: list[Event] = []

    def tell(self, kind: str, days: float, who: str = "ann", /, **fields: Any) -> None:
        body = {"event_id": f"e{len(self.events)}", "type": kind, "customer_id": who}
        body["occurred_at"] = format_instant(START + round(days * DAY))
        self.events.append(decode(msgspec.json.encode(body | fields)))

    def buy(self, days: float, who: str = "ann", amount: int = 1000) -> str:
        order = f"o{len(self.events)}"
        self.tell("order.placed", days - 0.01, who, order_id=order, currency="EUR", lines=[])
        self.tell("order.paid", days, who, order_id=order, amount_minor=amount, currency="EUR")
        return order

    def values(self, days: float, policy: Policy | None = None, *closes: int) -> dict[tuple[str, str, str], Any]:
        """(metric, window, member) -> value, of `all` and `satisfaction`; `closes`: after how many events as well."""
        policy = policy or Policy()
        as_of = START + round(days * DAY)
        windows = [rolling(name, policy.days) for name in ("7d", "30d", "365d")]
        replay = Replay(policy, windows, [as_of])
        for number, event in enumerate(self.events):
            if event.occurred_at < as_of:
                replay.add(event)
            if number in closes:
                list(replay.close())
        list(replay.close())
        return {
            (record.metric, record.window, record.member): record.value
            for record in replay.records(as_of, CUSTOMERS)
            if record.dimension in ("all", "satisfaction")
        }


def test_churn_is_of_those_active_at_the_windows_start() -> None:
    history = History()
    for who in ("ann", "bob", "eve"):
        history.tell("customer.joined", 0, who)
    history.tell("customer.left", 20, "ann")
    history.tell("customer.joined", 21, "ann")
    history.tell("customer.joined", 22, "new")
    history.tell("customer.left", 23, "new")
    values = history.values(25)
    assert values["churn_ratio", "7d", "all"] == pytest.approx(1 / 3)
    assert values["retention_ratio", "7d", "all"] == pytest.approx(2 / 3)
    assert values["churn_ratio", "30d", "all"] is None  # nobody was active then
    assert values["customers_active", "now", "all"] == 3
    assert values["customers_left", "7d", "all"] == 2
    assert values["left_to_joined_ratio", "7d", "all"] == 1.0


def test_active_at_an_instant_is_by_what_happened_before() -> None:
    history = History()
    history.tell("customer.joined", 1)
    assert history.values(1)["customers_active", "now", "all"] == 0
    assert history.values(1 + 1 / DAY)["customers_active", "now", "all"] == 1


def test_returning_customers_and_orders() -> None:
    history = History()
    history.buy(1)
    history.buy(3, amount=2000)
    history.buy(4, "bob", amount=3000)
    gone = history.buy(5, "bob")
    history.tell("order.cancelled", 6, "bob", order_id=gone)
    values = history.values(7)
    assert values["returning_customer_ratio", "7d", "all"] == 0.5
    assert values["average_order_value", "7d", "all"] == 2000
    assert values["orders_per_customer", "7d", "all"] == 1.5
    assert history.values(9)["returning_customer_ratio", "7d", "all"] == 0.0  # ann's first has left the window


def test_lifetime_value() -> None:
    history = History()
    history.tell("customer.joined", 0)
    history.tell("customer.joined", 0, "bob")
    history.buy(400, amount=6000)
    history.tell("customer.left", 401, "bob")
    policy = Policy()
    values = history.values(402, policy)
    assert values["clv_mean", "365d", "all"] == 6000 * 2  # one of two leaves a year
    assert values["clv_mean", "30d", "all"] is None
    history.events.pop()
    assert history.values(402, policy)["clv_mean", "365d", "all"] == 6000 * 5  # nobody leaves: the cap


@pytest.mark.parametrize(("after", "expected"), [(90 - 1 / DAY, 1.0), (90, 0.0), (0, 1.0)])
def test_repurchase_is_booked_when_90_days_are_over(after: float, expected: float) -> None:
    history = History()
    history.tell("survey.answered", 10, survey_id="s", kind="csat", score=5)
    history.buy(10 + after)
    assert ("repurchase_after_csat_ratio", "7d", "satisfied") not in history.values(100)
    assert history.values(100 + 1 / DAY)["repurchase_after_csat_ratio", "7d", "satisfied"] == expected


@pytest.mark.parametrize("left", [None, 30, 200])
def test_retention_after_a_complaint(left: int | None) -> None:
    history = History()
    history.tell("customer.joined", 0)
    history.tell("ticket.created", 9, ticket_id="t", channel="email")
    history.tell("ticket.sentiment", 10, ticket_id="t", score=-0.5)
    history.tell("survey.answered", 12, survey_id="s", kind="csat", score=1, ticket_id="t")  # the first one counts
    if left is not None:
        history.tell("customer.left", left)
    expected = 0.0 if left == 30 else 1.0
    assert history.values(101)["retention_after_complaint_ratio", "7d", "all"] == expected
    assert history.values(101, None, *range(9)) == history.values(101)


def test_who_is_not_active_does_not_count_among_complaints() -> None:
    history = History()
    history.tell("ticket.created", 9, ticket_id="t", channel="email")
    history.tell("ticket.sentiment", 10, ticket_id="t", score=-0.5)
    assert history.values(101)["retention_after_complaint_ratio", "7d", "all"] is None


def test_inactivity_is_booked_ahead_and_taken_back() -> None:
    history = History()
    policy = Policy(inactivity_ms=30 * DAY)
    history.buy(1)
    assert history.values(31.5, policy)["customers_left", "7d", "all"] == 1
    history.buy(30)
    values = history.values(31.5, policy, 1)
    assert values["customers_left", "7d", "all"] == 0
    assert values["customers_active", "now", "all"] == 1


# -- what is not shown is not booked --------------------------------------------------------------------------


def test_dimensions_that_are_not_shown_are_not_booked() -> None:
    history = History()
    for index in range(6):
        history.tell("ticket.created", index, ticket_id=f"t{index}", channel="email")
        history.buy(index + 0.5)
    found = {}
    for names in (None, ("channel",), ("channel", "tenure")):
        replay = Replay(Policy(dimensions=names), [], [START + 9 * DAY], START)
        for event in history.events:
            replay.add(event)
        list(replay.close())
        found[names] = {margin[0].lstrip("~") for _, margin, _ in replay.ledger.panes.everything()}
    assert set(PROFILE) < found[None]
    assert found["channel",] == {"all", "channel"}
    assert found["channel", "tenure"] == {"all", "channel", "tenure"}


def test_a_thousand_open_tickets_are_one_sum(monkeypatch: pytest.MonkeyPatch) -> None:
    """A change of labels asks no open ticket: the cost of an event is not that of a customer's past."""
    history = History()
    for index in range(40):
        history.tell("ticket.created", index / 24, ticket_id=f"t{index}", channel="email")
    replay = Replay(Policy(), [], [START + 200 * DAY])
    for event in history.events:
        replay.add(event)
        list(replay.close())
    derived = []
    ask = rules.bookings_of

    def bookings(customer: Any, key: Any, entity: Any) -> Any:
        derived.append(key)
        return ask(customer, key, entity)

    monkeypatch.setattr(derive, "bookings_of", bookings)
    history.tell("ticket.created", 3, ticket_id="last", channel="email")
    replay.add(history.events[-1])
    list(replay.close())
    assert set(derived) == {("t", "last")}


def test_an_account_without_labels_to_show_makes_none() -> None:
    assert CustomerLifecycle(Policy(dimensions=("channel",)), ()).history is NO_HISTORY
    assert CustomerLifecycle(Policy(dimensions=("channel", "value")), ()).history is not NO_HISTORY
    promise = ServiceLevel("key accounts", "first_response", "calendar", 60, {"segment": frozenset({"key"})})
    assert CustomerLifecycle(Policy(dimensions=("channel",), service_levels=(promise,)), ()).history is not NO_HISTORY
