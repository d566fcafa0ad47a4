"""Costs: each accrues evenly over its period, to the minor unit, from its first instant to its last.

Rules of this file (definitions.md, "Cost and ROI"):

* accrued(t) = floor(amount × elapsed / period); what a window costs is accrued(its end) − accrued(its start).
* The latest event of a cost id counts; an actual is never replaced by an estimate.
* A cost with a label stays there; the rest is shared over the members of a dimension.
* A credit note is a negative cost. Shares round by largest remainder, so members always add up to the whole.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from streams.core.events.types import CostIncurred
from streams.core.ledger.dimensions import UNKNOWN
from streams.core.money import share
from streams.core.policy import Policy

__all__ = ["AccruedCosts", "CostAccrual", "accrued_costs", "allocate", "read_cost"]


class CostAccrual(NamedTuple):
    """A cost's course: ``amount`` minor units over [start, end). None = not tied to a member."""

    start: int
    end: int
    amount: int
    channel: str | None
    issue_type: str | None
    estimate: bool

    def within(self, start: int, end: int) -> int:
        """What accrues in [start, end)."""
        return self._accrued(end) - self._accrued(start)

    def _accrued(self, at: int) -> int:
        elapsed = min(max(at - self.start, 0), self.end - self.start)
        return self.amount * elapsed // (self.end - self.start)

    def member(self, dimension: str) -> str | None:
        """The member of a dimension this cost belongs to alone."""
        return {"channel": self.channel, "issue_type": self.issue_type}.get(dimension)


class AccruedCosts(NamedTuple):
    """What accrues in a stretch of time, in minor units.

    ``parts``: by cost, none of 0. ``estimated``: how much of ``total`` is estimates. ``costs``: their number.
    """

    parts: tuple[tuple[CostAccrual, int], ...]
    total: int
    estimated: int
    costs: int


def read_cost(events: Sequence[CostIncurred], policy: Policy) -> CostAccrual | None:
    """The cost that a cost id's events, sorted by ``order``, come to; None without a rate for its currency."""
    actual = [event for event in events if event.basis == "actual"]
    cost = (actual or events)[-1]
    amount = policy.convert(cost.amount_minor, cost.currency, cost.occurred_at)
    if amount is None:
        return None
    return CostAccrual(int(cost.period_start), int(cost.period_end), amount, cost.channel, cost.issue_type, not actual)


def accrued_costs(accruals: Mapping[CostAccrual, int], start: int, end: int) -> AccruedCosts:
    """What accrues in [start, end) of costs, each booked so many times."""
    amounts = [(cost, cost.within(start, end) * times, times) for cost, times in accruals.items()]
    found = [item for item in amounts if item[1]]
    return AccruedCosts(
        parts=tuple((cost, amount) for cost, amount, _ in found),
        total=sum(amount for _, amount, _ in found),
        estimated=sum(amount for cost, amount, _ in found if cost.estimate),
        costs=sum(times for _, _, times in found),
    )


def allocate(accrued: AccruedCosts, dimension: str, weights: Mapping[str, int]) -> dict[str, int]:
    """What a stretch of time costs each member of a dimension; together exactly ``accrued.total``.

    ``weights`` (handle time, else tickets) share what belongs to no member; without any it is ``unknown``'s.
    """
    direct: dict[str, int] = {}
    rest = 0
    for cost, amount in accrued.parts:
        member = cost.member(dimension)
        if member is None:
            rest += amount
        else:
            direct[member] = direct.get(member, 0) + amount
    if rest:
        members = sorted(member for member, weight in weights.items() if weight > 0)
        parts = share(rest, [weights[member] for member in members]) if members else [rest]
        for member, part in zip(members or [UNKNOWN], parts, strict=True):
            direct[member] = direct.get(member, 0) + part
    return direct
