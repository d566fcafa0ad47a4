"""Pipeline health: the reliability of the numbers on the other dashboards."""

from __future__ import annotations

from typing import Final

from streams.dashboards.dashboard import Dashboard
from streams.dashboards.panel import Panel, Query, Row

__all__ = ["PIPELINE"]

_NEWEST: Final = "support_roi_newest_event_timestamp_seconds"


def _rate(counter: str, legend: str) -> Query:
    return Query(f"rate(support_roi_{counter}_total[5m])", legend)


#: The names of the scrape jobs in grafana/prometheus/prometheus.yml.
_OURS: Final = 'job=~"support-roi-(board|worker)"'
_UNIT: Final = "rate(support_roi_worker_unit_seconds_bucket[5m])"
_NO_PAGE: Final = "workers have a page of their own where worker.metrics_port is set"

PIPELINE: Final = Dashboard(
    uid="support-roi-pipeline",
    title="Pipeline health",
    description="Events in, values out: how late, how complete, how busy.",
    since="now-6h",
    rows=[
        Row("In time", [
            Panel("Up", "stat", [Query(f"up{{{_OURS}}}", "{{job}} {{instance}}")],
                  "1 where Prometheus reaches the page.", "none", 6, good=1),
            Panel("Board ready", "stat", [Query("support_roi_board_ready", "{{instance}}")],
                  "1 once all panes have been read. Before that no values are shown at all.", "none", 6, good=1),
            Panel("Event-time lag by topic", "timeseries", [
                Query(f"support_roi_as_of_timestamp_seconds - on (job, instance) group_right {_NEWEST}", "{{topic}}"),
            ], "The clock less the newest event: an input that went silent rises without end.", "s", 12),
            Panel("Since the last unit, by partition", "timeseries", [
                Query("time() - max by (partition) (support_roi_last_unit_timestamp_seconds)", "{{partition}}"),
            ], "How long ago a worker wrote events of this partition.", "s"),
            Panel("Inputs", "stat", [Query("support_roi_input_state == 1", "{{instance}}: {{state}}")],
                  "Live, catching up, stalled (events wait and no worker takes them), empty, or cut off from Kafka.",
                  "none", 6),
            Panel("Records not folded yet, by commits", "timeseries", [
                Query("support_roi_input_lag_records", "{{instance}}"),
            ], "Of the topics of events, as each board sees it, whether or not a worker runs.", "short"),
            Panel("Records not folded yet, by partition", "timeseries", [
                Query("max by (partition) (support_roi_worker_lag_records)", "{{partition}}"),
            ], "Of the topics of events, as their worker sees it.", "short", may_be_empty=_NO_PAGE),
            Panel("Records not read yet", "timeseries", [Query("support_roi_board_lag_records", "{{instance}}")],
                  "Of support.panes, by the board.", "short"),
            Panel("Commit latency", "timeseries", [
                Query(f"histogram_quantile(0.5, sum by (le) ({_UNIT}))", "half within"),
                Query(f"histogram_quantile(0.99, sum by (le) ({_UNIT}))", "99 of 100 within"),
            ], "From the first record of a unit of work to its being durable.", "s", may_be_empty=_NO_PAGE),
            Panel("Evaluation", "timeseries", [Query("support_roi_board_evaluation_seconds", "{{instance}}")],
                  "How long one snapshot of all values took; above the board's refresh it falls behind.", "s"),
            Panel("Scrape", "timeseries", [Query(f"scrape_duration_seconds{{{_OURS}}}", "{{instance}}")],
                  "How long Prometheus took to read the pages.", "s"),
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
            Panel("Partitions in workers' hands", "timeseries", [
                Query("sum by (state) (support_roi_worker_partitions)", "{{state}}"),
            ], "All of them should be running.", "short", may_be_empty=_NO_PAGE),
            Panel("Partitions opened", "timeseries", [
                Query("increase(support_roi_worker_openings_total[1h])", "{{instance}}"),
            ], "In the last hour: at a start, and whenever workers come and go.", "short", may_be_empty=_NO_PAGE),
        ]),
        Row("Well", [
            Panel("Restarts in a day", "timeseries", [
                Query(f"changes(process_start_time_seconds{{{_OURS}}}[1d])", "{{job}} {{instance}}"),
            ], "A supervisor starts a process again after anything unexpected.", "short"),
            Panel("Memory", "timeseries", [
                Query(f"process_resident_memory_bytes{{{_OURS}}}", "{{job}} {{instance}}"),
            ], "Resident, by process.", "bytes"),
            Panel("Processor", "timeseries", [
                Query(f"rate(process_cpu_seconds_total{{{_OURS}}}[5m])", "{{job}} {{instance}}"),
            ], "Cores in use, by process.", "short"),
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
