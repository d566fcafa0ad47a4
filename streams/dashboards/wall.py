"""Service wall: the state of a desk, readable from five metres. ``?kiosk`` shows it without Grafana's menus."""

from __future__ import annotations

from typing import Final

from streams.dashboards.dashboard import Dashboard
from streams.dashboards.panel import NOW, PICKED, Panel, Row, by, value

__all__ = ["WALL"]

_HUGE: Final = 96
_LARGE: Final = 60
#: Answers are rare: a day may have none.
_MONTH: Final = 'window="30d", dimension="$dimension", member=~"$member"'


def _score(title: str, metric: str) -> Panel:
    """The score of a survey over 30 days with its 95 % interval and its number of answers."""
    queries = [
        value(metric, _MONTH, title),
        value(metric, _MONTH, "from", "_low"),
        value(metric, _MONTH, "to", "_high"),
        value(metric, _MONTH, "answers", "_samples"),
    ]
    return Panel(f"{title}, 30 days", "stat", queries, "With its 95 % interval.", width=12, height=7, big=_LARGE)


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
            Panel("Backlog", "stat", [value("tickets_open", NOW)], "Tickets not solved.", width=6, height=7,
                  big=_HUGE),
            Panel("Value at risk", "stat", [
                value("value_at_risk", 'window="now", dimension="all", member="all"', "value at risk"),
            ], width=6, height=7, big=_LARGE),
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
