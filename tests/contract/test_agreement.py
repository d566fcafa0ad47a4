"""The JSON Schemas and the decoder take and refuse the same bodies, but for the differences named here.

Each difference is shown by a test below, so the list is true in both directions:

* ``clock``: a schema knows no time of arrival and no year 2000; ``impossible_time`` is the decoder's alone.
* ``two_fields``: JSON Schema cannot compare ``scale_min`` with ``scale_max``, nor ``period_start`` with
  ``period_end``.
* ``integral_float``: 1.0 is an integer to JSON Schema; the decoder wants integers written as integers,
  because a producer that has amounts as floats will sooner or later send 0.1 + 0.2.
* ``topic``: the decoder takes every event on every input topic (they are co-partitioned); a schema is one
  topic's.
* ``beyond_json``: what two parsers of JSON may read in two ways (RFC 8259, sections 4 to 8). Repeated names:
  the decoder checks each of them. Bytes that are no UTF-8 inside unknown fields: the decoder ignores them with
  the field.
"""

from __future__ import annotations

import copy
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from streams.core.events.decoding import Rejected, decode
from streams.kafka.topics import COSTS, ORDERS, SURVEYS, TICKETS

from . import cases

Document = dict[str, Any]
Place = tuple[str | int, ...]

EXAMPLES = [(topic.name, file) for topic in cases.INPUTS for file in cases.examples(topic)]
FOREIGN = {kind: topic.name for topic in cases.INPUTS for kind in cases.event_types(topic.name)}

#: What stands in for a value: every JSON type, every bound of the contract and one past it.
VALUES: tuple[Any, ...] = (
    None,
    True,
    False,
    0,
    1,
    -1,
    1.5,
    -1.5,
    2.0,
    1000,
    1000.5,
    -1001,
    10**6,
    10**6 + 1,
    10**7,
    10**7 + 1,
    10**13,
    10**13 + 1,
    -1000,
    -(10**6),
    -(10**6) - 1,
    -(10**13),
    -(10**13) - 1,
    2**63,
    2**64,
    10**40,
    1e300,
    "",
    "x",
    "1",
    "null",
    "EUR",
    "eur",
    "EUR\n",
    "EURO",
    "agent",
    "nps",
    "2025-03-10T09:15:00Z",
    "2025-03-10t09:15:60.123456789-23:59",
    "2025-03-10 09:15:00z",
    "2025-03-10T09:15:00",
    "2025-03-10T09:15:00Z\n",
    "2025-03-10T24:00:00Z",
    "2025-03-10T09:15:00+24:00",
    "2025-03-10T09:15:00.Z",
    "2025-03-10T09:15Z",
    "2025-13-10T09:15:00Z",
    "2025-02-29T09:15:00Z",
    "0000-03-10T09:15:00Z",
    "1999-03-10T09:15:00Z",
    "2025-03-10T0\u0669:15:00Z",
    "\u0662025-03-10T09:15:00Z",
    "x" * 128,
    "x" * 129,
    "x" * 256,
    "x" * 257,
    "\N{GRINNING FACE}" * 256,
    "\N{GRINNING FACE}" * 257,
    "x" * 1024,
    "x" * 1025,
    "\x00",
    [],
    [1],
    [{}],
    [{"line_id": "1", "amount_minor": 1}],
    {},
    {"line_id": "1", "amount_minor": 1},
)


def verdicts(topic: str, document: object) -> tuple[str, str]:
    """What decoder and schema have against a document, empty for nothing, less the differences by name."""
    by_schema = "; ".join(cases.complaints(topic, document))
    by_decoder = ""
    try:
        decode(json.dumps(document, ensure_ascii=False).encode())
    except Rejected as rejected:
        by_decoder = f"{rejected.reason}: {rejected}"
    if isinstance(document, dict) and FOREIGN.get(str(document.get("type")), topic) != topic:
        return "", ""  # topic
    if by_decoder.startswith("impossible_time"):
        by_decoder = ""  # clock
    if "must be above" in by_decoder or "must be after" in by_decoder:
        by_decoder = ""  # two_fields
    if by_decoder.startswith("schema: Expected `int") and "got `float`" in by_decoder and not by_schema:
        by_decoder = "" if _has_integral_float(document) else by_decoder  # integral_float
    return by_decoder, by_schema


def _has_integral_float(value: object) -> bool:
    if isinstance(value, dict):
        return any(_has_integral_float(inner) for inner in value.values())
    if isinstance(value, list):
        return any(_has_integral_float(inner) for inner in value)
    return isinstance(value, float) and value.is_integer()


def assert_agreement(topic: str, document: object) -> None:
    by_decoder, by_schema = verdicts(topic, document)
    assert bool(by_decoder) is bool(by_schema), (
        f"decoder: {by_decoder or 'takes it'}\nschema: {by_schema or 'takes it'}\n"
        f"{json.dumps(document, ensure_ascii=False)[:500]}"
    )


def places(document: Document, rules: Document) -> list[Place]:
    """Every field of the example and every one its type could have, the lines' included."""
    kind = rules["$defs"][document["type"]]
    names = {*document, *rules["properties"], *kind["properties"]}
    found: list[Place] = [(name,) for name in sorted(names)]
    for number, line in enumerate(document.get("lines", ())):
        found += [("lines", number), *(("lines", number, name) for name in (*line, "class", "product"))]
    return found


def changed(document: Document, place: Place, value: Any) -> Document:
    result = copy.deepcopy(document)
    target: Any = result
    for step in place[:-1]:
        target = target[step]
    target[place[-1]] = value
    return result


def mutants(document: Document, rules: Document) -> Iterator[Document]:
    for place in places(document, rules):
        for value in VALUES:
            yield changed(document, place, value)
        without = changed(document, place, None)
        target: Any = without
        for step in place[:-1]:
            target = target[step]
        del target[place[-1]]
        yield without
    for kind in FOREIGN:
        yield {**document, "type": kind}
    for value in VALUES:
        yield {**document, "no_such_field": value}


@pytest.mark.parametrize(("topic", "file"), EXAMPLES, ids=cases.case_id)
def test_one_wrong_thing(topic: str, file: Path) -> None:
    example = json.loads(file.read_bytes())
    for mutant in mutants(example, cases.schema(topic)):
        assert_agreement(topic, mutant)


@pytest.mark.parametrize("value", [value for value in VALUES if not isinstance(value, dict)], ids=repr)
def test_a_body_that_is_no_object(value: object) -> None:
    for topic in cases.INPUTS:
        assert_agreement(topic.name, value)


JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(10**20), 10**20)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=300)
    | st.datetimes().map(lambda at: at.isoformat() + "Z")
    | st.sampled_from(VALUES),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=20), inner, max_size=3),
    max_leaves=5,
)


@settings(max_examples=400, deadline=None)
@given(data=st.data())
def test_several_wrong_things_at_once(data: st.DataObject) -> None:
    topic, file = data.draw(st.sampled_from(EXAMPLES))
    document = json.loads(file.read_bytes())
    names = [place[0] for place in places(document, cases.schema(topic)) if len(place) == 1]
    for name in data.draw(st.lists(st.sampled_from(names) | st.text(max_size=20), min_size=1, max_size=4)):
        document[name] = data.draw(JSON)
    assert_agreement(topic, document)


# The differences, one by one.


def _example(topic: str, name: str) -> Document:
    file = next(file for of, file in EXAMPLES if of == topic and file.stem == name)
    document = json.loads(file.read_bytes())
    assert isinstance(document, dict)
    return document


def _decodes(body: str | bytes) -> bool:
    try:
        decode(body.encode() if isinstance(body, str) else body)
    except Rejected:
        return False
    return True


@pytest.mark.parametrize(
    ("topic", "example", "change"),
    [
        pytest.param(TICKETS, "ticket_voided", {"occurred_at": "1999-12-31T23:59:59Z"}, id="clock"),
        pytest.param(SURVEYS, "survey_answered_alone", {"scale_min": 10}, id="two_fields-scale"),
        pytest.param(COSTS, "cost_incurred_salaries", {"period_end": "2025-01-01T00:00:00Z"}, id="two_fields-period"),
        pytest.param(ORDERS, "order_paid", {"amount_minor": 6490.0}, id="integral_float"),
    ],
)
def test_the_schema_takes_what_the_decoder_refuses(topic: str, example: str, change: Document) -> None:
    document = {**_example(topic, example), **change}
    assert cases.complaints(topic, document) == []
    assert not _decodes(json.dumps(document))


def test_topic_the_decoder_takes_an_event_on_another_topic() -> None:
    document = _example(ORDERS, "order_paid")
    assert _decodes(json.dumps(document))
    assert cases.complaints(TICKETS, document)


def test_beyond_json_repeated_names_are_each_checked() -> None:
    body = json.dumps(_example(TICKETS, "ticket_sentiment_negative")).replace('"score"', '"score": 5, "score"')
    assert cases.complaints(TICKETS, json.loads(body)) == []
    assert not _decodes(body)


def test_half_of_a_surrogate_pair_is_taken_by_both() -> None:
    document = {**_example(TICKETS, "ticket_created"), "channel": "\ud800", "\udc00": "\ud800"}
    assert cases.complaints(TICKETS, document) == []
    assert _decodes(json.dumps(document))


def test_beyond_json_bytes_of_unknown_fields_are_not_looked_at() -> None:
    body = json.dumps({**_example(TICKETS, "ticket_created"), "subject": "@"}).encode().replace(b"@", b"\xff")
    with pytest.raises(UnicodeDecodeError):
        json.loads(body)
    assert _decodes(body)
