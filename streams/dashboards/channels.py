"""Channels and issues: cost and return of a resolution, surges, load, speed and quality."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from streams.core.metrics.families import METRICS
from streams.dashboards.dashboard import Dashboard
from streams.dashboards.panel import PICKED, Panel, Row, by, value

__all__ = ["CHANNELS"]

_TIMES: Final = {
    "first_response": "First response",
    "first_acknowledgement": "First acknowledgement",
    "next_response": "Next response",
    "first_resolution": "First resolution",
    "full_resolution": "Full resolution",
    "requester_wait": "Customer's wait",
}
_MEANINGS: Final = {"mean": "mean", "p50": "median", "p90": "90th percentile"}


def _members(title: str, metric: str, note: str = "") -> Panel:
    """All members of the picked dimension, the largest first."""
    return Panel(title, "bargauge", [value(metric, by("$dimension"), top=15)], note, height=9)


def _course(title: str, *metrics: str, note: str = "") -> Panel:
    queries = [value(metric, PICKED, f"{{{{member}}}} {METRICS[metric].id.replace('_', ' ')}") for metric in metrics]
    return Panel(title, "timeseries", queries, note)


def _times() -> Iterator[Panel]:
    """A panel for each time and clock, with the mean, median and 90th percentile that the catalogue has."""
    for stem, title in _TIMES.items():
        for clock, suffix in (("calendar", "seconds"), ("business hours", "business_seconds")):
            legends = {f"{stem}_{kind}_{suffix}": text for kind, text in _MEANINGS.items()}
            queries = [
                value(metric, PICKED, f"{{{{member}}}} {text}") for metric, text in legends.items() if metric in METRICS
            ]
            yield Panel(f"{title}, {clock}", "timeseries", queries, width=12)


CHANNELS: Final = Dashboard(
    uid="support-roi-channels",
    title="Channels and issues",
    description="Cost, return, load, speed and quality by the members of the picked dimension.",
    window="7d",
    dimension="channel",
    rows=[
        Row("Cost and return by $dimension", [
            _members("Cost of a resolution", "cost_per_resolution"),
            _members("Cost of a contact", "cost_per_contact"),
            _members("Handle time", "handle_time_mean_seconds"),
            _members("ROI, net, by member", "roi_net_ratio"),
            _members("ROI, gross, by member", "roi_gross_ratio"),
            _members("Cost by member", "service_cost"),
            _course("Cost of a resolution: course", "cost_per_resolution"),
            _course("ROI, net: course", "roi_net_ratio"),
            _course("Handle time: course", "handle_time_mean_seconds"),
        ]),
        Row("Surges", [
            Panel("Issues: the last hour against the week", "timeseries",
                  [value("surge_ratio", by("issue_type", "1h"))], "3 with at least 10 contacts is a surge.", width=12),
            Panel("Products: the last hour against the week", "timeseries",
                  [value("surge_ratio", by("product", "1h"))], "3 with at least 10 contacts is a surge.", width=12),
            Panel("Contacts of the last hour by issue", "bargauge",
                  [value("tickets_created", by("issue_type", "1h"), top=15)], width=12),
            Panel("Contacts of the last hour by product", "bargauge",
                  [value("tickets_created", by("product", "1h"), top=15)], width=12),
        ]),
        Row("Load", [
            _course("Created, solved, reopened", "tickets_created", "tickets_solved", "tickets_reopened"),
            _course("Escalated, or solved without an answer", "tickets_escalated", "solved_unanswered"),
            _course("Deflected", "contacts_deflected", note="By self-service or automation."),
            _course("Solved for each created; reopened of those", "resolution_ratio", "reopen_ratio"),
            _course("Messages for each ticket", "agent_messages_per_ticket_mean"),
            _members("Tickets by member", "tickets_created"),
        ]),
        Row("First contact resolution, in every reading", [
            _course("Of tickets first solved", "fcr_one_touch_ratio", "fcr_one_session_ratio", "fcr_no_repeat_ratio"),
            _course("Of tickets created", "fcr_one_touch_of_created_ratio", "fcr_one_session_of_created_ratio",
                    "fcr_no_repeat_of_created_ratio"),
            _course("As customers say", "fcr_surveyed_ratio"),
        ]),
        Row("Times", list(_times())),
    ],
)  # fmt: skip
