"""The rules in a live Prometheus, on the demo: a surge of contacts arrives where Alertmanager is told to send it.

The files are those of ``grafana/prometheus``, rewritten in durations and addresses alone: nobody waits for minutes.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import socket
import sys
import urllib.request
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import pytest
from ruamel.yaml import YAML
from system import Board, Process, until

pytest.importorskip("confluent_kafka", reason="the embedded broker is in the demo extra")
pytestmark = pytest.mark.timeout(240)

ROOT = Path(__file__).parents[2]
PROMETHEUS = ROOT / "grafana" / "prometheus"
RECEIVERS = ("desk", "operators")
yaml = YAML(typ="safe", pure=True)

Alert = dict[str, Any]


def tool(name: str) -> str:
    found = shutil.which(name)
    if found is None:
        pytest.fail(f"{name} is missing: apt-get install prometheus prometheus-alertmanager")
    return found


def free_address() -> str:
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        return f"127.0.0.1:{sock.getsockname()[1]}"


class Webhook:
    """What Alertmanager sends, by receiver: each has a path of its own."""

    def __init__(self) -> None:
        self.messages: dict[str, list[dict[str, Any]]] = {name: [] for name in RECEIVERS}
        messages = self.messages

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                messages[self.path.strip("/")].append(json.loads(body))
                self.send_response(200)
                self.end_headers()

            def log_message(self, *_: object) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}"
        self.thread = Thread(target=self.server.serve_forever)
        self.thread.start()

    def close(self) -> None:
        self.server.shutdown()
        self.thread.join()
        self.server.server_close()

    def firing(self, receiver: str, name: str) -> list[Alert]:
        return [
            alert
            for message in self.messages[receiver]
            for alert in message["alerts"]
            if alert["status"] == "firing" and alert["labels"]["alertname"] == name
        ]


class Site:
    """The processes of one test, and their folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.processes: list[Process] = []
        self.webhook = Webhook()
        self.alertmanager, self.prometheus = free_address(), free_address()
        self.environ = {k: v for k, v in os.environ.items() if not k.startswith("SUPPORT_ROI_")}
        self.environ["PYTHONPATH"] = str(ROOT)

    def start(self, *command: object) -> Process:
        process = Process([*map(str, command)], self.folder, self.environ)
        self.processes.append(process)
        return process

    def close(self) -> None:
        for process in self.processes:
            process.kill()
        self.webhook.close()

    def start_alertmanager(self) -> None:
        config = yaml.load((PROMETHEUS / "alertmanager.yml").read_text("utf-8"))
        config["route"] |= {"group_wait": "1s", "group_interval": "1s"}
        assert [receiver["name"] for receiver in config["receivers"]] == list(RECEIVERS)
        for receiver in config["receivers"]:
            receiver["webhook_configs"] = [{"url": f"{self.webhook.url}/{receiver['name']}"}]
        self.write("alertmanager.yml", config)
        self.start(
            tool("prometheus-alertmanager"), f"--config.file={self.folder / 'alertmanager.yml'}",
            f"--storage.path={self.folder / 'alertmanager'}", f"--web.listen-address={self.alertmanager}",
            "--cluster.listen-address=", "--log.level=warn",
        )  # fmt: skip

    def start_prometheus(self, board: str) -> None:
        """Scrapes and evaluates every second. Nothing listens where the workers should."""
        config = yaml.load((PROMETHEUS / "prometheus.yml").read_text("utf-8"))
        config["global"] |= {"scrape_interval": "1s", "evaluation_interval": "1s"}
        targets = {"support-roi-board": board, "support-roi-worker": free_address(), "prometheus": self.prometheus}
        for scraped in config["scrape_configs"]:
            scraped["static_configs"] = [{"targets": [targets[scraped["job_name"]]]}]
        config["alerting"]["alertmanagers"] = [{"static_configs": [{"targets": [self.alertmanager]}]}]
        self.write("prometheus.yml", config)
        (self.folder / "rules").mkdir()
        for file in PROMETHEUS.glob("rules/*.yml"):
            text = re.sub(r"^( +for:) \d+[smh]$", r"\1 3s", file.read_text("utf-8"), flags=re.MULTILINE)
            (self.folder / "rules" / file.name).write_text(text, "utf-8")
        self.start(
            tool("prometheus"), f"--config.file={self.folder / 'prometheus.yml'}",
            f"--storage.tsdb.path={self.folder / 'tsdb'}", f"--web.listen-address={self.prometheus}",
            "--log.level=warn",
        )  # fmt: skip

    def write(self, name: str, config: Any) -> None:
        with (self.folder / name).open("w", encoding="utf-8") as out:
            yaml.dump(config, out)

    def told(self, receiver: str, name: str) -> Alert:
        """Waits for an alert at its receiver."""

        def ask() -> list[Alert]:
            for process in self.processes[1:]:  # the first one is the demo, which a test may end
                assert process.alive, process.err[-3000:]
            return self.webhook.firing(receiver, name)

        return until(f"{name} at {receiver}", ask, 90)[0]

    def states(self, name: str) -> set[str]:
        """What Alertmanager makes of the alerts of a name: active, suppressed or unprocessed."""
        with urllib.request.urlopen(f"http://{self.alertmanager}/api/v2/alerts", timeout=30) as answer:
            return {row["status"]["state"] for row in json.load(answer) if row["labels"]["alertname"] == name}


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    made = Site(tmp_path)
    try:
        yield made
    finally:
        made.close()


def test_a_surge_arrives_and_so_does_the_end_of_the_board(site: Site) -> None:
    demo = site.start(sys.executable, "-m", "streams", "demo", "--days", 10, "--port", 0, "--speed", 20)
    site.start_alertmanager()
    board = Board(demo)
    address = board.url.removeprefix("http://")
    site.start_prometheus(address)

    surge = site.told("desk", "SupportContactSurge")
    labels = surge["labels"]
    assert labels["area"] == "service"
    assert not {"instance", "docs", "grafana"} & set(labels), "boards that say the same are one alert; links no labels"
    assert labels["member"] in surge["annotations"]["summary"]
    assert re.fullmatch(r"https?://\S+/grafana/runbook\.md#supportcontactsurge", surge["annotations"]["runbook_url"])
    (row,) = [
        row
        for key, row in board.rows().items()
        if key == ("surge_ratio", "1h", None, labels["dimension"], labels["member"])
    ]
    assert row["value"] >= 3, "the board says it, too"
    assert row["count"] >= 10
    missed = site.told("operators", "SupportWorkerDown")
    assert missed["labels"]["job"] == "support-roi-worker"
    assert not site.webhook.firing("operators", "SupportBoardDown")

    site.webhook.messages["operators"].clear()
    demo.terminate()
    down = site.told("operators", "SupportBoardDown")
    assert down["labels"]["severity"] == "critical"
    assert down["labels"]["instance"] == address
    until("missing series are suppressed", lambda: site.states("SupportSeriesAbsent") == {"suppressed"})
    assert not site.webhook.firing("operators", "SupportSeriesAbsent"), "a board that is down says it all"
    assert not site.webhook.firing("operators", "SupportContactSurge"), "to the desk alone"
