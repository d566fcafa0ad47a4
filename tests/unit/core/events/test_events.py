"""Times, the order at equal times, what is rejected and why, and the round trip through the state."""

from __future__ import annotations

import itertools
import json
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from streams.core.events.decoding import MAX_AHEAD_MS, MAX_BYTES, REASONS, Rejected, decode, from_state, to_state
from streams.core.events.keys import owner, record_key, sort_key
from streams.core.events.types import EARLIEST, Event
from streams.core.temporal import instants
from streams.core.temporal.instants import Instant, format_instant, parse_instant
from streams.kafka.topics import INPUTS, schemas_folder

INPUT_EXAMPLES = sorted(file for name in INPUTS for file in schemas_folder().glob(f"{name}/v1/examples/*.json"))

TICKET = {
    "event_id": "e-1",
    "type": "ticket.voided",
    "occurred_at": "2025-03-10T09:15:00Z",
    "customer_id": "customer-17",
    "ticket_id": "ticket-4711",
}


def body(**fields: Any) -> bytes:
    return json.dumps({**TICKET, **fields}).encode()


def rejected(data: bytes, arrived: int | None = None) -> Rejected:
    with pytest.raises(Rejected) as caught:
        decode(data, arrived)
    return caught.value


def attempt(data: bytes) -> Event | Rejected:
    try:
        return decode(data)
    except Rejected as error:
        return error


# Times


@pytest.mark.parametrize(
    ("text", "at"),
    [
        ("1970-01-01T00:00:00Z", 0),
        ("1970-01-01T00:00:00z", 0),
        ("1970-01-01t00:00:00Z", 0),
        ("1970-01-01 00:00:00Z", 0),
        ("1970-01-01T00:00:00+00:00", 0),
        ("1970-01-01T00:00:00-00:00", 0),
        ("1970-01-01T01:30:00+01:30", 0),
        ("1969-12-31T12:00:00-12:00", 0),
        ("1970-01-02T23:59:00+23:59", 86_400_000),
        ("1970-01-01T00:00:00.1Z", 100),
        ("1970-01-01T00:00:00.12Z", 120),
        ("1970-01-01T00:00:00.123Z", 123),
        ("1970-01-01T00:00:00.0009Z", 0),
        ("1970-01-01T00:00:00.999999999999Z", 999),
        ("1969-12-31T23:59:59.9999Z", -1),  # towards the past, as everywhere: the millisecond it is in
        ("2000-01-01T00:00:00Z", EARLIEST),
        ("2024-02-29T00:00:00Z", 1_709_164_800_000),
        ("2016-12-31T23:59:60Z", 1_483_228_800_000),
        ("2016-12-31T23:59:60.5Z", 1_483_228_800_500),
        ("2017-01-01T00:59:60+01:00", 1_483_228_800_000),
        ("0001-01-01T00:00:00Z", -62_135_596_800_000),
        ("9999-12-31T23:59:59.999Z", 253_402_300_799_999),
    ],
)
def test_a_time_is_read(text: str, at: int) -> None:
    assert parse_instant(text) == at
    assert type(parse_instant(text)) is Instant


@pytest.mark.parametrize(
    "text",
    [
        "",
        "now",
        "2025-03-10",
        "2025-03-10T09:15Z",
        "2025-03-10T09:15:00",
        "2025-03-10T09:15:00+01",
        "2025-03-10T09:15:00+0100",
        "2025-03-10T09:15:00+24:00",
        "2025-03-10T09:15:00+01:60",
        "2025-03-10T09:15:00.Z",
        "2025-03-10T09:15:00,5Z",
        "2025-03-10T24:00:00Z",
        "2025-03-10T09:60:00Z",
        "2025-03-10T09:15:61Z",
        "20250310T091500Z",
        "2025-W11-1T09:15:00Z",
        "2025-069T09:15:00Z",
        "2025-13-01T09:15:00Z",
        "2025-00-01T09:15:00Z",
        "2025-02-29T09:15:00Z",
        "2025-04-31T09:15:00Z",
        "0000-01-01T00:00:00Z",
        "-001-01-01T00:00:00Z",
        "+2025-03-10T09:15:00Z",
        "12025-03-10T09:15:00Z",
        " 2025-03-10T09:15:00Z",
        "2025-03-10T09:15:00Z ",
        "2025-03-10T09:15:00Z\n",
        "2025-03-10T09:15:00ZZ",
        "2025-03-10T0\u0669:15:00Z",  # an Arabic nine
        "2025-03-10T09:15:00.\uff15Z",  # a full-width five
        "2025-03-1\u0660T09:15:00Z",
    ],
)
def test_what_is_no_time_is_refused(text: str) -> None:
    with pytest.raises(ValueError):  # noqa: PT011 - the form in our words, the day in the library's
        parse_instant(text)


@given(st.integers(-62_135_596_800_000, 253_402_300_799_999))
@example(EARLIEST)
@example(-1)
def test_writing_a_time_and_reading_it_is_the_same_time(at: int) -> None:
    assert parse_instant(format_instant(at)) == at


@given(
    st.datetimes(datetime(2, 1, 1), datetime(9998, 12, 31)),
    st.integers(-23 * 60 - 59, 23 * 60 + 59),
    st.sampled_from(["auto", "seconds", "milliseconds", "microseconds"]),
)
def test_times_are_those_of_the_standard_library(local: datetime, minutes: int, precision: str) -> None:
    aware = local.replace(tzinfo=timezone(timedelta(minutes=minutes)))
    text = aware.isoformat(timespec=precision)
    expected = (datetime.fromisoformat(text) - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(milliseconds=1)
    assert parse_instant(text) == expected


@pytest.mark.parametrize("at", [-62_135_596_800_001, 253_402_300_800_000])
def test_a_time_past_the_calendar_is_written_as_a_number(at: int) -> None:
    assert format_instant(at) == f"{at} ms"


# The order at equal times: "created, sent, placed, joined; updates; customer; bot, rule; agent; others;
# status and payment; refund, cancellation, leaving; then event_id."

GROUPS: list[list[dict[str, Any]]] = [
    [
        {"type": "ticket.created", "channel": "email"},
        {"type": "survey.sent", "survey_id": "s", "kind": "csat"},
        {"type": "order.placed", "order_id": "o", "currency": "EUR", "lines": []},
        {"type": "customer.joined"},
    ],
    [{"type": "ticket.updated"}, {"type": "customer.updated"}],
    [{"type": "ticket.message", "author": "customer"}],
    [{"type": "ticket.message", "author": "bot"}, {"type": "ticket.message", "author": "rule"}],
    [{"type": "ticket.message", "author": "agent"}],
    [
        {"type": "ticket.handled", "talk_seconds": 1},
        {"type": "ticket.escalated"},
        {"type": "ticket.sentiment", "score": 0},
        {"type": "ticket.merged", "into_ticket_id": "t"},
        {"type": "ticket.voided"},
        {"type": "contact.deflected", "channel": "web", "by": "automation"},
        {"type": "survey.answered", "survey_id": "s", "score": 1},
        {"type": "cart.abandoned", "cart_id": "c", "amount_minor": 1, "currency": "EUR"},
        {"type": "customer.merged", "into_customer_id": "c"},
        {
            "type": "cost.incurred",
            "cost_id": "c",
            "category": "personnel",
            "amount_minor": 1,
            "currency": "EUR",
            "period_start": "2025-03-01T00:00:00Z",
            "period_end": "2025-04-01T00:00:00Z",
            "basis": "actual",
        },
    ],
    [
        {"type": "ticket.status_changed", "status": "solved"},
        {"type": "order.paid", "order_id": "o", "amount_minor": 1, "currency": "EUR"},
    ],
    [
        {"type": "order.refunded", "order_id": "o", "refund_id": "r", "amount_minor": 1, "currency": "EUR"},
        {
            "type": "order.charged_back",
            "order_id": "o",
            "refund_id": "r",
            "amount_minor": 1,
            "currency": "EUR",
        },
        {"type": "order.cancelled", "order_id": "o"},
        {"type": "customer.left"},
    ],
]


def test_every_event_type_has_its_place_in_the_order() -> None:
    ordered = {fields["type"] for group in GROUPS for fields in group}
    assert ordered == {json.loads(file.read_bytes())["type"] for file in INPUT_EXAMPLES}


def test_at_equal_times_the_groups_come_in_their_order_whatever_the_ids() -> None:
    for number, (earlier, later) in enumerate(itertools.pairwise(GROUPS)):
        for one, other in itertools.product(earlier, later):
            first = decode(body(**one, event_id="z"))
            second = decode(body(**other, event_id="a"))
            assert sort_key(first) < sort_key(second), (number, one, other)


def test_in_a_group_the_event_id_decides() -> None:
    for group in GROUPS:
        for one, other in itertools.product(group, group):
            assert sort_key(decode(body(**one, event_id="a"))) < sort_key(decode(body(**other, event_id="b")))


def test_the_time_comes_before_everything_else() -> None:
    for one, other in itertools.product((fields for group in GROUPS for fields in group), repeat=2):
        earlier = decode(body(**one, event_id="z", occurred_at="2025-03-10T09:14:59.999Z"))
        assert sort_key(earlier) < sort_key(decode(body(**other, event_id="a")))


# Whose event it is


def test_the_key_is_the_customer_the_cost_or_the_contact() -> None:
    deflected = {"type": "contact.deflected", "channel": "web", "by": "automation"}
    assert record_key(decode(body())) == "customer-17"
    assert record_key(decode(body(**GROUPS[5][-1]))) == "c"
    assert record_key(decode(body(**deflected))) == "customer-17"
    assert record_key(decode(body(**deflected, customer_id=None))) == "e-1"


def test_a_customer_a_cost_and_a_contact_of_the_same_id_are_three() -> None:
    deflected = {"type": "contact.deflected", "channel": "web", "by": "automation", "event_id": "same"}
    owners = [
        body(customer_id="same"),
        body(**{**GROUPS[5][-1], "cost_id": "same"}),
        body(**deflected, customer_id=None),
    ]
    assert len({owner(decode(data)) for data in owners}) == 3
    assert {record_key(decode(data)) for data in owners} == {"same"}


# What is rejected, and why


def test_too_large_is_said_before_anything_is_read() -> None:
    event = body(padding="")
    fits = body(padding="x" * (MAX_BYTES - len(event)))
    assert len(fits) == MAX_BYTES
    decode(fits)
    for data in (fits + b" ", b"\xff" * (MAX_BYTES + 1)):
        error = rejected(data)
        assert error.reason == "too_large"
        assert str(MAX_BYTES) in str(error)


def test_before_2000_is_impossible_and_2000_is_not() -> None:
    decode(body(occurred_at="2000-01-01T00:00:00Z"))
    decode(body(occurred_at="1999-12-31T23:00:00-01:00"))
    error = rejected(body(occurred_at="2000-01-01T00:59:59.999+01:00"))
    assert error.reason == "impossible_time"
    assert "1999-12-31T23:59:59.999Z" in str(error)
    assert "occurred_at" in str(error)


def test_more_than_a_day_after_arrival_is_impossible_and_a_day_is_not() -> None:
    at = parse_instant(str(TICKET["occurred_at"]))
    decode(body(), at - MAX_AHEAD_MS)
    decode(body(), at + 10 * 365 * instants.DAY)
    error = rejected(body(), at - MAX_AHEAD_MS - 1)
    assert error.reason == "impossible_time"
    assert "occurred_at" in str(error)
    assert "24 h" in str(error)


def test_a_replay_has_no_arrival_and_takes_any_future() -> None:
    assert decode(body(occurred_at="9999-12-31T23:59:59Z")).occurred_at == 253_402_300_799_000


def test_a_body_with_a_wrong_field_before_a_syntax_error_is_no_json() -> None:
    assert rejected(body(event_id=5)[:-1]).reason == "not_json"


def test_a_number_past_every_float_is_named_by_its_field() -> None:
    error = rejected(body(type="ticket.sentiment", score="@").replace(b'"@"', b"1e400"))
    assert (error.reason, "$.score" in str(error)) == ("schema", True)


@pytest.mark.parametrize("level", [2**63, 2**64, 10**40, -(2**63) - 1])
def test_no_integer_comes_in_that_the_state_could_not_keep(level: int) -> None:
    error = rejected(body(type="ticket.escalated", level=level))
    assert (error.reason, "level" in str(error)) == ("schema", True)


@pytest.mark.parametrize("name", ["ticket.exploded", "", "x" * 1000, "it's - at `$.status`", "\n"])
def test_an_unknown_type_is_named_and_the_message_stays_short(name: str) -> None:
    error = rejected(body(type=name))
    assert error.reason == "unknown_type"
    assert name[:100] in str(error)
    assert len(str(error)) <= 500


@pytest.mark.parametrize("field", ["status", "author", "type"])
def test_a_value_that_looks_like_the_message_of_an_unknown_type_does_not_become_one(field: str) -> None:
    fields = {"status": {"type": "ticket.status_changed"}, "author": {"type": "ticket.message"}, "type": {}}[field]
    value = 7 if field == "type" else "Invalid value 'x' - at `$.type`"
    assert rejected(body(**{**fields, field: value})).reason == "schema"


def test_deep_nesting_is_rejected_and_no_crash() -> None:
    for depth in (2_000, 100_000):
        nested = b"[" * depth + b"]" * depth
        for field in (b"unknown", b"occurred_at", b"event_id", b"type"):
            data = body(**{field.decode(): "@"}).replace(b'"@"', nested)
            assert rejected(data).reason in ("not_json", "schema", "too_large")


def test_null_is_absent() -> None:
    labels = ("issue_type", "priority", "product", "group", "created_by")
    created = {"type": "ticket.created", "channel": "email"}
    assert decode(body(**created, **dict.fromkeys(labels))) == decode(body(**created))


# What producers send beside the contract's letter


@pytest.mark.parametrize(
    ("escaped", "text"),
    [
        (r"\ud83d", "\ufffd"),
        (r"\uD83D", "\ufffd"),
        (r"\ude00", "\ufffd"),
        (r"\uDFFF\ud800", "\ufffd\ufffd"),
        (r"\ud83d\ud83d\ude00", "\ufffd\N{GRINNING FACE}"),
        (r"\ud83d\ude00\ude00", "\N{GRINNING FACE}\ufffd"),
        (r"\ud83d\uDE00", "\N{GRINNING FACE}"),
        (r"\ud83d\u0041", "\ufffdA"),
        (r"\ud83d\n", "\ufffd\n"),
        (r"\\ud83d", r"\ud83d"),
        (r"\\\ud83d", "\\\ufffd"),
        (r"\\ud83d\ud83d", r"\ud83d" + "\ufffd"),
        (r"\"\ud83d", '"\ufffd'),
        (r"\ud7ff\ue000", "\ud7ff\ue000"),
    ],
)
def test_half_of_a_surrogate_pair_is_a_replacement_character(escaped: str, text: str) -> None:
    message = {"type": "ticket.message", "author": "agent"}
    known = decode(body(**message, agent_id="@").replace(b"@", escaped.encode()))
    assert getattr(known, "agent_id") == text  # noqa: B009 - of a class that the type does not tell
    for ignored in ("@", {"@": ["@"]}):
        assert decode(body(**message, preview=ignored).replace(b"@", escaped.encode())) == decode(body(**message))


@pytest.mark.parametrize("escaped", [r"\ud83", r"\ud83d\ude0", r"\ud83d\x", r"\udZZZ", r"\ud83d" + "\n"])
def test_a_broken_escape_stays_no_json_beside_half_a_pair(escaped: str) -> None:
    assert rejected(body(preview="@").replace(b"@", escaped.encode())).reason == "not_json"


def test_bytes_that_are_no_utf8_are_no_replacement_character() -> None:
    for data in (b"\xff", b"\xed\xa0\xbd", b"\\ud83d\xff"):
        assert rejected(body(ticket_id="@").replace(b"@", data)).reason == "not_json"


def test_half_a_pair_hides_no_other_fault() -> None:
    for fields, reason, named in (
        ({"event_id": 5}, "schema", "$.event_id"),
        ({"type": "ticket.exploded"}, "unknown_type", "$.type"),
        ({"occurred_at": "1999-01-01T00:00:00Z"}, "impossible_time", "$.occurred_at"),
    ):
        error = rejected(body(**fields, preview="\ud83d"))
        assert (error.reason, named in str(error)) == (reason, True)


def test_many_halves_take_no_longer_than_their_length() -> None:
    escapes = (MAX_BYTES - len(body(preview=""))) // 6
    assert decode(body(preview="@").replace(b"@", rb"\ud83d" * escapes)) == decode(body())


BROKEN_TEXT = st.text(st.characters(codec=None), max_size=5)
IGNORED = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(10**400), 10**400)
    | st.sampled_from([1.5e300, -0.0, "", [""], {"class": ""}])
    | BROKEN_TEXT,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(BROKEN_TEXT, inner, max_size=3),
    max_leaves=8,
)


@settings(max_examples=200)
@given(st.sampled_from(INPUT_EXAMPLES), st.dictionaries(BROKEN_TEXT, IGNORED), st.data())
def test_no_field_that_is_ignored_makes_an_event_bad(file: Path, ignored: dict[str, Any], data: st.DataObject) -> None:
    fields = json.loads(file.read_bytes())
    event = decode(file.read_bytes())
    if fields["type"] != "order.placed":
        ignored["lines"] = data.draw(IGNORED)  # a name of another type's field
    items = [*fields.items(), *((name, value) for name, value in ignored.items() if name not in fields)]
    text = json.dumps(dict(data.draw(st.permutations(items))), indent=data.draw(st.sampled_from([None, 1])))
    assert decode(text.encode()) == event


EMPTY = {
    "ticket.created": ["issue_type", "priority", "product", "group", "created_by"],
    "ticket.message": ["agent_id"],
    "ticket.updated": ["channel", "issue_type", "priority", "product", "group", "agent_id"],
    "ticket.handled": ["agent_id"],
    "ticket.escalated": ["level"],
    "contact.deflected": ["issue_type", "customer_id"],
    "survey.sent": ["program", "ticket_id", "agent_id", "direction"],
    "survey.answered": ["kind", "program", "ticket_id", "agent_id", "direction"],
    "order.placed": ["cart_id", "referred_by"],
    "customer.left": ["reason"],
    "customer.updated": ["segment", "tier"],
    "cost.incurred": ["item", "channel", "issue_type"],
}


@pytest.mark.parametrize("file", INPUT_EXAMPLES, ids=lambda file: file.stem)
def test_an_empty_text_is_absent_where_it_is_optional_and_bad_where_it_is_not(file: Path) -> None:
    fields = json.loads(file.read_bytes())
    optional = EMPTY.get(fields["type"], [])
    for name in {*optional, *(name for name, value in fields.items() if isinstance(value, str))}:
        without = {other: value for other, value in fields.items() if other != name}
        for padding in ({}, {"preview": "\ud83d"}):
            emptied = json.dumps({**without, name: "", **padding}).encode()
            if name in optional:
                assert attempt(emptied) == decode(json.dumps(without).encode()), name
            elif name in ("customer_id", "ticket_id", "event_id", "type", "occurred_at", "channel", "kind"):
                assert f"$.{name}" in str(rejected(emptied))


def test_an_empty_text_in_a_line_is_absent() -> None:
    placed = {"type": "order.placed", "order_id": "o", "currency": "EUR"}
    line = {"line_id": "1", "amount_minor": 1}
    empty = {**line, "class": "", "product": ""}
    assert decode(body(**placed, lines=[empty, line])) == decode(body(**placed, lines=[line, line]))
    assert "$.lines[1].line_id" in str(rejected(body(**placed, lines=[empty, {**empty, "line_id": ""}])))


def test_an_emptied_event_is_a_repetition_of_the_one_without() -> None:
    escalated = {"type": "ticket.escalated"}
    assert to_state([decode(body(**escalated, level=""))]) == to_state([decode(body(**escalated))])
    assert record_key(decode(body(type="contact.deflected", channel="c", by="automation", customer_id=""))) == "e-1"


@given(st.binary(max_size=200))
@example(b"")
@example(b"\xef\xbb\xbf{}")
@example(b"\xff\xfe")
@example(b"null")
@example(b"1e999")
@example(b'{"type":"ticket.voided","type":"ticket.created"}')
def test_bytes_are_an_event_or_rejected_and_nothing_else(data: bytes) -> None:
    error = rejected(data)
    assert error.reason in REASONS
    assert 0 < len(str(error)) <= 500


@settings(max_examples=300)
@given(st.sampled_from(INPUT_EXAMPLES), st.data())
def test_a_damaged_event_is_an_event_or_rejected_and_nothing_else(file: Path, data: st.DataObject) -> None:
    damaged = bytearray(file.read_bytes())
    for _ in range(data.draw(st.integers(1, 4))):
        at = data.draw(st.integers(0, len(damaged) - 1))
        damaged[at : at + data.draw(st.integers(0, 3))] = data.draw(st.binary(max_size=4))
    result = attempt(bytes(damaged))
    if isinstance(result, Rejected):
        assert result.reason in REASONS
        assert 0 < len(str(result)) <= 500
    else:
        assert from_state(to_state([result], 7)) == (7, [result])


# The state


@pytest.mark.parametrize("file", INPUT_EXAMPLES, ids=lambda file: file.stem)
def test_an_event_comes_back_from_the_state_as_it_was(file: Path) -> None:
    event = decode(file.read_bytes())
    _, (back,) = from_state(to_state([event]))
    assert back == event
    assert type(back) is type(event)
    assert sort_key(back) == sort_key(event)
    assert to_state([back]) == to_state([event])
    assert isinstance(back.occurred_at, Instant)


def test_all_events_come_back_together_and_in_order() -> None:
    all_of_them: list[Event] = [decode(file.read_bytes()) for file in INPUT_EXAMPLES]
    assert from_state(to_state(all_of_them)) == (0, all_of_them)
    assert from_state(to_state([])) == (0, [])


def test_unknown_fields_are_not_kept() -> None:
    assert to_state([decode(body(secret="x" * 100))]) == to_state([decode(body())])
