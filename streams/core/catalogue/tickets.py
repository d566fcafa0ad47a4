"""Tickets and first contact resolution. Source of every formula: definitions.md."""

from __future__ import annotations

from typing import Final

from .base import Metric, Sums, Value, count, durations, level, ratio

__all__ = ["TICKETS"]


def _oldest(sums: Sums) -> Value:
    stem = "unanswered_since."
    since = [int(key[len(stem) :]) for key in sums.levels if key.startswith(stem)]
    age = (sums.as_of - min(since)) / 1000 if since else None
    return Value(age, sums.level("tickets_unanswered"))


TICKETS: Final = [
    Metric("tickets_created", "count", "tickets", "Tickets created.", "count at creation",
           count("tickets_created"), ("tickets_created",)),
    Metric("tickets_solved", "count", "solvings", "Solvings: changes from unsolved to solved or closed.",
           "count of solvings, each", count("tickets_solved"), ("tickets_solved",)),
    Metric("tickets_reopened", "count", "reopenings", "Reopenings: changes from solved back to unsolved.",
           "count of reopenings", count("tickets_reopened"), ("tickets_reopened",)),
    Metric("tickets_open", "count", "tickets", "Tickets not solved now.", "created or reopened less solved, up to now",
           level("tickets_open"), ("tickets_open",), level=True),
    Metric("tickets_unanswered", "count", "tickets",
           "Customers' tickets, not solved since, that no agent has ever answered.",
           "first-response clocks running now", level("tickets_unanswered"), ("tickets_unanswered",), level=True),
    Metric("oldest_unanswered_seconds", "seconds", "seconds", "Age of the oldest unanswered ticket.",
           "as_of - its creation", _oldest, ("tickets_unanswered",), level=True),
    *durations("first_response", "Creation by the customer to the first public agent message"),
    *durations("first_acknowledgement", "Creation by the customer to the first public answer of bot, rule or agent"),
    *durations("first_resolution", "Creation to the first solving"),
    *durations("full_resolution", "Creation to the last solving; none while reopened"),
    Metric("reopen_ratio", "ratio", "ratio", "Share of solvings that were later reopened.",
           "solvings later reopened / solvings", ratio("solvings_reopened", "tickets_solved"), ("tickets_solved",)),
    Metric("fcr_one_touch_ratio", "ratio", "ratio",
           "First contact resolution: one public agent message or call, and not reopened within 7 days.",
           "such tickets / tickets first solved", ratio("fcr_one_touch", "first_solved"), ("first_solved",)),
    Metric("fcr_no_repeat_ratio", "ratio", "ratio",
           "First contact resolution: neither reopened nor asked about again by the customer within 7 days.",
           "such tickets / tickets first solved", ratio("fcr_no_repeat", "first_solved"), ("first_solved",)),
]  # fmt: skip
