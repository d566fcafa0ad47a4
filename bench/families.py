"""What each family of metrics costs a partition: the time without it, beside the time with all of them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from functools import partial
from statistics import median
from typing import Final

from bench.cpu import POLICY, best, named, state, timed
from bench.data import Record
from bench.report import Row
from streams.core.metrics.families import FAMILIES, booked_for
from streams.core.policy import Policy

__all__ = ["measure"]

_ALL: Final = "all families"


def _policies() -> Iterator[tuple[str, Policy]]:
    yield _ALL, POLICY
    for family in FAMILIES:
        yield f"without {family}", replace(POLICY, measures=booked_for(FAMILIES.keys() - {family}))
    yield "tickets alone", replace(POLICY, measures=booked_for(["tickets"]))


def measure(records: Sequence[Record], times: int) -> Iterator[Row]:
    """The shortest of several turns, and the median of their ratios: in a turn all run one after the other, so that
    a busy minute meets each of them.
    """
    policies = dict(_policies())
    for live in (True, False):
        turns = [_turn(records, live, policies) for _ in range(times)]
        for name in policies:
            seconds = min(turn[name] for turn in turns)
            ratio = None if name == _ALL else median(turn[name] / turn[_ALL] for turn in turns)
            beside = "the time with all families"
            yield Row(f"families, {named(live)}", name, len(records) / seconds, "events/s", ratio, beside)


def _turn(records: Sequence[Record], live: bool, policies: Mapping[str, Policy]) -> dict[str, float]:
    """CPU seconds of each."""
    return {name: best(timed(partial(_run, records, live, policy)), 1) for name, policy in policies.items()}


def _run(records: Sequence[Record], live: bool, policy: Policy) -> None:
    for _ in state(records, live, policy):
        pass
