"""What docker-compose.yml runs, run by hand on a real Kafka: its commands, environment and health checks, in its order.

Addresses are this machine's instead of the services'; nothing else is changed.
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from graphlib import TopologicalSorter
from pathlib import Path
from typing import Any

import pytest
from kafka.broker import KafkaServer, free_port
from ruamel.yaml import YAML
from system import Process, System, by_key, until

pytestmark = pytest.mark.timeout(240)

ROOT = Path(__file__).parents[2]
COMPOSE = YAML(typ="safe", pure=True).load((ROOT / "docker-compose.yml").read_text("utf-8"))
SERVICES: dict[str, Any] = {
    name: service for name, service in COMPOSE["services"].items() if service["image"] == "support-roi:local"
}


@pytest.fixture
def system(kafka: KafkaServer, tmp_path: Path) -> Iterator[System]:
    with System(kafka, tmp_path / "system") as made:
        made.remove_topics()  # to make them is what the service `topics` is for
        (made.folder / "roi.toml").write_bytes((ROOT / "roi.toml").read_bytes())
        yield made


class Service:
    """One service's command and health check, on this machine."""

    def __init__(self, system: System, name: str) -> None:
        self._system, self._service = system, SERVICES[name]
        self._port = free_port()
        self.process: Process | None = None

    def _here(self, text: str) -> str:
        text = text.replace("kafka:9092", self._system.kafka.bootstrap).replace("0.0.0.0", "127.0.0.1")
        return re.sub(r"\b(9160|9161)\b", str(self._port), text).replace("localhost:", "127.0.0.1:")

    def start(self) -> Process:
        environ = {key: self._here(value) for key, value in self._service.get("environment", {}).items()}
        command = [self._here(part) for part in self._service["command"]]
        self.process = self._system.start("-m", "streams", *command, **environ)
        return self.process

    def healthy(self) -> bool:
        """What the engine would find out."""
        assert self.process is not None
        assert self.process.alive, self.process.err[-3000:]
        check = [self._here(part) for part in self._service["healthcheck"]["test"]]
        assert check[:2] == ["CMD", "python"]
        done = subprocess.run([sys.executable, *check[2:]], capture_output=True, check=False, timeout=30)
        return done.returncode == 0

    def page(self, path: str) -> str:
        with urllib.request.urlopen(f"http://127.0.0.1:{self._port}{path}", timeout=30) as answer:
            return str(answer.read().decode())

    def figure(self, series: str) -> float:
        """The value of one series of its page for Prometheus; 0 where it is not there yet."""
        found = re.search(rf"^{re.escape(series)} (\S+)$", self.page("/metrics"), re.MULTILINE)
        return float(found[1]) if found else 0


def test_kafka_is_seen_to_listen_and_not_to(kafka: KafkaServer) -> None:
    test = COMPOSE["services"]["kafka"]["healthcheck"]["test"]
    assert test[0] == "CMD"
    for port, expected in ((kafka.port, 0), (free_port(), 1)):
        command = [part.replace("localhost/9092", f"127.0.0.1/{port}") for part in test[1:]]
        assert subprocess.run(command, capture_output=True, check=False, timeout=30).returncode == expected


def start_all(system: System) -> dict[str, Service]:
    """All services of the one command, each when those it waits for are there or done."""
    started: dict[str, Service] = {}
    needs = {name: set(row.get("depends_on", {})) for name, row in SERVICES.items() if "profiles" not in row}
    for name in TopologicalSorter(needs).static_order():
        if name not in SERVICES:
            continue  # Kafka, which is there
        for needed, how in SERVICES[name]["depends_on"].items():
            if how["condition"] == "service_completed_successfully":
                before = started[needed].process
                assert before is not None
                before.ended_well()
        started[name] = Service(system, name)
        started[name].start()
    return started


def test_its_commands_bring_up_a_whole_system(system: System) -> None:
    services = start_all(system)
    workers, board = [services["worker-1"], services["worker-2"]], services["board"]
    for service in (*workers, board):
        until("it is healthy", service.healthy)
    running = 'support_roi_worker_partitions{state="running"}'
    until("both workers hold partitions", lambda: [worker.figure(running) for worker in workers] == [2, 2])

    began = time.time()
    desk = Service(system, "desk").start()
    until("history is being folded", lambda: system.done() > 5000)
    desk.terminate()
    sent = int(re.findall(r"([\d,]+) events", desk.err)[-1].replace(",", ""))
    system.wait_until_done()
    folded = sum(worker.figure("support_roi_worker_records_total") for worker in workers)
    assert folded >= sent, "the workers' own figures; what merged customers had is passed on, and counted once more"
    told = ("support_roi_events_total", "support_roi_duplicate_total")  # a producer may send again what was slow
    until("the board tells of all of it", lambda: sum(map(board.figure, told)) >= sent)
    units = [board.figure(f'support_roi_last_unit_timestamp_seconds{{partition="{number}"}}') for number in range(4)]
    assert min(units) > began, "every partition had a unit since then"
    rows = by_key(json.loads(board.page("/api/metrics")))
    assert rows["tickets_created", "365d", None, "all", "all"]["value"] > 100
    for service in (*workers, board):
        assert service.process is not None
        service.process.terminate()
