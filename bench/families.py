"""What each family of metrics costs a partition: the time without it, beside the time with all of them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from functools import partial
from typing import Final

from bench.cpu import POLICY, best, named, state, timed
from bench.data import Record
from bench.report import Row
from streams.core.catalogue import FAMILIES
from streams.core.policy import Policy
from streams.core.selection import booked_for

__all__ = ["measure"]

_ALL: Final = "all families"


def _policies() -> Iterator[tuple[str, Policy]]:
    yield _ALL, POLICY
    for family in FAMILIES:
        yield f"without {family}", replace(POLICY, measures=booked_for(FAMILIES.keys() - {family}))
    yield "tickets alone", replace(POLICY, measures=booked_for(["tickets"]))


def measure(records: Sequence[Record], times: int) -> Iterator[Row]:
    """The shortest of several turns; all take part in every turn, so that a busy minute meets each of them."""
    policies = dict(_policies())
    for live in (True, False):
        found = dict.fromkeys(policies, float("inf"))
        for _ in range(times):
            for name, policy in policies.items():
                found[name] = min(found[name], best(timed(partial(_run, records, live, policy)), 1))
        for name, seconds in found.items():
            ratio = None if name == _ALL else seconds / found[_ALL]
            beside = "the time with all families"
            yield Row(f"families, {named(live)}", name, len(records) / seconds, "events/s", ratio, beside)


def _run(records: Sequence[Record], live: bool, policy: Policy) -> None:
    for _ in state(records, live, policy):
        pass
