"""Placement: the same root for a whole group, in whatever order merges become known."""

from __future__ import annotations

from itertools import permutations

import pytest

from streams.worker.placement import Placement


def merge(placement: Placement, one: str, other: str) -> None:
    """What a partition does with the news that two customers are one."""
    low, high = sorted((placement.root(one), placement.root(other)))
    placement.place(high, low)


CHAIN = [("a", "b"), ("b", "c"), ("c", "d")]
CIRCLE = [("b", "a"), ("c", "b"), ("a", "c")]


@pytest.mark.parametrize("merges", [*permutations(CHAIN), *permutations(CIRCLE)])
def test_the_least_customer_is_the_root_of_all(merges: list[tuple[str, str]]) -> None:
    placement = Placement()
    for one, other in merges:
        merge(placement, one, other)
    assert {placement.root(name) for pair in merges for name in pair} == {"a"}


def test_a_customer_is_never_placed_with_a_greater_one() -> None:
    placement = Placement()
    placement.place("b", "c")
    assert placement.root("b") == "b"
    placement.place("c", "a")
    placement.place("c", "b")
    assert placement.root("c") == "a"


def test_changes_are_taken_once_and_all_who_are_placed_are_named_while_there_are_any() -> None:
    placement = Placement()
    placement.restore("c", "b")
    assert placement.placed() == [], "restored is not changed"
    placement.place("b", "a")
    assert placement.placed() == [("c", "a"), ("b", "a")]
    assert list(placement.take_changes()) == [("b", "a")]
    assert list(placement.take_changes()) == []
    assert placement.placed() == []
