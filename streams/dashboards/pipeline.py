"""Pipeline health: whether the numbers on the other dashboards can be believed."""

from __future__ import annotations

from typing import Final

from .dashboard import Dashboard
from .panel import Panel, Query, Row

__all__ = ["PIPELINE"]

_NEWEST: Final = "support_roi_newest_event_timestamp_seconds"


def _rate(counter: str, legend: str) -> Query:
    return Query(f"rate(support_roi_{counter}_total[5m])", legend)


PIPELINE: Final = Dashboard(
    uid="support-roi-pipeline",
    title="Pipeline health",
    description="Events in, values out: how late, how complete, how busy.",
    since="now-6h",
    rows=[
        Row("In time", [
            Panel("Board ready", "stat", [Query("support_roi_board_ready", "{{instance}}")],
                  "1 once all panes have been read. Before that no values are shown at all.", "none", 6, good=1),
            Panel("Event-time lag by topic", "timeseries", [
                Query(f"support_roi_as_of_timestamp_seconds - on (job, instance) group_right {_NEWEST}", "{{topic}}"),
            ], "The clock less the newest event: an input that went silent rises without end.", "s", 10),
            Panel("Records not read yet", "timeseries", [Query("support_roi_board_lag_records", "{{instance}}")],
                  "Of support.panes, by the board.", "short", 8),
            Panel("Evaluation", "timeseries", [Query("support_roi_board_evaluation_seconds", "{{instance}}")],
                  "How long one snapshot of all values took; above the board's refresh it falls behind.", "s", 12),
            Panel("Scrape", "timeseries", [
                Query('scrape_duration_seconds and on (job, instance) support_roi_board_ready', "{{instance}}"),
            ], "How long Prometheus took to read the values.", "s", 12),
        ]),
        Row("Complete", [
            Panel("Events", "timeseries", [_rate("events", "events")], "Folded into the ledger, a second.", "cps"),
            Panel("Dead letters by reason", "timeseries", [
                Query("increase(support_roi_dead_letters_total[1h])", "{{reason}}"),
            ], "Records refused in the last hour; they are kept in support.dead-letters.", "short"),
            Panel("Repeated, passed on, without a rate", "timeseries", [
                Query("increase(support_roi_duplicate_total[1h])", "repeated"),
                Query("increase(support_roi_conflicting_duplicate_total[1h])", "repeated with another body"),
                Query("increase(support_roi_rekeyed_total[1h])", "passed on to their customer's partition"),
                Query("increase(support_roi_unconverted_total[1h])", "money without a rate"),
            ], "Events and amounts of the last hour.", "short"),
            Panel("Waiting for what was never seen", "timeseries", [Query("support_roi_orphans_total", "{{instance}}")],
                  "Events whose ticket, survey or order has not come.", "short"),
        ]),
        Row("Well", [
            Panel("Restarts in a day", "timeseries", [
                Query('changes(process_start_time_seconds[1d]) and on (job, instance) support_roi_board_ready',
                      "{{instance}}"),
            ], "Of the board; a supervisor starts it again after anything unexpected.", "short"),
            Panel("Memory", "timeseries", [
                Query('process_resident_memory_bytes and on (job, instance) support_roi_board_ready', "{{instance}}"),
            ], "Resident, of the board's process.", "bytes"),
            Panel("Processor", "timeseries", [
                Query('rate(process_cpu_seconds_total[5m]) and on (job, instance) support_roi_board_ready',
                      "{{instance}}"),
            ], "Cores in use by the board's process.", "short"),
            Panel("Series shown", "timeseries", [Query("support_roi_series", "{{instance}}")],
                  "Cardinality: what Prometheus has to keep. dimensions.limit and dimensions.names bound it.", "short"),
            Panel("Largest families", "bargauge", [
                Query('topk(10, count by (__name__) ({__name__=~"support_.+"}))', "{{__name__}}"),
            ], "Series by name, the largest ten.", "short"),
            Panel("Walls connected", "timeseries", [Query("support_roi_board_stream_clients", "{{instance}}")],
                  "Open event streams of the built-in wall.", "short"),
            Panel("What runs", "stat", [Query("support_roi_build_info", "{{version}}")],
                  "Versions of the boards; more than one while a new one is rolled out.", "none", 24, 4),
        ]),
    ],
)  # fmt: skip
