"""Metrics of the pipeline itself; names and units follow Prometheus' conventions."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import Final

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from streams.board.follow.input_lag import INPUT_STATES
from streams.board.snapshot import Health, Snapshot
from streams.core.events.annotation import Annotation
from streams.core.events.decoding import REASONS
from streams.core.temporal.instants import format_instant

__all__ = ["Pipeline", "descriptions"]

_COUNTER_HELP: Final = {
    "events": "Events folded into the ledger.",
    "duplicate": "Events ignored because their id had been seen with the same body.",
    "conflicting_duplicate": "Events ignored because their id had been seen with another body.",
    "orphans": "Tickets that were never created and orders that were never placed, and wait for it.",
    "rekeyed": "Events passed on to their customer's partition.",
    "unconverted": "Amounts of money without a rate to the reporting currency.",
}


class Pipeline(Collector):
    """Collects the state of the pipeline from the snapshot that was set last."""

    def __init__(self, version: str, revision: str) -> None:
        self._build = (version, revision)
        self.snapshot: Snapshot | None = None
        self.series = 0
        self.clients = 0

    def collect(self) -> Iterator[Metric]:
        """The families of the pipeline; without a snapshot only those of the board itself."""
        build = GaugeMetricFamily("support_roi_build_info", "What runs here; always 1.", labels=["version", "revision"])
        build.add_metric(self._build, 1)
        yield build
        snapshot = self.snapshot
        ready = snapshot is not None and snapshot.health.ready
        yield _gauge("support_roi_board_ready", "1 once all panes have been read, else 0: no values are shown.", ready)
        yield _gauge("support_roi_series", "Value series in this exposition.", self.series)
        yield _gauge("support_roi_board_stream_clients", "Open event streams (walls).", self.clients)
        if snapshot is not None:
            yield from _as_of(snapshot)
            yield from _progress(snapshot.health)
            yield from _totals(snapshot.health)
            yield from _annotations(snapshot.annotations)


def _annotations(annotations: Iterable[Annotation]) -> Iterator[Metric]:
    """The values are instants, to be marked on a time axis; ``at`` tells two annotations of one text apart."""
    labels = ["kind", "text", "at"]
    starts = GaugeMetricFamily(
        "support_annotation_timestamp_seconds", "When staffing, tools or training changed.", labels=labels
    )
    ends = GaugeMetricFamily(
        "support_annotation_end_timestamp_seconds", "When a change was over, where it was.", labels=labels
    )
    for annotation in annotations:
        names = (annotation.kind, annotation.text, format_instant(annotation.at))
        starts.add_metric(names, annotation.at / 1000)
        if annotation.until is not None:
            ends.add_metric(names, annotation.until / 1000)
    yield starts
    yield ends


def descriptions() -> list[tuple[str, str]]:
    """The families of the pipeline and their help texts; counters have the suffix that they have on the page."""
    pipeline = Pipeline("", "")
    pipeline.snapshot = Snapshot(0, [], Health())
    return [
        (family.name + ("_total" if family.type == "counter" else ""), family.documentation)
        for family in pipeline.collect()
    ]


def _as_of(snapshot: Snapshot) -> Iterator[Metric]:
    yield _gauge("support_roi_as_of_timestamp_seconds", "The instant all windows end at.", snapshot.as_of / 1000)
    yield _gauge(
        "support_roi_board_evaluation_seconds", "How long the last evaluation took.", snapshot.evaluation_seconds
    )


def _progress(health: Health) -> Iterator[Metric]:
    yield _gauge("support_roi_board_lag_records", "Records of the panes topic not read yet.", health.panes_lag)
    lag_help = "Records of the input topics not folded yet, by what the workers committed."
    yield _gauge("support_roi_input_lag_records", lag_help, health.input_lag.waiting_records)
    states = GaugeMetricFamily(
        "support_roi_input_state", "1 for how far the workers are with the input topics, else 0.", labels=["state"]
    )
    for state in INPUT_STATES:
        states.add_metric([state], state == health.input_lag.state)
    yield states
    newest = GaugeMetricFamily(
        "support_roi_newest_event_timestamp_seconds",
        "occurred_at of the newest event read.",
        labels=["topic"],
    )
    for topic, instant in sorted(health.newest_event.items()):
        newest.add_metric([topic], instant / 1000)
    yield newest
    unit = GaugeMetricFamily(
        "support_roi_last_unit_timestamp_seconds",
        "When the newest unit of work with events in it was written, by its worker's clock.",
        labels=["partition"],
    )
    for partition, instant in sorted(health.last_unit.items()):
        unit.add_metric([str(partition)], instant / 1000)
    yield unit


def _totals(health: Health) -> Iterator[Metric]:
    dead = CounterMetricFamily(
        "support_roi_dead_letters", "Records refused and kept in support.dead-letters.", labels=["reason"]
    )
    # Every reason and counter starts at 0, as increase() ignores a series' first value.
    for reason, total in sorted({**dict.fromkeys(REASONS, 0), **health.dead_letters}.items()):
        dead.add_metric([reason], total)
    yield dead
    for counter, total in sorted({**dict.fromkeys(_COUNTER_HELP, 0), **health.counters}.items()):
        name = re.sub(r"[^a-z0-9_]", "_", counter.lower())
        yield CounterMetricFamily(f"support_roi_{name}", _COUNTER_HELP.get(counter, f"{counter}, total."), value=total)


def _gauge(name: str, text: str, value: float) -> Metric:
    return GaugeMetricFamily(name, text, value=value)
