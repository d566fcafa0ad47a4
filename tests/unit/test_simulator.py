"""The simulated desk: the same every time, in order, true to the contract, and it hangs together."""

from __future__ import annotations

import asyncio
import bisect
import gzip
import json
from collections import Counter, defaultdict
from collections.abc import AsyncIterator
from itertools import islice, pairwise
from pathlib import Path
from statistics import mean, median
from typing import Any

import pytest

from streams.core.events.decoding import decode
from streams.core.temporal.instants import DAY, HOUR, MINUTE, parse_instant
from streams.demo.company import Agent
from streams.demo.event_files import write_event_files
from streams.demo.simulator import live, simulate
from streams.demo.world import SimulatedEvent
from streams.kafka.topics import COSTS, CUSTOMERS, INPUTS, ORDERS, SURVEYS, TICKETS

START = parse_instant("2025-01-15T05:00:00Z")
DAYS = 60

Events = list[SimulatedEvent]

# Our own reading of the contract: required and optional fields with their type or their values.
TEXT, WHOLE, NUMBER = str, int, (int, float)
TICKET = {"ticket_id": TEXT}
MONEY = {"amount_minor": WHOLE, "currency": TEXT}
ABOUT = {
    "kind": {"nps", "csat", "ces", "resolution"}, "program": {"transactional", "relationship"},
    "ticket_id": TEXT, "agent_id": TEXT, "scale_min": NUMBER, "scale_max": NUMBER,
    "direction": {"ease", "effort"},
}  # fmt: skip
LABELS = {"issue_type": TEXT, "priority": TEXT, "product": TEXT, "group": TEXT}
STATUSES = {"new", "open", "pending", "on_hold", "solved", "closed"}
CONTRACT: dict[str, tuple[str, dict[str, Any], dict[str, Any]]] = {
    "ticket.created": (
        TICKETS, {**TICKET, "channel": TEXT}, {**LABELS, "created_by": {"customer", "agent", "rule"}},
    ),
    "ticket.message": (
        TICKETS, {**TICKET, "author": {"customer", "agent", "bot", "rule"}}, {"public": bool, "agent_id": TEXT},
    ),
    "ticket.status_changed": (TICKETS, {**TICKET, "status": STATUSES}, {}),
    "ticket.updated": (TICKETS, TICKET, {**LABELS, "channel": TEXT, "agent_id": TEXT}),
    "ticket.handled": (
        TICKETS, TICKET,
        {"agent_id": TEXT, "talk_seconds": NUMBER, "hold_seconds": NUMBER, "after_call_seconds": NUMBER},
    ),
    "ticket.escalated": (TICKETS, TICKET, {"level": (str, int)}),
    "ticket.sentiment": (TICKETS, {**TICKET, "score": NUMBER}, {}),
    "ticket.merged": (TICKETS, {**TICKET, "into_ticket_id": TEXT}, {}),
    "ticket.voided": (TICKETS, TICKET, {}),
    "contact.deflected": (
        TICKETS, {"channel": TEXT, "by": {"self_service", "automation"}}, {"issue_type": TEXT},
    ),
    "survey.sent": (SURVEYS, {"survey_id": TEXT, "kind": ABOUT["kind"]}, ABOUT),
    "survey.answered": (SURVEYS, {"survey_id": TEXT, "score": NUMBER}, ABOUT),
    "order.placed": (
        ORDERS, {"order_id": TEXT, "currency": TEXT, "lines": list}, {"cart_id": TEXT, "referred_by": TEXT},
    ),
    "order.paid": (ORDERS, {"order_id": TEXT, **MONEY}, {}),
    "order.refunded": (ORDERS, {"order_id": TEXT, "refund_id": TEXT, **MONEY}, {}),
    "order.charged_back": (ORDERS, {"order_id": TEXT, "refund_id": TEXT, **MONEY}, {}),
    "order.cancelled": (ORDERS, {"order_id": TEXT}, {}),
    "cart.abandoned": (ORDERS, {"cart_id": TEXT, **MONEY}, {}),
    "customer.joined": (CUSTOMERS, {}, {}),
    "customer.left": (CUSTOMERS, {}, {"reason": TEXT}),
    "customer.updated": (CUSTOMERS, {}, {"segment": TEXT, "tier": TEXT}),
    "customer.merged": (CUSTOMERS, {"into_customer_id": TEXT}, {}),
    "cost.incurred": (
        COSTS,
        {
            "cost_id": TEXT, **MONEY, "period_start": TEXT, "period_end": TEXT, "basis": {"actual", "estimate"},
            "category": {"personnel", "technology", "overhead", "outsourcing", "training"},
        },
        {"item": TEXT, "channel": TEXT, "issue_type": TEXT},
    ),
}  # fmt: skip


@pytest.fixture(scope="module")
def events() -> Events:
    return list(simulate(seed=1, start_ms=START, end_ms=START + DAYS * DAY))


def of_type(events: Events, *types: str) -> Events:
    return [event for event in events if event.event["type"] in types]


def body_errors(one: SimulatedEvent) -> list[str]:
    body = one.event
    topic, required, optional = CONTRACT[body["type"]]
    every = {"event_id": TEXT, "type": TEXT, "occurred_at": TEXT}
    owner = body.get("customer_id")
    if body["type"] == "cost.incurred":
        owner = body["cost_id"]
    elif body["type"] == "contact.deflected" and owner is None:
        owner = body["event_id"]
    else:
        every["customer_id"] = TEXT
    errors = [f"{name} missing" for name in {**every, **required} if name not in body]
    known = {**optional, **required, **every, "customer_id": TEXT}
    for name, value in body.items():
        kind = known.get(name)
        if kind is None:
            errors.append(f"{name} unknown")
        elif isinstance(kind, set):
            errors += [f"{name}={value!r}"] * (value not in kind)
        elif not isinstance(value, kind) or (isinstance(value, bool) and kind is not bool):
            errors.append(f"{name} is {type(value).__name__}")
    if one.topic != topic or one.key != owner:
        errors.append(f"{one.topic} {one.key}")
    if parse_instant(body["occurred_at"]) != one.at or not body["occurred_at"].endswith("Z"):
        errors.append("occurred_at")
    return errors


def test_every_event_keeps_the_contract(events: Events) -> None:
    wrong = [(event, errors) for event in events if (errors := body_errors(event))]
    assert wrong[:3] == []


def test_every_event_is_accepted_by_the_decoder(events: Events) -> None:
    for event in events[::7]:
        decode(json.dumps(event.event).encode())


def test_every_type_of_the_contract_occurs(events: Events) -> None:
    assert {event.event["type"] for event in events} == set(CONTRACT)


def test_details_the_types_do_not_say(events: Events) -> None:
    classes = Counter[str]()
    for one in of_type(events, "order.placed"):
        lines = one.event["lines"]
        assert lines
        assert len({line["line_id"] for line in lines}) == len(lines)
        for line in lines:
            assert line.keys() <= {"line_id", "amount_minor", "class", "product"}
            assert type(line["amount_minor"]) is int
            assert line["amount_minor"] > 0
            classes[line.get("class", "standard")] += 1
    assert set(classes) == {"standard", "upsell", "cross_sell", "upgrade", "renewal"}
    for one in of_type(events, "ticket.handled"):
        assert one.event.keys() & {"talk_seconds", "hold_seconds", "after_call_seconds"}
    for one in of_type(events, "ticket.sentiment"):
        assert -1 <= one.event["score"] <= 1
    for one in of_type(events, "cost.incurred"):
        assert parse_instant(one.event["period_start"]) < parse_instant(one.event["period_end"])


def test_events_are_in_order_and_before_the_end(events: Events) -> None:
    assert all(a.at <= b.at for a, b in pairwise(events))
    assert events[-1].at < START + DAYS * DAY


def test_before_the_desk_opens_customers_only_join_and_buy(events: Events) -> None:
    before = {event.topic for event in events if event.at < START}
    assert before == {CUSTOMERS, ORDERS}
    opened = list(simulate(seed=1, start_ms=START, end_ms=START + DAY, prelude_days=0))
    assert min(event.at for event in opened) == START


def test_event_ids_are_unique_over_everything(events: Events) -> None:
    ids = [event.event["event_id"] for event in events]
    assert len(set(ids)) == len(ids)
    assert ids == sorted(ids), "the contract's last resort at equal times keeps the order as well"


def test_ids_of_another_run_are_others(events: Events) -> None:
    for other in (
        simulate(seed=2, start_ms=START, end_ms=START + DAY),
        simulate(seed=1, start_ms=START + 1, end_ms=START + DAY),
    ):
        assert not {event.key for event in other} & {event.key for event in events}


def test_same_seed_same_events_whatever_the_end(events: Events) -> None:
    again = simulate(seed=1, start_ms=START)
    assert list(islice(again, 30_000)) == events[:30_000]


def test_another_seed_is_another_desk(events: Events) -> None:
    kinds = [event.event["type"] for event in events[:5000]]
    other = [event.event["type"] for event in islice(simulate(seed=2, start_ms=START), 5000)]
    assert kinds != other


def test_what_refers_to_something_comes_after_it(events: Events) -> None:
    seen: set[tuple[str, str]] = set()
    for one in events:
        body = one.event
        for name in ("ticket_id", "order_id", "survey_id"):
            if name in body:
                if body["type"] in ("ticket.created", "order.placed", "survey.sent") and (
                    name.split("_")[0] == body["type"].split(".")[0]
                ):
                    assert (one.key, body[name]) not in seen
                    seen.add((one.key, body[name]))
                assert (one.key, body[name]) in seen, body
        if "into_ticket_id" in body:
            assert (one.key, body["into_ticket_id"]) in seen
            assert body["into_ticket_id"] != body["ticket_id"]


def test_nobody_buys_or_leaves_after_leaving(events: Events) -> None:
    gone: set[str] = set()
    for one in of_type(events, "customer.left", "customer.joined", "order.placed"):
        assert one.key not in gone, one
        if one.event["type"] == "customer.left":
            gone.add(one.key)
    assert gone


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


def test_wrong_parameters_are_refused() -> None:
    for wrong in ({"customers": 0}, {"tickets_per_day": 0}, {"prelude_days": -1}):
        with pytest.raises(ValueError, match="must be above 0"):
            simulate(seed=1, start_ms=START, **wrong)  # type: ignore[arg-type]


class Clock:
    """A wall clock that only sleeping moves."""

    def __init__(self, at: int) -> None:
        self.at = at

    def now(self) -> int:
        return self.at

    async def sleep(self, seconds: float) -> None:
        self.at += round(seconds * 1000) or (1 if seconds else 0)


def play(speed: float, seconds: int) -> tuple[Events, int]:
    async def run() -> Events:
        clock, out, quiet = Clock(START), list[SimulatedEvent](), 0
        async for events in live(seed=1, history_days=3, speed=speed, now=clock.now, sleep=clock.sleep):
            assert all(event.at <= clock.at for event in events), "nothing from the future"
            assert len(events) <= 500
            if not events:
                assert out, "history is due at once"
                quiet += 1
            out += events
            if clock.at > START + seconds * 1000:
                assert quiet, "it says when nothing is due"
                return out
        raise AssertionError("the stream has no end")

    return asyncio.run(run()), START


def test_live_sends_history_then_paces_what_happens() -> None:
    events, began = play(1.0, 1200)
    assert all(a.at <= b.at for a, b in pairwise(events))
    after = [event for event in events if event.at > began]
    assert len(events) - len(after) > 5000
    assert len(of_type(after, "ticket.created")) >= 40, "the surge shows within minutes"
    plain = simulate(seed=1, start_ms=began - 3 * DAY, surge_at_ms=began + 20_000)
    assert events == list(islice(plain, len(events)))


def test_live_at_speed_gives_events_the_time_of_the_wall() -> None:
    events, began = play(60.0, 600)
    assert all(a.at <= b.at for a, b in pairwise(events))
    assert [errors for event in events if (errors := body_errors(event))] == []
    assert len([event for event in events if event.at > began]) > 500
    one = next(e for e in events if e.event["type"] == "cost.incurred" and e.event["category"] == "personnel")
    assert parse_instant(one.event["period_end"]) < began + DAY


async def _first(slices: AsyncIterator[Events]) -> Events:
    return await anext(slices)


def test_live_refuses_standing_still() -> None:
    with pytest.raises(ValueError, match="speed"):
        asyncio.run(_first(live(seed=1, speed=0)))


@pytest.mark.parametrize("compress", [False, True])
def test_files_hold_every_event_and_are_the_same_bytes_again(tmp_path: Path, compress: bool) -> None:
    told: list[int] = []
    kept = {}
    for name in ("one", "two"):
        counts = write_event_files(
            tmp_path / name, days=4, seed=9, end_ms=START, compress=compress, on_progress=told.append
        )
        assert {path.name.split(".jsonl")[0] for path in counts} == set(INPUTS)
        kept[name] = {path.name: path.read_bytes() for path in counts}
    assert kept["one"] == kept["two"]
    assert told
    lines: Counter[str] = Counter()
    for file, data in kept["one"].items():
        for line in (gzip.decompress(data) if compress else data).splitlines():
            body = json.loads(line)
            assert CONTRACT[body["type"]][0] == file.split(".jsonl")[0]
            lines[file] += 1
    assert {path.name: count for path, count in counts.items()} == dict(lines)
    assert sum(lines.values()) == sum(1 for _ in simulate(seed=9, start_ms=START - 4 * DAY, end_ms=START))
