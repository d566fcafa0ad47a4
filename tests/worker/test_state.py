"""A partition's state: what it writes, whom it hands on, what it buries, and by what it knows its own definitions."""

from __future__ import annotations

import base64
import subprocess
import sys
from typing import Any

import msgspec
import pytest

from streams.core.derivation import state_format
from streams.core.temporal.instants import DAY, format_instant
from streams.kafka.topics import DEAD_LETTERS, PANES, STATE, TICKETS
from tests.property.harness import Desk, Rec, body, settings_of

NOON = "2026-01-05T12:00:00Z"
CLOCK = 1_767_700_800_000  # 2026-01-06T12:00:00Z

FULL: dict[str, Any] = {
    "rates": {"USD": [{"from": "2026-01-01", "factor": 0.9}]},
    "business": {"time_zone": "Europe/Berlin", "holidays": ["2026-01-01"], "hours": {"mon": ["09:00-12:00"]}},
    "service_levels": [
        {"name": "a", "metric": "first_response", "clock": "business", "seconds": 60,
         "filter": {"channel": ["chat", "email", "phone"], "priority": "urgent"}},
    ],
}  # fmt: skip


def created(number: int = 0, **fields: Any) -> dict[str, Any]:
    base = {"event_id": f"e{number}", "type": "ticket.created", "occurred_at": NOON, "customer_id": f"c{number}"}
    return base | {"ticket_id": "t", "channel": "email"} | fields


# -- the origin ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("given", [{}, FULL], ids=["defaults", "everything set"])
def test_equal_settings_have_equal_origins(given: dict[str, Any]) -> None:
    """Worker and board, and a worker before and after a restart, build their policies each for itself."""
    one, two = settings_of(given).policy(), settings_of(given).policy()
    assert state_format.origin(one, ["1h"]) == state_format.origin(two, ["1h"])


def test_another_process_finds_the_same_origin() -> None:
    """Not only in this process: sets and addresses differ from one to the next."""
    code = (
        "import msgspec, sys\nfrom streams.config import Settings\nfrom streams.core.derivation import state_format\n"
        "given = msgspec.json.decode(sys.argv[1])\n"
        "print(state_format.origin(msgspec.convert(given, Settings).policy(), ['1h']).definitions)"
    )
    own = state_format.origin(settings_of(FULL).policy(), ["1h"]).definitions
    for seed in ("1", "2"):
        done = subprocess.run(
            [sys.executable, "-c", code, msgspec.json.encode(FULL).decode()],
            capture_output=True, text=True, check=True, env={"PYTHONHASHSEED": seed},
        )  # fmt: skip
        assert done.stdout.strip() == own


@pytest.mark.parametrize(
    "change",
    [
        {"rates": {"USD": 0.8}},
        {"currency": "USD"},
        {"business": FULL["business"] | {"time_zone": "UTC"}},
        {"business": FULL["business"] | {"holidays": []}},
        {"business": FULL["business"] | {"hours": {"mon": ["09:00-12:30"]}}},
        {"service_levels": []},
        {"service_levels": [FULL["service_levels"][0] | {"filter": {"channel": ["chat"]}}]},
        {"attribution": {"look_back_days": 4}},
        {"attribution": {"model": "linear"}},
        {"attribution": {"half_life_days": 3}},
        {"fcr": {"repeat_days": 6}},
    ],
    ids=str,
)
def test_other_definitions_have_another_origin(change: dict[str, Any]) -> None:
    """What changes bookings changes the origin, or the old sums would be read as the new ones."""
    one, two = settings_of(FULL).policy(), settings_of(FULL | change).policy()
    assert state_format.origin(one, ["1h"]) != state_format.origin(two, ["1h"])
    assert state_format.origin(one, ["1h"]) != state_format.origin(one, ["1h", "2h"])


def test_a_restart_under_the_same_settings_books_nothing_anew() -> None:
    desk = Desk(settings_of(FULL), CLOCK)
    desk.send(created())
    desk.drain()
    # A new process reads the file again.
    desk.settings = settings_of(FULL)
    desk.policy = desk.settings.policy()
    desk.restart(0)
    assert not desk.states[0].commit_needed


def test_members_admitted_under_changed_definitions_survive_a_restart() -> None:
    """As many as before, but others: who comes first when all is booked again is admitted."""
    desk = Desk(settings_of(), CLOCK, members=4)
    for number, channel in enumerate(["email", "chat", "phone", "web", "sms"]):
        desk.send(created(number, channel=channel))
        desk.drain()
    before = set(desk.states[0].ledger.admitted["channel"])
    desk.settings = settings_of({"fcr": {"repeat_days": 6}})
    desk.policy = desk.settings.policy()
    desk.restart(0)
    desk.unit(0, [0])
    admitted = set(desk.states[0].ledger.admitted["channel"])
    assert len(admitted) == len(before)
    assert admitted != before, "else this tests nothing"
    desk.restart(0)
    assert desk.states[0].ledger.admitted["channel"] == admitted


# -- records ---------------------------------------------------------------------------------------------------


def outputs(desk: Desk, *records: Rec) -> list[Any]:
    state = desk.states[0]
    state.apply(records)
    return [output for chunk in state.close() for output in list(chunk)]


def joined(day: bytes, kind: bytes = b"customer.joined") -> bytes:
    return b'{"type":"%b","event_id":"1","occurred_at":"%bT12:00:00Z","customer_id":"c"}' % (kind, day)


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        (b"{", "not_json"),
        (b"", "not_json"),
        (None, "not_json"),
        (b"\xff\xfe", "not_json"),
        (b'{"type":"ticket.created"}', "schema"),
        (joined(b"2026-01-05", b"customer.lost"), "unknown_type"),
        (joined(b"1999-12-31"), "impossible_time"),
        (joined(b"2999-01-01"), "impossible_time"),
        (b'"' + b"x" * (300 * 1024) + b'"', "too_large"),
    ],
    ids=["not json", "empty", "tombstone", "not utf-8", "schema", "type", "before 2000", "future", "too large"],
)  # fmt: skip
def test_a_bad_record_is_buried_with_its_bytes_and_the_next_one_counts(value: bytes | None, reason: str) -> None:
    desk = Desk(settings_of(), CLOCK)
    found = outputs(
        desk, Rec(TICKETS, 0, 41, b"\xffkey", value), Rec(TICKETS, 0, 42, b"c0", msgspec.json.encode(created()))
    )
    (letter,) = [msgspec.json.decode(output.value) for output in found if output.topic == DEAD_LETTERS]
    assert (letter["reason"], letter["topic"], letter["partition"], letter["offset"]) == (reason, TICKETS, 0, 41)
    assert letter["message"]
    assert base64.b64decode(letter["key_base64"]) == b"\xffkey"
    if value is not None and len(value) < 1000:
        assert base64.b64decode(letter["value_base64"]) == value
    assert any(output.topic == STATE for output in found), "the good record after it"
    assert desk.states[0].stats.dead_letters == {reason: 1}


def test_a_dead_letter_uses_up_no_id() -> None:
    desk = Desk(settings_of(), CLOCK)
    bad = created() | {"channel": 7}
    outputs(
        desk,
        Rec(TICKETS, 0, 0, b"c0", msgspec.json.encode(bad)),
        Rec(TICKETS, 0, 1, b"c0", msgspec.json.encode(created())),
    )
    assert desk.states[0].stats.counters["events"] == 1


def solved(**fields: Any) -> dict[str, Any]:
    base = {"event_id": "s", "type": "ticket.status_changed", "occurred_at": NOON, "customer_id": "c0"}
    return base | {"ticket_id": "t", "status": "solved"} | fields


@pytest.mark.parametrize("restart", [False, True])
def test_what_comes_for_a_settled_ticket_is_buried_as_too_late(monkeypatch: pytest.MonkeyPatch, restart: bool) -> None:
    desk = Desk(settings_of({"retention_days": 31}), CLOCK + 40 * DAY)
    now = CLOCK + 40 * DAY
    monkeypatch.setattr("streams.worker.partition_state.wall_clock", lambda: now)
    desk.send(created())  # old, and taken: it is loaded in bulk
    desk.send(solved())
    desk.drain()
    assert desk.letters == []
    now += DAY
    if restart:
        desk.restart(0)
    desk.send(solved(event_id="again", status="open"))
    desk.send(solved())
    desk.send(created(ticket_id="new", event_id="new", occurred_at=format_instant(now - DAY)))
    before = desk.values()
    desk.drain()
    (letter,) = desk.letters
    assert (letter["reason"], letter["topic"]) == ("too_late", TICKETS)
    assert "retention_days" in letter["message"]
    assert base64.b64decode(letter["value_base64"]) == body(solved(event_id="again", status="open"))
    stats = desk.states[0].stats
    assert stats.counters["duplicate"] == 1, "what was taken before is no news, however late"
    assert stats.counters["events"] == 3
    found = {key: row.value for key, row in desk.values().items() if key[0] == "tickets_reopened"}
    assert found == {key: row.value for key, row in before.items() if key[0] == "tickets_reopened"}


def test_changelogs_stay_in_their_partition() -> None:
    desk = Desk(settings_of(), CLOCK, partitions=3)
    for number in range(30):
        desk.send(created(number))
    desk.drain()  # the harness checks each output's partition
    assert all(desk.logs)


def test_an_empty_unit_writes_nothing_but_the_clocks_doing() -> None:
    desk = Desk(settings_of(), CLOCK)
    desk.send(created())
    desk.drain()
    desk.unit(0, [0])
    before = len(desk.logs[0])
    desk.unit(0, [0])
    assert len(desk.logs[0]) == before
    desk.clock += 10 * 86_400_000  # the panes of minutes are out of reach by then
    desk.unit(0, [0])
    gone = desk.logs[0][before:]
    assert gone
    assert all(topic == PANES and value is None for topic, _, value in gone)


def test_units_do_not_grow_with_what_is_held() -> None:
    """The same event costs as many records after a thousand customers as after one."""
    sizes = []
    for others in (1, 1000):
        desk = Desk(settings_of(), CLOCK)
        for number in range(others):
            desk.send(created(number))
        desk.drain()
        before = len(desk.logs[0])
        desk.send(created(5000))
        desk.drain()
        sizes.append(len(desk.logs[0]) - before)
    assert sizes[0] == sizes[1]
