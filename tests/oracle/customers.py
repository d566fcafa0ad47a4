"""Samples of customers: spells of being active, paid orders, derived segments, what satisfaction is worth.

Also what asks several families: waiting tickets with their customers' money, the comparison of the touched.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from math import sqrt
from typing import Any

from . import surveys, tickets
from .clock import DAY
from .model import Ev, Key, Result, Sample, divide, plain, rank, wilson
from .world import Order, World, orders

DIMENSIONS = ("segment", "tenure", "value", "satisfaction", "contact_frequency")
HORIZON = 90 * DAY


# --- labels at an instant: by plain looking back ---


def labels(world: World, customer: str, key: Key) -> dict[str, str]:
    """Derived segments of the customer just before `key`."""
    group = world.same(customer, key[0])
    out = {"satisfaction": "unknown"}
    segments = [
        event.body["segment"]
        for event in world.events
        if event.key < key and event.customer in group and event.type == "customer.updated"
        if "segment" in event.body
    ]
    if segments:
        out["segment"] = segments[-1]
    paid = paid_before(world, group, key)
    out["tenure"] = "returning" if paid or unrated_before(world, group, key) else "new"
    low_medium_high = [tier for tier in world.settings.value_tiers if tier <= paid]
    out["value"] = ("low", "medium", "high")[max(0, len(low_medium_high) - 1)]
    scores = [(event.key, verdict) for event, verdict in csat_scores(world, group) if event.key < key]
    if scores:
        out["satisfaction"] = "satisfied" if max(scores)[1] else "unsatisfied"
    contacts = 0
    for ticket in world.live():
        created = ticket.created
        if created and created.customer in group and created.key < key and created.at >= key[0] - HORIZON:
            contacts += 1
    out["contact_frequency"] = "rare" if contacts < 2 else "some" if contacts < 5 else "frequent"
    return out


def paid_before(world: World, group: frozenset[str], key: Key) -> int:
    """Paid so far, net of what was taken back so far."""
    total = 0
    for order in all_orders(world):
        if order.customer in group:
            if order.cancelled and order.cancelled.key < key:
                continue
            plus = sum(amount for amount, event in order.payments if event.key < key)
            minus = sum(amount for amount, event in order.refunds if event.key < key)
            total += max(0, plus - minus)
    return total


def unrated_before(world: World, group: frozenset[str], key: Key) -> bool:
    """Whether anything paid so far without a rate is left so far."""
    for order in all_orders(world):
        if order.customer not in group or (order.cancelled and order.cancelled.key < key):
            continue
        if order.unrated_left(key) > 0:
            return True
    return False


def csat_scores(world: World, group: frozenset[str]) -> list[tuple[Ev, bool]]:
    """Every csat answer as it was given then, with the survey's scale."""
    if "csat_scores" not in world.memo:
        found = []
        for survey in surveys.surveys(world, labelled=False):
            if survey.kind == "csat":
                for event in survey.answers:
                    then = surveys.Survey(
                        survey.customer, survey.sent, event, survey.fields, {}, survey.ticket, [event]
                    )
                    if then.score is not None:
                        found.append((event, then.satisfied))
        world.memo["csat_scores"] = found
    return [(event, good) for event, good in world.memo["csat_scores"] if event.customer in group]


def all_orders(world: World) -> list[Order]:
    if "orders" not in world.memo:
        world.memo["orders"] = orders(world)
    found: list[Order] = world.memo["orders"]
    return found


# --- spells ---


@dataclass(eq=False)
class Spell:
    """Active in [start, end). `into`: went on as another spell, when two customers became one."""

    customer: str
    start: int
    key: Key  # of the event that began it; end_key: of the one that ended it
    end: int | None = None
    end_key: Key = (0, 0, "", "")
    into: Spell | None = None
    quiet_since: int = 0

    def last(self) -> Spell:
        return self.into.last() if self.into else self

    def holds(self, at: int) -> bool:
        """By what happened before `at`."""
        return self.start < at and (self.end is None or self.end >= at)


def paid_orders(world: World) -> list[tuple[Ev, Order]]:
    """Orders of which something is left, at their first payment."""
    found = [(order.first_paid, order) for order in all_orders(world) if order.kept]
    return sorted(((event, order) for event, order in found if event), key=lambda pair: pair[0].key)


def spells(world: World) -> list[Spell]:
    if "spells" in world.memo:
        known: list[Spell] = world.memo["spells"]
        return known
    quiet = world.settings.inactivity
    out: list[Spell] = []
    active: dict[frozenset[str], Spell] = {}
    group_of: dict[str, frozenset[str]] = {}
    starts = {event.key for event, _ in paid_orders(world)}
    for event in [*world.events, None]:
        if quiet:
            for group, spell in list(active.items()):
                over = spell.quiet_since + quiet
                leaving = (over, rank({"type": "customer.left"}), "", "")
                if event is None or leaving < event.key:  # may lie in the future: booked all the same
                    spell.end, spell.end_key = over, leaving
                    del active[group]
        if event is None:
            break
        group = group_of.get(event.customer, frozenset({event.customer}))
        if event.type == "customer.merged":
            merge(event, group, group_of, active)
        elif event.type == "customer.left" and group in active:
            spell = active.pop(group)
            spell.end, spell.end_key = event.at, event.key
        elif event.type == "customer.joined" or event.key in starts:
            if group not in active:
                active[group] = Spell(event.customer, event.at, event.key, quiet_since=event.at)
                out.append(active[group])
            elif event.key in starts:
                active[group].quiet_since = event.at
    world.memo["spells"] = out
    return out


def merge(
    event: Ev, group: frozenset[str], group_of: dict[str, frozenset[str]], active: dict[frozenset[str], Spell]
) -> None:
    other_name = event.body["into_customer_id"]
    other = group_of.get(other_name, frozenset({other_name}))
    if other == group:
        return
    both = group | other
    group_of.update(dict.fromkeys(both, both))
    left, right = active.pop(group, None), active.pop(other, None)
    stays = right or left
    if left and right:
        left.end, left.into = event.at, right
        right.quiet_since = max(left.quiet_since, right.quiet_since)
    if stays:
        active[both] = stays


def booked(world: World, customer: str, key: Key) -> Sample:
    return Sample(key[0], world.customer_labels(customer, key))


def joined(world: World) -> list[Sample]:
    return [booked(world, spell.customer, spell.key) for spell in spells(world)]


def left(world: World) -> list[Sample]:
    ended = [spell for spell in spells(world) if spell.end is not None and not spell.into]
    return [booked(world, spell.customer, spell.end_key) for spell in ended]


def active_now(world: World) -> list[Sample]:
    found = [spell for spell in spells(world) if spell.holds(world.as_of)]
    return [booked(world, spell.customer, (world.as_of, -1, "", "")) for spell in found]


def active_at_start(world: World, start: int, end: int) -> list[Sample]:
    """Everyone active at the window's start; 1 if it ended in the window."""
    out = []
    for spell in spells(world):
        if spell.holds(start):
            over = spell.last().end
            out.append(Sample(start, {}, int(over is not None and over < end)))
    return out


def retained(world: World, start: int, end: int) -> list[Sample]:
    return [Sample(s.at, {}, 1 - int(s.value)) for s in active_at_start(world, start, end)]


# --- paid orders ---


def order_values(world: World) -> list[Sample]:
    return [
        Sample(event.at, world.customer_labels(order.customer, event.key), order.left)
        for event, order in paid_orders(world)
    ]


def buyers(world: World, start: int, end: int) -> list[Sample]:
    """One a customer with a paid order in the window; value: their number."""
    inside = [pair for pair in paid_orders(world) if start <= pair[0].at < end]
    out = []
    for event, _ in inside:
        group = world.same(event.customer, event.at)
        earlier = sum(1 for other, _ in inside if other.key < event.key and other.customer in group)
        last = not any(
            other.key > event.key and event.customer in world.same(other.customer, other.at) for other, _ in inside
        )
        if last:
            out.append(Sample(event.at, {}, earlier + 1))
    return out


def customers_value(world: World, start: int, end: int) -> list[Sample]:
    """The parts of clv_mean, for the window 365d only: see clv."""
    calendar = world.settings.calendar
    if (start, end) != calendar.rolling("365d", world.as_of):
        return []
    values = [int(sample.value) for sample in order_values(world) if start <= sample.at < end]
    people = len(buyers(world, start, end))
    begun = active_at_start(world, start, end)
    if not people or not begun:
        return []
    gone = sum(int(sample.value) for sample in begun)
    cap = world.settings.clv_cap
    years = min(Fraction(len(begun), gone), cap) if gone else cap
    spent = Fraction(sum(values), people)  # = average order value x orders per customer
    return [Sample(start, {}, spent * world.settings.margin * years, {"n": people})]


# --- what satisfaction is worth ---


def bought(world: World, customer: str, start: int, end: int) -> bool:
    group = world.same(customer, end)
    return any(event.customer in group and start <= event.at < end for event, _ in paid_orders(world))


def repurchases(world: World) -> list[Sample]:
    out = []
    for survey in surveys.of_kind(world, "csat"):
        assert survey.answer
        at = survey.answer.at
        again = bought(world, survey.customer, at, at + HORIZON)
        word = "satisfied" if survey.satisfied else "unsatisfied"
        out.append(Sample(at + HORIZON, {"satisfaction": word}, int(again)))
    return out


def complaints(world: World) -> list[Sample]:
    """One a ticket with an unsatisfied csat answer or negative sentiment, at the first of them."""
    first: dict[tuple[str, str], int] = {}
    for survey in surveys.of_kind(world, "csat"):
        if survey.ticket and survey.ticket.created and not survey.satisfied and survey.answer:
            key = (survey.ticket.customer, survey.ticket.ticket_id)
            first[key] = min(first.get(key, survey.answer.at), survey.answer.at)
    for ticket in world.tickets.values():
        if ticket.created and not ticket.voided:
            for event in ticket.events:
                if event.type == "ticket.sentiment" and event.body["score"] < 0:
                    key = (ticket.customer, ticket.ticket_id)
                    first[key] = min(first.get(key, event.at), event.at)
    out = []
    for (customer, _), at in first.items():
        # of the active ones: is the same spell still running 90 days later?
        group = world.same(customer, at)
        held = [spell for spell in spells(world) if spell.customer in group and spell.holds(at + 1)]
        if held:
            over = held[0].last().end
            out.append(Sample(at + HORIZON, {}, int(over is None or over >= at + HORIZON)))
    return out


# --- incremental revenue: a comparison, not a proof ---


def comparison(world: World, start: int, end: int) -> list[Sample]:
    """One a customer active in the window; extra: touched, bought (after the touch, if touched)."""
    people: set[frozenset[str]] = set()
    for spell in spells(world):
        if spell.start < end and (spell.end is None or spell.end > start):
            people.add(world.same(spell.customer, end))
    values = [int(sample.value) for sample in order_values(world) if start <= sample.at < end]
    mean = Fraction(sum(values), len(values)) if values else None
    out = []
    for group in people:
        touches = [t.key for t, _ in world.touches_of(min(group), end) if start <= t.at < end]
        paid = [e.key for e, _ in paid_orders(world) if e.customer in group and start <= e.at < end]
        hit = any(not touches or key > min(touches) for key in paid)
        out.append(Sample(start, {}, int(hit), {"touched": bool(touches), "mean": mean}))
    return out


def increment(lists: list[list[Sample]]) -> Result:
    people = lists[0]
    touched = [int(sample.value) for sample in people if sample.extra["touched"]]
    others = [int(sample.value) for sample in people if not sample.extra["touched"]]
    mean = people[0].extra["mean"] if people else None
    if not touched or not others or mean is None:
        return Result(None, len(people))
    p1, p2 = sum(touched) / len(touched), sum(others) / len(others)
    l1, u1 = wilson(sum(touched), len(touched))
    l2, u2 = wilson(sum(others), len(others))
    assert l1 is not None
    assert u1 is not None
    assert l2 is not None
    assert u2 is not None
    low = p1 - p2 - sqrt((p1 - l1) ** 2 + (u2 - p2) ** 2)
    high = p1 - p2 + sqrt((u1 - p1) ** 2 + (p2 - l2) ** 2)
    scale = len(touched) * float(mean)
    return Result((p1 - p2) * scale, len(people), low * scale, high * scale)


# --- levels of service: what is still waiting ---


def late(world: World) -> list[Sample]:
    return [
        Sample(world.as_of, {"target": verdict.target}, 1, {"customer": verdict.customer})
        for verdict in tickets.verdicts(world)
        if verdict.running and verdict.deadline < world.as_of
    ]


def due_soon(world: World) -> list[Sample]:
    soon = world.as_of + world.settings.due_soon
    return [
        Sample(world.as_of, {"target": verdict.target}, 1, {"customer": verdict.customer})
        for verdict in tickets.verdicts(world)
        if verdict.running and world.as_of <= verdict.deadline < soon
    ]


def at_risk(world: World) -> list[Sample]:
    """One a customer whose ticket is late or due soon; value: paid in 365 days."""
    start, end = world.settings.calendar.rolling("365d", world.as_of)
    waiting = {str(sample.extra["customer"]) for sample in late(world) + due_soon(world)}
    out = []
    for group in {world.same(customer, world.as_of) for customer in waiting}:
        paid = 0
        for order in all_orders(world):
            if order.customer in group:
                paid += sum(amount for amount, event in order.payments if start <= event.at < end)
        out.append(Sample(world.as_of, {}, paid))
    return out


def mature(world: World, start: int, end: int) -> list[Sample]:
    """Value: the share of the window that no horizon reaches any more."""
    horizon = max(world.settings.look_back, 30 * DAY, world.settings.repeat)
    past = max(0, min(end, world.as_of - horizon) - start)
    return [Sample(start, {}, Fraction(past, end - start))] if end > start else []


# --- formulas ---


def tally(lists: list[list[Sample]]) -> Result:
    return Result(len(lists[0]), len(lists[0]))


def total(lists: list[list[Sample]]) -> Result:
    return Result(plain(sum((sample.value for sample in lists[0]), Fraction(0))), len(lists[0]))


def mean_of(lists: list[list[Sample]]) -> Result:
    n = len(lists[0])
    return Result(divide(sum((sample.value for sample in lists[0]), Fraction(0)), n), n)


def ratio(lists: list[list[Sample]]) -> Result:
    return Result(divide(len(lists[0]), len(lists[1])), len(lists[1]))


def returning(lists: list[list[Sample]]) -> Result:
    again = sum(1 for sample in lists[0] if sample.value > 1)
    return Result(divide(again, len(lists[0])), len(lists[0]))


def clv(lists: list[list[Sample]]) -> Result:
    if not lists[0]:
        return Result(None, 0)
    return Result(plain(lists[0][0].value), lists[0][0].extra["n"])


BASE: dict[str, Callable[[World], list[Sample]]] = {
    "customers_joined": joined,
    "customers_left": left,
    "active_now": active_now,
    "late": late,
    "due_soon": due_soon,
    "at_risk": at_risk,
    "order_values": order_values,
    "repurchases": repurchases,
    "complaints": complaints,
}
WINDOWED: dict[str, Callable[[World, int, int], list[Sample]]] = {
    "active_at_start": active_at_start,
    "retained": retained,
    "buyers": buyers,
    "customers_value": customers_value,
    "comparison": comparison,
    "mature": mature,
}
PERSON = ("all", *DIMENSIONS)
METRICS: list[tuple[Any, ...]] = [
    ("customers_active", PERSON, ("active_now",), tally, True),
    ("customers_joined", PERSON, ("customers_joined",), tally),
    ("customers_left", PERSON, ("customers_left",), tally),
    ("left_to_joined_ratio", PERSON, ("customers_left", "customers_joined"), ratio),
    ("churn_ratio", ("all",), ("active_at_start",), mean_of),
    ("retention_ratio", ("all",), ("retained",), mean_of),
    ("returning_customer_ratio", ("all",), ("buyers",), returning),
    ("average_order_value", PERSON, ("order_values",), mean_of),
    ("orders_per_customer", ("all",), ("buyers",), mean_of),
    ("clv_mean", ("all",), ("customers_value",), clv),
    ("repurchase_after_csat_ratio", ("satisfaction",), ("repurchases",), mean_of),
    ("retention_after_complaint_ratio", ("all",), ("complaints",), mean_of),
    ("sla_open_breached", ("target",), ("late",), tally, True),
    ("sla_due_soon", ("target",), ("due_soon",), tally, True),
    ("value_at_risk", ("all",), ("at_risk",), total, True),
    ("maturity_ratio", ("all",), ("mature",), mean_of),
    ("incremental_revenue", ("all",), ("comparison",), increment),
]
