"""Every query of dashboards and rules, on a Prometheus that scrapes the demo: no error, no unknown name, nothing empty.

What the files name is also held against the catalogue without a server: tests/contract/test_dashboards.py.
"""

from __future__ import annotations

import json
import re
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Iterator
from typing import Any

import msgspec
import pytest
from kafka.broker import KafkaServer
from system import Board, System, until
from test_prometheus import Prometheus, free_port, tool

from streams.demo.launcher import PROMISES, SAVED_MINOR
from tests.contract import promql

pytestmark = pytest.mark.timeout(240)

#: The demo's own promises and savings, said openly so that another worker has the same; and a goal, for its panels.
SETTINGS = {
    "service_levels": msgspec.to_builtins(PROMISES),
    "cost_per_contact_saved": SAVED_MINOR,
    "goals": [{"name": "CSAT", "metric": "csat_ratio", "window": "30d", "target": 0.9, "due": "2099-01-01"}],
}
RULES = sorted((promql.GRAFANA / "prometheus" / "rules").glob("*.yml"))
#: What the demo of ten days has no values of, and why: every other query must come back with some.
ABSENT = {
    r"support_\w+_year_before": "there was no demo a year ago",
    r"support_roi_\w+_previous": "in the last quarter there was no cost",
    r"support_repurchase_after_csat_ratio": "booked 90 days after the answer",
    r"support_retention_after_complaint_ratio": "booked 90 days after the complaint",
    r"support_oldest_unanswered_seconds": "nobody may be waiting just then",
    r"support_clv_mean": "needs customers who were active a year ago",
}


@pytest.fixture(scope="module")
def prometheus(kafka: KafkaServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Prometheus]:
    """Prometheus with our rules, once board and a worker have been scraped long enough for a rate of everything."""
    tool("prometheus")
    with System(kafka, tmp_path_factory.mktemp("queries"), SETTINGS) as system:
        demo = system.cli("demo", "--days", 10, "--speed", 60, "--port", 0, "--bootstrap-servers", kafka.bootstrap)
        board = Board(demo)
        annotate(system, "--kind", "training", "--at", "2026-03-02", "--until", "2026-03-04", "Refunds")
        for removed in ([], ["--remove"]):
            annotate(system, "--kind", "tool", "--at", "2026-03-02", "A mistake", *removed)
        demo.said("history is in")
        page = free_port()  # the demo's own worker has no page: another one shares its partitions
        system.cli("worker", "--bootstrap-servers", kafka.bootstrap, "--metrics-port", page)
        targets = {"support-roi-board": board.url.removeprefix("http://"), "support-roi-worker": f"127.0.0.1:{page}"}
        server = Prometheus(system, targets, RULES)
        until("three scrapes of all values", lambda: server.query("count_over_time(support_tickets_open[1m]) >= 3"))
        until("units of work", lambda: server.query("sum(rate(support_roi_worker_unit_seconds_count[1m])) > 0"))
        yield server


def annotate(system: System, *arguments: str) -> None:
    system.run("annotate", "--bootstrap-servers", system.kafka.bootstrap, *arguments)


def ask(prometheus: Prometheus, path: str, **question: str) -> Any:
    """What Prometheus answers; an error it names is a failure."""
    try:
        with urllib.request.urlopen(f"{prometheus.url}/api/v1/{path}?{urllib.parse.urlencode(question)}") as answer:
            return json.load(answer)["data"]
    except urllib.error.HTTPError as error:
        with error:
            pytest.fail(f"{question}: {json.load(error)['error']}")


def filled(expr: str, model: dict[str, Any], dimension: str) -> str:
    """The expression as Grafana sends it: the dimension as given, any member, other variables at their first values.

    The window is one that holds all of the demo: on a Sunday nobody answers, and the last 24 hours are rightly empty.
    """
    values = {variable["name"]: variable["current"]["value"] for variable in model["templating"]["list"][1:]}
    values |= {"window": "30d", "dimension": dimension, "member": ".*"}
    return re.sub(r"\$\{?(\w+)\}?", lambda match: values[match[1]], expr)


def excused(families: set[str]) -> bool:
    return any(re.fullmatch(pattern, family) for pattern in ABSENT for family in families)


@pytest.mark.parametrize("dimension", ["all", "channel"])
@pytest.mark.parametrize("name", promql.dashboards())
def test_every_query_of_a_dashboard_comes_back_with_values(prometheus: Prometheus, name: str, dimension: str) -> None:
    model = promql.dashboards()[name]
    empty = []
    for panel in promql.panels(model):
        for target in panel["targets"]:
            answer = ask(prometheus, "query", query=filled(target["expr"], model, dimension))["result"]
            found = [row for row in answer if row["value"][1] != "NaN"]
            if not found and not excused(promql.metrics(target["expr"])):
                empty.append(f"{panel['title']}: {target['expr']}")
            assert found or empty or "May be empty: " in panel["description"], (
                f"{panel['title']} does not say when it is empty"
            )
            for legend in re.findall(r"\{\{(\w+)\}\}", target["legendFormat"]):
                assert all(legend in row["metric"] for row in found), f"{panel['title']}: no label {legend}"
    assert empty == []


@pytest.mark.parametrize("name", promql.dashboards())
def test_annotations_are_instants_in_milliseconds(prometheus: Prometheus, name: str) -> None:
    """What Grafana takes a series' values for, where ``useValueForTime`` is set."""
    at = []
    for note in promql.dashboards()[name]["annotations"]["list"]:
        assert note["useValueForTime"]
        (row,) = ask(prometheus, "query", query=note["expr"])["result"]
        assert row["metric"].items() >= {"kind": "training", "text": "Refunds"}.items()
        at.append(float(row["value"][1]))
    assert at == [1_772_409_600_000, 1_772_582_400_000]


def test_what_viewers_may_pick_is_there(prometheus: Prometheus) -> None:
    """The variables' own queries: windows, dimensions and members as Prometheus knows them."""
    model = promql.dashboards()["support-roi-executive.json"]
    variables = {variable["name"]: variable for variable in model["templating"]["list"]}
    values = {}
    for name in ("dimension", "member"):
        series, label = re.fullmatch(r"label_values\((.*), (\w+)\)", variables[name]["definition"]).groups()
        values[name] = set(ask(prometheus, f"label/{label}/values", **{"match[]": filled(series, model, "channel")}))
    assert {"all", "channel", "issue_type", "segment"} <= values["dimension"]
    assert {"email", "phone", "chat"} <= values["member"]
    windows = set(ask(prometheus, "label/window/values", **{"match[]": "support_tickets_created"}))
    assert set(variables["window"]["query"].split(",")) == windows


def test_dashboards_and_rules_name_what_prometheus_has(prometheus: Prometheus) -> None:
    asked_for = set().union(*(promql.metrics(asked.expr) for asked in promql.of_dashboards()))
    assert [pattern for pattern in ABSENT if not any(re.fullmatch(pattern, family) for family in asked_for)] == []
    names = set(ask(prometheus, "label/__name__/values"))
    labels = set(ask(prometheus, "labels"))
    for asked in promql.of_rules() + promql.of_dashboards():
        unknown = {name for name in promql.metrics(asked.expr) - names if not excused({name})}
        assert unknown == set(), asked.where
        assert promql.labels(asked.expr) <= labels, asked.where


def test_every_rule_can_be_evaluated(prometheus: Prometheus) -> None:
    def told() -> list[dict[str, Any]]:
        rules = [rule for group in ask(prometheus, "rules")["groups"] for rule in group["rules"]]
        return rules if all(rule["health"] != "unknown" for rule in rules) else []

    if RULES:
        rules = until("every rule has been evaluated", told)
        assert {rule["name"]: rule.get("lastError") for rule in rules if rule["health"] != "ok"} == {}
        assert len(rules) == len(promql.rules())
