"""Quantiles: within 1 % of the nearest rank of the sorted samples, whatever was merged in or taken out before."""

from __future__ import annotations

from collections import Counter

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from streams.core.ledger.quantiles import bin_of, bin_value, nearest_rank

YEAR = 366 * 86_400_000
LONGEST = 100 * YEAR
durations = st.one_of(st.integers(0, 200), st.integers(0, 10**7), st.integers(0, LONGEST))
fast = settings(max_examples=200, derandomize=True, deadline=None, database=None)


def ranked(samples: list[int], percent: int) -> int:
    """By hand: the smallest sample with at least `percent` % of all samples up to it."""
    ordered = sorted(samples)
    return next(sample for number, sample in enumerate(ordered, 1) if number * 100 >= percent * len(ordered))


def near(found: float | None, exact: int) -> bool:
    return found is not None and abs(found - exact) <= 0.01 * exact + 1e-9


@fast
@given(durations)
@example(0)
@example(1)
@example(LONGEST)
def test_a_bin_is_within_one_percent_of_what_it_holds(ms: int) -> None:
    assert near(bin_value(bin_of(ms)), ms)


def test_every_edge_of_every_bin_keeps_the_bound() -> None:
    """Not by sampling: the first and last whole ms of each bin, which is where the error is largest."""
    first, index = 0, 0
    while first < LONGEST:
        low, high = first, min(max(first, 1) * 2, LONGEST)
        while low < high:  # the last ms in the same bin
            middle = (low + high + 1) // 2
            if bin_of(middle) == index:
                low = middle
            else:
                high = middle - 1
        assert bin_of(first) == index
        assert near(bin_value(index), first)
        assert near(bin_value(index), low)
        first, index = low + 1, index + 1
    assert index < 2000, "bins are few"


def test_up_to_50_ms_each_has_a_bin_of_its_own() -> None:
    assert [bin_value(bin_of(ms)) for ms in range(51)] == list(range(51))


@fast
@given(durations, durations)
def test_bins_keep_the_order(one: int, two: int) -> None:
    low, high = sorted((one, two))
    assert bin_of(low) <= bin_of(high)
    assert bin_value(bin_of(low)) <= bin_value(bin_of(high))


def test_what_is_longer_than_a_century_falls_into_the_last_bin() -> None:
    assert bin_of(10**18) == bin_of(2 * LONGEST)


@fast
@given(st.lists(durations, min_size=1, max_size=60), st.sampled_from([1, 10, 50, 90, 99, 100]))
def test_nearest_rank_within_one_percent(samples: list[int], percent: int) -> None:
    assert near(nearest_rank(Counter(map(bin_of, samples)), percent), ranked(samples, percent))


@fast
@given(st.lists(durations, max_size=40), st.lists(durations, max_size=40), st.sampled_from([50, 90]))
def test_merging_is_adding_and_retracting_is_subtracting(kept: list[int], gone: list[int], percent: int) -> None:
    """The law that lets partitions merge and windows slide: bins of (kept + gone) less bins of gone = bins of kept."""
    bins = Counter(map(bin_of, kept))
    both = Counter(map(bin_of, kept))
    both.update(map(bin_of, gone))
    assert both == Counter(map(bin_of, kept + gone))
    both.subtract(map(bin_of, gone))
    assert nearest_rank(both, percent) == nearest_rank(bins, percent)
    if kept:
        assert near(nearest_rank(both, percent), ranked(kept, percent))
    else:
        assert nearest_rank(both, percent) is None


@pytest.mark.parametrize(
    ("samples", "percent", "expected"),
    [
        ([1, 2, 3, 4, 5, 6, 7, 8, 9, 10], 50, 5),  # rank ceil(10 * 0.5) = 5
        ([1, 2, 3, 4, 5, 6, 7, 8, 9, 10], 90, 9),  # rank 9
        ([1, 2, 3], 50, 2),  # rank ceil(1.5) = 2
        ([1, 2, 3], 90, 3),  # rank ceil(2.7) = 3
        ([7], 1, 7),
        ([7, 7, 7, 1], 50, 7),  # 1 7 7 7: rank 2
    ],
)
def test_ranks_by_hand(samples: list[int], percent: int, expected: int) -> None:
    assert nearest_rank(Counter(map(bin_of, samples)), percent) == expected


def test_no_sample_no_quantile() -> None:
    assert nearest_rank({}, 50) is None
    assert nearest_rank({3: 0}, 50) is None
