"""Windows against a brute-force definition in plain date arithmetic, and the grids against plain sums.

one local day, 24 h window (pane 20 min), as_of 10:07:13

      yesterday                     today
------|--|--|--|- … -|--|-----------|--|- … --|--|--|·>
   [09:40  is reached back to: 10:07:13 - 24 h = 10:07:13, floored to 10:00
      start = 10:00 yesterday ................... as_of
"""

from __future__ import annotations

import random
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from streams.core.ledger.bookings import Booking, difference
from streams.core.ledger.dimensions import ALL, Margin
from streams.core.ledger.grids import CutGrid, LiveGrid
from streams.core.ledger.ledger import Ledger
from streams.core.ledger.panes import Pane, Panes, Range
from streams.core.ledger.sliding import Sliding
from streams.core.temporal.calendar import CYCLE, LocalDays, cycles
from streams.core.temporal.ladder import DAYS, LADDER, floor
from streams.core.temporal.periods import ALIGNED, AlignedWindow
from streams.core.temporal.rolling import RollingWindow, rolling

SECOND, MINUTE, HOUR, DAY = 1000, 60_000, 3_600_000, 86_400_000
ZONES = ("UTC", "Europe/Berlin", "America/Sao_Paulo", "Asia/Kathmandu", "Australia/Lord_Howe")
NAMES = ("5m", "1h", "24h", "7d", "30d", "90d", "365d")
#: The pane of each window, by the contract: at most a sixtieth of it; local days from 60 days on.
PANE = {"5m": 5 * SECOND, "1h": MINUTE, "24h": 20 * MINUTE, "7d": 2 * HOUR, "30d": 12 * HOUR}
LENGTH = {"5m": 5 * MINUTE, "1h": HOUR, "24h": DAY, "7d": 7 * DAY, "30d": 30 * DAY}
LOCAL_DAYS = {"90d": 90, "365d": 365}
FIRST = 1_514_764_800_000  # 2018-01-01T00:00Z: Sao Paulo still changed its clocks, at midnight
SPAN = 8 * 366 * DAY
CALENDARS = {zone: LocalDays(zone) for zone in ZONES}
WINDOWS = {zone: [rolling(name, CALENDARS[zone]) for name in NAMES] for zone in ZONES}

zones = st.sampled_from(ZONES)
instants = st.integers(FIRST, FIRST + SPAN)
fast = settings(max_examples=150, derandomize=True, deadline=None, database=None)


# -- the brute force: minutes of the wall clock, found by asking what the clock shows --------------------------------


def shown(at: int, zone: str) -> datetime:
    return datetime.fromtimestamp(at // 1000, UTC).astimezone(ZoneInfo(zone))


def midnight(day: date, zone: str) -> int:
    """The first instant at which the wall shows this date, by bisection: dates never go backwards."""
    low = int(datetime(day.year, day.month, day.day, tzinfo=UTC).timestamp()) * 1000 - 16 * HOUR
    high = low + 32 * HOUR
    while high - low > 1:
        middle = (low + high) // 2
        if shown(middle, zone).date() >= day:
            high = middle
        else:
            low = middle
    return high


def start_by_hand(name: str, as_of: int, zone: str) -> int:
    if name in LOCAL_DAYS:
        return midnight(shown(as_of, zone).date() - timedelta(days=LOCAL_DAYS[name]), zone)
    back = as_of - LENGTH[name]
    edge = midnight(shown(back, zone).date(), zone)
    return back - (back - edge) % PANE[name]


# -- Window ----------------------------------------------------------------------------------------------------------


@fast
@given(zones, instants, st.sampled_from(range(len(NAMES))))
def test_a_window_starts_at_the_edge_of_its_own_pane(zone: str, as_of: int, index: int) -> None:
    """
    |----pane----|----pane----|  …  |----pane----|-
                 ^     ^ as_of - w                ^ as_of
               start: never later than as_of - w, less than a pane earlier
    """
    window = WINDOWS[zone][index]
    start = window.start(as_of)
    assert start == start_by_hand(window.name, as_of, zone)
    if window.days:
        assert shown(start, zone).date() == shown(as_of, zone).date() - timedelta(days=window.days)
    else:
        assert as_of - window.length_ms - PANE[window.name] < start <= as_of - window.length_ms
        assert PANE[window.name] * 60 <= window.length_ms


#: (zone, an instant in the hour at which its clocks change)
CHANGES = [
    ("Europe/Berlin", 1_774_746_000_000),  # 2026-03-29T01:00Z: 02:00 -> 03:00
    ("Europe/Berlin", 1_792_890_000_000),  # 2026-10-25T01:00Z: 03:00 -> 02:00
    ("America/Sao_Paulo", 1_541_300_400_000),  # 2018-11-04T03:00Z: 00:00 -> 01:00, midnight does not exist
    ("America/Sao_Paulo", 1_550_368_800_000),  # 2019-02-17T02:00Z: 00:00 -> 23:00, the day before has 25 h
    ("Australia/Lord_Howe", 1_775_314_800_000),  # 2026-04-04T15:00Z: half an hour back
    ("Australia/Lord_Howe", 1_791_041_400_000),  # 2026-10-03T15:30Z: half an hour ahead
]


@pytest.mark.parametrize(("zone", "change"), CHANGES)
def test_windows_across_a_change_of_the_clocks(zone: str, change: int) -> None:
    """
    day before           day of the change (23, 23.5, 24.5 or 25 h)        day after
    |--|--|--  …  --|--|-|--|--|  … change …  |--|--|-|--|--|  …
                                                    ^ the day's last pane ends with the day
    """
    before, after = shown(change - 1, zone).utcoffset(), shown(change, zone).utcoffset()
    assert before != after, "not the instant of a change"
    day = shown(change, zone).date()
    assert midnight(day + timedelta(days=1), zone) - midnight(day - timedelta(days=1), zone) != 2 * DAY
    rng = random.Random(change)
    for window in WINDOWS[zone]:
        reach = window.length_ms if not window.days else window.days * DAY
        for base in (change, change + reach, change + reach // 2):
            for _ in range(40):
                as_of = base + rng.choice((0, -1, 1, rng.randrange(-2 * DAY, 2 * DAY)))
                assert window.start(as_of) == start_by_hand(window.name, as_of, zone), (window.name, as_of)


@fast
@given(zones, instants, st.sampled_from(range(len(NAMES))))
@example("America/Sao_Paulo", 1_550_368_800_000 - HOUR // 2, 3)
def test_leaves_is_the_last_as_of_that_still_holds_an_instant(zone: str, at: int, index: int) -> None:
    """
    at      leaves
    x----------|          as_of = leaves:     start <= at
    x----------|-         as_of = leaves + 1: start >  at
    """
    window = WINDOWS[zone][index]
    last = window.until(at)
    assert start_by_hand(window.name, last, zone) <= at < last
    assert start_by_hand(window.name, last + 1, zone) > at


@fast
@given(zones, instants, st.sampled_from(range(len(NAMES))), st.integers(0, 40 * DAY))
def test_a_windows_start_never_goes_back(zone: str, as_of: int, index: int, step: int) -> None:
    """Or what left a window would come back into it: `leaves` would have no answer."""
    window = WINDOWS[zone][index]
    assert window.start(as_of) <= window.start(as_of + step)


@pytest.mark.parametrize(
    "name", ["", "5", "0m", "4m", "5x", "732d", "1.5h", "05m", " 1h", "1h ", "-1h", "99999d", "1M"]
)
def test_other_names_of_windows_are_refused(name: str) -> None:
    with pytest.raises(ValueError, match="window"):
        rolling(name, CALENDARS["UTC"])


@pytest.mark.parametrize("name", ["5m", "6m", "59m", "20h", "3d", "59d", "60d", "61d", "400d", "731d"])
def test_any_length_between_is_a_window(name: str) -> None:
    window = rolling(name, CALENDARS["UTC"])
    assert window.name == name
    assert (window.days > 0) == (window.length_ms >= 60 * DAY)
    if not window.days:
        pane = LADDER[window.resolution]
        assert pane * 60 <= window.length_ms


# -- LocalDays -------------------------------------------------------------------------------------------------------


@fast
@given(zones, instants, st.integers(-400, 400))
def test_local_midnights(zone: str, at: int, days: int) -> None:
    calendar = CALENDARS[zone]
    today = shown(at, zone).date()
    assert calendar.local_date(at) == today
    assert calendar.midnight(at) == midnight(today, zone) <= at
    assert calendar.shift(at, days) == midnight(today + timedelta(days=days), zone)
    assert calendar.start(today) == midnight(today, zone)


FAR_AWAY = (
    253_402_300_799_999,  # the last of 9999
    253_402_300_800_000,
    253_402_387_139_999,  # the last that a text with an offset can say
    40 * 400 * 366 * DAY,
)


@pytest.mark.parametrize("zone", ZONES)
@pytest.mark.parametrize("at", [*FAR_AWAY, FIRST + 17 * CYCLE, FIRST + 30 * CYCLE])
def test_days_windows_and_periods_far_away(zone: str, at: int) -> None:
    """They hold the instant, follow each other, and are those of 400 years nearer."""
    calendar, moved = CALENDARS[zone], cycles(at) * CYCLE
    begin, end = calendar.midnight(at), calendar.shift(at, 1)
    assert begin <= at < end <= begin + DAY + HOUR
    assert (begin, calendar.shift(at, -400)) == (
        calendar.midnight(at - moved) + moved, calendar.shift(at - moved, -400) + moved,
    )  # fmt: skip
    for window in WINDOWS[zone]:
        assert window.start(at) < at < window.until(at)
    for name in ALIGNED:
        window = AlignedWindow(name, calendar)
        period = window.period(at)
        assert period.start <= at < period.end == window.period(period.end).start
        assert window.previous(period).end == period.start
        assert 364 * DAY < at - window.year_before(at) < 367 * DAY
        assert list(window.published_at(at))


@pytest.mark.parametrize("zone", ZONES)
def test_the_first_years_of_dates_have_windows_too(zone: str) -> None:
    """An instant to evaluate at may be any; events begin in 2000, so that nothing is in them."""
    at = -62_135_596_800_000  # 0001-01-01
    assert all(window.start(window.start(at)) < window.start(at) < at for window in WINDOWS[zone])
    for name in ALIGNED:
        window = AlignedWindow(name, CALENDARS[zone])
        assert [period.start <= at for period in window.published_at(at)]
        assert window.year_before(at) < at


def test_periods_of_the_last_year_are_named_and_dated() -> None:
    at = 253_402_300_799_999
    assert CALENDARS["UTC"].local_date(at) == CALENDARS["UTC"].local_date(at + 1) == date(9999, 12, 31)
    labels = [AlignedWindow(name, CALENDARS["Europe/Berlin"]).period(at - DAY).label for name in ALIGNED]
    assert labels == [f"9999-{day}T00:00:00+0{offset}:00" for day, offset in (
        ("12-31", 1), ("12-27", 1), ("12-01", 1), ("10-01", 2), ("01-01", 1),
    )]  # fmt: skip
    assert AlignedWindow("day", CALENDARS["Europe/Berlin"]).period(at).label == "10000-01-01T00:00:00+01:00"


# -- grids -----------------------------------------------------------------------------------------------------------


def book(at: int, channel: str = "email", name: str = "tickets_created", value: int = 1) -> Booking:
    from streams.core.ledger.measures import MEASURES

    return (at, name, (channel,) * len(MEASURES[name].scheme.dimensions), value)


def total(panes: Panes, ranges: list[Range], margin: Margin, key: str) -> int:
    return sum(cells.get(margin, {}).get(key, 0) for span in ranges for _, cells in panes.within(span))


def tiles_of(grid: LiveGrid | CutGrid, window: RollingWindow, as_of: int) -> list[Range]:
    return list(grid.tile(window.start(as_of), as_of, window.resolution))


def covered(ranges: list[Range], grid: LiveGrid) -> list[tuple[int, int]]:
    return sorted((start, end) for _, start, end in ranges if start < end)


@fast
@given(zones, instants, st.sampled_from(range(len(NAMES))))
def test_live_panes_tile_a_window_without_gap_or_overlap(zone: str, as_of: int, index: int) -> None:
    """
    [start                                  as_of)
     |----p----|----p----|----p----|-q-|-q-|r|r|      coarse first, ever finer towards the end
    """
    window = WINDOWS[zone][index]
    grid = LiveGrid(WINDOWS[zone], CALENDARS[zone], as_of)
    # as_of is an edge of the finest pane, counted from local midnight
    edge = CALENDARS[zone].midnight(as_of)
    as_of -= (as_of - edge) % LADDER[0]
    tiles = covered(tiles_of(grid, window, as_of), grid)
    position = start_by_hand(window.name, as_of, zone)
    for start, end in tiles:
        assert start == position
        position = end
    assert position == as_of


@pytest.mark.parametrize("zone", ZONES)
@pytest.mark.parametrize("seed", range(3))
def test_live_grid_cut_grid_and_plain_sums_agree(zone: str, seed: int) -> None:
    """Random bookings, flows and levels, around a change of the clocks; the clock moves on, panes are dropped.

    bookings  x  xx   x  x |   x x      x          some in the future, some long ago
    as_of                  ^      ^         ^
    """
    rng = random.Random(f"{zone}{seed}")
    around = [change for name, change in CHANGES if name == zone] or [1_774_746_000_000]
    base = rng.choice(around)
    calendar = CALENDARS[zone]
    windows = WINDOWS[zone]
    spread = (HOUR, DAY, 9 * DAY, 45 * DAY, 200 * DAY, 500 * DAY)
    booked = []
    for reach in spread:
        for _ in range(60):
            name = rng.choice(("tickets_created", "tickets_open"))
            at = base + rng.randrange(-reach, reach // 4)
            booked.append(book(at, rng.choice("abc"), name, rng.choice((1, 2, -1))))

    def floor5(at: int) -> int:
        return at - (at - calendar.midnight(at)) % LADDER[0]

    ends, at = [], floor5(base)
    for step in (0, 5 * SECOND, 61 * MINUTE, 13 * HOUR, 3 * DAY, 40 * DAY):
        at = floor5(at + step)
        ends.append(at)
    cuts = CutGrid({*ends, *(window.start(end) for end in ends for window in windows)})
    replay = Ledger(cuts)
    replay.post(difference([], booked))
    replay.flush()
    grid = LiveGrid(windows, calendar, ends[0])
    live = Ledger(grid)
    sliding = {window.name: Sliding(live.panes) for window in windows}
    levels = Sliding(live.panes, levels=True)
    rest = list(booked)
    rng.shuffle(rest)
    share = len(rest) // len(ends)
    for number, end in enumerate(ends):
        grid.clock = end
        some = rest if number == len(ends) - 1 else rest[:share]
        rest = rest[len(some) :]
        live.post(difference([], some))
        changes = live.flush()
        posted = _without(booked, rest)
        for window in windows:
            sums = sliding[window.name]
            sums.absorb(changes)
            sums.advance(tiles_of(grid, window, end))
            start = start_by_hand(window.name, end, zone)
            for margin in (ALL, ("channel", "a")):
                expected = _plain(posted, "tickets_created", start, end, margin)
                assert sums.sums.get(margin, {}).get("tickets_created", 0) == expected, (window.name, number, margin)
                assert total(live.panes, tiles_of(grid, window, end), margin, "tickets_created") == expected
                if number == len(ends) - 1:
                    assert total(replay.panes, tiles_of(cuts, window, end), margin, "tickets_created") == expected
        levels.absorb(changes)
        levels.advance(grid.ever(end))
        for resolution in range(DAYS):  # out of every window's reach from now on
            live.panes.drop_before(resolution, grid.keeps_from(resolution))
        expected = _plain(posted, "tickets_open", -(10**18), end, ALL)
        assert levels.sums.get(ALL, {}).get("tickets_open", 0) == expected


def _without(booked: list[Booking], rest: list[Booking]) -> list[Booking]:
    left = list(booked)
    for row in rest:
        left.remove(row)
    return left


def _plain(booked: list[Booking], name: str, start: int, end: int, margin: Margin) -> int:
    return sum(
        value
        for at, named, labels, value in booked
        if named == name and start <= at < end and (margin == ALL or labels[0] == margin[1])
    )


@fast
@given(st.lists(instants, min_size=1, max_size=8, unique=True), st.lists(instants, max_size=12))
def test_cut_grid_is_exact_to_the_ms(cuts: list[int], times: list[int]) -> None:
    """
    cuts      |        |    |            slot i holds [cuts[i-1], cuts[i])
    slots  0  |   1    | 2  |   3
    an instant on a cut belongs to the slot after it
    """
    grid = CutGrid(cuts)
    edges = sorted(cuts)
    ledger = Ledger(grid)
    near = [*times, *edges, *(edge - 1 for edge in edges), *(edge + 1 for edge in edges)]
    ledger.post(difference([], [book(at) for at in near]))
    ledger.flush()
    for index, start in enumerate(edges):
        for end in edges[index:]:
            ranges = list(grid.tile(start, end, 0))
            assert total(ledger.panes, ranges, ALL, "tickets_created") == sum(start <= at < end for at in near)
    for end in edges:
        assert total(ledger.panes, list(grid.ever(end)), ALL, "tickets_created") == sum(at < end for at in near)


def test_cut_grid_refuses_an_edge_it_was_not_told() -> None:
    grid = CutGrid([10, 20])
    for edge in (9, 11, 21):
        with pytest.raises(ValueError, match=str(edge)):
            grid.tile(10, edge, 0)


def test_a_booking_goes_to_the_finest_pane_that_any_window_still_reaches() -> None:
    """
    clock - reach           clock
    ...... 1d only ... 12h ... 2h ... 20m ... 1m ... 5s |  and all of the future
    """
    clock = FIRST + 100 * DAY
    grid = LiveGrid(WINDOWS["UTC"], CALENDARS["UTC"], clock)
    for age in (-300 * DAY, -1, 0, MINUTE):
        assert grid.finest(clock - age)[0] == 0
    assert grid.finest(clock - 400 * DAY)[0] == DAYS
    found: list[int] = [grid.finest(clock - age)[0] for age in range(0, 60 * DAY, 10 * MINUTE)]
    assert found == sorted(found), "resolution only coarsens with age"
    for window in WINDOWS["UTC"]:
        if not window.days:  # every window's own panes are there as long as it holds them
            assert grid.finest(window.start(clock))[0] <= window.resolution


def test_each_pane_lies_in_the_coarser_ones() -> None:
    for zone in ZONES:
        calendar = CALENDARS[zone]
        rng = random.Random(zone)
        grid = LiveGrid(WINDOWS[zone], calendar, FIRST + SPAN)
        for _ in range(200):
            at = rng.randrange(FIRST, FIRST + SPAN)
            pane: Pane = (0, at - (at - calendar.midnight(at)) % LADDER[0])
            slots = [pane[1]]
            while pane[0] < DAYS:
                pane = grid.above(pane)
                slots.append(pane[1])
                # The pane above is the one the instant itself lies in: the ladder is nested.
                assert pane == (len(slots) - 1, floor(at, len(slots) - 1, calendar))
            assert slots == sorted(slots, reverse=True)
            assert slots[-1] == calendar.midnight(at)


def test_sliding_forwards_equals_starting_there() -> None:
    """
    old   [-------------)
    new         [-------------)        what leaves is taken out, what enters is added
    far                              [------)     nothing in common: all out, all in
    """
    rng = random.Random(9)
    calendar, windows = CALENDARS["UTC"], WINDOWS["UTC"]
    clock = FIRST + 50 * DAY
    grid = LiveGrid(windows, calendar, clock)
    ledger = Ledger(grid)
    ledger.post(difference([], [book(clock + rng.randrange(-40 * DAY, 40 * DAY)) for _ in range(800)]))
    ledger.flush()
    window: RollingWindow = windows[3]
    moving = Sliding(ledger.panes)
    at = clock
    for step in (0, 5 * SECOND, MINUTE, 3 * HOUR, 6 * DAY, 20 * DAY, -20 * DAY, 5 * SECOND):
        at += step
        moving.advance(tiles_of(grid, window, at))
        fresh = Sliding(ledger.panes)
        fresh.advance(tiles_of(grid, window, at))
        assert moving.sums == fresh.sums
        assert all(fresh.sums.values())


def test_a_stretch_begun_as_a_copy_of_any_other_equals_one_begun_empty() -> None:
    rng = random.Random(5)
    calendar, windows = CALENDARS["Europe/Berlin"], WINDOWS["Europe/Berlin"]
    grid = LiveGrid(windows, calendar, FIRST)
    ledger = Ledger(grid)
    ledger.post(difference([], [book(FIRST + rng.randrange(-40 * DAY, HOUR)) for _ in range(800)]))
    ledger.flush()
    for old in windows:
        held = Sliding(ledger.panes)
        held.advance(tiles_of(grid, old, FIRST))
        before = {margin: dict(cell) for margin, cell in held.sums.items()}
        for new in windows:  # of coarser panes and of finer ones
            ranges = tiles_of(grid, new, FIRST - 5 * MINUTE)
            begun, empty = held.copy(), Sliding(ledger.panes)
            begun.advance(ranges)
            empty.advance(ranges)
            assert begun.sums == empty.sums
            assert begun.distance(ranges) == 0
        assert held.sums == before
