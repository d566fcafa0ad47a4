"""Satisfaction to money: survey answers, retention, and revenue."""

from __future__ import annotations

from typing import Final

from streams.dashboards.dashboard import Dashboard
from streams.dashboards.panel import ALL, PICKED, Panel, Query, Row, by, value

__all__ = ["SATISFACTION"]

_SEGMENT: Final = "satisfaction"
_QUIET: Final = "booked 90 days after the answer or the complaint"
_THINNED: Final = "Where there are no answers in the window there is no value."


def _with_interval(metric: str) -> list[Query]:
    return [
        value(metric, PICKED, "{{member}}"),
        value(metric, PICKED, "{{member}} from", "_low"),
        value(metric, PICKED, "{{member}} to", "_high"),
    ]


def _customers(title: str, *metrics: str, where: str = ALL, note: str = "", width: int = 8) -> Panel:
    queries = [value(metric, where, metric.replace("_", " ")) for metric in metrics]
    return Panel(title, "timeseries", queries, note, width=width)


SATISFACTION: Final = Dashboard(
    uid="support-roi-satisfaction",
    title="Satisfaction to money",
    description="From what customers say to whether they stay and what they spend.",
    window="30d",
    since="now-30d",
    refresh="1m",
    rows=[
        Row("What customers say", [
            Panel("NPS with its 95 % interval", "timeseries", _with_interval("nps"), _THINNED),
            Panel("CSAT with its 95 % interval", "timeseries", _with_interval("csat_ratio"), _THINNED),
            Panel("Answers behind them", "timeseries", [
                value("nps", PICKED, "{{member}} NPS", "_samples"),
                value("csat_ratio", PICKED, "{{member}} CSAT", "_samples"),
            ], unit="short"),
            Panel("CSAT, mean", "timeseries", [value("csat_mean", PICKED)], "1 to 5."),
            Panel("Customer effort", "timeseries", [value("ces_mean", PICKED)], "1 to 7, high is easy."),
            Panel("Found it easy", "timeseries", [value("ces_positive_ratio", PICKED)]),
            Panel("Resolved, as customers say", "timeseries", [value("fcr_surveyed_ratio", PICKED)]),
            Panel("Sentiment", "timeseries", [value("sentiment_mean", PICKED)], "-1 to 1."),
            Panel("NPS by program", "bargauge", [value("nps", by("program"))], "Asked after a ticket, or at large."),
            Panel("Sent and answered", "timeseries", [
                value("surveys_sent", PICKED, "{{member}} sent"),
                value("surveys_answered", PICKED, "{{member}} answered"),
            ]),
            Panel("Answered of those sent", "timeseries", [value("survey_response_ratio", PICKED)]),
            Panel("Answered by kind of survey", "bargauge", [value("survey_response_ratio", by("kind"))]),
        ]),
        Row("By how satisfied they were", [
            Panel("Bought again after an answer", "bargauge", [value("repurchase_after_csat_ratio", by(_SEGMENT))],
                  may_be_empty=_QUIET),
            Panel("Mean order", "bargauge", [value("average_order_value", by(_SEGMENT))]),
            Panel("Revenue credited to service", "bargauge", [value("attributed_revenue", by(_SEGMENT))]),
            Panel("ROI, net, by satisfaction", "bargauge", [value("roi_net_ratio", by(_SEGMENT))]),
            Panel("Left for each who joined", "bargauge", [value("left_to_joined_ratio", by(_SEGMENT))]),
            Panel("Customers by satisfaction", "bargauge", [value("customers_active", by(_SEGMENT, "now"))]),
        ]),
        Row("Whether they stay, and what they spend", [
            _customers("Customers, joined and left", "customers_joined", "customers_left"),
            _customers("Churn and retention", "churn_ratio", "retention_ratio"),
            Panel("Stayed after a complaint", "timeseries", [value("retention_after_complaint_ratio", ALL, "stayed")],
                  may_be_empty=_QUIET),
            _customers("Bought more than once", "returning_customer_ratio"),
            _customers("Orders of a customer", "orders_per_customer"),
            Panel("Lifetime value", "stat", [
                value("clv_mean", 'window="365d", dimension="all", member="all"', "lifetime value"),
            ], "Told of the last 365 days alone.", may_be_empty="it needs customers active a year ago"),
        ]),
    ],
)  # fmt: skip
