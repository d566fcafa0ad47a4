"""Local days and the business clock: hours, holidays, midnight, changes of the clocks."""

from __future__ import annotations

from datetime import date
from itertools import pairwise
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from streams.config import ConfigError, Settings, load
from streams.core.temporal.business_clock import BusinessClock, parse_hours
from streams.core.temporal.calendar import CYCLE, FAR, LocalDays
from streams.core.temporal.instants import DAY, HOUR, MINUTE, parse_instant
from tests.oracle.clock import Calendar

BUSINESS: list[dict[str, Any]] = [
    {},
    {"time_zone": "America/New_York", "hours": {"sun": ["00:00-12:00"], "sat": ["20:00-04:00", "03:00-09:00"]}},
    {"time_zone": "Australia/Lord_Howe", "hours": {"mon": ["22:00-06:00"], "sat": ["22:00-06:00"]}},
    {"time_zone": "Europe/Berlin", "hours": {"sun": ["01:30-02:30", "02:45-06:00"]}, "holidays": ["2026-04-05"]},
    {"time_zone": "Africa/Cairo", "hours": {"fri": ["00:00-24:00"], "thu": ["23:30-01:00"]}},
]
START = parse_instant("2025-06-01T00:00:00Z")


def clock(**business: Any) -> BusinessClock:
    return msgspec.convert({"business": business}, Settings).policy().business


def at(text: str) -> int:
    return int(parse_instant(text))


def test_the_default_is_monday_to_friday_nine_to_five() -> None:
    found = clock()
    assert found.elapsed(at("2026-03-02T08:00:00Z"), at("2026-03-02T20:00:00Z")) == 8 * HOUR
    assert found.elapsed(at("2026-03-06T16:00:00Z"), at("2026-03-09T10:00:00Z")) == 2 * HOUR  # over a weekend
    assert found.elapsed(at("2026-03-07T00:00:00Z"), at("2026-03-09T00:00:00Z")) == 0


FAR_CLOCK = clock(time_zone="Europe/Berlin")
fast = settings(max_examples=50, derandomize=True, deadline=None, database=None)


def test_no_time_passes_backwards() -> None:
    assert clock().elapsed(at("2026-03-03T12:00:00Z"), at("2026-03-02T12:00:00Z")) == 0


def test_a_holiday_takes_away_what_begins_on_it() -> None:
    found = clock(holidays=["2026-03-03"], hours={"mon": ["22:00-02:00"], "tue": ["10:00-11:00", "23:00-01:00"]})
    # Monday's evening goes on into the holiday; the holiday's own evening is gone to its end on Wednesday.
    assert found.elapsed(at("2026-03-02T00:00:00Z"), at("2026-03-05T00:00:00Z")) == 4 * HOUR


def test_the_clock_goes_on_in_the_last_years_of_dates_and_past_them() -> None:
    found = clock(time_zone="Europe/Berlin")
    friday = at("9999-12-31T08:00:00Z")  # 09:00; Monday is 10000-01-03
    assert found.elapsed(friday, friday + 2 * HOUR) == 2 * HOUR
    assert found.elapsed(friday, friday + 3 * DAY + HOUR) == 9 * HOUR
    assert found.deadline(friday, 9 * HOUR) == friday + 3 * DAY + HOUR
    assert found.deadline(at("9999-12-31T16:00:00Z"), 1) == friday + 3 * DAY + 1


@fast
@given(st.lists(st.integers(FAR - CYCLE - DAY, FAR + 3 * CYCLE), min_size=3, max_size=3))
def test_business_time_far_away_adds_up(instants: list[int]) -> None:
    first, middle, last = sorted(instants)
    assert FAR_CLOCK.elapsed(first, last) == FAR_CLOCK.elapsed(first, middle) + FAR_CLOCK.elapsed(middle, last)
    assert FAR_CLOCK.elapsed(first, last) == FAR_CLOCK.elapsed(first + 2 * CYCLE, last + 2 * CYCLE)


def test_hours_that_overlap_count_once() -> None:
    found = clock(hours={"fri": ["22:00-02:00"], "sat": ["00:00-04:00", "03:00-05:00"]})
    assert found.elapsed(at("2026-03-06T00:00:00Z"), at("2026-03-08T00:00:00Z")) == 7 * HOUR


@pytest.mark.parametrize(("day", "hours"), [("2026-03-29", 3), ("2026-10-25", 5), ("2026-10-18", 4)])
def test_hours_over_a_change_of_the_clocks_are_as_long_as_they_were(day: str, hours: int) -> None:
    found = clock(time_zone="Europe/Berlin", hours={"sun": ["00:00-04:00"]})
    midnight = LocalDays("Europe/Berlin").start(date.fromisoformat(day))
    assert found.elapsed(midnight, midnight + DAY) == hours * HOUR


def test_a_deadline_is_the_earliest_instant_that_shows_it() -> None:
    found = clock()
    friday = at("2026-03-06T16:00:00Z")
    assert found.deadline(friday, HOUR) == at("2026-03-06T17:00:00Z")  # not Monday, though the clock shows it till then
    assert found.deadline(friday, HOUR + 1) == at("2026-03-09T09:00:00.001Z")
    assert found.deadline(at("2026-03-07T12:00:00Z"), MINUTE) == at("2026-03-09T09:01:00Z")
    assert found.deadline(friday, 0) == friday


def test_a_desk_that_never_opens_has_no_deadlines() -> None:
    found = clock(hours={"mon": []})
    assert found.deadline(START, 1) is None
    assert found.elapsed(START, START + 365 * DAY) == 0


@settings(deadline=None)
@given(
    st.sampled_from(BUSINESS),
    st.integers(0, 900 * 24 * 60),
    st.integers(0, 400 * DAY) | st.integers(0, DAY) | st.integers(0, 2),
)
def test_it_agrees_with_the_oracle(business: dict[str, Any], minutes: int, length: int) -> None:
    found, oracle = clock(**business), Calendar(business)
    start = START + minutes * MINUTE
    assert found.elapsed(start, start + length) == oracle.business_ms(start, start + length)


@settings(deadline=None)
@given(st.sampled_from(BUSINESS), st.integers(0, 900 * DAY), st.integers(1, 60 * HOUR))
def test_deadline_and_elapsed_are_inverse(business: dict[str, Any], offset: int, length: int) -> None:
    found = clock(**business)
    start = START + offset
    due = found.deadline(start, length)
    assert due is not None
    assert found.elapsed(start, due) == length
    assert found.elapsed(start, due - 1) == length - 1


@settings(deadline=None, max_examples=20)
@given(st.lists(st.integers(START - 1000 * DAY, START + 900 * DAY), min_size=2, max_size=5))
def test_what_was_asked_before_changes_nothing(instants: list[int]) -> None:
    used = clock()
    for start, end in pairwise(instants):
        assert used.elapsed(start, end) == clock().elapsed(start, end)


def test_two_clocks_of_the_same_hours_say_the_same_of_themselves() -> None:
    assert clock().parameters() == clock().parameters()
    assert clock(holidays=["2026-01-01"]).parameters() != clock().parameters()
    assert clock(hours={"mon": ["09:00-17:00"]}).parameters() != clock().parameters()


@pytest.mark.parametrize(
    ("text", "minutes"),
    [
        ("09:00-17:00", (540, 1020)),
        ("22:00-02:00", (1320, 1560)),
        ("00:00-24:00", (0, 1440)),
        ("00:00-00:00", (0, 1440)),
    ],
)
def test_hours_are_read(text: str, minutes: tuple[int, int]) -> None:
    assert parse_hours(text) == minutes


@pytest.mark.parametrize("text", ["", "9-17", "09:00", "09:00-17:60", "24:00-02:00", "25:00-26:00", "09:00-1७:00"])
def test_other_hours_are_refused(text: str) -> None:
    with pytest.raises(ValueError, match="expected hours"):
        parse_hours(text)


@pytest.mark.parametrize(
    ("business", "named"),
    [
        ('hours = { tue = ["9-17"] }', "business.hours.tue: '9-17'"),
        ('hours = { tuesday = ["09:00-17:00"] }', "business.hours.tuesday: no such setting; did you mean `tue`"),
        ('holidays = ["Easter"]', "business.holidays: 'Easter'"),
    ],
)
def test_bad_hours_are_named(business: str, named: str, tmp_path: Any) -> None:
    path = tmp_path / "roi.toml"
    path.write_text(f"[business]\n{business}\n")
    with pytest.raises(ConfigError, match=named):
        load(path, {})


def test_midnights_across_a_change_of_the_clocks() -> None:
    days = LocalDays("Europe/Berlin")
    sunday = days.start(date(2026, 3, 29))
    assert days.shift(sunday + HOUR, 1) - sunday == 23 * HOUR
    assert days.midnight(sunday + 22 * HOUR) == sunday
    assert LocalDays().shift(START + HOUR, -1) == START - DAY
