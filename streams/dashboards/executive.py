"""Executive ROI: return and cost of service, compared with the last quarter and a year ago."""

from __future__ import annotations

from typing import Final

from streams.dashboards.dashboard import Dashboard
from streams.dashboards.panel import ALL, PICKED, Panel, Query, Row, by, value

__all__ = ["EXECUTIVE"]

_QUARTER: Final = 'window="quarter", dimension="$dimension", member=~"$member"'
_GOAL: Final = by("goal")
_NO_YEAR: Final = "a year ago is there once the events reach back so far; a quarter before likewise"
_NO_GOALS: Final = "goals are set in roi.toml"
_ASSUMED: Final = "Margin and incrementality are assumed, see roi.toml."


def _now(title: str, metric: str, where: str = PICKED, good: float | None = None) -> Panel:
    return Panel(title, "stat", [value(metric, where)], width=4, height=5, good=good)


def _quarters(title: str, metric: str) -> Panel:
    """The running quarter so far, the same elapsed part of the one before, and of the one a year ago."""
    legends = [("", "this quarter"), ("_previous", "last quarter"), ("_year_before", "a year ago")]
    queries = [value(metric, _QUARTER, f"{{{{member}}}} {legend}", suffix) for suffix, legend in legends]
    note = "The running quarter so far against the same elapsed part of the last one and of the one a year ago."
    return Panel(title, "bargauge", queries, note, width=12, height=6, may_be_empty=_NO_YEAR)


EXECUTIVE: Final = Dashboard(
    uid="support-roi-executive",
    title="Executive ROI",
    description="What customer service returns on what it costs, net and gross.",
    window="30d",
    since="now-30d",
    refresh="1m",
    rows=[
        Row("Return on investment", [
            _now("ROI, net", "roi_net_ratio", good=0),
            _now("ROI, gross", "roi_gross_ratio", good=1),
            _now("ROI, net, by revenue alone", "roi_net_excluding_savings_ratio", good=0),
            _now("Benefit", "benefit_total"),
            _now("Cost", "service_cost"),
            _now("Maturity", "maturity_ratio", ALL),
            Panel("Return over time", "timeseries", [
                value("roi_net_ratio", PICKED, "{{member}} net"),
                value("roi_gross_ratio", PICKED, "{{member}} gross"),
                value("roi_net_excluding_savings_ratio", PICKED, "{{member}} net, by revenue alone"),
            ], "Each point is a whole window that ends there.", width=12),
            Panel("Benefit and cost over time", "timeseries", [
                value("benefit_total", PICKED, "{{member}} benefit"),
                value("service_cost", PICKED, "{{member}} cost"),
            ], _ASSUMED, width=12),
        ]),
        Row("Benefit by class against cost", [
            Panel("Benefit by class, and cost", "bargauge", [
                value("benefit", by("class")), value("service_cost", ALL, "cost"),
            ], _ASSUMED, width=12, height=9),
            Panel("Benefit by class over time", "timeseries", [value("benefit", by("class"))], _ASSUMED,
                  width=8, height=9, stacked=True),
            Panel("Cost still estimated", "stat", [value("cost_estimated_ratio", ALL)], width=4, height=9),
        ]),
        Row("This quarter, the last, and a year ago", [
            _quarters("ROI, net: quarters", "roi_net_ratio"),
            _quarters("ROI, gross: quarters", "roi_gross_ratio"),
            _quarters("Benefit: quarters", "benefit_total"),
            _quarters("Cost: quarters", "service_cost"),
            _quarters("ROI, net, by revenue alone: quarters", "roi_net_excluding_savings_ratio"),
            Panel("Benefit by class: this quarter and the last", "bargauge", [
                value("benefit", by("class", "quarter"), "{{member}} this quarter"),
                value("benefit", by("class", "quarter"), "{{member}} last quarter", "_previous"),
            ], _ASSUMED, width=12, height=6),
        ]),
        Row("Revenue", [
            Panel("Break-even incrementality", "timeseries", [
                value("roi_break_even_incrementality", PICKED, "{{member}}"),
            ], "The share of the credited revenue that must truly be due to service for a return of 0; above 1, not "
               "even all of it pays the cost.", may_be_empty="nothing is credited to service"),
            Panel("Paid and taken back", "timeseries", [
                value("revenue_paid", PICKED, "{{member}} paid"),
                value("revenue_refunded", PICKED, "{{member}} taken back"),
            ], "All revenue, credited to service or not."),
            Panel("Credited to service", "timeseries", [
                value("attributed_revenue", PICKED, "{{member}} attributed"),
                value("net_attributed_revenue", PICKED, "{{member}} attributed, less what was taken back"),
            ], "By the model of attribution chosen in roi.toml."),
            Panel("Bought more often after a contact", "timeseries", [
                value("incremental_revenue", ALL, "more revenue"),
                value("incremental_revenue", ALL, "from", "_low"),
                value("incremental_revenue", ALL, "to", "_high"),
            ], "A comparison with those who did not write, with its 95 % interval; below 0 it shows nothing."),
            Panel("Credited, by model of attribution", "bargauge", [
                value("attributed_revenue", by("model")),
            ], "How much the answer depends on who is credited."),
            Panel("Orders credited to service", "timeseries", [value("attributed_orders", PICKED)]),
        ]),
        Row("Warnings and goals", [
            Panel("Warnings", "bargauge", [value("warning_active", by("warning", "now"))], good=1, low_is_good=True),
            Panel("Goals: how far", "bargauge", [value("goal_progress_ratio", _GOAL)],
                  "For goals set in the picked window.", good=1, may_be_empty=_NO_GOALS),
            Panel("Goals off pace", "bargauge", [Query(f"support_goal_off_pace{{{_GOAL}}}", "{{member}}")],
                  "For goals set in the picked window.", good=1, low_is_good=True, may_be_empty=_NO_GOALS),
        ]),
    ],
)  # fmt: skip
