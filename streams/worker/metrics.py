"""A worker's own metrics for Prometheus: units, records, lag, partitions. Values of the catalogue are the board's.

metrics = WorkerMetrics()
host = build(…, on_unit=metrics.observe_unit)
metrics.serve(host.partition_log, "127.0.0.1", 9161)
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Final, Protocol

from prometheus_client import CollectorRegistry, Histogram, ProcessCollector, start_http_server
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

__all__ = ["Log", "WorkerMetrics"]

#: A commit takes some 20 ms; above a second a worker makes units rarer.
_BUCKETS_SECONDS: Final = (0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10)


class _Partition(Protocol):
    @property
    def state(self) -> str: ...
    @property
    def lag(self) -> int | None: ...


class Log(Protocol):
    """The partition log as far as its metrics go."""

    @property
    def partitions(self) -> Mapping[int, _Partition]: ...
    @property
    def openings(self) -> int: ...


class WorkerMetrics(Collector):
    """Counts units as they are committed, and reads the log's partitions at each scrape (in the server's thread)."""

    def __init__(self) -> None:
        self.registry: Final = CollectorRegistry()
        self._commit_seconds = Histogram(
            "support_roi_worker_unit_seconds",
            "How long a unit of work took to become durable.",
            buckets=_BUCKETS_SECONDS,
            registry=self.registry,
        )
        self._records = 0
        self._log: Log | None = None
        self.registry.register(self)
        ProcessCollector(registry=self.registry)

    def observe_unit(self, partition: int, records: int, seconds: float) -> None:
        """Counts a committed unit with its records and the seconds that the commit took."""
        self._commit_seconds.observe(seconds)
        self._records += records

    def watch(self, log: Log) -> None:
        """Adds the metrics of ``log`` to the page; without a log there are only those of units."""
        self._log = log

    def serve(self, log: Log, host: str, port: int) -> None:
        """Serves the page until the process ends; raises ``OSError`` if the port is taken."""
        self.watch(log)
        start_http_server(port, host, self.registry)

    def collect(self) -> Iterator[Metric]:
        """The metrics of a scrape that are not counted by the client itself."""
        yield CounterMetricFamily(
            "support_roi_worker_records", "Records that became durable as part of a unit.", value=self._records
        )
        if self._log is None:
            return
        partitions = dict(self._log.partitions)  # a copy: another thread opens and releases partitions
        states = Counter({"opening": 0, "restoring": 0, "running": 0})
        states.update(partition.state for partition in partitions.values())
        by_state = GaugeMetricFamily(
            "support_roi_worker_partitions", "Partitions in this worker's hands.", labels=["state"]
        )
        for state, count in sorted(states.items()):
            by_state.add_metric([state], count)
        yield by_state
        lag = GaugeMetricFamily(
            "support_roi_worker_lag_records", "Records of the input topics not folded yet.", labels=["partition"]
        )
        for number, partition in sorted(partitions.items()):
            if partition.lag is not None:
                lag.add_metric([str(number)], partition.lag)
        yield lag
        openings = self._log.openings
        yield CounterMetricFamily("support_roi_worker_openings", "Partitions opened so far.", value=openings)
