"""Every example is taken by schema and decoder, every invalid one refused by both with the words promised."""

from __future__ import annotations

import json
from pathlib import Path

import msgspec
import pytest

from streams.core.events import annotation
from streams.core.events.decoding import REASONS, Rejected, decode
from streams.core.events.keys import record_key
from streams.core.metrics.records import MetricRecord
from streams.core.temporal.instants import parse_instant
from streams.kafka.topics import COSTS, METRICS, SLA_BREACHES

from . import cases
from .cases import Invalid, case_id

VALID_INPUTS = [file for topic in cases.INPUTS for file in cases.examples(topic)]
VALID_OUTPUTS = [file for topic in cases.OUTPUTS for file in cases.examples(topic)]
VALID_CONTEXT = [file for topic in cases.CONTEXT for file in cases.examples(topic)]
INVALID_INPUTS = [case for topic in cases.INPUTS for case in cases.invalid(topic)]
INVALID_OUTPUTS = [case for topic in cases.OUTPUTS for case in cases.invalid(topic)]
INVALID_CONTEXT = [case for topic in cases.CONTEXT for case in cases.invalid(topic)]


def _topic(file: Path) -> str:
    return file.parents[2].name


@pytest.mark.parametrize("file", VALID_INPUTS + VALID_OUTPUTS + VALID_CONTEXT, ids=case_id)
def test_an_example_is_valid_by_its_schema(file: Path) -> None:
    assert cases.complaints(_topic(file), json.loads(file.read_bytes())) == []


@pytest.mark.parametrize("file", VALID_INPUTS, ids=case_id)
def test_an_example_of_an_input_decodes_to_what_it_says(file: Path) -> None:
    said = json.loads(file.read_bytes())
    event = decode(file.read_bytes())
    kept = json.loads(msgspec.json.encode(event, enc_hook=int))
    for field, value in kept.items():
        if field not in ("occurred_at", "period_start", "period_end", "lines"):
            assert value == said[field], field
    assert said["type"].replace(".", "_") in file.stem or file.stem == "first_moment_of_2000"
    key = "cost_id" if _topic(file) == COSTS else "customer_id"
    assert record_key(event) == said.get(key, said["event_id"])


@pytest.mark.parametrize("case", INVALID_INPUTS, ids=case_id)
def test_an_invalid_body_is_rejected_with_its_reason_and_the_field(case: Invalid) -> None:
    with pytest.raises(Rejected) as caught:
        decode(case.body)
    assert caught.value.reason == case.reason, str(caught.value)
    assert case.names in str(caught.value)
    assert case.names, "expected.toml has to say what the message names"


@pytest.mark.parametrize("case", INVALID_INPUTS, ids=case_id)
def test_an_invalid_body_is_invalid_by_its_schema_too(case: Invalid) -> None:
    if case.reason == "not_json":
        with pytest.raises(ValueError):  # noqa: PT011 - of JSON or of UTF-8, each in its own words
            json.loads(case.body.decode("utf-8"), parse_constant=_no_constant)
        return
    found = cases.complaints(_topic(case.file), json.loads(case.body))
    # A schema has no clock; what else it cannot say is written beside the case.
    assert bool(found) is (case.reason != "impossible_time" and not case.decoder_only), found


def _no_constant(name: str) -> float:
    raise ValueError(f"{name} is no JSON")


@pytest.mark.parametrize("case", INVALID_OUTPUTS, ids=case_id)
def test_an_invalid_output_is_invalid_by_its_schema(case: Invalid) -> None:
    assert case.names in "\n".join(cases.complaints(_topic(case.file), json.loads(case.body)))


@pytest.mark.parametrize("file", VALID_CONTEXT, ids=case_id)
def test_an_example_of_an_annotation_decodes_to_what_it_says(file: Path) -> None:
    said = json.loads(file.read_bytes())
    found = annotation.decode(file.read_bytes())
    assert (found.kind, found.text) == (said["kind"], said["text"])
    for field, at in (("at", found.at), ("until", found.until)):
        assert at == (parse_instant(said[field]) if said.get(field) else None)
    assert annotation.decode(json.dumps(found.as_json()).encode()) == found
    assert cases.complaints(_topic(file), found.as_json()) == []


@pytest.mark.parametrize("case", INVALID_CONTEXT, ids=case_id)
def test_an_invalid_annotation_is_refused_by_decoder_and_schema(case: Invalid) -> None:
    with pytest.raises(ValueError, match=case.names):
        annotation.decode(case.body)
    by_schema = "\n".join(cases.complaints(_topic(case.file), json.loads(case.body)))
    assert (case.names in by_schema) is not bool(case.decoder_only)


def test_every_reason_a_body_alone_can_give_is_shown() -> None:
    # too_large: a unit test, not a file of 256 KiB; too_late needs the entity's state.
    assert {case.reason for case in INVALID_INPUTS} == set(REASONS) - {"too_large", "too_late"}


def test_examples_of_metrics_are_metric_records() -> None:
    for file in VALID_OUTPUTS:
        if _topic(file) == METRICS:
            record = msgspec.json.decode(file.read_bytes(), type=MetricRecord)
            assert msgspec.json.decode(msgspec.json.encode(record)) == json.loads(file.read_bytes())


def test_the_id_of_a_breach_is_made_of_its_fields() -> None:
    for file in VALID_OUTPUTS:
        if _topic(file) == SLA_BREACHES:
            said = json.loads(file.read_bytes())
            parts = (said["customer_id"], said["ticket_id"], said["target"], said["deadline"])
            assert said["id"] == "|".join(parts)
