"""``support-roi dashboards``: writes dashboards, rules and the configuration that they need into a folder."""

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

__all__ = ["FilesDiffer", "alerts_by_family", "contents", "pretty", "write"]

#: Files copied unchanged; ``dashboards/`` is generated.
_COPIED: Final = ("README.md", "runbook.md", "provisioning/**/*.yml", "prometheus/*.yml", "prometheus/rules/*.yml")
_MAX_WIDTH: Final = 116


class FilesDiffer(Exception):
    """Existing files would be overwritten with other contents; the message names them."""


def contents(settings: Settings, docs: str, folder: Path) -> dict[PurePosixPath, bytes]:
    """The contents of all files by relative path: dashboards for these settings, copies of the rest from ``folder``.

    ``docs`` is the address that links of panels and alerts start with; rules have it as Prometheus' label ``docs``.
    """
    files = {
        PurePosixPath(path.relative_to(folder).as_posix()): path.read_bytes()
        for pattern in _COPIED
        for path in sorted(folder.glob(pattern))
    }
    runbook = alerts_by_family([path.read_text("utf-8") for path in sorted(folder.glob("prometheus/rules/*.yml"))])
    scraper = PurePosixPath("prometheus/prometheus.yml")
    if scraper in files:
        files[scraper] = re.sub(rb"(?m)^( +docs: ).*$", lambda match: match[1] + docs.encode(), files[scraper])
    for name, model in dashboards(settings, docs, runbook).items():
        files[PurePosixPath("dashboards", name)] = pretty(model).encode() + b"\n"
    return files


def alerts_by_family(rules: list[str]) -> dict[str, tuple[str, ...]]:
    """The names of the alerts by the Prometheus families in their expressions; ``rules`` are the texts of files."""
    alerts: defaultdict[str, list[str]] = defaultdict(list)
    for text in rules:
        for name, expr in re.findall(r"- alert: (\w+)\n\s+expr:(.*?)\n\s+(?:for|labels|annotations):", text, re.S):
            for family in families(expr):
                alerts[family].append(name)
    return {family: tuple(dict.fromkeys(names)) for family, names in alerts.items()}


def write(out: Path, files: Mapping[PurePosixPath, bytes], force: bool) -> list[Path]:
    """Writes the files that are missing or differ; returns their paths.

    Raises ``FilesDiffer``, before writing anything, if existing files differ and ``force`` is not set.
    """
    outdated = {out / path: body for path, body in files.items() if not _holds(out / path, body)}
    conflicts = sorted(str(path) for path in outdated if path.exists())
    if conflicts and not force:
        raise FilesDiffer(f"there already, and different: {', '.join(conflicts)}; --force overwrites them")
    for path, body in outdated.items():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(body)
    return sorted(outdated)


def _holds(path: Path, body: bytes) -> bool:
    return path.is_file() and path.read_bytes() == body


def pretty(value: Any, indent: int = 0) -> str:
    """JSON with every value that fits on one line on one line, so that differences are easy to read."""
    flat = json.dumps(value, ensure_ascii=False)
    if not isinstance(value, dict | list) or not value or len(flat) + indent <= _MAX_WIDTH:
        return flat
    pad = " " * (indent + 2)
    if isinstance(value, dict):
        rows = [f"{pad}{json.dumps(key)}: {pretty(item, indent + 2)}" for key, item in value.items()]
    else:
        rows = [f"{pad}{pretty(item, indent + 2)}" for item in value]
    opening, closing = "{}" if isinstance(value, dict) else "[]"
    return opening + "\n" + ",\n".join(rows) + "\n" + " " * indent + closing
