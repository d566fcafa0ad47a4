"""The alert rules: well-formed, explained, about series there are; and a broken rule fails its test."""

from __future__ import annotations

import copy
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from prometheus_client import generate_latest
from prometheus_client.parser import text_string_to_metric_families
from ruamel.yaml import YAML

from streams.board.prometheus.exposition import Exposition
from streams.board.snapshot import Health, Snapshot
from streams.config import Settings
from streams.core.metrics.families import METRICS
from streams.core.metrics.goals import NO_TARGETS
from streams.core.metrics.warnings import SURGE_CONTACTS, SURGE_TIMES, judge
from streams.worker.metrics import WorkerMetrics

pytestmark = pytest.mark.thorough  # promtool

GRAFANA = Path(__file__).parents[2] / "grafana"
PROMETHEUS = GRAFANA / "prometheus"
YAML_IN = YAML(typ="safe", pure=True)
YAML_OUT = YAML(typ="safe", pure=True)

Rule = dict[str, Any]


def tool(name: str) -> str:
    found = shutil.which(name)
    if found is None:
        pytest.fail(f"{name} is missing: apt-get install prometheus prometheus-alertmanager")
    return found


def loaded(path: Path) -> Any:
    return YAML_IN.load(path.read_text("utf-8"))


#: Of each alert: its rule, and the groups of its tests by the interval they are evaluated at.
RULES: dict[str, Rule] = {}
TESTS: dict[str, tuple[str, list[Rule]]] = {}
for file in sorted(PROMETHEUS.glob("rules/*.yml")):
    for group in loaded(file)["groups"]:
        RULES |= {rule["alert"]: rule for rule in group["rules"]}
for file in sorted(PROMETHEUS.glob("tests/*.yml")):
    tests = loaded(file)
    for group in tests["tests"]:
        for alert in {case["alertname"] for case in group["alert_rule_test"]}:
            TESTS.setdefault(alert, (tests["evaluation_interval"], []))[1].append(group)

every_alert = pytest.mark.parametrize("alert", RULES)


def ran(*command: object) -> str:
    done = subprocess.run([*map(str, command)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_prometheus_and_alertmanager_take_the_files() -> None:
    assert f"{len(list(PROMETHEUS.glob('rules/*.yml')))} rule files found" in ran(
        tool("promtool"), "check", "config", PROMETHEUS / "prometheus.yml"
    )
    ran(tool("amtool"), "check-config", PROMETHEUS / "alertmanager.yml")


@pytest.mark.parametrize("file", sorted(PROMETHEUS.glob("tests/*.yml")), ids=lambda path: path.stem)
def test_the_rules_pass_their_tests(file: Path) -> None:
    ran(tool("promtool"), "test", "rules", file)


@pytest.mark.parametrize(
    ("area", "receiver"),
    [("service", "desk"), ("satisfaction", "desk"), ("value", "desk"), ("pipeline", "operators")],
)
def test_who_is_told(area: str, receiver: str) -> None:
    config = f"--config.file={PROMETHEUS / 'alertmanager.yml'}"
    assert ran(tool("amtool"), "config", "routes", "test", config, f"area={area}").strip() == receiver


def test_what_is_inhibited_or_referred_to_exists() -> None:
    for file in (PROMETHEUS / "alertmanager.yml", GRAFANA / "runbook.md"):
        named = set(re.findall(r"\bSupport[A-Z]\w+", file.read_text("utf-8")))
        assert named <= set(RULES), file.name


# -- what every alert has


@every_alert
def test_an_alert_says_how_bad_it_is_for_whom_and_what_to_do(alert: str) -> None:
    rule, dashboards = RULES[alert], {path.stem for path in GRAFANA.glob("dashboards/*.json")}
    assert rule["labels"]["severity"] in {"critical", "warning", "info"}
    assert rule["labels"]["area"] in {path.stem for path in PROMETHEUS.glob("rules/*.yml")}
    annotations = rule["annotations"]
    assert annotations["summary"]
    assert annotations["description"]
    assert annotations["runbook_url"] == "{{ $externalLabels.docs }}/grafana/runbook.md#" + alert.lower()
    board = annotations["dashboard"].removeprefix("{{ $externalLabels.grafana }}/d/")
    assert not dashboards or board in dashboards


@every_alert
def test_an_alert_has_a_heading_in_the_runbook(alert: str) -> None:
    (section,) = re.findall(rf"^### {alert}\n(.*?)(?=^##|\Z)", runbook(), re.MULTILINE | re.DOTALL)
    for part in ("**Meaning.**", "**First look.**", "**Remedy.**"):
        assert re.search(re.escape(part) + r" \S", section), f"{alert}: {part} is missing"


def test_the_runbook_has_no_heading_of_an_alert_that_is_gone() -> None:
    assert set(re.findall(r"^### (\w+)$", runbook(), re.MULTILINE)) == set(RULES)


def runbook() -> str:
    return (GRAFANA / "runbook.md").read_text("utf-8")


@every_alert
def test_an_alert_has_a_not_yet_and_a_now(alert: str) -> None:
    _, groups = TESTS[alert]
    for group in groups:
        expected = [bool(case.get("exp_alerts")) for case in group["alert_rule_test"]]
        assert expected[0] is False, f"{group['name']}: begins with what must not fire"
        assert True in expected, f"{group['name']}: never fires"
    if "for" in RULES[alert]:
        assert any(sum(not case.get("exp_alerts") for case in group["alert_rule_test"]) >= 2 for group in groups), (
            "not while the condition does not hold, and not while it has not held long enough"
        )


# -- what the rules ask for is there


def selectors(expr: str) -> Iterator[tuple[str, dict[str, str]]]:
    """The names and matchers in an expression of ours: no name stands in a text that is not a matcher's."""
    bare = re.sub(r'(?<![=~])"[^"]*"', '""', expr)
    for name, matchers in re.findall(r"\b(support_\w+|process_\w+|up)\b(?:\{([^}]*)\})?", bare):
        yield name, dict(re.findall(r'(\w+)=~?"([^"]*)"', matchers))


def told_families() -> dict[str, set[str]]:
    """The pipeline's families as board and worker tell them, with the labels they have."""
    health = Health(True, {"support.tickets": 1}, {}, {}, {0: 1})
    board = Exposition([], version="1").pipeline(Snapshot(1, [], health), series=0)
    metrics = WorkerMetrics()
    metrics.watch(type("Log", (), {"partitions": {0: type("P", (), {"state": "running", "lag": 1})}, "openings": 0})())
    samples = [
        sample
        for page in (board, generate_latest(metrics.registry))
        for family in text_string_to_metric_families(page.decode())
        for sample in family.samples
    ]
    return {"up": set(), **{sample.name: set(sample.labels) for sample in samples}}


def suffixes(metric: Any) -> set[str]:
    """What stands beside a metric of the catalogue."""
    found = {""} if metric.kind in ("count", "money") else {"", "_samples"}
    found |= {"_low", "_high"} if metric.interval else set()
    return found | ({"_previous", "_year_before"} if metric.has_comparison else set())


@every_alert
def test_every_series_of_a_rule_exists(alert: str) -> None:
    pipeline, asked = told_families(), list(selectors(RULES[alert]["expr"]))
    assert asked
    values = {f"support_{metric.id}{suffix}": metric for metric in METRICS.values() for suffix in suffixes(metric)}
    warnings = {record.member for record in judge([], NO_TARGETS, {}, 0).records}
    for name, matchers in asked:
        if name in pipeline:
            assert set(matchers) <= pipeline[name] | {"job", "instance"}, name
            continue
        metric = values[name]
        assert set(matchers) <= {"window", "dimension", "member"}
        if "window" in matchers:
            assert (matchers["window"] == "now") == metric.level, name
            assert metric.level or matchers["window"] in Settings().windows.rolling
        assert matchers.get("dimension", metric.dimensions[0]) in metric.dimensions, name
        if metric.id == "warning_active":
            assert matchers["member"] in warnings


def test_a_surge_is_the_same_in_the_rules_and_on_the_board() -> None:
    numbers = re.findall(r">= (\d+)", RULES["SupportContactSurge"]["expr"])
    assert [float(number) for number in numbers] == [SURGE_TIMES, SURGE_CONTACTS]


def test_the_jobs_of_the_rules_are_scraped() -> None:
    jobs = {scraped["job_name"] for scraped in loaded(PROMETHEUS / "prometheus.yml")["scrape_configs"]}
    asked = {labels["job"] for rule in RULES.values() for _, labels in selectors(rule["expr"]) if "job" in labels}
    for pattern in asked:
        assert any(re.fullmatch(pattern, job) for job in jobs), pattern


# -- mutants

_OPPOSITE = {"==": "!=", "!=": "==", ">": "<=", "<": ">=", ">=": "<", "<=": ">"}
_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86400}
#: What a rule can be broken by: a comparison, a connective, a number, a duration, a matcher, an absent().
_BREAKABLE = re.compile(
    r"""(?P<text>(?<![=~])"[^"]*")|(?P<matcher>(?<==|~)"[^"]*")|(?P<compared>(?<= )(?:==|!=|>=|<=|>|<)(?= ))"""
    r"""|(?P<joined>\b(?:and|or)\b)|(?P<absent>\babsent\()|(?P<duration>\b\d+[smhd]\b)|(?P<number>\b\d+(?:\.\d+)?\b)"""
)


def broken_expressions(expr: str) -> Iterator[str]:
    """The expression with one thing wrong, in every way that we know."""
    for found in _BREAKABLE.finditer(expr):
        kind, said = found.lastgroup, found[0]
        for other in replacements(kind or "", said):
            yield expr[: found.start()] + other + expr[found.end() :]


def replacements(kind: str, said: str) -> list[str]:
    match kind:
        case "matcher":
            return ['"nothing"']
        case "compared":
            return [_OPPOSITE[said]]
        case "joined":
            return [{"and": "or", "or": "and"}[said]]
        case "absent":
            return ["("]
        case "duration":
            return other_durations(said)
        case "number" if float(said):
            return [repr(float(said) * 0.5), repr(float(said) * 1.5)]
        case "number":
            return ["-10", "10"]
    return []  # a text that is no matcher's


def other_durations(said: str) -> list[str]:
    seconds = int(said[:-1]) * _UNITS[said[-1]]
    return [f"{seconds // 2}s", f"{seconds * 2}s"]


def broken(rule: Rule) -> Iterator[Rule]:
    """The rule with one thing wrong in its expression or its patience."""
    for expr in broken_expressions(rule["expr"]):
        yield {**rule, "expr": expr}
    for held in other_durations(rule["for"]) if "for" in rule else ():
        yield {**rule, "for": held}


def written(rules: list[Rule], folder: Path) -> Path:
    """A file of these rules."""
    file = folder / "rules.yml"
    YAML_OUT.dump({"groups": [{"name": "one", "rules": rules}]}, file)
    return file


def passes(alert: str, rule: Rule, folder: Path) -> bool:
    """Whether a rule that takes the alert's place passes the alert's tests."""
    interval, groups = TESTS[alert]
    asked = {"rule_files": [written([rule], folder).name], "evaluation_interval": interval, "tests": groups}
    YAML_OUT.dump(copy.deepcopy(asked), folder / "tests.yml")
    command = [tool("promtool"), "test", "rules", str(folder / "tests.yml")]
    return subprocess.run(command, capture_output=True, check=False).returncode == 0


@every_alert
def test_a_broken_rule_fails_its_test(alert: str, tmp_path: Path) -> None:
    assert passes(alert, RULES[alert], tmp_path), "the whole one must pass, or the broken ones say nothing"
    mutants = list(broken(RULES[alert]))
    assert len(mutants) >= 3
    ran(tool("promtool"), "check", "rules", written(mutants, tmp_path))  # what is no rule at all fails no test
    survivors = [f"{rule['expr']} for {rule.get('for')}" for rule in mutants if passes(alert, rule, tmp_path)]
    assert not survivors, "\n".join(survivors)
