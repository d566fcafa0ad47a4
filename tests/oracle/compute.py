"""The metrics: for each (metric, window, dimension, member) filter plain lists of samples, then one formula.

Nothing here is clever or incremental, and nothing is imported from the program.

SUPPORTED says which metrics are done, NOT_SUPPORTED what the definitions have and this has not.
A member without any sample in a window is left out of the answer: read it as 0 (counts, sums) or None.
`all` and the configured targets are always there.

Readings decided here where the text leaves room:

 1. Events at or after as_of are dropped first, then repetitions: of two bodies with one id the first in
    the list that is before as_of wins.
 2. Voiding and merging a ticket count wherever they stand, also before its creation; everything
    else before the creation changes no state.
 3. agent_messages_per_ticket_mean and the touches of FCR count messages before the creation too.
 4. Later survey.sent / order.placed of the same id are ignored like a second ticket.created; a second
    refund_id of an order too, be it a refund or a charge-back.
 5. An answer outside its scale is no sample of a score, but its survey is answered
    (surveys_answered, survey_response_ratio).
 6. fcr_no_repeat: "other tickets" that the customer created. Customers are the same as merged at the first
    solving; attribution: at the first payment; NPS: at the later answer. Merges hold from their instant on.
 7. A private customer message starts no wait. An agent's answer to a message on a solved ticket
    answers it, without a sample.
 8. full_resolution targets: at the deadline, met if solved then (at the deadline included). requester_wait:
    when its clock shows the target, met if solved then; if it never does, met at the last solving.
 9. count: sums of money: the samples with an amount; oldest_unanswered_seconds: the tickets
    waiting; roi_*: the cost.
10. saved_cart: an abandonment, then a touch inside the look-back, then the order, in the contract's order.
    `repeat` asks for another order, paid before this was placed, of which something is left as of now.
11. net_attributed_revenue under a model with several touches: the shares of what is left before and after.
12. revenue_refunded: refunds and charge-backs at their own time, gross; no cancellations.
13. sentiment_mean: created, not voided tickets; merged-away ones stay, as surveys do.
14. sla_open_breached, sla_due_soon: waits still running whose deadline is < as_of, or in
    [as_of, as_of + due soon). value_at_risk: payments of 365 days (the window 365d), gross, of the distinct
    customers of those, over all targets.
15. fcr_surveyed_ratio: yes = the top of the scale.
16. Spells: an order counts at its first payment, if something is left of it as of now. Leaving by
    inactivity stands among the leavings of its instant: an order paid then comes first, and the customer
    stays. Inactivity already ahead is booked. Merging two active customers ends one spell without anybody
    leaving; who is active at the merge stays so if either was; at a window's start both count, and both leave
    at the end.
17. active at T: joined < T <= left, i.e. by what happened before T. churn_ratio, retention_ratio,
    returning_customer_ratio, orders_per_customer, clv_mean, incremental_revenue: `all` only.
18. Segments at an instant: tenure returning if > 0 is paid so far, net of what was taken back before that
    instant; satisfaction: the last csat answer given before (edits as they were then); contact_frequency:
    live tickets created before (this one not) and within 90 days; a contact without a customer: unknown.
19. orders_per_customer = paid orders / customers with one, in the window. clv_mean only in 365d; None without
    customers at its start; without any churn: the cap. An order of which nothing is left is in none.
20. Satisfied and unsatisfied are told by csat only, also for a complaint, which is one a ticket, at the first
    unsatisfied final answer or negative sentiment. retention_after_complaint: of those active at the
    complaint (instant included), whose spell still runs 90 days later. Both are booked at + 90 days.
21. incremental_revenue: active at any time in the window; touched = a touch inside the window; the paid order
    inside it too. No touched, no untouched or no order: None. count: the customers active.
22. maturity_ratio: share of the window before as_of - max(look-back, 30 d, repeat); count 1.
23. Agents: an agent's message without agent_id leaves the last replier as it was; handling makes no replier.
24. Events at an instant "in force" (survey labels, sla filters) are those before it in the contract's order;
    a survey sent before its ticket's creation has the creation's labels.
25. next_response targets on a solved ticket: the deadline counts from the message, even if it is reopened
    later.
26. Members past the limit are ranked by `count` (service_cost: equal counts, so by name); class, model and
    target have no limit.
27. An answer without a kind whose survey was never sent is an orphan: in nothing, not in surveys_answered.
28. A final aligned period is not told again (ends + 30 d <= as_of); the running one may be empty.
29. Business hours: days that `hours` leaves out are closed; without `hours` Mon-Fri 9-17.
30. time_decay: weights are floats 2^(-age/half-life), age at the placing.
31. An order's labels in revenue_paid: segments only; channel, agent and so on unknown.
32. "Something left" of an order: also in a currency without a rate, less what was refunded in the same one.
33. A voided ticket's surveys vanish even if the ticket was never created.
34. Survey agents told by the survey itself hold also for tickets never created.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from math import sqrt
from typing import Any

from . import customers, revenue, surveys, tickets
from .model import UNKNOWN, Number, Result, Sample, Z, divide, nearest_rank, plain, wilson
from .world import Settings, World

Source = Callable[[World, int, int, str], list[Sample]]
Formula = Callable[[list[list[Sample]]], Result]
Key = tuple[str, str, str, str]

TICKET = ("all", "channel", "issue_type", "priority", "product", "group", "agent", *customers.DIMENSIONS)
SURVEY = (*TICKET, "kind", "program")
ALL = ("all",)
# not chosen by [dimensions] names
UNSHOWABLE = ("all", "target", "class", "model")
QUANTILES = ("mean", "p50", "p90")


@dataclass(frozen=True)
class Metric:
    name: str
    dimensions: tuple[str, ...]
    sources: tuple[str, ...]
    formula: Formula
    level: bool = False


# --- formulas ---


def total(lists: list[list[Sample]]) -> Result:
    return Result(plain(add(lists[0])), len(lists[0]))


def add(samples: list[Sample]) -> Number:
    return sum((sample.value for sample in samples), Fraction(0))


def mean(lists: list[list[Sample]]) -> Result:
    return Result(divide(add(lists[0]), len(lists[0])), len(lists[0]))


def seconds(kind: str, clock: str) -> Formula:
    def formula(lists: list[list[Sample]]) -> Result:
        times = [sample.extra["business"] if clock == "business" else sample.value for sample in lists[0]]
        if not times:
            return Result(None, 0)
        if kind == "mean":
            return Result(float(Fraction(sum(times)) / len(times) / 1000), len(times))
        return Result(float(Fraction(nearest_rank(times, int(kind[1:]))) / 1000), len(times))

    return formula


def share(lists: list[list[Sample]]) -> Result:
    """Samples of value 1 / samples."""
    return mean(lists)


def share_of(name: str) -> Formula:
    def formula(lists: list[list[Sample]]) -> Result:
        good = sum(sample.extra[name] for sample in lists[0])
        return Result(divide(good, len(lists[-1])), len(lists[-1]))

    return formula


def wilson_share(lists: list[list[Sample]]) -> Result:
    n = len(lists[0])
    good = int(add(lists[0]))
    return Result(divide(good, n), n, *wilson(good, n))


def counts_ratio(lists: list[list[Sample]]) -> Result:
    return Result(divide(len(lists[0]), len(lists[1])), len(lists[1]))


def per_count(lists: list[list[Sample]]) -> Result:
    return Result(divide(add(lists[0]), len(lists[1])), len(lists[1]))


def misses(lists: list[list[Sample]]) -> Result:
    n = sum(1 for sample in lists[0] if sample.value == 0)
    return Result(n, n)


def oldest(lists: list[list[Sample]]) -> Result:
    ages = [sample.value for sample in lists[0]]
    return Result(float(Fraction(max(ages)) / 1000) if ages else None, len(ages))


def handle_time(lists: list[list[Sample]]) -> Result:
    n = len({sample.extra["of"] for sample in lists[0]})
    return Result(divide(add(lists[0]), n), n)


def promoters(lists: list[list[Sample]]) -> Result:
    n = len(lists[0])
    if n == 0:
        return Result(None, 0)
    good = sum(1 for sample in lists[0] if sample.value == 1)
    bad = sum(1 for sample in lists[0] if sample.value == -1)
    value = 100 * (good - bad) / n
    p, d = (good + 0.75) / (n + 3), (bad + 0.75) / (n + 3)
    half = Z * 100 * sqrt((p + d - (p - d) ** 2) / (n + 3))
    middle = 100 * (p - d)
    return Result(value, n, min(value, max(-100.0, middle - half)), max(value, min(100.0, middle + half)))


def net_ratio(lists: list[list[Sample]]) -> Result:
    cost = add(lists[1])
    return Result(divide(add(lists[0]) - cost, cost), int(cost))


def gross_ratio(lists: list[list[Sample]]) -> Result:
    cost = add(lists[1])
    return Result(divide(add(lists[0]), cost), int(cost))


def break_even(lists: list[list[Sample]]) -> Result:
    credited, worth, cost, savings = (add(samples) for samples in lists)
    return Result(divide(max(0, cost - savings), worth), int(credited))


def estimated_ratio(lists: list[list[Sample]]) -> Result:
    part = sum(sample.extra["estimated"] for sample in lists[0])
    return Result(divide(part, add(lists[0])), int(add(lists[0])))


# --- sources ---

BASE: dict[str, Callable[[World], list[Sample]]] = {
    "created": tickets.created,
    "created_by_customer": tickets.created_by_customer,
    "solved": tickets.solved,
    "reopened": tickets.reopened,
    "escalated": tickets.escalated,
    "handled": tickets.handled,
    "solved_unanswered": tickets.solved_unanswered,
    "solved_then_reopened": tickets.solved_then_reopened,
    "first_response": tickets.first_response,
    "first_acknowledgement": tickets.first_acknowledgement,
    "next_response": tickets.next_response,
    "first_resolution": tickets.first_resolution,
    "full_resolution": tickets.full_resolution,
    "requester_wait": tickets.requester_wait,
    "agent_messages": tickets.agent_messages,
    "open_now": tickets.open_now,
    "unanswered_now": tickets.unanswered_now,
    "fcr": tickets.fcr,
    "judged": tickets.judged,
    "csat": surveys.csat,
    "csat_stretched": surveys.csat_stretched,
    "ces": surveys.ces,
    "ces_positive": surveys.ces_positive,
    "resolution": surveys.resolution,
    "sent": surveys.sent,
    "answered": surveys.answered,
    "sentiment": surveys.sentiment,
    "paid": revenue.paid,
    "refunded": revenue.refunded,
    "attributed": revenue.attributed,
    "net_attributed": revenue.net_attributed,
    "attributed_orders": revenue.attributed_orders,
    "deflected": revenue.deflected,
    "benefit_by_class": revenue.benefit_by_class,
    "benefit": revenue.benefit,
    "benefit_without_savings": revenue.benefit_without_savings,
    "attributed_at_margin": revenue.attributed_at_margin,
    "savings": revenue.savings,
    **customers.BASE,
}


class Samples:
    """All samples of one world, computed once."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.known: dict[str, list[Sample]] = {}

    def base(self, name: str) -> list[Sample]:
        if name not in self.known:
            self.known[name] = BASE[name](self.world)
        return self.known[name]

    def pick(self, name: str, start: int, end: int, dimension: str) -> list[Sample]:
        if name == "nps":
            return surveys.nps(self.world, start, end)
        if name == "service_cost":
            basis = self.base("handled"), self.base("created")
            return revenue.service_cost(self.world, start, end, dimension, *basis)
        if name == "cost_estimated":
            return revenue.cost_estimated(self.world, start, end)
        if dimension == "model" and name in ("attributed", "net_attributed"):
            key = f"{name} by model"
            if key not in self.known:
                self.known[key] = revenue.by_model(self.world, name == "net_attributed")
            found = self.known[key]
        elif name in customers.WINDOWED:
            return customers.WINDOWED[name](self.world, start, end)
        else:
            found = self.base(name)
        return [sample for sample in found if start <= sample.at < end]


# --- the catalogue ---


def catalogue() -> list[Metric]:
    out = [
        Metric("tickets_created", TICKET, ("created",), total),
        Metric("tickets_solved", TICKET, ("solved",), total),
        Metric("tickets_reopened", TICKET, ("reopened",), total),
        Metric("tickets_escalated", TICKET, ("escalated",), total),
        Metric("contacts_deflected", TICKET, ("deflected",), total),
        Metric("solved_unanswered", TICKET, ("solved_unanswered",), total),
        Metric("handle_time_mean_seconds", TICKET, ("handled",), handle_time),
        Metric("reopen_ratio", TICKET, ("solved_then_reopened",), share),
        Metric("resolution_ratio", TICKET, ("solved", "created"), counts_ratio),
        Metric("agent_messages_per_ticket_mean", TICKET, ("agent_messages",), mean),
        Metric("tickets_open", TICKET, ("open_now",), total, level=True),
        Metric("tickets_unanswered", TICKET, ("unanswered_now",), counted, level=True),
        Metric("oldest_unanswered_seconds", TICKET, ("unanswered_now",), oldest, level=True),
        Metric("fcr_surveyed_ratio", SURVEY, ("resolution",), share),
        Metric("sla_attained_ratio", ("target",), ("judged",), share),
        Metric("sla_breaches", ("target",), ("judged",), misses),
        Metric("nps", SURVEY, ("nps",), promoters),
        Metric("csat_ratio", SURVEY, ("csat",), wilson_share),
        Metric("csat_mean", SURVEY, ("csat_stretched",), mean),
        Metric("ces_mean", SURVEY, ("ces",), mean),
        Metric("ces_positive_ratio", SURVEY, ("ces_positive",), share),
        Metric("survey_response_ratio", SURVEY, ("sent",), share),
        Metric("surveys_sent", SURVEY, ("sent",), counted),
        Metric("surveys_answered", SURVEY, ("answered",), counted),
        Metric("sentiment_mean", TICKET, ("sentiment",), mean),
        Metric("revenue_paid", TICKET, ("paid",), total),
        Metric("revenue_refunded", TICKET, ("refunded",), total),
        Metric("attributed_revenue", (*TICKET, "model"), ("attributed",), total),
        Metric("net_attributed_revenue", (*TICKET, "model"), ("net_attributed",), total),
        Metric("attributed_orders", TICKET, ("attributed_orders",), total),
        Metric("benefit", ("class",), ("benefit_by_class",), total),
        Metric("benefit_total", TICKET, ("benefit",), total),
        Metric("service_cost", TICKET, ("service_cost",), total),
        Metric("cost_estimated_ratio", ALL, ("cost_estimated",), estimated_ratio),
        Metric("cost_per_resolution", TICKET, ("service_cost", "solved"), per_count),
        Metric("cost_per_contact", TICKET, ("service_cost", "created_by_customer"), per_count),
        Metric("roi_net_ratio", TICKET, ("benefit", "service_cost"), net_ratio),
        Metric("roi_gross_ratio", TICKET, ("benefit", "service_cost"), gross_ratio),
        Metric("roi_net_excluding_savings_ratio", TICKET, ("benefit_without_savings", "service_cost"), net_ratio),
        Metric(
            "roi_break_even_incrementality",
            TICKET,
            ("attributed", "attributed_at_margin", "service_cost", "savings"),
            break_even,
        ),
    ]
    timed = (
        "first_response",
        "first_acknowledgement",
        "next_response",
        "first_resolution",
        "full_resolution",
    )
    for name in timed:
        for kind in QUANTILES:
            out.append(Metric(f"{name}_{kind}_seconds", TICKET, (name,), seconds(kind, "calendar")))
            out.append(Metric(f"{name}_{kind}_business_seconds", TICKET, (name,), seconds(kind, "business")))
    wait = ("requester_wait",)
    out.append(Metric("requester_wait_mean_seconds", TICKET, wait, seconds("mean", "calendar")))
    out.append(Metric("requester_wait_mean_business_seconds", TICKET, wait, seconds("mean", "business")))
    for name in ("one_touch", "one_session", "no_repeat"):
        out.append(Metric(f"fcr_{name}_ratio", TICKET, ("fcr",), share_of(name)))
        out.append(Metric(f"fcr_{name}_of_created_ratio", TICKET, ("fcr", "created"), share_of(name)))
    return out + [Metric(*metric) for metric in customers.METRICS]


def counted(lists: list[list[Sample]]) -> Result:
    return Result(len(lists[0]), len(lists[0]))


CATALOGUE = catalogue()
SUPPORTED = {metric.name for metric in CATALOGUE}
# `previous` and `year_before` are other windows (see `extra`); warnings and goals are no metrics.
NOT_SUPPORTED: set[str] = set()


# --- the answer ---


def oracle(
    events: list[dict[str, Any]],
    *,
    as_of: int,
    start: int | None = None,
    settings: dict[str, Any] | None = None,
    metrics: set[str] | None = None,
    aligned: bool = False,
    extra: dict[str, tuple[int, int]] | None = None,
) -> dict[Key, Result]:
    """Every value at as_of by (metric, window, dimension, member).

    `start` adds the window "period" = [start, as_of). `metrics` limits the work to these. `aligned` adds
    the aligned windows, as "<window>@<first local day>", e.g. "month@2026-01-01". `extra` adds windows by
    name: (from, to), e.g. the window before (`previous`) or the year before, as known at as_of.
    """
    chosen = Settings(settings)
    world = World(events, as_of, chosen)
    world.segments = customers.labels
    samples = Samples(world)
    windows = windows_at(chosen, as_of, start, aligned)
    windows |= extra or {}
    out: dict[Key, Result] = {}
    for metric in CATALOGUE:
        if metrics is not None and metric.name not in metrics:
            continue
        for window, (begin, end) in {"now": (as_of, as_of + 1)}.items() if metric.level else windows.items():
            if metric.name == "clv_mean" and window != "365d":
                continue
            for dimension in metric.dimensions:
                if dimension not in UNSHOWABLE and chosen.names and dimension not in chosen.names:
                    continue
                lists = [samples.pick(name, begin, end, dimension) for name in metric.sources]
                for member, result in by_member(metric, dimension, lists, chosen).items():
                    out[metric.name, window, dimension, member] = result
    return out


def windows_at(settings: Settings, as_of: int, start: int | None, aligned: bool) -> dict[str, tuple[int, int]]:
    calendar = settings.calendar
    windows = {name: calendar.rolling(name, as_of) for name in settings.rolling}
    if start is not None:
        windows["period"] = (start, as_of)
    if aligned:
        for name in settings.aligned:
            for day, begin, end in calendar.aligned(name, as_of):
                windows[f"{name}@{day.isoformat()}"] = (begin, end)
    return windows


def by_member(metric: Metric, dimension: str, lists: list[list[Sample]], settings: Settings) -> dict[str, Result]:
    if dimension == "all":
        return {"all": metric.formula(lists)}
    members = {sample.label(dimension) for samples in lists for sample in samples}
    if dimension == "target":
        members |= {str(level["name"]) for level in settings.levels}
    if dimension not in ("target", "class", "model") and len(members) > settings.limit:
        return limited(metric, dimension, lists, settings.limit, members)
    return {member: metric.formula(of(lists, dimension, {member})) for member in members}


def limited(
    metric: Metric, dimension: str, lists: list[list[Sample]], limit: int, members: set[str]
) -> dict[str, Result]:
    """The members with the largest counts stay, the rest is computed together as `other`."""
    results = {member: metric.formula(of(lists, dimension, {member})) for member in members}
    ranked = sorted(results, key=lambda member: (-results[member].count, member))
    out = {member: results[member] for member in ranked[:limit]}
    out["other"] = metric.formula(of(lists, dimension, set(ranked[limit:])))
    return out


def of(lists: list[list[Sample]], dimension: str, members: set[str]) -> list[list[Sample]]:
    return [[sample for sample in samples if sample.label(dimension) in members] for samples in lists]


__all__ = ["CATALOGUE", "NOT_SUPPORTED", "SUPPORTED", "UNKNOWN", "oracle"]
