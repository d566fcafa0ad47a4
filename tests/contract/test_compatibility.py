"""Schemas change by optional fields only; anything else is a new version."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

import pytest

from streams.kafka.topics import ORDERS, TICKETS

from .cases import schema
from .freeze import breaking, changes, current, fingerprint, frozen


def test_no_schema_changed_by_more_than_optional_fields() -> None:
    found = changes()
    assert not found, (
        "These changes break those who rely on v1. Take them back, or leave v1 as it was and add "
        "schemas/<topic>/v2:\n" + "\n".join(found)
    )


def test_every_field_is_frozen() -> None:
    assert current() == frozen(), "New optional fields are to be frozen too: python tests/contract/freeze.py"


def _drop_field(s: dict[str, Any]) -> None:
    del s["$defs"]["ticket.created"]["properties"]["product"]


def _new_required_field(s: dict[str, Any]) -> None:
    s["$defs"]["ticket.created"]["properties"]["subject"] = {"type": "string"}
    s["$defs"]["ticket.created"]["required"].append("subject")


def _require_optional(s: dict[str, Any]) -> None:
    s["$defs"]["ticket.created"]["required"].append("product")


def _relax_required(s: dict[str, Any]) -> None:
    s["required"].remove("event_id")


def _other_type(s: dict[str, Any]) -> None:
    s["$defs"]["ticket.sentiment"]["properties"]["score"]["type"] = "string"


def _fewer_values(s: dict[str, Any]) -> None:
    s["$defs"]["ticket.message"]["properties"]["author"]["enum"].remove("bot")


def _more_values(s: dict[str, Any]) -> None:
    s["$defs"]["ticket.message"]["properties"]["author"]["enum"].append("robot")


def _tighter_bound(s: dict[str, Any]) -> None:
    s["$defs"]["ticket.created"]["properties"]["channel"]["maxLength"] = 20


def _no_empty_text(s: dict[str, Any]) -> None:
    s["$defs"]["ticket.created"]["properties"]["product"]["minLength"] = 1


def _no_empty_choice(s: dict[str, Any]) -> None:
    s["$defs"]["ticket.created"]["properties"]["created_by"]["enum"].remove("")


def _empty_required_text(s: dict[str, Any]) -> None:
    del s["$defs"]["ticket.created"]["properties"]["channel"]["minLength"]


def _drop_event_type(s: dict[str, Any]) -> None:
    s["allOf"] = [b for b in s["allOf"] if b["then"]["$ref"] != "#/$defs/ticket.voided"]


def _new_event_type(s: dict[str, Any]) -> None:
    s["properties"]["type"]["enum"].append("ticket.split")


def _condition(s: dict[str, Any]) -> None:
    s["allOf"].append({"not": {"required": ["spam"]}})


def _other_condition(s: dict[str, Any]) -> None:
    s["$defs"]["ticket.handled"]["anyOf"].pop()


def _required_without_property(s: dict[str, Any]) -> None:
    s["required"].append("tenant")


def _forbid_unknown_fields(s: dict[str, Any]) -> None:
    s["additionalProperties"] = False


BREAKING = [
    _drop_field,
    _new_required_field,
    _require_optional,
    _relax_required,
    _other_type,
    _fewer_values,
    _more_values,
    _tighter_bound,
    _no_empty_text,
    _no_empty_choice,
    _empty_required_text,
    _drop_event_type,
    _new_event_type,
    _condition,
    _other_condition,
    _required_without_property,
    _forbid_unknown_fields,
]


@pytest.mark.parametrize("change", BREAKING, ids=lambda change: change.__name__.strip("_"))
def test_a_breaking_change_is_found(change: Callable[[dict[str, Any]], None]) -> None:
    changed = copy.deepcopy(schema(TICKETS))
    change(changed)
    assert breaking(fingerprint(schema(TICKETS)), fingerprint(changed))


def test_a_line_of_an_order_is_frozen_too() -> None:
    changed = copy.deepcopy(schema(ORDERS))
    changed["$defs"]["order.placed"]["properties"]["lines"]["items"]["required"].append("product")
    found = breaking(fingerprint(schema(ORDERS)), fingerprint(changed))
    assert found == ["<order.placed>.lines[].product: `required` was false, is true"]


def test_an_optional_field_and_its_inside_may_be_added() -> None:
    changed = copy.deepcopy(schema(TICKETS))
    changed["properties"]["trace"] = {
        "type": ["object", "null"],
        "required": ["id"],
        "properties": {"id": {"type": "string"}},
    }
    changed["$defs"]["ticket.created"]["properties"]["subject"] = {"type": ["string", "null"]}
    changed["$defs"]["ticket.created"]["description"] = "Other words."
    assert breaking(fingerprint(schema(TICKETS)), fingerprint(changed)) == []


def test_an_optional_text_may_become_empty_and_nothing_else_of_it() -> None:
    before = copy.deepcopy(schema(TICKETS))
    _no_empty_text(before)
    _no_empty_choice(before)
    assert breaking(fingerprint(before), fingerprint(schema(TICKETS))) == []
    changed = copy.deepcopy(schema(TICKETS))
    changed["$defs"]["ticket.created"]["properties"]["product"]["maxLength"] = 20
    assert breaking(fingerprint(before), fingerprint(changed))
