"""Promises: deadlines, what keeps them, what is late and due soon. Minutes after Monday 2026-03-02 09:00 UTC."""

from __future__ import annotations

from typing import Any

from streams.core.ledger.label_history import NO_HISTORY, LabelHistory
from streams.core.policy import Policy, ServiceLevel
from streams.core.temporal.instants import MINUTE
from streams.core.tickets import service_levels
from tests.unit.core.tickets.test_tickets import CREATED, MONDAY, Told, message, read, status

HOUR = 60


def verdict(*told: Told, metric: str, history: LabelHistory = NO_HISTORY, minutes: int = HOUR, **more: Any) -> Any:
    """What an hour's promise comes to: (outcome's minute, met, late, soon), spans in minutes; a list of them."""
    promise = ServiceLevel("p", metric, more.pop("clock", "calendar"), minutes * 60, more.pop("filter", {}))
    policy = Policy(service_levels=(promise,), due_soon_ms=15 * MINUTE)

    def minute(at: int | None) -> int | None:
        return None if at is None else (at - MONDAY) // MINUTE

    return [
        (
            minute(found.at),
            found.met,
            [(minute(start), minute(end)) for start, end in found.late],
            [(minute(start), minute(end)) for start, end in found.soon],
        )
        for found in service_levels.verdicts(read(*told), history, policy)
    ]


def test_a_breach_is_booked_at_its_deadline_ahead_of_time() -> None:
    assert verdict(CREATED, metric="first_response") == [(60, False, [(60, None)], [(45, 60)])]


def test_an_answer_at_the_deadline_is_met_and_a_later_one_is_not() -> None:
    assert verdict(CREATED, message(60), metric="first_response") == [(60, True, [], [(45, 60)])]
    assert verdict(CREATED, message(61), metric="first_response") == [(60, False, [(60, 61)], [(45, 60)])]
    assert verdict(CREATED, message(10), metric="first_response") == [(10, True, [], [])]


def test_solved_unanswered_in_time_has_no_outcome() -> None:
    assert verdict(CREATED, status(50, "solved"), metric="first_response") == [(None, False, [], [(45, 50)])]
    assert verdict(CREATED, status(70, "solved"), metric="first_response") == [(60, False, [(60, 70)], [(45, 60)])]


def test_only_customers_tickets_are_promised_a_first_response() -> None:
    assert verdict((0, "ticket.created", {"channel": "email", "created_by": "rule"}), metric="first_response") == []


def test_each_later_message_is_a_promise() -> None:
    told = (CREATED, message(5), message(10, "customer"), message(30), message(40, "customer"))
    assert verdict(*told, metric="next_response") == [(30, True, [], []), (100, False, [(100, None)], [(85, 100)])]


def test_first_resolution_is_kept_by_the_first_solving() -> None:
    told = (CREATED, status(60, "solved"), status(70, "open"))
    assert verdict(*told, metric="first_resolution") == [(60, True, [], [(45, 60)])]


def test_full_resolution_is_decided_when_its_deadline_comes() -> None:
    told = (CREATED, status(20, "solved"))
    assert verdict(*told, metric="full_resolution") == [(60, True, [], [])]
    told += (status(50, "open"),)
    assert verdict(*told, metric="full_resolution") == [(60, False, [(60, None)], [(50, 60)])]
    told += (status(90, "solved"),)
    assert verdict(*told, metric="full_resolution") == [(60, False, [(60, 90)], [(50, 60)])]


def test_requester_wait_stands_still_while_pending() -> None:
    told = (CREATED, status(30, "pending"))
    assert verdict(*told, metric="requester_wait") == [(None, False, [], [])]
    told += (status(130, "open"),)
    assert verdict(*told, metric="requester_wait") == [(160, False, [(160, None)], [(145, 160)])]
    assert verdict(*told, status(150, "solved"), metric="requester_wait") == [(150, True, [], [(145, 150)])]


def test_deadlines_on_the_business_clock() -> None:
    (found,) = verdict(CREATED, metric="first_response", clock="business", minutes=9 * HOUR)
    assert found[0] == 25 * HOUR  # Tuesday, 10:00


def test_filters_by_labels_at_the_start() -> None:
    update = (5, "ticket.updated", {"channel": "chat", "priority": "high"})
    told = (CREATED, update, message(6), message(10, "customer"))
    for members, first, later in (({"email"}, 1, 0), ({"chat"}, 0, 1), ({"email", "chat"}, 1, 1)):
        chosen = {"channel": frozenset(members)}
        assert len(verdict(*told, metric="first_response", filter=chosen)) == first
        assert len(verdict(*told, metric="next_response", filter=chosen)) == later
    assert len(verdict(*told, metric="first_response", filter={"priority": frozenset({"unknown"})})) == 1


def test_filters_by_the_segment_just_before_the_start() -> None:
    def known(at: int) -> LabelHistory:
        unknown = NO_HISTORY.labels[0]
        return LabelHistory([(MONDAY + at * MINUTE, 1, "e")], [unknown, ("smb", *unknown[1:])])

    chosen = {"segment": frozenset({"smb"})}
    assert len(verdict(CREATED, metric="first_response", filter=chosen, history=known(-1))) == 1
    assert verdict(CREATED, metric="first_response", filter=chosen, history=known(0)) == []


def test_who_is_merged_away_or_voided_is_promised_nothing() -> None:
    assert verdict(CREATED, (5, "ticket.voided", {}), metric="first_response") == []
    assert verdict(CREATED, (5, "ticket.merged", {"into_ticket_id": "u"}), metric="first_response") == []


def test_what_is_booked_adds_up_over_time() -> None:
    policy = Policy(service_levels=(ServiceLevel("p", "first_response", "calendar", 3600),), due_soon_ms=15 * MINUTE)
    booked = list(service_levels.promise_bookings(read(CREATED, message(80)), NO_HISTORY, policy))
    at = {minutes: MONDAY + minutes * MINUTE for minutes in (45, 60, 80)}
    assert sorted(booked) == sorted([
        (at[60], "sla_breached", ("p",), 1),
        (at[60], "sla_open_breached", ("p",), 1), (at[80], "sla_open_breached", ("p",), -1),
        (at[45], "sla_due_soon", ("p",), 1), (at[60], "sla_due_soon", ("p",), -1),
    ])  # fmt: skip
