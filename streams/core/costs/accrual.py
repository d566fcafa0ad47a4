"""Costs: each accrues evenly over its period, from its first instant to its last, in whole minor units.

Rules of this file (docs/definitions.md#cost):

* accrued(t) = floor(amount × elapsed / period); a window costs accrued(its end) − accrued(its start).
* The latest event of a cost id counts; an estimate never replaces an actual.
* A cost with a label belongs to that member; the rest is shared over the members of a dimension.
* A credit note is a negative cost. Shares round by largest remainder, so the members always add up to the whole.
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
    """The accrual of one cost: ``amount`` minor units of the reporting currency, evenly over [start, end), in ms.

    ``channel`` and ``issue_type`` are the members it belongs to; None: it is shared.
    """

    start: int
    end: int
    amount: int
    channel: str | None
    issue_type: str | None
    estimate: bool

    def amount_within(self, start: int, end: int) -> int:
        """The minor units that accrue in [start, end)."""
        return self._accrued(end) - self._accrued(start)

    def _accrued(self, at: int) -> int:
        elapsed = min(max(at - self.start, 0), self.end - self.start)
        return self.amount * elapsed // (self.end - self.start)

    def member(self, dimension: str) -> str | None:
        """The member of a dimension to which the whole cost belongs; None: it is shared over the members."""
        return {"channel": self.channel, "issue_type": self.issue_type}.get(dimension)


class AccruedCosts(NamedTuple):
    """The costs of an interval, in minor units of the reporting currency.

    ``parts`` are the amounts by cost, none of them 0. ``estimated`` is the part of ``total`` that is estimates,
    ``costs`` the number of costs.
    """

    parts: tuple[tuple[CostAccrual, int], ...]
    total: int
    estimated: int
    costs: int


def read_cost(events: Sequence[CostIncurred], policy: Policy) -> CostAccrual | None:
    """The accrual of one cost id, from its events in the order of ``sort_key``; None: its currency has no rate."""
    actual = [event for event in events if event.basis == "actual"]
    cost = (actual or events)[-1]
    amount = policy.convert(cost.amount_minor, cost.currency, cost.occurred_at)
    if amount is None:
        return None
    return CostAccrual(int(cost.period_start), int(cost.period_end), amount, cost.channel, cost.issue_type, not actual)


def accrued_costs(accruals: Mapping[CostAccrual, int], start: int, end: int) -> AccruedCosts:
    """The costs of [start, end), in ms. ``accruals``: accrual -> how many times it is booked."""
    amounts = [(cost, cost.amount_within(start, end) * times, times) for cost, times in accruals.items()]
    parts = [item for item in amounts if item[1]]
    return AccruedCosts(
        parts=tuple((cost, amount) for cost, amount, _ in parts),
        total=sum(amount for _, amount, _ in parts),
        estimated=sum(amount for cost, amount, _ in parts if cost.estimate),
        costs=sum(times for _, _, times in parts),
    )


def allocate(accrued: AccruedCosts, dimension: str, weights: Mapping[str, int]) -> dict[str, int]:
    """The costs of an interval by member of a dimension, in minor units; together exactly ``accrued.total``.

    ``weights`` (handle time, else tickets) share the costs that belong to no member. Without a positive weight they
    belong to ``unknown``.
    """
    by_member: dict[str, int] = {}
    rest = 0
    for cost, amount in accrued.parts:
        member = cost.member(dimension)
        if member is None:
            rest += amount
        else:
            by_member[member] = by_member.get(member, 0) + amount
    if rest:
        members = sorted(member for member, weight in weights.items() if weight > 0)
        parts = share(rest, [weights[member] for member in members]) if members else [rest]
        for member, part in zip(members or [UNKNOWN], parts, strict=True):
            by_member[member] = by_member.get(member, 0) + part
    return by_member
