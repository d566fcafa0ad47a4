"""docker-compose.yml and Dockerfile, as far as they can be judged without a container engine."""

from __future__ import annotations

import importlib.util
import json
import re
import shutil
import subprocess
from graphlib import TopologicalSorter
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from ruamel.yaml import YAML

ROOT = Path(__file__).parents[2]
yaml = YAML(typ="safe", pure=True)
COMPOSE: dict[str, Any] = yaml.load((ROOT / "docker-compose.yml").read_text("utf-8"))
SERVICES: dict[str, dict[str, Any]] = COMPOSE["services"]
#: What runs and ends; everything else stays up.
ONCE = {"topics", "desk"}

every_service = pytest.mark.parametrize("name", SERVICES)


def mounts(name: str) -> list[tuple[str, str]]:
    """Source and target of a service's volumes."""
    return [(source, rest) for source, _, rest in (text.partition(":") for text in SERVICES[name].get("volumes", []))]


def test_the_file_is_as_the_specification_wants_it() -> None:
    # not imported: all that is needed is the copy of the schema in it
    spec = importlib.util.find_spec("check_jsonschema")
    assert spec is not None
    assert spec.origin is not None
    schema = Path(spec.origin).parent / "builtin_schemas" / "vendor" / "compose-spec.json"
    jsonschema.validate(COMPOSE, json.loads(schema.read_text("utf-8")))


def test_everything_asked_for_is_there() -> None:
    started = {name for name, service in SERVICES.items() if "profiles" not in service}  # by the one command
    workers = {"worker-1", "worker-2"}
    assert started == {"kafka", "topics", *workers, "board", "prometheus", "alertmanager", "grafana"}


def test_what_is_waited_for_comes_and_can_be_seen_to_have_come() -> None:
    for service in SERVICES.values():
        for needed, how in service.get("depends_on", {}).items():
            if how["condition"] == "service_completed_successfully":
                assert needed in ONCE
            else:
                assert how["condition"] == "service_healthy"
                assert "healthcheck" in SERVICES[needed]
    needs = {name: set(service.get("depends_on", {})) for name, service in SERVICES.items()}
    assert set(TopologicalSorter(needs).static_order()) == set(SERVICES), "in no circle, and on nothing unknown"


@every_service
def test_a_service_is_bounded(name: str) -> None:
    service = SERVICES[name]
    assert re.fullmatch(r"[\w./-]+:v?\d[\w.-]*|support-roi:local", service["image"]), "pinned by version"
    assert int(service["user"].split(":")[0]) > 0, "not root"
    assert service["cap_drop"] == ["ALL"]
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert set(service["deploy"]["resources"]["limits"]) == {"cpus", "memory"}
    assert service["restart"] == ("no" if name in ONCE else "unless-stopped")
    assert ("healthcheck" in service) == (name not in ONCE)
    assert service.get("read_only", False) == (name not in {"kafka", "grafana"}), "these two write beside their volumes"


def test_volumes_are_declared_used_and_there() -> None:
    sources = {source for name in SERVICES for source, _ in mounts(name)}
    named = {source for source in sources if not source.startswith(".")}
    assert named == set(COMPOSE["volumes"])
    for source in sources - named:
        assert (ROOT / source).exists(), source
    for name in SERVICES:
        assert all(target.endswith(":ro") for source, target in mounts(name) if source.startswith(".")), name


def test_ports_are_this_machines_alone_and_do_not_clash() -> None:
    ports = [port for service in SERVICES.values() for port in service.get("ports", [])]
    assert all(port.startswith("127.0.0.1:") for port in ports)
    outside = [port.split(":")[1] for port in ports]
    assert len(set(outside)) == len(outside)


def test_prometheus_scrapes_the_services_at_their_ports() -> None:
    config = yaml.load((ROOT / "grafana/prometheus/prometheus.yml").read_text("utf-8"))
    listening = {
        "board": SERVICES["board"]["environment"]["SUPPORT_ROI_BOARD_PORT"],
        **{name: SERVICES[name]["environment"]["SUPPORT_ROI_WORKER_METRICS_PORT"] for name in ("worker-1", "worker-2")},
        "localhost": "9090",  # itself
    }
    scraped = [t for job in config["scrape_configs"] for group in job["static_configs"] for t in group["targets"]]
    assert dict(target.split(":") for target in scraped) == listening
    (alerting,) = config["alerting"]["alertmanagers"]
    assert alerting["static_configs"] == [{"targets": ["alertmanager:9093"]}]


@pytest.mark.thorough  # Prometheus
@pytest.mark.parametrize("name", ["prometheus", "alertmanager"])
def test_options_are_known_to_the_program(name: str) -> None:
    program = shutil.which({"alertmanager": "prometheus-alertmanager"}.get(name, name))
    assert program is not None, f"{name} is missing: apt-get install prometheus prometheus-alertmanager"
    done = subprocess.run([program, "--help"], capture_output=True, text=True, check=False)
    for option in SERVICES[name]["command"]:
        assert option.split("=")[0] + "=" in done.stdout + done.stderr, option


def test_the_image_is_made_of_what_is_there_and_runs_as_nobody() -> None:
    lines = (ROOT / "Dockerfile").read_text("utf-8").splitlines()
    admitted = {line[1:] for line in (ROOT / ".dockerignore").read_text("utf-8").splitlines() if line.startswith("!")}
    copied = {name for line in lines if line.startswith("COPY ") for name in line.split()[1:-1]}
    assert copied == admitted, "what is copied is what the context has"
    assert all((ROOT / name).exists() for name in copied)
    assert all(re.search(r":\d+\.\d+\.\d+", line) for line in lines if line.startswith("FROM "))
    assert {f'"{line.split()[1]}"' for line in lines if line.startswith("USER ")} == {'"10001:10001"'}
    assert SERVICES["board"]["user"] == "10001:10001"
