"""The engine equals the oracle: every metric, window, dimension and member, over random histories and settings."""

from __future__ import annotations

import random
from collections.abc import Iterable
from math import isclose
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from streams.core.ledger.dimensions import PROFILE
from streams.core.metrics.families import METRICS
from streams.core.orders.benefit import CLASSES
from tests.oracle import SUPPORTED, oracle
from tests.oracle.clock import DAY, to_ms
from tests.oracle.model import Result
from tests.oracle.strategies import FIRST, SETTINGS, histories, random_as_of, random_events, rfc3339

from .harness import Event, Key, Values, replays, settings_of

#: What the oracle and the catalogue both have.
SHARED = sorted(set(METRICS) & SUPPORTED)
#: Money counts differently by design: its `count` is not compared.
MONEY = {name for name, metric in METRICS.items() if metric.kind == "money"}
NAMED = SETTINGS["service_levels"]


def levels(metrics: tuple[str, ...], clocks: tuple[str, ...]) -> list[dict[str, Any]]:
    return [level for level in NAMED if level["metric"] in metrics and level["clock"] in clocks]


#: The plain promises; those of every other sort have a test of their own, so that one gap does not hide all the rest.
PLAIN = SETTINGS | {
    "windows": {"aligned": ["month"]},
    "service_levels": [
        *levels(("first_response",), ("calendar",)),
        {"name": "chat", "metric": "first_response", "clock": "calendar", "seconds": 60,
         "filter": {"channel": ["chat", "phone"]}},
    ]
}  # fmt: skip


@st.composite
def desks(draw: st.DrawFn) -> dict[str, Any]:
    """Settings: zones, money, horizons, windows, limits."""
    business = SETTINGS["business"] | {
        "time_zone": draw(st.sampled_from(["Europe/Berlin", "UTC", "America/Sao_Paulo", "Asia/Kathmandu"]))
    }
    return PLAIN | {
        "business": business,
        "contribution_margin": draw(st.sampled_from([0.4, 1, 0.333])),
        "incrementality": draw(st.sampled_from([0.5, 1, 0])),
        "cost_per_contact_saved": draw(st.sampled_from([0, 350])),
        "attribution": {"look_back_days": draw(st.sampled_from([5, 1, 30]))},
        "fcr": {"repeat_days": draw(st.sampled_from([7, 1]))},
        "dimensions": {"limit": draw(st.sampled_from([50, 3, 1]))},
        "windows": {"aligned": draw(st.sampled_from([[], ["week"], ["month", "quarter"], ["day"], ["year"]]))},
    }


def wrong(name: str, found: Any, expected: Result) -> str | None:
    """Why a record is not what the oracle says; None if it is."""
    one, two = found.value, expected.value
    tolerance = 0.0100001 if "_p50_" in name or "_p90_" in name else 1e-9
    if (one is None) != (two is None):
        return f"{one} instead of {two}"
    if one is not None and two is not None:
        exact = isinstance(two, int) and isinstance(one, int)
        if (one != two) if exact else not isclose(one, two, rel_tol=tolerance, abs_tol=1e-9):
            return f"{one} instead of {two}"
    if name not in MONEY and found.count != expected.count:
        return f"count {found.count} instead of {expected.count} (value {one})"
    if expected.low is not None and found.low is not None:
        bounds = zip((found.low, found.high), (expected.low, expected.high), strict=True)
        if not all(isclose(a, b or 0.0, rel_tol=1e-9, abs_tol=1e-9) for a, b in bounds):
            return f"bounds {found.low}, {found.high} instead of {expected.low}, {expected.high}"
    return None


def named(key: Key) -> str:
    """The window as the oracle names it: an aligned one with its first local day."""
    return key[1] if key[1] == "period" or key[2] is None else f"{key[1]}@{key[2][:10]}"


def compare(
    values: Values, expected: dict[tuple[str, str, str, str], Result], metrics: Iterable[str], profile: bool
) -> int:
    """Holds the values against the oracle's; gives how many of them say something.

    `profile`: by the customers' derived segments, else by all other dimensions.
    """
    chosen = set(metrics)
    told = {key[1] for key in expected}
    found = {
        (key[0], named(key), key[3], key[4]): record
        for key, record in values.items()
        if key[0] in chosen
        and not (record.final and named(key) not in told)  # told as final a little longer than the oracle does
        and (key[3] in PROFILE) is profile
    }
    expected = {key: result for key, result in expected.items() if (key[2] in PROFILE) is profile}
    bad = []
    telling = 0
    for key in sorted(found.keys() | expected.keys()):
        record, result = found.get(key), expected.get(key)
        if record is None:
            assert result is not None
            untold = "@" in key[1] and not METRICS[key[0]].aligned  # that they are told nowhere is a test of its own
            if (
                not untold
                and key[2] in METRICS[key[0]].dimensions
                and (result.value or result.count * (key[0] not in MONEY))
            ):
                bad.append(f"{key}: absent instead of {result.value}, count {result.count}")
        elif result is None:
            if record.value or record.count * (key[0] not in MONEY):
                bad.append(f"{key}: {record.value}, count {record.count}; the oracle has no such member")
        else:
            telling += bool(result.value)
            reason = wrong(key[0], record, result)
            if reason:
                bad.append(f"{key}: {reason}")
    assert not bad, f"{len(bad)} values differ\n" + "\n".join(bad[:12])
    return telling


def hold(
    events: list[Event], instants: list[int], given: dict[str, Any], start: int | None = None, profile: bool = False,
    metrics: Iterable[str] = SHARED,
) -> int:  # fmt: skip
    return sum(
        compare(
            values,
            oracle(events, as_of=at, start=start, settings=given, metrics=set(metrics), aligned=True),
            metrics,
            profile,
        )
        for at, values in zip(instants, replays(events, instants, settings_of(given), start), strict=True)
    )


@settings(max_examples=30)
@given(histories(max_size=80, merges=False), desks(), st.integers(0, 1000), st.booleans())
def test_every_value_equals_the_oracles(
    events: list[Event], given_settings: dict[str, Any], seed: int, period: bool
) -> None:
    as_of = random_as_of(seed, events)
    start = FIRST + seed * 7_654_321 if period else None  # any ms: the period is exact
    if start is not None and start >= as_of:
        start = as_of - 1
    hold(events, [as_of], given_settings, start)


@settings(max_examples=12)
@given(histories(max_size=80, merges=False), desks(), st.integers(0, 1000))
def test_every_value_by_the_customers_segments(events: list[Event], given_settings: dict[str, Any], seed: int) -> None:
    hold(events, [random_as_of(seed, events)], given_settings, profile=True)


@pytest.mark.parametrize("profile", [False, True], ids=["labels", "segments"])
@pytest.mark.parametrize("seed", range(4))
def test_large_histories_at_several_instants(seed: int, profile: bool) -> None:
    """Law 5 with it: one run over all instants gives at each what the oracle gives for the events before it alone."""
    events = random_events(seed, 300, merges=False)
    rng = random.Random(seed)
    first = rng.randrange(FIRST + 40 * DAY, FIRST + 60 * DAY)
    step = rng.choice((DAY, 7 * DAY, 11 * DAY + 3_333_333))
    instants = [first + number * step for number in range(4)]
    telling = hold(events, instants, PLAIN, first - rng.randrange(1, 20 * DAY), profile)
    assert telling > 80, "the histories say too little to compare anything"


def test_every_shared_metric_is_reached() -> None:
    """A comparison in which a metric is always 0 would pass by accident."""
    seen: set[str] = set()
    for seed in range(4):
        events = random_events(seed, 250, merges=False)
        last = max(to_ms(event["occurred_at"]) for event in events)
        births = [to_ms(event["occurred_at"]) for event in events if event["type"] == "ticket.created"]
        instants = sorted({max(births) + 1, last - 10 * DAY, last + 1, last + 95 * DAY, last + 300 * DAY})
        for values in replays(events, instants, settings_of(PLAIN), FIRST):
            seen |= {key[0] for key, record in values.items() if record.value}
    assert set(SHARED) - seen == set()


def test_the_catalogue_says_nothing_the_oracle_does_not_know() -> None:
    """Warnings and goals judge other values: the oracle has none of them."""
    assert {name for name in set(METRICS) - SUPPORTED if "all" in METRICS[name].dimensions} == set()


@pytest.mark.parametrize("level", [level["name"] for level in NAMED])
@pytest.mark.parametrize("seed", range(2))
def test_each_sort_of_service_level(level: str, seed: int) -> None:
    given_settings = SETTINGS | {"service_levels": [row for row in NAMED if row["name"] == level]}
    events = random_events(100 + seed, 200, merges=False)
    last = max(to_ms(event["occurred_at"]) for event in events)
    sla = {"sla_attained_ratio", "sla_breaches", "value_at_risk"}
    assert hold(events, [last - 30 * DAY, last + DAY], given_settings, FIRST, metrics=sla) > 0


@pytest.mark.parametrize("seed", range(6))
def test_inactivity_that_is_over_at_the_instant_of_other_events(seed: int) -> None:
    """Everything happens at midnight, so that payments, joinings and leavings fall together with the ends of spells."""
    rng = random.Random(seed)
    events: list[Event] = []
    for number in range(40):
        at, who = rfc3339(FIRST + rng.randrange(30) * DAY), rng.choice("ab")
        own = {"occurred_at": at, "customer_id": who}
        money = {"order_id": f"o{number}", "amount_minor": 100, "currency": "EUR"}
        placed = money | {"type": "order.placed", "lines": [{"line_id": "l", "amount_minor": 100}]}
        bodies = ({"type": "customer.joined"},), ({"type": "customer.left"},), (placed, money | {"type": "order.paid"})
        for body in rng.choice((*bodies, bodies[-1])):
            events.append({"event_id": f"e{len(events):03}", **own, **body})
    rng.shuffle(events)
    spells = {"customers_active", "customers_joined", "customers_left", "churn_ratio", "retention_ratio"}
    given_settings = PLAIN | {"inactivity_days": rng.choice((1, 2, 5))}
    assert hold(events, [FIRST + 20 * DAY, FIRST + 40 * DAY], given_settings, FIRST, metrics=spells) > 0


def test_every_metric_is_told_in_aligned_windows_too() -> None:
    """All but clv_mean, which is of 365 days by its definition: docs/definitions.md#order-value-and-lifetime-value."""
    assert {name for name, metric in METRICS.items() if not metric.level and not metric.aligned} <= {"clv_mean"}


def test_the_comparison_notices_a_difference() -> None:
    """The referee itself: one sample more in the engine than in the oracle is seen."""
    events = random_events(5, 120, merges=False)
    as_of = random_as_of(5, events)
    values = replays(events, [as_of], settings_of(PLAIN), FIRST)[0]
    fewer = [event for event in events if event["type"] != "ticket.created"]
    with pytest.raises(AssertionError, match="values differ"):
        compare(
            values,
            oracle(fewer, as_of=as_of, start=FIRST, settings=PLAIN, metrics=set(SHARED), aligned=True),
            SHARED,
            False,
        )


def saved(abandoned: str, touched: str, placed: str) -> list[Event]:
    """An abandoned cart, one agent's message and the order placed with the cart's id, paid in full: 100."""
    own = {"customer_id": "c"}
    money = {"amount_minor": 100, "currency": "EUR"}
    return [
        own | {"event_id": "1", "type": "ticket.created", "occurred_at": "2026-01-01T00:00:00Z", "ticket_id": "t",
               "channel": "chat"},
        own | {"event_id": "2", "type": "cart.abandoned", "occurred_at": abandoned, "cart_id": "k"} | money,
        own | {"event_id": "3", "type": "ticket.message", "occurred_at": touched, "ticket_id": "t", "author": "agent"},
        own | {"event_id": "4", "type": "order.placed", "occurred_at": placed, "order_id": "o", "currency": "EUR",
               "cart_id": "k", "lines": [{"line_id": "l", "amount_minor": 100}]},
        own | {"event_id": "5", "type": "order.paid", "occurred_at": placed, "order_id": "o"} | money,
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("abandoned", "expected"),
    [
        ("2026-01-02T09:59:59Z", "saved_cart"),
        # At one instant an agent's message precedes "others", so the cart was not yet abandoned:
        # docs/contracts.md#order-of-events-at-one-instant.
        ("2026-01-02T10:00:00Z", "other"),
        ("2026-01-02T10:00:01Z", "other"),
    ],
)
def test_a_cart_is_saved_in_the_one_order_of_the_contract(abandoned: str, expected: str) -> None:
    events = saved(abandoned, "2026-01-02T10:00:00Z", "2026-01-02T12:00:00Z")
    as_of = to_ms("2026-01-03T00:00:00Z")
    assert oracle(events, as_of=as_of, metrics={"benefit"})["benefit", "7d", "class", expected].value == 100
    values = replays(events, [as_of], settings_of())[0]
    told = {key[4]: record.value for key, record in values.items() if key[:2] == ("benefit", "7d")}
    assert told == dict.fromkeys(CLASSES, 0) | {expected: 100}
