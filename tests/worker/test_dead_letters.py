"""Dead letters: which records become one, what it holds, and that nothing else of such a record has an effect."""

from __future__ import annotations

import base64
from typing import Any

import msgspec
import pytest

from streams.core.events.decoding import Rejected
from streams.core.temporal.instants import DAY, format_instant
from streams.kafka.topics import DEAD_LETTERS, STATE, TICKETS
from streams.worker.dead_letters import dead_letter
from tests.property.harness import Desk, Key, Rec, Values, body, settings_of

NOON = "2026-01-05T12:00:00Z"
CLOCK = 1_767_700_800_000  # 2026-01-06T12:00:00Z
MIB = 1024 * 1024


def created(number: int = 0, **fields: Any) -> dict[str, Any]:
    base = {"event_id": f"e{number}", "type": "ticket.created", "occurred_at": NOON, "customer_id": f"c{number}"}
    return base | {"ticket_id": "t", "channel": "email"} | fields


def letter_of(value: bytes | None, key: bytes | None = b"k") -> dict[str, Any]:
    output = dead_letter(Rec(TICKETS, 3, 41, key, value), Rejected("schema", "no object"), CLOCK)
    assert (output.topic, output.key, output.partition) == (DEAD_LETTERS, key, None)
    letter: dict[str, Any] = msgspec.json.decode(output.value or b"")
    return letter


def test_a_letter_says_where_the_record_lies_and_why_it_was_rejected() -> None:
    assert letter_of(b"[]") == {
        "reason": "schema", "message": "no object", "topic": TICKETS, "partition": 3, "offset": 41,
        "arrived_at": "2026-01-06T12:00:00.000Z",
        "key": "k", "key_base64": "aw==", "value": "[]", "value_base64": "W10=",
    }  # fmt: skip


def test_absent_is_not_empty() -> None:
    names = ("key", "key_base64", "value", "value_base64")
    assert [letter_of(None, None)[name] for name in names] == [None] * 4
    assert [letter_of(b"", b"")[name] for name in names] == [""] * 4


@pytest.mark.parametrize("value", [b"\xff", b"x" * (128 * 1024 + 1)], ids=["not UTF-8", "too long to read"])
def test_a_value_that_nobody_can_read_is_there_in_base64_alone(value: bytes) -> None:
    letter = letter_of(value)
    assert letter["value"] is None
    assert base64.b64decode(letter["value_base64"]) == value


@pytest.mark.parametrize("more", [0, 1])
def test_a_value_over_two_mib_is_cut_and_the_message_says_so(more: int) -> None:
    letter = letter_of(b"x" * (2 * MIB + more))
    assert len(base64.b64decode(letter["value_base64"])) == 2 * MIB
    cut = "; the record has the first 2097152 bytes, the source topic all of them" if more else ""
    assert letter["message"] == "no object" + cut


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
def test_a_bad_record_becomes_a_dead_letter_and_the_next_one_counts(value: bytes | None, reason: str) -> None:
    desk = Desk(settings_of(), CLOCK)
    written = outputs(
        desk, Rec(TICKETS, 0, 41, b"\xffkey", value), Rec(TICKETS, 0, 42, b"c0", msgspec.json.encode(created()))
    )
    (letter,) = [msgspec.json.decode(output.value) for output in written if output.topic == DEAD_LETTERS]
    assert (letter["reason"], letter["topic"], letter["partition"], letter["offset"]) == (reason, TICKETS, 0, 41)
    assert letter["message"]
    assert base64.b64decode(letter["key_base64"]) == b"\xffkey"
    if value is not None and len(value) < 1000:
        assert base64.b64decode(letter["value_base64"]) == value
    assert any(output.topic == STATE for output in written), "the good record after it"
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
def test_a_late_event_on_a_settled_ticket_becomes_a_dead_letter(monkeypatch: pytest.MonkeyPatch, restart: bool) -> None:
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
    assert stats.counters["duplicate"] == 1, "what was taken before is a duplicate, however late"
    assert stats.counters["events"] == 3
    assert reopened(desk.values()) == reopened(before)


def reopened(values: Values) -> dict[Key, Any]:
    return {key: record.value for key, record in values.items() if key[0] == "tickets_reopened"}
