"""Prometheus itself scrapes the board, and its query API gives back what /api/metrics says."""

from __future__ import annotations

import json
import shutil
import subprocess
import urllib.parse
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest
from kafka.broker import KafkaServer, free_port
from system import Process, System, same, stamp, until

from streams.core.temporal.instants import parse_instant

pytestmark = pytest.mark.timeout(120)

AS_OF = parse_instant("2026-03-01T00:00:00Z")
SETTINGS = {
    "service_levels": [{"name": 'reply "1h"\\', "metric": "first_response", "clock": "calendar", "seconds": 3600}],
}  # a name that a careless exposition would break on
#: The metric's id is the contract's, and `support_` + id its name.
NAMED_BY_CONTRACT = 'support_benefit_total non-counter metrics should not have "_total" suffix'


def tool(name: str) -> str:
    found = shutil.which(name)
    if found is None:
        pytest.fail(f"{name} is missing: apt-get install prometheus")
    return found


@pytest.fixture
def system(kafka: KafkaServer, tmp_path: Path) -> Iterator[System]:
    with System(kafka, tmp_path / "system", SETTINGS) as made:
        yield made


class Prometheus:
    def __init__(self, system: System, targets: Mapping[str, str], rules: Sequence[Path] = ()) -> None:
        self.url = f"http://127.0.0.1:{free_port()}"
        config = {
            "global": {"scrape_interval": "1s", "evaluation_interval": "1s"},
            "rule_files": [str(path) for path in rules],
            "scrape_configs": [
                {"job_name": job, "static_configs": [{"targets": [target]}]} for job, target in targets.items()
            ],
        }
        file = system.folder / "prometheus.yml"
        file.write_text(json.dumps(config))  # JSON is YAML
        command = [
            tool("prometheus"), f"--config.file={file}", f"--storage.tsdb.path={system.folder / 'tsdb'}",
            f"--web.listen-address={self.url.removeprefix('http://')}", "--log.level=warn",
        ]  # fmt: skip
        self.process = Process(command, system.folder, system.environ)
        system.processes.append(self.process)

    def query(self, promql: str) -> list[dict[str, Any]]:
        assert self.process.alive, self.process.err
        question = urllib.parse.urlencode({"query": promql})
        try:
            with urllib.request.urlopen(f"{self.url}/api/v1/query?{question}", timeout=30) as answer:
                found: list[dict[str, Any]] = json.load(answer)["data"]["result"]
        except OSError:  # it is starting
            return []
        return found


def test_values_come_back_through_prometheus(system: System, tmp_path: Path) -> None:
    tool("prometheus")
    files = tmp_path / "events"
    system.run("simulate", "--out", files, "--days", 20, "--end", stamp(AS_OF), "--tickets-per-day", 40)
    system.run("send", files)
    worker = system.worker(AS_OF)
    system.wait_until_done()
    board = system.board(AS_OF)
    rows = board.rows()
    linted = subprocess.run(
        [tool("promtool"), "check", "metrics"], input=board.page("/metrics"), capture_output=True, check=False
    )
    complaints = (linted.stdout + linted.stderr).decode().splitlines()
    assert set(complaints) <= {NAMED_BY_CONTRACT}, complaints

    prometheus = Prometheus(system, {"board": board.url.removeprefix("http://")})
    until("a scrape of the ready board", lambda: prometheus.query("support_roi_board_ready == 1"))
    assert [row["value"][1] for row in prometheus.query('up{job="board"}')] == ["1"]
    expected = {
        (f"support_{row['metric']}", row["window"], row["dimension"], row["member"]): float(row["value"])
        for row in rows.values()
        if row["value"] is not None and row["period_start"] is None
    }
    assert len(expected) > 1000
    windows = "|".join(sorted({key[1] for key in expected}))
    series = prometheus.query(f'{{job="board", window=~"{windows}"}}')
    found = {
        (labels["__name__"], labels["window"], labels["dimension"], labels["member"]): float(row["value"][1])
        for row in series
        for labels in [row["metric"]]
        if not labels["__name__"].endswith(("_low", "_high", "_samples", "_previous", "_year_before"))
    }
    same(found, expected)
    undefined = next(row for row in rows.values() if row["value"] is None and row["period_start"] is None)
    absent = f'support_{undefined["metric"]}{{window="{undefined["window"]}", dimension="{undefined["dimension"]}"'
    assert prometheus.query(f'{absent}, member="{undefined["member"]}"}}') == []
    worker.terminate()
    board.process.terminate()
