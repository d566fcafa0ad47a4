"""The simulated events are true to the contract."""

from __future__ import annotations

import json
from collections import Counter
from typing import Any

import pytest

from streams.core.events.decoding import decode
from streams.core.temporal.instants import parse_instant
from streams.demo.world import SimulatedEvent
from streams.kafka.topics import COSTS, CUSTOMERS, ORDERS, SURVEYS, TICKETS
from tests.unit.demo.simulated import Events, desk_events, of_type

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
    return desk_events()


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
