"""``support-roi dashboards``: dashboards, rules and what Grafana, Prometheus and Alertmanager need, into a folder."""

from __future__ import annotations

import json
import re
from collections import defaultdict
from collections.abc import Mapping
from pathlib import Path, PurePosixPath
from typing import Any, Final

from streams.config import Settings
from streams.dashboards import dashboards
from streams.dashboards.panel import families

__all__ = ["Refused", "alerts_by_family", "files", "pretty", "write"]

#: What is written as it is, beside the generated ``dashboards/``.
_KEPT: Final = ("README.md", "runbook.md", "provisioning/**/*.yml", "prometheus/*.yml", "prometheus/rules/*.yml")
_WIDE: Final = 116


class Refused(Exception):
    """Files that are there and differ; the message names them."""


def files(settings: Settings, docs: str, folder: Path) -> dict[PurePosixPath, bytes]:
    """Everything to write, by its path below the folder: dashboards for these settings, the rest from ``folder``.

    The alerts' links lead to the same ``docs`` as the panels': rules know it by Prometheus' label of that name.
    """
    found = {
        PurePosixPath(path.relative_to(folder).as_posix()): path.read_bytes()
        for pattern in _KEPT
        for path in sorted(folder.glob(pattern))
    }
    runbook = alerts_by_family([path.read_text("utf-8") for path in sorted(folder.glob("prometheus/rules/*.yml"))])
    scraper = PurePosixPath("prometheus/prometheus.yml")
    if scraper in found:
        found[scraper] = re.sub(rb"(?m)^( +docs: ).*$", lambda match: match[1] + docs.encode(), found[scraper])
    for name, model in dashboards(settings, docs, runbook).items():
        found[PurePosixPath("dashboards", name)] = pretty(model).encode() + b"\n"
    return found


def alerts_by_family(rules: list[str]) -> dict[str, tuple[str, ...]]:
    """The alerts on each Prometheus family, from the rule files' text: what stands between ``expr`` and the labels."""
    found: defaultdict[str, list[str]] = defaultdict(list)
    for text in rules:
        for name, expr in re.findall(r"- alert: (\w+)\n\s+expr:(.*?)\n\s+(?:for|labels|annotations):", text, re.S):
            for family in families(expr):
                found[family].append(name)
    return {family: tuple(dict.fromkeys(names)) for family, names in found.items()}


def write(out: Path, wanted: Mapping[PurePosixPath, bytes], force: bool) -> list[Path]:
    """Writes what is not there as it should be; returns that. Nothing is written if ``Refused``."""
    changed = {out / path: body for path, body in wanted.items() if not _holds(out / path, body)}
    there = sorted(str(path) for path in changed if path.exists())
    if there and not force:
        raise Refused(f"there already, and different: {', '.join(there)}; --force overwrites them")
    for path, body in changed.items():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(body)
    return sorted(changed)


def _holds(path: Path, body: bytes) -> bool:
    return path.is_file() and path.read_bytes() == body


def pretty(value: Any, indent: int = 0) -> str:
    """JSON for people and their diffs: what fits on a line is on one."""
    flat = json.dumps(value, ensure_ascii=False)
    if not isinstance(value, dict | list) or not value or len(flat) + indent <= _WIDE:
        return flat
    pad = " " * (indent + 2)
    if isinstance(value, dict):
        rows = [f"{pad}{json.dumps(key)}: {pretty(item, indent + 2)}" for key, item in value.items()]
    else:
        rows = [f"{pad}{pretty(item, indent + 2)}" for item in value]
    opening, closing = "{}" if isinstance(value, dict) else "[]"
    return opening + "\n" + ",\n".join(rows) + "\n" + " " * indent + closing
