"""The registry of sources: pure functions from a record to events; the first one is the project's own event files."""

from __future__ import annotations

import json

import pytest

from streams.connectors.registry import CONNECTORS, EVENT_FILES
from streams.core.events.decoding import Rejected, decode

BODY = json.dumps(
    {"event_id": "1", "type": "customer.joined", "occurred_at": "2026-01-05T00:00:00Z", "customer_id": "c", "x": 1}
).encode()


def test_a_record_of_an_event_file_is_one_event() -> None:
    assert list(CONNECTORS[EVENT_FILES](BODY)) == [decode(BODY)]


def test_a_record_that_is_no_event_is_rejected_with_its_reason() -> None:
    with pytest.raises(Rejected) as caught:
        CONNECTORS[EVENT_FILES](b"{")
    assert caught.value.reason == "not_json"


@pytest.mark.parametrize("source", sorted(CONNECTORS))
def test_what_a_connector_cannot_map_it_rejects(source: str) -> None:
    for record in (b"", b"null", b"{}", b"\xff", b"[" * 10_000):
        with pytest.raises(Rejected):
            CONNECTORS[source](record)
