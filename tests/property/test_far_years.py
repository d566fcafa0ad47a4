"""Any instant that decoding admits, up to the year 9999 and past it, has values: dates never run out of years."""

from __future__ import annotations

import random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from streams.core.events.decoding import decode
from streams.core.temporal.calendar import CYCLE
from tests.oracle.clock import DAY, HOUR, to_ms
from tests.oracle.strategies import FIRST, SETTINGS, histories, random_events, rfc3339

from .harness import Event, Values, body, replayed, settings_of

#: The ends of what a text can say, their neighbours, and a day of this time.
TEXTS = (
    "2000-01-01T00:00:00Z",
    "2000-01-01T14:00:00+14:00",
    "2026-03-29T01:30:00Z",
    "9998-12-31T23:59:59Z",
    "9999-01-01T00:00:00.000Z",
    "9999-12-30T12:00:00-23:59",
    "9999-12-31T00:00:00Z",
    "9999-12-31T23:59:59Z",
    "9999-12-31T23:59:59.999Z",
    "9999-12-31T23:59:60Z",
    "9999-12-31T23:59:59.999-23:59",
)
GIVEN = {name: value for name, value in SETTINGS.items() if name != "rates"} | {"inactivity_days": 20}


def desk(zone: str) -> Any:
    business = SETTINGS["business"] | {"time_zone": zone, "holidays": ["9999-12-31"]}
    goals = [{"name": "late", "metric": "csat_ratio", "window": "30d", "target": 0.9, "due": "9999-12-31"}]
    levels = [*SETTINGS["service_levels"], {"name": "far", "metric": "first_response", "clock": "business",
                                            "seconds": 10**9}]  # fmt: skip
    return settings_of(
        SETTINGS | {"business": business, "goals": goals, "service_levels": levels, "inactivity_days": 9}
    )


@pytest.mark.parametrize("zone", ["UTC", "Europe/Berlin", "Pacific/Kiritimati", "America/Adak"])
@settings(max_examples=4)
@given(histories(max_size=30), st.integers(0, 10**6))
def test_no_instant_that_decoding_admits_stops_a_replay(zone: str, events: list[Event], seed: int) -> None:
    rng = random.Random(seed)
    moved = []
    for event in events:
        fields = {name for name in ("occurred_at", "period_start", "period_end") if name in event}
        one = event | dict.fromkeys(fields, rng.choice(TEXTS))
        if "period_end" in fields:
            one["period_start"], one["period_end"] = "0001-01-01T00:00:00+23:59", "9999-12-31T23:59:60Z"
        moved.append(one)
    last = max((decode(body(event)).occurred_at for event in moved), default=FIRST)
    assert replayed(moved, last + rng.choice((1, 400 * DAY)), desk(zone), start=FIRST)


def later(events: list[Event], by: int) -> list[Event]:
    return [
        event | {name: rfc3339(to_ms(event[name]) + by) for name in ("occurred_at", "period_start", "period_end")
                 if name in event}
        for event in events
    ]  # fmt: skip


def undated(values: Values) -> dict[tuple[str, ...], tuple[Any, ...]]:
    """The values without the years of their dates."""
    return {
        (key[0], key[1], (key[2] or "....")[4:], *key[3:]): (one.value, one.count, one.low, one.high, one.final)
        for key, one in values.items()
    }


@pytest.mark.parametrize("seed", range(3))
def test_the_same_history_thousands_of_years_later_has_the_same_values(seed: int) -> None:
    """2026 and 9626: 19 times 400 years, after which dates, weekdays and changes of the clocks are the same."""
    events = random_events(seed, 150)
    as_of = FIRST + 45 * DAY + 13 * HOUR + seed
    given_settings = settings_of(GIVEN | {"windows": {"aligned": ["day", "week", "quarter", "year"]}})
    now = undated(replayed(events, as_of, given_settings, start=FIRST))
    by = 19 * CYCLE
    assert undated(replayed(later(events, by), as_of + by, given_settings, start=FIRST + by)) == now
