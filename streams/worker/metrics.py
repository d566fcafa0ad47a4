"""A worker's own figures for Prometheus: units, records, lag, partitions. Its values are the board's business.

figures = Figures()
host = build(…, on_unit=figures.unit)
figures.serve(host.partition_log, "127.0.0.1", 9161)
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Final, Protocol

from prometheus_client import CollectorRegistry, Histogram, ProcessCollector, start_http_server
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

__all__ = ["WorkerMetrics"]

#: Seconds. A unit takes some 20 ms; above a second a worker makes units rarer.
_BUCKETS: Final = (0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10)


class _Partition(Protocol):
    @property
    def state(self) -> str: ...
    @property
    def lag(self) -> int | None: ...


class Log(Protocol):
    """What is asked of the partition log."""

    @property
    def partitions(self) -> Mapping[int, _Partition]: ...
    @property
    def openings(self) -> int: ...


class WorkerMetrics(Collector):
    """Counts units as they become durable, and asks the log for the rest at each scrape (in the server's thread)."""

    def __init__(self) -> None:
        self.registry: Final = CollectorRegistry()
        self._seconds = Histogram(
            "support_roi_worker_unit_seconds",
            "How long a unit of work took to become durable.",
            buckets=_BUCKETS,
            registry=self.registry,
        )
        self._records = 0
        self._log: Log | None = None
        self.registry.register(self)
        ProcessCollector(registry=self.registry)

    def unit(self, partition: int, records: int, seconds: float) -> None:
        """A unit became durable."""
        self._seconds.observe(seconds)
        self._records += records

    def watch(self, log: Log) -> None:
        """From now on, the figures of ``log`` are told as well."""
        self._log = log

    def serve(self, log: Log, host: str, port: int) -> None:
        """Serves the page until the process ends. Raises ``OSError`` where the port is taken."""
        self.watch(log)
        start_http_server(port, host, self.registry)

    def collect(self) -> Iterator[Metric]:
        yield CounterMetricFamily(
            "support_roi_worker_records", "Records that became durable as part of a unit.", value=self._records
        )
        if self._log is None:
            return
        held = dict(self._log.partitions)  # a copy: the worker's thread opens and gives up partitions meanwhile
        states = Counter({"opening": 0, "restoring": 0, "running": 0})
        states.update(partition.state for partition in held.values())
        partitions = GaugeMetricFamily(
            "support_roi_worker_partitions", "Partitions in this worker's hands.", labels=["state"]
        )
        for state, count in sorted(states.items()):
            partitions.add_metric([state], count)
        yield partitions
        lag = GaugeMetricFamily(
            "support_roi_worker_lag_records", "Records of the input topics not folded yet.", labels=["partition"]
        )
        for number, partition in sorted(held.items()):
            if partition.lag is not None:
                lag.add_metric([str(number)], partition.lag)
        yield lag
        openings = self._log.openings
        yield CounterMetricFamily("support_roi_worker_openings", "Partitions opened so far.", value=openings)
