"""The cost of each family of metrics to a partition: the time without it, relative to the time with all of them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from functools import partial
from statistics import median
from typing import Final

from bench.cpu import POLICY, best, state, timed
from bench.loads import DENSE, HISTORY, Load, loads
from bench.report import Row
from streams.core.metrics.families import FAMILIES, booked_for
from streams.core.policy import Policy
from streams.demo.world import SimulatedEvent

__all__ = ["measure"]

_ALL: Final = "all families"


def _policies() -> Iterator[tuple[str, Policy]]:
    yield _ALL, POLICY
    for family in FAMILIES:
        yield f"without {family}", replace(POLICY, measures=booked_for(FAMILIES.keys() - {family}))
    yield "tickets alone", replace(POLICY, measures=booked_for(["tickets"]))


def measure(events: Sequence[SimulatedEvent], times: int) -> Iterator[Row]:
    """The rate is that of the fastest turn, the ratio the median of the turns' ratios.

    A turn runs all policies one after the other, so that a busy minute slows each of them.
    """
    policies, measured = dict(_policies()), loads(events)
    for load in (measured[DENSE], measured[HISTORY]):
        turns = [_turn(load, policies) for _ in range(times)]
        for name in policies:
            seconds = min(turn[name] for turn in turns)
            ratio = None if name == _ALL else median(turn[name] / turn[_ALL] for turn in turns)
            reference = "the time with all families"
            yield Row(f"families, {load.name}", name, len(events) / seconds, "events/s", ratio, reference)


def _turn(load: Load, policies: Mapping[str, Policy]) -> dict[str, float]:
    """CPU seconds by policy."""
    return {name: best(timed(partial(_run, load, policy)), 1) for name, policy in policies.items()}


def _run(load: Load, policy: Policy) -> None:
    for _ in state(load, policy):
        pass
