"""The origin of state: the fingerprint of the definitions that a partition was booked with."""

from __future__ import annotations

import subprocess
import sys
from typing import Any

import msgspec
import pytest

from streams.core.derivation import state_format
from tests.property.harness import Desk, settings_of

FULL: dict[str, Any] = {
    "rates": {"USD": [{"from": "2026-01-01", "factor": 0.9}]},
    "business": {"time_zone": "Europe/Berlin", "holidays": ["2026-01-01"], "hours": {"mon": ["09:00-12:00"]}},
    "service_levels": [
        {"name": "a", "metric": "first_response", "clock": "business", "seconds": 60,
         "filter": {"channel": ["chat", "email", "phone"], "priority": "urgent"}},
    ],
}  # fmt: skip


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


def test_a_restart_under_the_same_settings_books_nothing_again() -> None:
    desk = Desk(settings_of(FULL), 1_767_700_800_000)
    desk.send({"event_id": "e", "type": "customer.joined", "occurred_at": "2026-01-05T12:00:00Z", "customer_id": "c"})
    desk.drain()
    desk.settings = settings_of(FULL)  # a new process reads the file again
    desk.policy = desk.settings.policy()
    desk.restart(0)
    assert not desk.states[0].commit_needed
    desk.policy = settings_of(FULL | {"currency": "USD"}).policy()
    desk.restart(0)
    assert desk.states[0].commit_needed
