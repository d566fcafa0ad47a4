"""Service wall: what a desk watches, readable from five metres. Open it with ``?kiosk`` for the screen alone."""

from __future__ import annotations

from typing import Final

from .dashboard import Dashboard
from .panel import NOW, PICKED, Panel, Row, by, value

__all__ = ["WALL"]

_HUGE: Final = 96
_LARGE: Final = 60


def _score(title: str, metric: str, note: str = "", unit: str = "") -> Panel:
    """A survey's score with its 95 % interval and the answers behind it."""
    queries = [
        value(metric, PICKED, title),
        value(metric, PICKED, "from", "_low"),
        value(metric, PICKED, "to", "_high"),
        value(metric, PICKED, "answers", "_samples"),
    ]
    return Panel(title, "stat", queries, note, unit, width=12, height=7, big=_LARGE)


WALL: Final = Dashboard(
    uid="support-roi-wall",
    title="Service wall",
    description="Service levels, who waits, and what customers say, now.",
    window="24h",
    since="now-24h",
    refresh="5s",
    rows=[
        Row("Now", [
            Panel("Service levels met", "stat", [value("sla_attained_ratio", by("target"))],
                  "By target, of the waits decided in the window.", width=12, height=8, good=0.9, big=_LARGE),
            Panel("Oldest waiting", "stat", [value("oldest_unanswered_seconds", NOW, "{{member}}")],
                  "Empty where nobody waits.", width=6, height=8, good=3600, low_is_good=True, big=_HUGE,
                  may_be_empty="nobody waits for a first answer"),
            Panel("Waiting for a first answer", "stat", [value("tickets_unanswered", NOW)], width=6, height=8,
                  big=_HUGE),
            Panel("Due soon", "stat", [value("sla_due_soon", by("target", "now"))], width=12, height=7, good=10,
                  low_is_good=True, big=_LARGE),
            Panel("Past the deadline and still waiting", "stat", [value("sla_open_breached", by("target", "now"))],
                  width=12, height=7, good=1, low_is_good=True, big=_LARGE),
            Panel("First response", "stat", [
                value("first_response_p50_seconds", PICKED, "half within"),
                value("first_response_p90_seconds", PICKED, "9 of 10 within"),
            ], width=12, height=7, big=_LARGE),
            Panel("Backlog", "stat", [value("tickets_open", NOW)], "Tickets not solved.", width=12, height=7,
                  big=_HUGE),
            _score("NPS", "nps"),
            _score("CSAT", "csat_ratio"),
        ]),
        Row("The course", [
            Panel("Service levels met: course", "timeseries", [value("sla_attained_ratio", by("target"))]),
            Panel("Breaches", "timeseries", [value("sla_breaches", by("target"))]),
            Panel("Backlog: course", "timeseries", [
                value("tickets_open", NOW, "{{member}} open"),
                value("tickets_unanswered", NOW, "{{member}} waiting for a first answer"),
            ]),
        ]),
    ],
)  # fmt: skip
