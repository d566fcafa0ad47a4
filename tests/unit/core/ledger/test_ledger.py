"""The ledger's arithmetic: differences, merges, cells that vanish, margins, the bound of members."""

from __future__ import annotations

from collections import Counter

from hypothesis import given, settings
from hypothesis import strategies as st

from streams.core.ledger.bookings import Booking, difference
from streams.core.ledger.dimensions import ALL, OTHER
from streams.core.ledger.grids import CutGrid
from streams.core.ledger.ledger import Ledger
from streams.core.ledger.measures import MEASURES
from streams.core.ledger.panes import Panes, merge

fast = settings(max_examples=200, derandomize=True, deadline=None, database=None)
#: Few values, so that equal ones are common: bookings are a multiset.
bookings = st.lists(
    st.tuples(st.integers(0, 2), st.sampled_from(["a", "b"]), st.sampled_from([("x",), ("y",)]), st.integers(-1, 1)),
    max_size=8,
)
cells = st.dictionaries(st.sampled_from("abc"), st.integers(-3, 3).filter(bool), max_size=3)


@fast
@given(bookings, bookings)
def test_a_difference_leads_from_the_old_multiset_to_the_new(old: list[Booking], new: list[Booking]) -> None:
    delta = difference(old, new)
    assert 0 not in delta.values()
    reached = Counter(old)
    for booking, times in delta.items():
        reached[booking] += times
    assert {key: times for key, times in reached.items() if times} == dict(Counter(new))


@fast
@given(bookings)
def test_no_change_no_difference(rows: list[Booking]) -> None:
    assert dict(difference(rows, rows)) == {}
    assert dict(difference(rows, rows[::-1])) == {}


def test_multiplicities_count() -> None:
    one = (1, "a", ("x",), 1)
    assert dict(difference([one, one, one], [one])) == {one: -2}
    assert dict(difference([], [one, one])) == {one: 2}


@fast
@given(cells, cells, st.integers(-2, 2).filter(bool))
def test_merging_and_taking_out_again(one: dict[str, int], two: dict[str, int], times: int) -> None:
    into = dict(one)
    merge(into, two, times)
    assert into == {k: n for k in one | two if (n := one.get(k, 0) + times * two.get(k, 0))}
    merge(into, two, -times)
    assert into == one


@fast
@given(st.lists(st.tuples(st.integers(-5, 5), st.integers(0, 1), cells), max_size=12))
def test_panes_equal_a_plain_dict(steps: list[tuple[int, int, dict[str, int]]]) -> None:
    panes, plain = Panes(), {}  # type: ignore[var-annotated]
    for slot, resolution, cell in steps:
        panes.add((resolution, slot), ALL, cell)
        merge(plain.setdefault((resolution, slot), {}), cell)
    kept = {pane: cell for pane, cell in plain.items() if cell}
    assert {pane: cell for pane, _, cell in panes.everything()} == kept
    assert len(panes) == len(kept)
    for low, high in ((-5, 6), (-2, 2), (0, 0), (3, 9)):
        inside = [pane for pane, _ in panes.within((0, low, high))]
        assert inside == sorted(pane for pane in kept if pane[0] == 0 and low <= pane[1] < high)
    gone = panes.drop_before(0, 1)
    assert [pane for pane, _ in gone] == sorted(pane for pane in kept if pane[0] == 0 and pane[1] < 1)
    assert {pane for pane, _, _ in panes.everything()} == {p for p in kept if p[0] == 1 or p[1] >= 1}


def labelled(channel: str, name: str = "tickets_created") -> tuple[str, ...]:
    return (channel, *("-" for _ in MEASURES[name].scheme.dimensions[1:]))


def test_a_booking_reaches_all_and_one_member_a_dimension() -> None:
    ledger = Ledger(CutGrid([0]))
    ledger.post({(5, "tickets_created", labelled("email"), 1): 3})
    ledger.flush()
    found = {margin: cell for _, margin, cell in ledger.panes.everything()}
    dimensions = MEASURES["tickets_created"].scheme.dimensions
    assert set(found) == {ALL, ("channel", "email"), *((name, "-") for name in dimensions[1:])}
    assert all(cell == {"tickets_created": 3} for cell in found.values())
    assert not ledger.flush()


def test_opposite_bookings_in_one_unit_change_nothing() -> None:
    ledger = Ledger(CutGrid([0]))
    ledger.post({(5, "tickets_created", labelled("email"), 1): 1})
    ledger.post({(6, "tickets_created", labelled("email"), 1): -1})
    ledger.flush()
    assert len(ledger.panes) == 0


def test_members_past_the_limit_are_other_and_stay_so() -> None:
    """What went to `other` is taken back from `other`: its own member is never admitted later."""
    ledger = Ledger(CutGrid([0]), member_limit=4)  # unknown, other, and two more
    for channel in ("a", "b", "c", "d"):
        ledger.post({(5, "tickets_created", labelled(channel), 1): 1})
    ledger.flush()
    sums = {
        member: cell["tickets_created"] for _, (name, member), cell in ledger.panes.everything() if name == "channel"
    }
    assert sum(sums.values()) == 4
    assert sums[OTHER] == 2
    ledger.post({(5, "tickets_created", labelled("a"), 1): -1})
    ledger.flush()
    ledger.post({(5, "tickets_created", labelled("c"), 1): -1})
    ledger.flush()
    sums = {
        member: cell["tickets_created"] for _, (name, member), cell in ledger.panes.everything() if name == "channel"
    }
    assert sums == {"b": 1, OTHER: 1}
