"""The catalogue: each metric's formula in one place, with id, version, unit, help, interval and source.

A formula takes a ``Sums`` (what one margin's cells add up to in one window) and gives a ``Value``. A formula is
undefined (value None) iff its denominator is 0; none can give NaN or infinity. Changing one means a new version.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from math import sqrt
from typing import Final, NamedTuple

import msgspec

from .measures import per_window
from .policy import Policy
from .quantiles import nearest_rank
from .surveys import SCORE_UNIT

__all__ = ["METRICS", "Metric", "Sums", "Value"]

#: The 97.5th percentile of the normal distribution: two-sided 95 %.
Z: Final = 1.959963984540054


class Value(msgspec.Struct, frozen=True, gc=False):
    """A metric's value, the samples behind it (ratios: the denominator) and its 95 % bounds where defined."""

    value: int | float | None
    count: int
    low: float | None = None
    high: float | None = None


class Sums(NamedTuple):
    """One margin's amounts in one window. ``cost`` is what falls on it, allocated, in minor units."""

    cell: Mapping[str, int]
    levels: Mapping[str, int]
    window: str
    as_of: int
    cost: int
    policy: Policy

    def flow(self, key: str) -> int:
        return self.cell.get(key, 0)

    def level(self, name: str) -> int:
        """A level now."""
        return self.levels.get(name, 0)

    def here(self, name: str) -> int:
        """A level of this window's own length."""
        return self.levels.get(per_window(name, self.window), 0)

    def bins(self, name: str) -> dict[int, int]:
        stem = f"{name}.b"
        skip = len(stem)
        return {int(key[skip:]): amount for key, amount in self.cell.items() if key.startswith(stem)}


@dataclass(frozen=True, slots=True)
class Metric:
    """One metric. ``scheme`` names its dimensions: ``labels`` (all and every label), ``class`` or ``target``."""

    id: str
    kind: str
    unit: str
    help: str
    formula: str
    compute: Callable[[Sums], Value]
    #: Measures of which a member must have any (ever) to be shown; ``cost`` for what is allocated.
    needs: tuple[str, ...]
    version: int = 1
    scheme: str = "labels"
    #: True for levels, which hold now and are published in the window ``now`` alone.
    level: bool = False
    interval: str = ""
    source: str = "definitions.md"

    @property
    def definition(self) -> str:
        return f"{self.id}@{self.version}"

    def unit_in(self, currency: str) -> str:
        """The unit with the reporting currency's code for money, e.g. ``EUR_minor``."""
        return self.unit.replace("{currency}", currency)


def _count(key: str) -> Callable[[Sums], Value]:
    def compute(sums: Sums) -> Value:
        count = sums.flow(key)
        return Value(count, count)

    return compute


def _level(key: str) -> Callable[[Sums], Value]:
    def compute(sums: Sums) -> Value:
        count = sums.level(key)
        return Value(count, count)

    return compute


def _money(key: str, samples: str) -> Callable[[Sums], Value]:
    return lambda sums: Value(sums.flow(key), sums.flow(samples))


def _ratio(part: str, whole: str) -> Callable[[Sums], Value]:
    def compute(sums: Sums) -> Value:
        total = sums.flow(whole)
        return Value(sums.flow(part) / total if total else None, total)

    return compute


def _mean_seconds(name: str) -> Callable[[Sums], Value]:
    def compute(sums: Sums) -> Value:
        n = sums.flow(f"{name}.n")
        return Value(sums.flow(f"{name}.sum") / (n * 1000) if n else None, n)

    return compute


def _quantile_seconds(name: str, percent: int) -> Callable[[Sums], Value]:
    def compute(sums: Sums) -> Value:
        found = nearest_rank(sums.bins(name), percent)
        return Value(None if found is None else found / 1000, sums.flow(f"{name}.n"))

    return compute


def wilson(part: int, whole: int) -> tuple[float, float]:
    """The 95 % score interval of a proportion (Wilson, JASA 22, 1927), within [0, 1]."""
    p = part / whole
    spread = 1 + Z * Z / whole
    centre = (p + Z * Z / (2 * whole)) / spread
    margin = Z * sqrt(p * (1 - p) / whole + Z * Z / (4 * whole * whole)) / spread
    return max(0.0, centre - margin), min(1.0, centre + margin)


def _csat_ratio(sums: Sums) -> Value:
    n, satisfied = sums.flow("csat_answers"), sums.flow("csat_satisfied")
    return Value(satisfied / n, n, *wilson(satisfied, n)) if n else Value(None, 0)


def _csat_mean(sums: Sums) -> Value:
    n = sums.flow("csat_answers")
    return Value((n * SCORE_UNIT + 4 * sums.flow("csat_score")) / (n * SCORE_UNIT) if n else None, n)


def _nps(sums: Sums) -> Value:
    n, up, down = sums.here("nps_answers"), sums.here("nps_promoters"), sums.here("nps_detractors")
    if not n:
        return Value(None, 0)
    value = 100 * (up - down) / n
    # Adjusted Wald for a difference of proportions (Bonett & Price 2012): three more answers, 3/4 at each end.
    p, q = (up + 0.75) / (n + 3), (down + 0.75) / (n + 3)
    margin = 100 * Z * sqrt((p + q - (p - q) ** 2) / (n + 3))
    centre = 100 * (p - q)
    low, high = max(-100.0, centre - margin), min(100.0, centre + margin)
    return Value(value, n, min(low, value), max(high, value))


def _oldest(sums: Sums) -> Value:
    stem = "unanswered_since."
    since = [int(key[len(stem) :]) for key in sums.levels if key.startswith(stem)]
    age = (sums.as_of - min(since)) / 1000 if since else None
    return Value(age, sums.level("tickets_unanswered"))


def _factored(amount: int, sums: Sums) -> int | float:
    """Revenue as benefit: times margin times incrementality, exact until the last step."""
    benefit = amount * sums.policy.contribution_margin * sums.policy.incrementality
    return benefit.numerator if benefit.denominator == 1 else float(benefit)


def _benefit(sums: Sums) -> Value:
    saved = sums.flow("benefit_deflected")
    value = _factored(sums.flow("benefit_revenue"), sums) + saved * sums.policy.cost_per_contact_saved
    return Value(value, sums.flow("benefit_orders") + saved)


def _benefit_total(sums: Sums) -> Value:
    saved = sums.flow("contacts_deflected")
    value = _factored(sums.flow("attributed_revenue"), sums) + saved * sums.policy.cost_per_contact_saved
    return Value(value, sums.flow("attributed_orders") + saved)


def _cost(sums: Sums) -> Value:
    return Value(sums.cost, sums.cost)


def _cost_per(whole: str) -> Callable[[Sums], Value]:
    def compute(sums: Sums) -> Value:
        total = sums.flow(whole)
        return Value(sums.cost / total if total else None, total)

    return compute


def _roi(sums: Sums, net: bool) -> Value:
    benefit = _benefit_total(sums).value
    if not sums.cost or benefit is None:
        return Value(None, sums.cost)
    return Value((benefit - sums.cost if net else benefit) / sums.cost, sums.cost)


def _sla(sums: Sums) -> Value:
    met = sums.flow("sla_met")
    decided = met + sums.flow("sla_breached")
    return Value(met / decided if decided else None, decided)


def _durations(name: str, text: str) -> list[Metric]:
    metrics = [
        Metric(
            f"{name}_mean_seconds", "seconds", "seconds", f"{text}: mean.", "sum of samples / samples",
            _mean_seconds(name), (name,),
        )
    ]  # fmt: skip
    metrics.extend(
        Metric(
            f"{name}_p{percent}_seconds", "seconds", "seconds",
            f"{text}: {percent}th percentile by nearest rank, within 1 %.",
            f"the sample of rank ceil(n * {percent} / 100)", _quantile_seconds(name, percent), (name,),
        )
        for percent in (50, 90)
    )  # fmt: skip
    return metrics


_MONEY: Final = "{currency}_minor"

_ALL: Final = [
    Metric("tickets_created", "count", "tickets", "Tickets created.", "count at creation",
           _count("tickets_created"), ("tickets_created",)),
    Metric("tickets_solved", "count", "solvings", "Solvings: changes from unsolved to solved or closed.",
           "count of solvings, each", _count("tickets_solved"), ("tickets_solved",)),
    Metric("tickets_reopened", "count", "reopenings", "Reopenings: changes from solved back to unsolved.",
           "count of reopenings", _count("tickets_reopened"), ("tickets_reopened",)),
    Metric("tickets_open", "count", "tickets", "Tickets not solved now.", "created or reopened less solved, up to now",
           _level("tickets_open"), ("tickets_open",), level=True),
    Metric("tickets_unanswered", "count", "tickets",
           "Customers' tickets, not solved since, that no agent has ever answered.",
           "first-response clocks running now", _level("tickets_unanswered"), ("tickets_unanswered",), level=True),
    Metric("oldest_unanswered_seconds", "seconds", "seconds", "Age of the oldest unanswered ticket.",
           "as_of - its creation", _oldest, ("tickets_unanswered",), level=True),
    *_durations("first_response", "Creation by the customer to the first public agent message"),
    *_durations("first_acknowledgement", "Creation by the customer to the first public answer of bot, rule or agent"),
    *_durations("first_resolution", "Creation to the first solving"),
    *_durations("full_resolution", "Creation to the last solving; none while reopened"),
    Metric("reopen_ratio", "ratio", "ratio", "Share of solvings that were later reopened.",
           "solvings later reopened / solvings", _ratio("solvings_reopened", "tickets_solved"), ("tickets_solved",)),
    Metric("fcr_one_touch_ratio", "ratio", "ratio",
           "First contact resolution: one public agent message or call, and not reopened within 7 days.",
           "such tickets / tickets first solved", _ratio("fcr_one_touch", "first_solved"), ("first_solved",)),
    Metric("fcr_no_repeat_ratio", "ratio", "ratio",
           "First contact resolution: neither reopened nor asked about again by the customer within 7 days.",
           "such tickets / tickets first solved", _ratio("fcr_no_repeat", "first_solved"), ("first_solved",)),
    Metric("sla_attained_ratio", "ratio", "ratio", "Share of a target's decided tickets that met it.",
           "met / (met + breached)", _sla, ("sla_met", "sla_breached"), scheme="target"),
    Metric("sla_breaches", "count", "breaches", "Breaches of a target, at their deadlines.",
           "count at the deadline", _count("sla_breached"), ("sla_met", "sla_breached"), scheme="target"),
    Metric("nps", "points", "points", "Net promoter score over the last answer of each customer and program.",
           "100 * (promoters 9-10 - detractors 0-6) / n", _nps, ("nps_answers",),
           interval="adjusted Wald, 95 %: n + 3, three quarters more promoters and detractors",
           source="definitions.md; Bonett & Price 2012"),
    Metric("csat_ratio", "ratio", "ratio", "Share of CSAT answers in the upper quarter of their scale (4-5 of 5).",
           "satisfied / answers", _csat_ratio, ("csat_answers",), interval="Wilson score, 95 %",
           source="definitions.md; Wilson 1927"),
    Metric("csat_mean", "mean", "score", "Mean CSAT score, stretched to 1..5.",
           "mean of 1 + 4 * (score - min) / (max - min)", _csat_mean, ("csat_answers",)),
    Metric("survey_response_ratio", "ratio", "ratio", "Share of surveys sent that were answered.",
           "answered / sent, by the sending's cohort", _ratio("sendings_answered", "surveys_sent"), ("surveys_sent",)),
    Metric("revenue_paid", "money", _MONEY, "Payments received, before refunds.", "sum of payments",
           _money("revenue_paid", "payments"), ("revenue_paid", "payments")),
    Metric("attributed_revenue", "money", _MONEY,
           "Paid orders credited to service contacts, at their first payment, less what was taken back since.",
           "shares of what is left of each order", _money("attributed_revenue", "attributed_orders"),
           ("attributed_revenue", "attributed_orders")),
    Metric("net_attributed_revenue", "money", _MONEY,
           "The same with refunds, charge-backs and cancellations booked at their own time.",
           "shares of payments less shares of what is taken back",
           _money("net_attributed_revenue", "attributed_orders"), ("net_attributed_revenue", "attributed_orders")),
    Metric("benefit", "money", _MONEY,
           "What service returned, by class of benefit; margin and incrementality are assumed, see roi.toml.",
           "attributed revenue of the class * contribution_margin * incrementality; savings: deflections * "
           "cost_per_contact_saved", _benefit, ("benefit_revenue", "benefit_deflected"), scheme="class"),
    Metric("benefit_total", "money", _MONEY, "What service returned, all classes together.", "sum of benefit",
           _benefit_total, ("attributed_revenue", "contacts_deflected")),
    Metric("service_cost", "money", _MONEY, "Cost of service accrued in the window, shared over members.",
           "accrued(end) - accrued(start), accrued(t) = floor(amount * elapsed / period)", _cost, ("cost",)),
    Metric("cost_per_resolution", "money", _MONEY, "Cost of service for each solving.", "service_cost / tickets_solved",
           _cost_per("tickets_solved"), ("tickets_solved",)),
    Metric("roi_net_ratio", "ratio", "ratio", "Return on investment of service, net.",
           "(benefit_total - service_cost) / service_cost", lambda sums: _roi(sums, net=True), ("cost",)),
    Metric("roi_gross_ratio", "ratio", "ratio", "Return on investment of service, gross.",
           "benefit_total / service_cost", lambda sums: _roi(sums, net=False), ("cost",)),
]  # fmt: skip

METRICS: Final[dict[str, Metric]] = {metric.id: metric for metric in _ALL}
