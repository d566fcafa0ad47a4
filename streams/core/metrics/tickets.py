"""The family ``tickets``, first contact resolution included. Source: each metric's heading in docs/definitions.md."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Final

from streams.core.ledger.quantiles import nearest_rank
from streams.core.metrics.base import Metric, Sums, Value, count, level, mean_seconds, quantile_seconds, ratio, under

__all__ = ["TICKETS"]

_WORKING: Final = "on the business clock"
_RANK: Final = "the sample of rank ceil(n * {} / 100)"
#: The measures of any ticket in a window: a member that had tickets is published with a backlog of 0.
_ANY: Final = ("tickets_open", "tickets_unanswered", "tickets_created", "tickets_solved")
#: The counts of first and of last solvings: one sample a ticket, that of its resolution time.
_FIRST_SOLVED: Final = "first_resolution.n"
_LAST_SOLVED: Final = "full_resolution.n"


def _oldest(sums: Sums) -> Value:
    instants = sums.instants("unanswered_since")
    age = (sums.as_of - min(instants)) / 1000 if instants else None
    return Value(age, sums.level("tickets_unanswered"))


def _business_mean(name: str) -> Callable[[Sums], Value]:
    def compute(sums: Sums) -> Value:
        n = sums.flow(f"{name}.n")
        return Value(sums.flow(f"{name}_business.sum") / (n * 1000) if n else None, n)

    return compute


def _business_quantile(name: str, percent: int) -> Callable[[Sums], Value]:
    def compute(sums: Sums) -> Value:
        sample_ms = nearest_rank(sums.bins(f"{name}_business"), percent)
        return Value(None if sample_ms is None else sample_ms / 1000, sums.flow(f"{name}.n"))

    return compute


def _waited(key: str) -> Callable[[Sums], Value]:
    def compute(sums: Sums) -> Value:
        n = sums.flow(_LAST_SOLVED)
        return Value(sums.flow(key) / (n * 1000) if n else None, n)

    return compute


def _handle_time(sums: Sums) -> Value:
    n = sums.distinct("tickets_handled")
    return Value(sums.flow("handle_ms") / (n * 1000) if n else None, n)


def _times(name: str, text: str) -> Iterator[Metric]:
    """The mean, median and 90th percentile of a duration, on either clock."""

    def seconds(statistic: str, details: str, formula: str, compute: Callable[[Sums], Value]) -> Metric:
        return Metric(
            f"{name}_{statistic}", "seconds", "seconds", f"{text}{details}", formula, compute, (name,),
            lower_is_better=True, version=2 if _WORKING in details else 1,
        )  # fmt: skip

    for clock, details, mean, quantile in (
        ("seconds", "", mean_seconds, quantile_seconds),
        ("business_seconds", f", {_WORKING}", _business_mean, _business_quantile),
    ):
        yield seconds(f"mean_{clock}", f"{details}: mean.", "sum of samples / samples", mean(name))
        for percent in (50, 90):
            help = f"{details}: {percent}th percentile by nearest rank, within 1 %."
            yield seconds(f"p{percent}_{clock}", help, _RANK.format(percent), quantile(name, percent))


def _first_contact(name: str, text: str, version: int = 1) -> Iterator[Metric]:
    """A first contact ratio over tickets first solved, and over tickets created."""
    for suffix, whole, over, members_by in (
        ("ratio", _FIRST_SOLVED, "tickets first solved", ("first_resolution",)),
        ("of_created_ratio", "tickets_created", "tickets created", ("tickets_created", "first_resolution")),
    ):
        ending = "." if suffix == "ratio" else "; over the tickets created in the window."
        yield Metric(
            f"fcr_{name}_{suffix}", "ratio", "ratio", f"First contact resolution: {text}{ending}",
            f"such tickets / {over}", ratio(f"fcr_{name}", whole), (f"fcr_{name}", members_by[0]), members_by,
            version=version,
        )  # fmt: skip


TICKETS: Final = [
    *under("ticket-counts",
        Metric("tickets_created", "count", "tickets", "Tickets created.", "count at creation",
               count("tickets_created"), ("tickets_created",)),
        Metric("tickets_solved", "count", "solvings", "Solvings: changes from unsolved to solved or closed.",
               "count of solvings, each", count("tickets_solved"), ("tickets_solved",)),
        Metric("tickets_reopened", "count", "reopenings", "Reopenings: changes from solved back to unsolved.",
               "count of reopenings", count("tickets_reopened"), ("tickets_reopened",), lower_is_better=True),
        Metric("tickets_escalated", "count", "escalations", "Escalations of tickets, each.",
               "count of escalations", count("tickets_escalated"), ("tickets_escalated",), lower_is_better=True),
        Metric("contacts_deflected", "count", "contacts", "Contacts that self-service or automation made unnecessary.",
               "count of deflections", count("contacts_deflected"), ("contacts_deflected",)),
        Metric("solved_unanswered", "count", "tickets",
               "Customers' tickets solved before any agent answered: they have no first response time.",
               "count at the first solving", count("solved_unanswered"), ("solved_unanswered",), lower_is_better=True),
    ),
    *under("backlog",
        Metric("tickets_open", "count", "tickets", "Tickets not solved now.",
               "created or reopened less solved, up to now",
               level("tickets_open"), ("tickets_open",), _ANY, level=True, lower_is_better=True),
        Metric("tickets_unanswered", "count", "tickets",
               "Customers' tickets, not solved since, that no agent has ever answered.",
               "first-response clocks running now", level("tickets_unanswered"), ("tickets_unanswered",), _ANY,
               level=True,
               lower_is_better=True),
        Metric("oldest_unanswered_seconds", "seconds", "seconds", "Age of the oldest unanswered ticket.",
               "as_of - its creation", _oldest,
               ("tickets_unanswered", "unanswered_since"), _ANY, level=True, lower_is_better=True),
    ),
    *under("first-response-and-acknowledgement",
        *_times("first_response", "Creation by the customer to the first public agent message"),
        *_times("first_acknowledgement", "Creation by the customer to the first public answer of bot, rule or agent"),
    ),
    *under("next-response",
        *_times("next_response", "A customer's first unanswered message after that to the next public agent message"),
    ),
    *under("resolution",
        *_times("first_resolution", "Creation to the first solving"),
        *_times("full_resolution", "Creation to the last solving; none while reopened"),
    ),
    *under("requester-wait",
        Metric("requester_wait_mean_seconds", "seconds", "seconds",
               "Time in new, open or on hold up to the last solving; none while reopened: mean.",
               "sum of samples / samples", _waited("requester_wait_ms"), ("requester_wait_ms", "full_resolution"),
               ("full_resolution",), lower_is_better=True),
        Metric("requester_wait_mean_business_seconds", "seconds", "seconds",
               f"Time in new, open or on hold up to the last solving; none while reopened, {_WORKING}: mean.",
               "sum of samples / samples", _waited("requester_wait_business_ms"),
               ("requester_wait_business_ms", "full_resolution"), ("full_resolution",), lower_is_better=True,
               version=2),
    ),
    *under("handle-time",
        Metric("handle_time_mean_seconds", "seconds", "seconds",
               "Talk, hold and after-call time for each ticket handled in the window; a member's: its part in the "
               "tickets that it handled.",
               "handle seconds / distinct tickets handled", _handle_time, ("handle_ms", "tickets_handled"),
               lower_is_better=True),
    ),
    *under("ticket-ratios",
        Metric("agent_messages_per_ticket_mean", "mean", "messages",
               "Public agent messages up to the last solving; none while reopened: mean.",
               "agent messages / tickets last solved", ratio("agent_messages", _LAST_SOLVED),
               ("agent_messages", "full_resolution"), ("full_resolution",), lower_is_better=True),
        Metric("reopen_ratio", "ratio", "ratio", "Share of solvings that were later reopened.",
               "solvings later reopened / solvings", ratio("solvings_reopened", "tickets_solved"),
               ("solvings_reopened", "tickets_solved"), ("tickets_solved",), lower_is_better=True),
        Metric("resolution_ratio", "ratio", "ratio", "Solvings for each ticket created, both in the window.",
               "solvings / tickets created", ratio("tickets_solved", "tickets_created"),
               ("tickets_created", "tickets_solved")),
    ),
    *under("first-contact-resolution",
        *_first_contact("one_touch", "one public agent message or call, and not reopened within 7 days"),
        *_first_contact("one_session",
        "one session, of touches less than 30 min apart, and not reopened within 7 days"),
        *_first_contact("no_repeat", "neither reopened nor asked about again by the customer within 7 days", version=2),
    ),
]  # fmt: skip
