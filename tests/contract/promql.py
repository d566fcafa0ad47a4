"""What a PromQL expression names: enough of the language for the expressions of dashboards and rules."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML

ROOT = Path(__file__).parents[2]
GRAFANA = ROOT / "grafana"

_TEXT = re.compile(r'"(?:[^"\\]|\\.)*"')
_SELECTOR = re.compile(r"([a-zA-Z_:][a-zA-Z0-9_:]*)?\s*\{([^}]*)\}")
_LABELS = re.compile(r"\b(?:by|without|on|ignoring|group_left|group_right)\s*\(([^)]*)\)")
_NAME = re.compile(r"(?<![\w$.])([a-zA-Z_:][a-zA-Z0-9_:]*)\b(?!\s*\()")
_WORDS = {
    "and",
    "or",
    "unless",
    "by",
    "without",
    "on",
    "ignoring",
    "group_left",
    "group_right",
    "bool",
    "offset",
    "inf",
}


@dataclass(frozen=True)
class Asked:
    """One expression and where it stands."""

    where: str
    expr: str


def dashboards() -> dict[str, Any]:
    """The committed dashboards by file name."""
    return {path.name: json.loads(path.read_text("utf-8")) for path in sorted(GRAFANA.glob("dashboards/*.json"))}


def panels(model: dict[str, Any]) -> list[dict[str, Any]]:
    """A dashboard's panels without its headings."""
    return [panel for panel in model["panels"] if panel["type"] != "row"]


def of_dashboards() -> list[Asked]:
    """Every expression of panels and annotations, variables as they are."""
    found = []
    for name, model in dashboards().items():
        found += [Asked(f"{name}: {note['name']}", note["expr"]) for note in model["annotations"]["list"]]
        found += [
            Asked(f"{name}: {panel['title']} {target['refId']}", target["expr"])
            for panel in panels(model)
            for target in panel["targets"]
        ]
    return found


def rules() -> list[dict[str, Any]]:
    """Every rule of every rule file."""
    reader = YAML(typ="safe", pure=True)
    groups = [
        group
        for path in sorted(GRAFANA.glob("prometheus/rules/*.yml"))
        for group in reader.load(path.read_text("utf-8"))["groups"]
    ]
    return [rule for group in groups for rule in group["rules"]]


def of_rules() -> list[Asked]:
    """Every expression of the rules."""
    return [Asked(rule.get("alert") or rule["record"], str(rule["expr"])) for rule in rules()]


def metrics(expr: str) -> set[str]:
    """The families that an expression names."""
    bare = _LABELS.sub(" ", _TEXT.sub('""', expr))
    named = {match[1] for match in _SELECTOR.finditer(bare) if match[1]}
    bare = re.sub(r"\[[^\]]*\]", " ", re.sub(r"\{[^}]*\}", " ", bare))
    return named | {
        name for name in _NAME.findall(bare) if name not in _WORDS and not re.fullmatch(r"\d+[smhdwy]", name)
    }


def labels(expr: str) -> set[str]:
    """The labels that an expression names in selectors and groupings."""
    bare = _TEXT.sub('""', expr)
    found = {name for match in _SELECTOR.finditer(bare) for name in re.findall(r"(\w+)\s*(?:=~|!~|!=|=)", match[2])}
    return found | {name.strip() for match in _LABELS.finditer(bare) for name in match[1].split(",") if name.strip()}
