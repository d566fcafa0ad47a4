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
    {"time_zone": "America/Santiago", "hours": {"sat": ["23:15-23:45", "00:00-24:00"], "sun": ["00:00-01:30"]}},
    {"time_zone": "America/New_York", "hours": {"sun": ["00:15-01:20", "01:40-02:30", "02:40-02:50"]}},
    {"time_zone": "Europe/London", "hours": {"sun": ["01:30-01:45", "00:30-01:15"], "sat": ["23:00-01:30"]}},
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


@pytest.mark.parametrize(
    ("zone", "day", "hours", "open_at"),
    [
        # New York, spring: 02:00 to 03:00 is skipped.
        ("America/New_York", "2024-03-10", "01:00-02:30", ["10T06:00/10T07:00"]),
        ("America/New_York", "2024-03-10", "02:30-04:00", ["10T07:00/10T08:00"]),
        ("America/New_York", "2024-03-10", "02:15-02:45", []),
        ("America/New_York", "2024-03-10", "01:00-04:00", ["10T06:00/10T08:00"]),
        # Amsterdam, autumn: 02:00 to 03:00 comes twice, from 00:00Z and from 01:00Z.
        ("Europe/Amsterdam", "2022-10-30", "01:00-02:30", ["29T23:00/30T00:30", "30T01:00/30T01:30"]),
        ("Europe/Amsterdam", "2022-10-30", "02:30-04:00", ["30T00:30/30T01:00", "30T01:30/30T03:00"]),
        ("Europe/Amsterdam", "2022-10-30", "02:15-02:45", ["30T00:15/30T00:45", "30T01:15/30T01:45"]),
        ("Europe/Amsterdam", "2022-10-30", "02:00-03:00", ["30T00:00/30T02:00"]),
        ("Europe/Amsterdam", "2022-10-30", "01:00-04:00", ["29T23:00/30T03:00"]),
        ("Europe/Amsterdam", "2022-10-30", "00:00-24:00", ["29T22:00/30T23:00"]),
        # Santiago: at the end of the 6th 23:00 to 24:00 comes twice.
        ("America/Santiago", "2019-04-06", "00:00-24:00", ["06T03:00/07T04:00"]),
        ("America/Santiago", "2019-04-06", "23:15-23:30", ["07T02:15/07T02:30", "07T03:15/07T03:30"]),
        ("America/Santiago", "2019-04-06", "23:30-00:30", ["07T02:30/07T03:00", "07T03:30/07T04:30"]),
        # Sao Paulo: the 4th begins at 01:00.
        ("America/Sao_Paulo", "2018-11-04", "00:00-24:00", ["04T03:00/05T02:00"]),
        ("America/Sao_Paulo", "2018-11-04", "00:15-00:45", []),
        # Apia: no 30th, from the 29th to the 31st at 10:00Z of the 30th.
        ("Pacific/Apia", "2011-12-30", "00:00-24:00", []),
        ("Pacific/Apia", "2011-12-29", "22:00-06:00", ["30T08:00/30T10:00"]),
        ("Pacific/Apia", "2011-12-31", "00:00-06:00", ["30T10:00/30T16:00"]),
        # Lord Howe moves by half an hour, St John's did it a minute past midnight.
        ("Australia/Lord_Howe", "2025-04-06", "01:45-02:15", ["05T14:45/05T15:00", "05T15:15/05T15:45"]),
        ("America/St_Johns", "2010-11-07", "00:00-01:00", ["07T02:30/07T02:31", "07T03:30/07T04:30"]),
    ],
)
def test_hours_hold_while_the_wall_clock_shows_a_time_within_them(
    zone: str, day: str, hours: str, open_at: list[str]
) -> None:
    """``open_at``: day of the month and time, UTC."""
    weekday = date.fromisoformat(day).strftime("%a").lower()
    found = clock(time_zone=zone, hours={weekday: [hours]})
    expected = set()
    for span in open_at:
        first, last = (at(f"{day[:8]}{time}:00Z") for time in span.split("/"))
        expected |= set(range(first, last, MINUTE))
    midnight = at(f"{day}T00:00:00Z")
    around = range(midnight - 40 * HOUR, midnight + 60 * HOUR, MINUTE)
    assert {minute for minute in around if found.elapsed(minute, minute + 1)} == expected


def test_a_day_that_does_not_exist_is_empty_and_a_skipped_midnight_is_its_change() -> None:
    apia, sao_paulo = LocalDays("Pacific/Apia"), LocalDays("America/Sao_Paulo")
    change = at("2011-12-30T10:00:00Z")
    assert [apia.start(date(2011, 12, day)) for day in (29, 30, 31)] == [change - DAY, change, change]
    assert sao_paulo.start(date(2018, 11, 4)) == at("2018-11-04T03:00:00Z")
    toronto = LocalDays("America/Toronto")  # 23:30 became 00:30
    assert toronto.start(date(1919, 3, 31)) == at("1919-03-31T04:30:00Z")


def test_a_deadline_counts_a_repeated_hour_twice_and_a_skipped_one_never() -> None:
    found = clock(time_zone="Europe/Amsterdam", hours={"sun": ["00:00-02:30"]})
    evening = at("2022-10-29T22:00:00Z")  # midnight there
    assert found.deadline(evening, 150 * MINUTE) == at("2022-10-30T00:30:00Z")
    assert found.deadline(evening, 151 * MINUTE) == at("2022-10-30T01:01:00Z")
    assert found.deadline(evening, 181 * MINUTE) == at("2022-11-05T23:01:00Z")
    found = clock(time_zone="America/New_York", hours={"sun": ["01:00-02:30"]})
    assert found.deadline(at("2024-03-10T05:00:00Z"), 61 * MINUTE) == at("2024-03-17T05:01:00Z")


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
