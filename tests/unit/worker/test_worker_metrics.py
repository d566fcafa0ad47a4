"""The worker's own page, read back with prometheus_client's parser."""

from __future__ import annotations

import socket
import urllib.request
from dataclasses import dataclass, field

import pytest
from prometheus_client import generate_latest
from prometheus_client.parser import text_string_to_metric_families

from streams.worker.metrics import WorkerMetrics


@dataclass
class Part:
    state: str = "running"
    lag: int | None = 0


@dataclass
class Log:
    partitions: dict[int, Part] = field(default_factory=dict)
    openings: int = 0


def samples_of(page: str) -> dict[tuple[str, ...], float]:
    samples = [sample for family in text_string_to_metric_families(page) for sample in family.samples]
    return {(sample.name, *sample.labels.values()): sample.value for sample in samples}


def page(metrics: WorkerMetrics) -> dict[tuple[str, ...], float]:
    return samples_of(generate_latest(metrics.registry).decode())


def test_units_add_up() -> None:
    metrics = WorkerMetrics()
    metrics.observe_unit(0, 600, 0.02)
    metrics.observe_unit(3, 400, 0.3)
    samples = page(metrics)
    assert samples[("support_roi_worker_records_total",)] == 1000
    assert samples[("support_roi_worker_unit_seconds_count",)] == 2
    assert samples[("support_roi_worker_unit_seconds_sum",)] == pytest.approx(0.32)
    assert samples["support_roi_worker_unit_seconds_bucket", "0.25"] == 1


def test_partitions_are_asked_for_at_each_scrape() -> None:
    metrics, log = WorkerMetrics(), Log({2: Part(lag=7), 5: Part("restoring", None)}, 2)
    assert not any("lag" in name for name, *_ in page(metrics)), "nothing is known before there is a log"
    metrics.watch(log)
    samples = page(metrics)
    assert samples["support_roi_worker_partitions", "running"] == 1
    assert samples["support_roi_worker_partitions", "restoring"] == 1
    assert samples["support_roi_worker_partitions", "opening"] == 0
    assert samples["support_roi_worker_lag_records", "2"] == 7
    assert ("support_roi_worker_lag_records", "5") not in samples, "unknown is absent, not 0"
    assert samples[("support_roi_worker_openings_total",)] == 2
    log.partitions.pop(2)
    assert ("support_roi_worker_lag_records", "2") not in page(metrics)


def test_the_page_is_served_and_a_taken_port_is_an_error() -> None:
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        port = sock.getsockname()[1]
        sock.listen()
        with pytest.raises(OSError, match="in use"):
            WorkerMetrics().serve(Log(), "127.0.0.1", port)
    metrics = WorkerMetrics()
    metrics.serve(Log(openings=4), "127.0.0.1", port)
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=10) as answer:
        assert samples_of(answer.read().decode())[("support_roi_worker_openings_total",)] == 4
