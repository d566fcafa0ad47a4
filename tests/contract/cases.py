"""The schemas and example files, and how this project validates by JSON Schema."""

from __future__ import annotations

import json
import tomllib
from dataclasses import dataclass
from datetime import date
from functools import cache
from pathlib import Path
from typing import Any

from jsonschema import Draft202012Validator, FormatChecker  # type: ignore[import-untyped,unused-ignore]

from streams.kafka.topics import Topic, topics


def _is_on_the_calendar(value: object) -> bool:
    """The schemas' pattern says the form; what is left is that the day exists (and Python's lenient `$`)."""
    if isinstance(value, str):
        date.fromisoformat(value[:10])
        return not value.endswith("\n")
    return True


FORMATS = FormatChecker(formats=())
FORMATS.checks("date-time", raises=ValueError)(_is_on_the_calendar)

SCHEMA_TOPICS: tuple[Topic, ...] = tuple(topic for topic in topics().by_name.values() if topic.schema)
CONTEXT: tuple[Topic, ...] = topics().of_role("context")
INPUTS: tuple[Topic, ...] = topics().of_role("input")
OUTPUTS: tuple[Topic, ...] = topics().of_role("output")


@dataclass(frozen=True)
class Invalid:
    """One invalid body and what has to be said to it."""

    file: Path
    reason: str
    names: str
    #: Why JSON Schema takes it all the same; empty where it must not.
    decoder_only: str

    @property
    def body(self) -> bytes:
        return self.file.read_bytes()


def folder(topic: Topic) -> Path:
    path = topic.schema_path()
    assert path is not None, f"{topic.name} has no schema"
    return path.parent


@cache
def schema(name: str) -> dict[str, Any]:
    data = json.loads((folder(topics().by_name[name]) / "schema.json").read_text(encoding="utf-8"))
    assert isinstance(data, dict)
    return data


@cache
def validator(name: str) -> Any:
    Draft202012Validator.check_schema(schema(name))
    return Draft202012Validator(schema(name), format_checker=FORMATS)


def complaints(name: str, document: object) -> list[str]:
    """What the JSON Schema of the topic has against the document, each with its place."""
    return [f"{error.json_path}: {error.message}" for error in validator(name).iter_errors(document)]


def event_types(name: str) -> list[str]:
    types = schema(name)["properties"]["type"]["enum"]
    assert isinstance(types, list)
    return types


def examples(topic: Topic) -> list[Path]:
    return sorted((folder(topic) / "examples").glob("*.json"))


def invalid(topic: Topic) -> list[Invalid]:
    base = folder(topic) / "invalid"
    expected = tomllib.loads((base / "expected.toml").read_text(encoding="utf-8"))
    return [
        Invalid(base / name, case["reason"], case["names"], case.get("decoder_only", ""))
        for name, case in expected.items()
    ]


def case_id(value: object) -> str:
    """How a case is named in pytest's output: topic/file."""
    if isinstance(value, Topic):
        return value.name
    if isinstance(value, Invalid):
        return f"{value.file.parents[2].name}/{value.file.stem}"
    if isinstance(value, Path):
        return f"{value.parents[2].name}/{value.stem}"
    return str(value)
