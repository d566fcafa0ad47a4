"""The behaviour of the simulated desk is plausible, and its causes and effects hang together."""

from __future__ import annotations

import bisect
from collections import Counter, defaultdict
from statistics import mean, median

import pytest

from streams.core.temporal.instants import DAY, HOUR, MINUTE, parse_instant
from streams.demo.company import Agent
from streams.demo.simulator import simulate
from streams.kafka.topics import ORDERS
from tests.unit.demo.simulated import DAYS, START, Events, desk_events, of_type


@pytest.fixture(scope="module")
def events() -> Events:
    return desk_events()


def first_responses(events: Events) -> list[tuple[int, str, float]]:
    """Of tickets by customers: creation, channel, seconds to the first public agent message."""
    created: dict[tuple[str, str], tuple[int, str]] = {}
    out = []
    for one in of_type(events, "ticket.created", "ticket.message"):
        body = one.event
        ticket = (one.key, body["ticket_id"])
        if body["type"] == "ticket.created":
            if "created_by" not in body:
                created[ticket] = (one.at, body["channel"])
        elif body["author"] == "agent" and body["public"] and ticket in created:
            at, channel = created.pop(ticket)
            out.append((at, channel, (one.at - at) / 1000))
    return out


def test_traffic_is_as_asked_for_with_a_daily_and_a_weekly_rhythm(events: Events) -> None:
    created = of_type(events, "ticket.created")
    assert 0.75 < len(created) / DAYS / 250 < 1.35
    hours = Counter(one.at % DAY // HOUR for one in created)
    assert hours[10] > 4 * hours[3]
    weekdays = Counter((one.at // DAY + 3) % 7 for one in created)
    assert weekdays[0] > 1.5 * weekdays[6]
    for name, fewest in (("channel", 5), ("issue_type", 8), ("product", 5), ("priority", 4), ("group", 5)):
        assert len({one.event.get(name) for one in created} - {None}) == fewest
    assert len({one.event.get("agent_id") for one in events} - {None}) == 20


def test_answers_are_quick_by_phone_and_slow_at_night(events: Events) -> None:
    responses = first_responses(events)
    by_channel = defaultdict(list)
    email_by_day = defaultdict(list)
    for at, channel, seconds in responses:
        by_channel[channel].append(seconds)
        if channel == "email" and (at // DAY + 3) % 7 < 4:
            email_by_day[10 <= at % DAY // HOUR < 16, at % DAY // HOUR >= 20].append(seconds)
    middle = {channel: median(seconds) for channel, seconds in by_channel.items()}
    assert middle["phone"] < middle["chat"] < 600 < middle["social"]
    assert median(email_by_day[True, False]) < 2 * 3600 < 6 * 3600 < median(email_by_day[False, True])


def csat_by_ticket(events: Events) -> dict[tuple[str, str], int]:
    return {
        (one.key, one.event["ticket_id"]): one.event["score"]
        for one in of_type(events, "survey.answered")
        if one.event.get("kind") == "csat"
    }


def test_answers_to_surveys_are_plausible(events: Events) -> None:
    scores = list(csat_by_ticket(events).values())
    assert set(scores) == {1, 2, 3, 4, 5}
    assert 0.7 < sum(score >= 4 for score in scores) / len(scores) < 0.9
    sent, answered = (len(of_type(events, f"survey.{what}")) for what in ("sent", "answered"))
    assert 0.2 < answered / sent < 0.5
    nps = [one.event["score"] for one in of_type(events, "survey.answered") if one.event.get("kind") == "nps"]
    assert min(nps) >= 0
    assert max(nps) <= 10
    assert {one.event["kind"] for one in of_type(events, "survey.sent")} == {
        "nps", "csat", "ces", "resolution",
    }  # fmt: skip


def test_bad_service_makes_unhappy_customers(events: Events) -> None:
    score = csat_by_ticket(events)
    reopened = set()
    solved = set()
    created: dict[tuple[str, str], int] = {}
    took: dict[tuple[str, str], int] = {}
    for one in of_type(events, "ticket.created", "ticket.status_changed"):
        ticket = (one.key, one.event["ticket_id"])
        if one.event["type"] == "ticket.created":
            created[ticket] = one.at
        elif one.event["status"] == "solved":
            solved.add(ticket)
            took[ticket] = one.at - created[ticket]
        elif one.event["status"] == "open" and ticket in solved:
            reopened.add(ticket)
    again = [value for ticket, value in score.items() if ticket in reopened]
    once = [value for ticket, value in score.items() if ticket not in reopened]
    assert len(again) > 30
    assert mean(again) < mean(once) - 0.5
    by_time = sorted((took[ticket], value) for ticket, value in score.items() if ticket in took)
    third = len(by_time) // 3
    assert mean(v for _, v in by_time[-third:]) < mean(v for _, v in by_time[:third]) - 0.1


def test_satisfied_customers_buy_more_and_leave_less(events: Events) -> None:
    orders = defaultdict(list)
    for one in of_type(events, "order.placed"):
        orders[one.key].append(one.at)
    left = {one.key: one.at for one in of_type(events, "customer.left")}
    bought: dict[bool, list[bool]] = {True: [], False: []}
    stayed: dict[bool, list[bool]] = {True: [], False: []}
    for one in of_type(events, "survey.answered"):
        if one.event.get("kind") == "csat" and one.at < START + (DAYS - 14) * DAY:
            happy = one.event["score"] >= 4
            times = orders[one.key]
            bought[happy].append(bisect.bisect(times, one.at + 14 * DAY) > bisect.bisect(times, one.at))
            stayed[happy].append(not one.at < left.get(one.key, 0) < one.at + 14 * DAY)
    assert mean(bought[True]) > mean(bought[False])
    assert mean(stayed[True]) > mean(stayed[False])


def net_return(events: Events, end: int) -> float:
    """(Revenue of orders placed within five days of a touch - accrued cost) / cost, roughly as defined."""
    touches = defaultdict(list)
    for one in of_type(events, "ticket.message", "ticket.handled"):
        if "talk_seconds" in one.event or (one.event.get("author") == "agent" and one.event["public"]):
            touches[one.key].append(one.at)
    credited: Counter[tuple[str, str]] = Counter()
    for one in events:
        if one.topic != ORDERS or "order_id" not in one.event:
            continue
        order = (one.key, one.event["order_id"])
        if one.event["type"] == "order.placed":
            before = bisect.bisect_left(touches[one.key], one.at)
            if before and touches[one.key][before - 1] >= one.at - 5 * DAY:
                credited[order] = 0
        elif order in credited:
            sign = 1 if one.event["type"] == "order.paid" else -1
            credited[order] += sign * one.event.get("amount_minor", credited[order])
    costs = {one.key: one.event for one in of_type(events, "cost.incurred")}
    cost = 0.0
    for body in costs.values():
        begin, over = parse_instant(body["period_start"]), parse_instant(body["period_end"])
        cost += body["amount_minor"] * min(1.0, (end - begin) / (over - begin))
    return (sum(credited.values()) - cost) / cost


@pytest.mark.parametrize("seed", [1, 5])
def test_the_return_is_plausible(seed: int) -> None:
    end = START + DAYS * DAY
    assert 0.5 < net_return(list(simulate(seed=seed, start_ms=START, end_ms=end)), end) < 4


def test_a_smaller_desk_pays_as_well() -> None:
    end = START + DAYS * DAY
    small = list(simulate(seed=1, start_ms=START, end_ms=end, customers=300, tickets_per_day=20))
    assert 0.5 < net_return(small, end) < 4


def test_actual_costs_replace_estimates(events: Events) -> None:
    bases = defaultdict(list)
    for one in of_type(events, "cost.incurred"):
        if one.event["category"] == "personnel":
            bases[one.key].append(one.event["basis"])
    assert sorted(bases.values()) == [["estimate"], ["estimate", "actual"], ["estimate", "actual"]]


def test_a_surge_is_one_issue_of_one_product_and_changes_nothing_before_it() -> None:
    at = START + 3 * DAY
    quiet = list(simulate(seed=3, start_ms=START, end_ms=at + 20 * MINUTE))
    loud = list(simulate(seed=3, start_ms=START, end_ms=at + 20 * MINUTE, surge_at_ms=at))
    assert [e for e in quiet if e.at < at] == [e for e in loud if e.at < at]
    created = [one.event for one in of_type(loud, "ticket.created") if one.at >= at]
    what = Counter((body.get("issue_type"), body["product"]) for body in created)
    assert what.most_common(1)[0][1] >= 40


def test_surges_come_by_themselves(events: Events) -> None:
    halves: Counter[tuple[int, str, str]] = Counter()
    for one in of_type(events, "ticket.created"):
        if "issue_type" in one.event:
            halves[one.at // (6 * HOUR), one.event["issue_type"], one.event["product"]] += 1
    assert 2 <= len({half for (half, _, _), n in halves.items() if n >= 30}) <= 40


def test_the_desk_grows_with_its_traffic() -> None:
    events = list(simulate(seed=1, start_ms=START, end_ms=START + 2 * DAY, customers=5000, tickets_per_day=2500))
    assert len(of_type(events, "ticket.created")) > 3000
    assert len({one.event.get("agent_id") for one in events} - {None}) > 100
    assert median(s for at, channel, s in first_responses(events) if channel == "phone") < 60


def test_an_agent_works_within_the_shifts() -> None:
    monday = parse_instant("2025-01-13T00:00:00Z")
    day = Agent("a", "care", 0.0, 8 * HOUR, 17 * HOUR, frozenset(range(5)))
    assert day.available(monday) == monday + 8 * HOUR
    assert day.available(monday + 9 * HOUR) == monday + 9 * HOUR
    assert day.available(monday + 4 * DAY + 17 * HOUR) == monday + 7 * DAY + 8 * HOUR
    day.free_from = monday + 10 * HOUR
    assert day.available(monday + 9 * HOUR) == monday + 10 * HOUR
    night = Agent("b", "live", 0.0, 19 * HOUR, 32 * HOUR, frozenset({0, 2}))
    assert night.available(monday + DAY + 3 * HOUR) == monday + DAY + 3 * HOUR
    assert night.available(monday + DAY + 8 * HOUR) == monday + 2 * DAY + 19 * HOUR
