"""``topics.toml``, the folders beside it and the names in the code belong together."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any, get_args

import msgspec
import pytest

from streams.core.events.decoding import MAX_BYTES, REASONS
from streams.core.events.types import Event
from streams.core.metrics.records import MetricRecord
from streams.kafka import topics as module
from streams.kafka.topics import DEAD_LETTERS, INPUTS, METRICS, Topic, load, schemas_folder, topics

from . import cases

ONE = """
input_partitions = 4
[topics."a"]
role = "input"
key = "k"
description = "d"
partitions = "inputs"
cleanup_policy = "delete"
retention_ms = -1
max_message_bytes = 1
"""


def test_the_names_in_the_code_are_those_of_the_file() -> None:
    constants = {value for name, value in vars(module).items() if name.isupper() and isinstance(value, str)}
    assert constants == set(topics().by_name)
    assert tuple(topic.name for topic in topics().of_role("input")) == INPUTS


def test_inputs_and_internals_are_co_partitioned_and_the_others_are_not() -> None:
    for topic in topics().by_name.values():
        own = topic.role in ("output", "context")
        assert (topic.partitions != "inputs") is own, topic.name
        assert (topic.partition_count(12) == 12) is not own, topic.name
    assert topics().input_partitions == 4


def test_changelogs_are_compacted_and_kept_for_ever() -> None:
    for topic in topics().of_role("internal"):
        assert (topic.cleanup_policy, topic.retention_ms) == ("compact", -1), topic.name


def test_changelogs_are_compacted_while_they_are_written() -> None:
    """Kafka leaves the segment it writes to alone: of the default gigabyte, a start would read all."""
    for topic in topics().of_role("internal"):
        size = topic.config["segment.bytes"]
        assert isinstance(size, int)
        assert topic.max_message_bytes < size <= 64 * 1024 * 1024, topic.name


def test_inputs_and_outputs_have_a_schema_and_internals_none() -> None:
    for topic in topics().by_name.values():
        assert (topic.schema is None) is (topic.role == "internal"), topic.name
        if topic.schema is not None:
            assert topic.schema == f"{topic.name}/v1/schema.json"


def test_an_accepted_body_fits_its_topic_and_the_largest_record_fits_a_dead_letter() -> None:
    largest = max(topic.max_message_bytes for topic in topics().of_role("input"))
    assert largest > MAX_BYTES
    # base64 of key and value together, both as text up to the limit the schema states (JSON escapes a
    # control character in six bytes), and the rest of the letter.
    text_limit = _text_limit()
    letter = (largest + 2) // 3 * 4 + 8 + 2 * text_limit * 6 + 16_384
    assert letter <= topics().by_name[DEAD_LETTERS].max_message_bytes


def _text_limit() -> int:
    limits = set()
    for field in ("key", "value"):
        found = re.search(r"above (\d+) bytes", cases.schema(DEAD_LETTERS)["properties"][field]["description"])
        assert found is not None, f"{field} of a dead letter does not say up to which size it is text"
        limits.add(int(found[1]))
    (limit,) = limits
    return limit


def test_there_are_no_orphans() -> None:
    expected = {Path("topics.toml"), Path("frozen.json"), Path("asyncapi.json")}
    for topic in cases.SCHEMA_TOPICS:
        base = cases.folder(topic)
        files = [base / "schema.json", base / "invalid" / "expected.toml"]
        files += [*cases.examples(topic), *(case.file for case in cases.invalid(topic))]
        expected |= {file.relative_to(schemas_folder()) for file in files}
    there = {
        file.relative_to(schemas_folder())
        for file in schemas_folder().rglob("*")
        if file.is_file() and file.suffix != ".md"
    }
    assert there - expected == set(), "files that belong to no topic, or to no entry of expected.toml"
    assert expected - there == set(), "files that topics.toml or an expected.toml names and nobody wrote"


@pytest.mark.parametrize("topic", cases.SCHEMA_TOPICS, ids=cases.case_id)
def test_every_schema_is_one_and_describes_every_field(topic: Topic) -> None:
    schema = cases.schema(topic.name)
    cases.validator(topic.name)  # checks the schema itself
    assert schema["$id"] == f"urn:support-roi:{topic.name}:v1"
    assert schema["additionalProperties"] is (topic.role in ("input", "context"))
    assert _undescribed(schema, "$") == []


def _undescribed(node: dict[str, Any], path: str) -> list[str]:
    found = []
    for name, child in node.get("properties", {}).items():
        here = f"{path}.{name}"
        found += [] if len(child.get("description", "")) > 8 else [here]
        if re.search(r"seconds|amount|scale", name) and not re.search("second|minor units|points", str(child)):
            found.append(f"{here} without its unit")
        found += _undescribed(child, here) + _undescribed(child.get("items", {}), f"{here}[]")
    for name, child in node.get("$defs", {}).items():
        found += [] if child.get("description") else [name]
        found += _undescribed(child, name)
    return found


def test_every_event_type_has_a_class_a_schema_and_an_example() -> None:
    classes = _tags(msgspec.inspect.type_info(Event))
    assert {one.topic for one in get_args(Event)} == set(INPUTS)
    types = [kind for topic in cases.INPUTS for kind in cases.event_types(topic.name)]
    assert len(types) == len(set(types))
    assert set(types) == classes
    shown = {msgspec.json.decode(file.read_bytes())["type"] for topic in cases.INPUTS for file in cases.examples(topic)}
    assert shown == classes


def _tags(info: msgspec.inspect.Type) -> set[object]:
    assert isinstance(info, msgspec.inspect.UnionType)
    return {kind.tag for kind in info.types if isinstance(kind, msgspec.inspect.StructType)}


@pytest.mark.parametrize("topic", cases.INPUTS, ids=cases.case_id)
def test_an_optional_field_of_an_input_may_be_null(topic: Topic) -> None:
    for name, kind in cases.schema(topic.name)["$defs"].items():
        for field, rules in kind["properties"].items():
            assert ("null" in rules["type"]) is (field not in kind.get("required", ())), f"{name}.{field}"


def test_the_metric_schema_has_the_fields_of_the_record() -> None:
    schema = cases.schema(METRICS)
    assert list(schema["properties"]) == list(MetricRecord.__struct_fields__)
    optional = {field.name for field in msgspec.structs.fields(MetricRecord) if not field.required}
    assert schema["required"] == [name for name in MetricRecord.__struct_fields__ if name not in optional]


def test_the_dead_letter_schema_has_the_reasons_of_the_decoder() -> None:
    assert tuple(cases.schema(DEAD_LETTERS)["properties"]["reason"]["enum"]) == REASONS


@pytest.mark.parametrize(
    ("old", "new", "names"),
    [
        ("input_partitions = 4", "input_partitions = 0", "`input_partitions`"),
        ("input_partitions = 4", "", "`input_partitions`"),
        ("input_partitions = 4", "input_partitions = 4\nbrokers = 3", "`brokers`"),
        ('role = "input"', 'role = "source"', "topic a: `role` must be one of input, context, internal, output"),
        ('role = "input"', "", "topic a: missing key `role`"),
        ('role = "input"', 'role = "input"\ncolour = "red"', "topic a: unknown key `colour`"),
        ('partitions = "inputs"', 'partitions = "many"', "topic a: `partitions`"),
        ('partitions = "inputs"', "partitions = true", "topic a: `partitions`"),
        ('cleanup_policy = "delete"', 'cleanup_policy = "shred"', "topic a: `cleanup_policy`"),
        ("retention_ms = -1", "retention_ms = -2", "topic a: `retention_ms`"),
        ("max_message_bytes = 1", "max_message_bytes = 1.5", "topic a: `max_message_bytes`"),
        ("max_message_bytes = 1", "max_message_bytes = 1\nconfig = 1", "topic a: `config`"),
        ("max_message_bytes = 1", "max_message_bytes = 1\nconfig = { a = [] }", "topic a: `config`"),
    ],
)
def test_a_wrong_topics_file_is_refused_by_topic_and_key(old: str, new: str, names: str) -> None:
    assert load(ONE).by_name["a"].schema_path() is None
    with pytest.raises(ValueError, match=re.escape(names)):
        load(ONE.replace(old, new, 1))


def test_schemas_inside_an_installed_package_come_first(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    package = tmp_path / "streams"
    monkeypatch.setattr(module, "__file__", str(package / "kafka" / "topics.py"))
    with pytest.raises(FileNotFoundError, match="install it again"):
        schemas_folder()
    for folder in (tmp_path / "schemas", package / "schemas"):
        folder.mkdir(parents=True)
        (folder / "topics.toml").write_text(ONE, encoding="utf-8")
        assert schemas_folder() == folder
