"""The dashboards name only what there is: metrics, labels, dimensions, variables, definitions, runbook headings.

That every query runs and comes back with values is asked of a live Prometheus: tests/integration/test_queries.py.
"""

from __future__ import annotations

import re
from types import SimpleNamespace
from typing import Any

import pytest

from streams.board.pages.documents import anchor
from streams.board.prometheus.pipeline import descriptions
from streams.commands.dashboards import alerts_by_family, contents
from streams.config import Settings
from streams.core.metrics.families import METRICS
from streams.dashboards.panel import metric_of
from streams.worker.metrics import WorkerMetrics

from . import promql

DASHBOARDS = promql.dashboards()
PANELS = [
    pytest.param(panel, id=f"{name}: {panel['title']}")
    for name, model in DASHBOARDS.items()
    for panel in promql.panels(model)
]
EXPRESSIONS = [pytest.param(asked, id=asked.where) for asked in promql.of_dashboards()]


def _of_a_worker() -> set[str]:
    """Every series of a worker's page, the process's own among them."""
    metrics = WorkerMetrics()
    metrics.watch(SimpleNamespace(partitions={0: SimpleNamespace(state="running", lag=0)}, openings=1))
    return {sample.name for family in metrics.registry.collect() for sample in family.samples}


#: What the board has beside the catalogue, and what Prometheus and the process say of themselves.
OWN = {name for name, _ in descriptions()} | _of_a_worker() | {"scrape_duration_seconds", "up"}
LABELS = {"window", "dimension", "member", "topic", "partition", "reason", "version", "revision"} | {
    "kind", "text", "at", "job", "instance", "le", "state", "__name__",
}  # fmt: skip
#: Where the metrics are that the labels' dimensions can be picked for.
PICKED = 'dimension="$dimension"'


def test_the_files_are_what_the_descriptions_give() -> None:
    wanted = {path.name: body for path, body in _files().items() if path.parts[0] == "dashboards"}
    there = {path.name: path.read_bytes() for path in (promql.GRAFANA / "dashboards").iterdir()}
    assert there.keys() == wanted.keys()
    assert [name for name in wanted if there[name] != wanted[name]] == [], (
        "support-roi dashboards --out grafana --force"
    )


def _files() -> dict[Any, bytes]:
    return contents(Settings(), f"http://localhost:{Settings().board.port}", promql.GRAFANA)


def test_every_metric_is_on_a_dashboard() -> None:
    shown = {
        metric.id
        for asked in promql.of_dashboards()
        for name in promql.metrics(asked.expr)
        if (metric := metric_of(name))
    }
    assert set(METRICS) - shown == set()


def test_uids_and_ids_are_unique_and_panels_do_not_overlap() -> None:
    uids = [model["uid"] for model in DASHBOARDS.values()]
    assert len(set(uids)) == len(uids) == 5
    assert [f"{uid}.json" for uid in uids] == list(DASHBOARDS)
    for name, model in DASHBOARDS.items():
        ids = [panel["id"] for panel in model["panels"]]
        titles = [panel["title"] for panel in model["panels"]]
        assert len(set(ids)) == len(ids), name
        assert len(set(titles)) == len(titles), name
        taken: set[tuple[int, int]] = set()
        for panel in model["panels"]:
            at = panel["gridPos"]
            cells = {(x, y) for x in range(at["x"], at["x"] + at["w"]) for y in range(at["y"], at["y"] + at["h"])}
            assert not cells & taken, f"{name}: {panel['title']}"
            assert max(x for x, _ in cells) < 24, f"{name}: {panel['title']}"
            taken |= cells


@pytest.mark.parametrize("panel", PANELS)
def test_a_panel_says_what_it_is_in_which_unit_and_where_it_is_defined(panel: dict[str, Any]) -> None:
    assert panel["title"]
    assert len(panel["description"]) > 20
    assert panel["fieldConfig"]["defaults"]["unit"]
    urls = [link["url"] for link in panel["links"]]
    assert len(set(urls)) == len(urls) >= 1
    page = (promql.ROOT / "docs" / "metrics.md").read_text("utf-8")
    runbook = promql.GRAFANA / "runbook.md"
    for url in urls:
        base, _, place = url.partition("#")
        assert base in ("${docs}/docs/metrics.md", "${docs}/grafana/runbook.md")
        if base.endswith("metrics.md"):
            assert f'<a id="{place}">' in page or place in _anchors(page), url
        else:
            assert place in _anchors(runbook.read_text("utf-8")), url
    named = {
        metric.id
        for target in panel["targets"]
        for name in promql.metrics(target["expr"])
        if (metric := metric_of(name))
    }
    assert {f"${{docs}}/docs/metrics.md#{name}" for name in named} <= set(urls)
    for name in named:
        assert METRICS[name].definition in panel["description"]


def _anchors(page: str) -> set[str]:
    """The headings as links name them."""
    return {anchor(title) for title in re.findall(r"^#+ (.*)$", page, re.M)}


def test_a_panel_of_what_an_alert_watches_links_to_its_runbook() -> None:
    alerts: dict[str, set[str]] = {}
    for rule in promql.rules():
        for name in promql.metrics(str(rule["expr"])) if "alert" in rule else ():
            alerts.setdefault(name, set()).add(rule["alert"].lower())
    for name, model in DASHBOARDS.items():
        for panel in promql.panels(model):
            watched = {
                alert
                for target in panel["targets"]
                for m in promql.metrics(target["expr"])
                for alert in alerts.get(m, ())
            }
            linked = {link["url"].partition("#")[2] for link in panel["links"] if "runbook" in link["url"]}
            assert linked == watched, f"{name}: {panel['title']}"


def test_an_alert_leads_to_a_dashboard_that_shows_what_it_watches() -> None:
    for rule in promql.rules():
        if "alert" in rule:
            uid = rule["annotations"]["dashboard"].rpartition("/d/")[2]
            assert f"#{rule['alert'].lower()}" in str(DASHBOARDS[f"{uid}.json"]["panels"]), rule["alert"]


@pytest.mark.parametrize("asked", EXPRESSIONS)
def test_a_query_names_metrics_and_labels_that_exist(asked: promql.Asked) -> None:
    named = promql.metrics(asked.expr)
    assert named or "__name__" in asked.expr
    assert {name for name in named if metric_of(name) is None} <= OWN
    assert promql.labels(asked.expr) <= LABELS


@pytest.mark.parametrize("asked", EXPRESSIONS)
def test_a_query_asks_where_its_metric_is_told(asked: promql.Asked) -> None:
    for name in promql.metrics(asked.expr):
        metric = metric_of(name)
        if metric is None:
            continue
        assert ('window="now"' in asked.expr) is metric.level, "levels hold now, all others in a window"
        if PICKED in asked.expr:
            assert "channel" in metric.dimensions, "not told of what the viewer may pick"
        for dimension in re.findall(r'dimension="(\w+)"', asked.expr):
            assert dimension in metric.dimensions
        if name.endswith(("_previous", "_year_before")):
            assert metric.has_comparison
        if name.endswith(("_low", "_high")):
            assert metric.interval
        if "{currency}" in metric.unit and not name.endswith("_samples"):
            assert "/ $minor" in asked.expr


@pytest.mark.parametrize("name", DASHBOARDS)
def test_a_dashboard_uses_the_variables_it_has(name: str) -> None:
    model = DASHBOARDS[name]
    defined = {variable["name"] for variable in model["templating"]["list"]}
    used = {found for pair in re.findall(r"\$(?:\{(\w+)[}:]|([a-z]\w*))", str(model)) for found in pair if found}
    assert used - defined == set()
    assert defined - used == set(), "a variable that nothing asks for"
    assert {"datasource", "docs"} <= defined
    assert model["schemaVersion"] >= 39


@pytest.mark.parametrize("panel", PANELS)
def test_a_legend_names_labels_that_exist(panel: dict[str, Any]) -> None:
    for target in panel["targets"]:
        assert set(re.findall(r"\{\{(\w+)\}\}", target["legendFormat"])) <= LABELS
        assert target["instant"] is not target["range"]


def test_alerts_are_found_in_the_text_of_rules() -> None:
    text = """
groups:
  - name: one
    rules:
      - record: support:csat
        expr: support_csat_ratio
      - alert: CsatLow
        expr: |
          support_csat_ratio{window="30d"} < 0.78
            and support_csat_ratio_samples >= 30
        for: 1h
      - alert: CsatGone
        expr: absent(support_csat_ratio)
        labels: {severity: warning}
"""
    assert alerts_by_family([text]) == {
        "support_csat_ratio": ("CsatLow", "CsatGone"),
        "support_csat_ratio_samples": ("CsatLow",),
    }


@pytest.mark.parametrize(
    ("expr", "metrics", "labels"),
    [
        ('rate(a_total{job="x", y=~"b|c"}[5m]) / 100', {"a_total"}, {"job", "y"}),
        ("a - on (job, instance) group_right b", {"a", "b"}, {"job", "instance"}),
        ('topk(10, count by (__name__) ({__name__=~"support_.+"}))', set(), {"__name__"}),
        ('a{window="$window"} > 1h and b offset 1d', {"a", "b"}, {"window"}),
    ],
)
def test_what_an_expression_names_is_found(expr: str, metrics: set[str], labels: set[str]) -> None:
    assert (promql.metrics(expr), promql.labels(expr)) == (metrics, labels)
