"""A ticket's events into samples. Times are minutes after Monday 2026-03-02 09:00 UTC, when business opens."""

from __future__ import annotations

import json
from collections import Counter
from typing import Any

from streams.core.events.decoding import decode
from streams.core.events.keys import sort_key
from streams.core.ledger.amounts import unpack_clocks
from streams.core.ledger.dimensions import ABSENT
from streams.core.ledger.label_history import NO_HISTORY
from streams.core.policy import Policy
from streams.core.temporal.instants import MINUTE, parse_instant
from streams.core.temporal.rolling import rolling
from streams.core.temporal.windows import all_windows
from streams.core.tickets import reader as tickets_reader
from streams.core.tickets import view as tickets_view
from streams.core.tickets.handled import handled_bookings

MONDAY = int(parse_instant("2026-03-02T09:00:00Z"))
CREATED = (0, "ticket.created", {"channel": "email"})
Told = tuple[int, str, dict[str, Any]]


def message(at: int, author: str = "agent", **more: Any) -> Told:
    return at, "ticket.message", {"author": author, **more}


def status(at: int, name: str) -> Told:
    return at, "ticket.status_changed", {"status": name}


def read(*told: Told) -> tickets_view.Ticket:
    found = []
    for number, (at, kind, fields) in enumerate(told):
        when = f"2026-03-{2 + (at + 540) // 1440:02}T{(at + 540) // 60 % 24:02}:{at % 60:02}:00Z"
        body = {"event_id": f"e{number:02}", "type": kind, "occurred_at": when, "customer_id": "c", "ticket_id": "t"}
        found.append(decode(json.dumps(body | fields).encode()))
    return tickets_reader.read_ticket(sorted(found, key=sort_key), Policy())  # type: ignore[arg-type]


def samples(ticket: tickets_view.Ticket, name: str) -> list[int]:
    """The amounts under a name; of durations, the calendar's in minutes."""
    found = [value for _, measure, _, value in ticket.entries if measure == name]
    return [unpack_clocks(value)[0] // MINUTE if value >> 50 else value for value in found]


def test_durations_are_booked_on_both_clocks_at_once() -> None:
    ticket = read(CREATED, message(10 * 60))  # two hours after closing
    ((key, _, labels, value),) = [entry for entry in ticket.entries if entry[1] == "first_response"]
    assert key[0] == MONDAY + 600 * MINUTE
    assert labels[0] == "email"
    assert unpack_clocks(value) == (600 * MINUTE, 480 * MINUTE)


def test_bots_acknowledge_and_agents_respond() -> None:
    ticket = read(CREATED, message(1, "bot"), message(2, public=False), message(3, agent_id="ann"))
    assert samples(ticket, "first_acknowledgement") == [1]
    assert samples(ticket, "first_response") == [3]


def test_solved_before_any_reply_is_no_sample_ever() -> None:
    ticket = read(CREATED, status(5, "solved"), status(6, "open"), message(7))
    assert samples(ticket, "first_response") == []
    assert samples(ticket, "solved_unanswered") == [1]


def test_next_responses_run_from_the_first_unanswered_message() -> None:
    ticket = read(
        CREATED, message(1, "customer"), message(5), message(10, "customer"), message(12, "customer"), message(20)
    )
    assert samples(ticket, "next_response") == [10]  # not from minute 1: that is the first response's wait


def test_a_solving_ends_a_wait_and_a_reopening_begins_the_one_held() -> None:
    ticket = read(
        CREATED, message(5), message(10, "customer"), status(11, "solved"), message(20, "customer"),
        status(25, "open"), message(30),
    )  # fmt: skip
    assert samples(ticket, "next_response") == [10]
    assert ticket.clocks is not None
    assert [(wait.replied, wait.dropped) for wait in ticket.clocks.later_waits] == [
        (None, MONDAY + 11 * MINUTE),
        (MONDAY + 30 * MINUTE, None),
    ]


def test_an_answer_on_a_solved_ticket_answers_without_a_sample() -> None:
    ticket = read(
        CREATED, message(5), status(11, "solved"), message(20, "customer"), message(22), status(25, "open"), message(30)
    )
    assert samples(ticket, "next_response") == []


def test_on_an_agents_ticket_the_first_customer_message_waits() -> None:
    created = (0, "ticket.created", {"channel": "phone", "created_by": "agent"})
    ticket = read(created, message(3, "customer"), message(9))
    assert samples(ticket, "next_response") == [6]
    assert samples(ticket, "first_response") == []


def test_the_requester_does_not_wait_while_pending() -> None:
    ticket = read(CREATED, status(10, "pending"), status(30, "on_hold"), status(45, "solved"))
    assert samples(ticket, "requester_wait_ms") == [25 * MINUTE]
    assert samples(ticket, "requester_wait_business_ms") == [25 * MINUTE]
    assert samples(ticket, "full_resolution") == [45]


def test_while_reopened_nothing_of_the_last_solving_is_left() -> None:
    ticket = read(CREATED, message(1), status(10, "solved"), status(20, "open"))
    for name in ("full_resolution", "requester_wait_ms", "agent_messages"):
        assert samples(ticket, name) == []
    assert samples(ticket, "first_resolution") == [10]
    assert samples(ticket, "solvings_reopened") == [1]


def test_messages_count_up_to_the_last_solving() -> None:
    told = (CREATED, message(1), status(10, "solved"), status(20, "open"), message(21), status(30, "solved"))
    assert samples(read(*told, message(40)), "agent_messages") == [2]


def test_sessions_are_touches_less_than_half_an_hour_apart() -> None:
    one = read(CREATED, message(1), message(30), status(50, "solved"))
    two = read(CREATED, message(1), message(31), status(50, "solved"))
    assert (samples(one, "fcr_one_touch"), samples(one, "fcr_one_session")) == ([], [1])
    assert samples(two, "fcr_one_session") == []
    assert samples(read(CREATED, status(5, "solved")), "fcr_one_session") == []


def test_escalations_before_the_creation_carry_its_labels() -> None:
    ticket = read((0, "ticket.escalated", {}), (5, "ticket.created", {"channel": "chat"}), (9, "ticket.escalated", {}))
    found = [(key[0], labels[0]) for key, name, labels, _ in ticket.entries if name == "tickets_escalated"]
    assert found == [(MONDAY, "chat"), (MONDAY + 9 * MINUTE, "chat")]


def test_merged_away_leaves_touches_and_sentiment() -> None:
    ticket = read(
        CREATED, message(1), (2, "ticket.handled", {"talk_seconds": 60}), (3, "ticket.sentiment", {"score": -1}),
        (4, "ticket.merged", {"into_ticket_id": "u"}),
    )  # fmt: skip
    assert (ticket.entries, ticket.intervals, ticket.handlings, ticket.clocks) == ([], [], [], None)
    assert len(ticket.touches) == 2
    assert len(ticket.sentiments) == 1


def handled(*told: tuple[int, str], as_of: int) -> Counter[tuple[str, str]]:
    """Distinct tickets handled in the hour before ``as_of`` (minutes), by agent and in all."""
    ticket = read(CREATED, *((at, "ticket.handled", {"agent_id": agent, "talk_seconds": 9}) for at, agent in told))
    policy = Policy()
    windows = all_windows([rolling("1h", policy.days)])
    found: Counter[tuple[str, str]] = Counter()
    end = MONDAY + as_of * MINUTE
    for at, name, labels, value in handled_bookings(ticket.handlings, NO_HISTORY, windows):
        again = "@" in name  # a level: what comes again in the same window
        if at < end and (again or at >= end - 60 * MINUTE):
            amount = -value if again else value
            if labels[5] != ABSENT:
                found["agent", labels[5]] += amount
            if ABSENT not in labels:
                found["all", "all"] += amount
    return +found


def test_a_ticket_handled_twice_is_one_in_all_and_one_for_each_agent() -> None:
    both = {("all", "all"): 1, ("agent", "ann"): 1, ("agent", "bob"): 1}
    assert handled((1, "ann"), (5, "bob"), as_of=10) == both
    assert handled((1, "ann"), (5, "bob"), as_of=63) == {("all", "all"): 1, ("agent", "bob"): 1}
    assert handled((1, "ann"), (5, "bob"), as_of=70) == {}
    assert handled((1, "ann"), (5, "bob"), (9, "ann"), as_of=10) == both
    assert handled((1, "ann"), (5, "bob"), (9, "ann"), as_of=67) == {("all", "all"): 1, ("agent", "ann"): 1}
