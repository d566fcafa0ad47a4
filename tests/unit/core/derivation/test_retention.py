"""What is too late, and how a quiet customer's state is packed."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from streams.core.derivation.packing import pack, unpack
from streams.core.derivation.retention import GRACE_MS, Arrival, too_late
from streams.core.events.decoding import decode
from streams.core.events.types import Event
from streams.core.temporal.instants import DAY

RETENTION = 400 * DAY
BEGAN = 1_704_067_200_000  # 2024-01-01T00:00:00Z
CREATED: dict[str, Any] = {"type": "ticket.created", "ticket_id": "t", "channel": "email"}
SOLVED: dict[str, Any] = {"type": "ticket.status_changed", "ticket_id": "t", "status": "solved"}
OPENED: dict[str, Any] = {"type": "ticket.status_changed", "ticket_id": "t", "status": "open"}
COST: dict[str, Any] = {
    "type": "cost.incurred", "cost_id": "k", "category": "personnel", "amount_minor": 1, "currency": "EUR",
    "period_start": "2024-01-01T00:00:00Z", "period_end": "2024-07-01T00:00:00Z", "basis": "actual",
}  # fmt: skip


def event(number: int, fields: dict[str, Any]) -> Event:
    base = {"event_id": f"e{number}", "occurred_at": f"2024-01-01T00:00:0{number}Z"}
    owner = {} if "cost_id" in fields else {"customer_id": "c"}
    return decode(msgspec.json.encode(base | owner | fields))


def late(kind: str, *bodies: dict[str, Any], days: float, quiet: int = GRACE_MS) -> bool:
    """Whether something arriving `days` after the last event is too late, nothing having arrived for `quiet` ms."""
    events = [event(number, body) for number, body in enumerate(bodies)]
    at = int(events[-1].occurred_at + days * DAY)
    return too_late(kind, events, at - quiet, Arrival(at, at), RETENTION) is not None


def test_past_retention_and_quiet_is_too_late() -> None:
    assert late("t", CREATED, SOLVED, days=400.001)
    assert not late("t", CREATED, SOLVED, days=400)


def test_old_data_that_is_still_being_loaded_is_not() -> None:
    assert not late("t", CREATED, SOLVED, days=3000, quiet=GRACE_MS - 1)


def test_what_has_no_events_yet_is_not() -> None:
    assert too_late("t", [], 0, Arrival(BEGAN, BEGAN), RETENTION) is None


@pytest.mark.parametrize("more", [(), (SOLVED, OPENED)])
def test_an_open_ticket_never_is(more: tuple[dict[str, Any], ...]) -> None:
    assert not late("t", CREATED, *more, days=3000)


@pytest.mark.parametrize(
    "end",
    [{"type": "ticket.voided", "ticket_id": "t"}, {"type": "ticket.merged", "ticket_id": "t", "into_ticket_id": "u"}],
)
def test_a_ticket_merged_away_or_voided_is(end: dict[str, Any]) -> None:
    assert late("t", CREATED, end, days=401)


def test_a_cost_is_from_the_end_of_its_period_on() -> None:
    assert not late("k", COST, days=450)
    assert late("k", COST, days=400 + 183)


def test_a_customer_never_is() -> None:
    assert not late("c", {"type": "customer.joined"}, days=3000)


def test_the_reason_names_when_and_the_setting() -> None:
    events = [event(0, CREATED), event(1, SOLVED)]
    reason = too_late("t", events, 0, Arrival(BEGAN + 500 * DAY, BEGAN + 500 * DAY), RETENTION)
    assert reason is not None
    assert "2024-01-01T00:00:01" in reason
    assert "400 days (`retention_days`)" in reason


@given(st.dictionaries(st.tuples(st.sampled_from("tso"), st.text(max_size=9)), st.binary(max_size=600), max_size=9))
def test_packing_loses_nothing(kept: dict[tuple[str, str], bytes]) -> None:
    assert unpack(pack(kept)) == kept
