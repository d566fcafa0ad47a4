"""Values: events in the contract's order, samples, results; the small arithmetic they share."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from fractions import Fraction
from math import sqrt
from typing import Any

from .clock import to_ms

UNKNOWN = "unknown"
Z = 1.959963984540054
Number = int | float | Fraction
Key = tuple[int, int, str, str]


@dataclass(frozen=True)
class Result:
    value: float | int | None
    count: int
    low: float | None = None
    high: float | None = None


@dataclass(frozen=True)
class Ev:
    """One event; nulls and empty texts are gone. `key` is the contract's one order (customer last: after a merge)."""

    at: int
    rank: int
    id: str
    type: str
    customer: str
    body: dict[str, Any]

    @property
    def key(self) -> Key:
        return (self.at, self.rank, self.id, self.customer)

    def get(self, name: str, default: Any = None) -> Any:
        return self.body.get(name, default)


FIRST = {"ticket.created", "survey.sent", "order.placed", "customer.joined"}
UPDATES = {"ticket.updated", "customer.updated"}
STATUS = {"ticket.status_changed", "order.paid"}
LAST = {"order.refunded", "order.charged_back", "order.cancelled", "customer.left"}


def rank(body: dict[str, Any]) -> int:
    kind = body["type"]
    if kind in FIRST:
        return 0
    if kind in UPDATES:
        return 1
    if kind == "ticket.message":
        return {"customer": 2, "bot": 3, "rule": 3, "agent": 4}[body["author"]]
    if kind in STATUS:
        return 6
    if kind in LAST:
        return 7
    return 5


def read(raw: Iterable[dict[str, Any]], as_of: int) -> list[Ev]:
    """What counts at as_of: events before it, each id once (the first to arrive), in the contract's order."""
    seen: set[tuple[str, str, str]] = set()
    out: list[Ev] = []
    for given in raw:
        body = {name: value for name, value in given.items() if value is not None and value != ""}
        at = to_ms(body["occurred_at"])
        if at >= as_of:
            continue
        if body["type"] == "cost.incurred":
            owner = ("cost", body["cost_id"], body["event_id"])
        else:
            owner = ("customer", body.get("customer_id", body["event_id"]), body["event_id"])
        if owner in seen:
            continue
        seen.add(owner)
        out.append(Ev(at, rank(body), body["event_id"], body["type"], owner[1], body))
    return sorted(out, key=lambda event: event.key)


@dataclass
class Sample:
    """One booking: when, under which labels, which numbers."""

    at: int
    labels: dict[str, str]
    value: Number = 1
    extra: dict[str, Any] = field(default_factory=dict)

    def label(self, dimension: str) -> str:
        return self.labels.get(dimension, UNKNOWN)


def plain(number: Number) -> float | int:
    """Whole numbers stay int, fractions become float."""
    if isinstance(number, Fraction):
        return int(number) if number.denominator == 1 else float(number)
    return number


def divide(top: Number, bottom: Number) -> float | None:
    return None if bottom == 0 else float(Fraction(top) / Fraction(bottom))


def nearest_rank(numbers: list[Number], percent: int) -> Number:
    ordered = sorted(numbers)
    return ordered[(percent * len(ordered) + 99) // 100 - 1]


def wilson(good: int, n: int) -> tuple[float | None, float | None]:
    if n == 0:
        return None, None
    p = good / n
    middle = (p + Z * Z / (2 * n)) / (1 + Z * Z / n)
    half = Z / (1 + Z * Z / n) * sqrt(p * (1 - p) / n + Z * Z / (4 * n * n))
    return max(0.0, middle - half), min(1.0, middle + half)


def split(total: int, weights: list[Fraction]) -> list[int]:
    """Largest remainder: whole units in proportion to the weights; ties to the earlier weight."""
    whole = sum(weights, Fraction(0))
    exact = [total * weight / whole for weight in weights]
    shares = [amount.numerator // amount.denominator for amount in exact]
    by_remainder = sorted(range(len(weights)), key=lambda i: (-(exact[i] - shares[i]), i))
    for i in by_remainder[: total - sum(shares)]:
        shares[i] += 1
    return shares
