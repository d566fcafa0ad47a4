"""The pages that dashboards and alerts link to: the definitions of all metrics, and the runbook.

They are Markdown in the repository (``docs/metrics.md`` is generated from here). The board serves them under the same
paths, so that a link works on the board and on the repository's site alike.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from html import escape
from itertools import groupby
from typing import Final

from streams.board.prometheus.pipeline import descriptions
from streams.config.resources import grafana_folder
from streams.core.metrics.base import LABELS
from streams.core.metrics.families import METRICS

__all__ = ["anchor", "documents", "html", "metrics_page"]

_HEAD: Final = (
    '<!doctype html><html lang="en"><meta charset="utf-8">'
    '<meta name="viewport" content="width=device-width"><link rel="stylesheet" href="/static/document.css">'
)


def documents() -> Mapping[str, str]:
    """The pages in Markdown, by path."""
    runbook = grafana_folder() / "runbook.md"
    pages = {"/docs/metrics.md": "\n".join(metrics_page())}
    if runbook.is_file():
        pages["/grafana/runbook.md"] = runbook.read_text("utf-8")
    return pages


def metrics_page() -> Iterator[str]:
    """``docs/metrics.md``, line by line: the catalogue, then the board's own metrics."""
    yield "# Metrics"
    yield ""
    yield "Every metric the catalogue has, generated from it by `support-roi metrics --format markdown`. A formula that"
    yield "changes gets a new version. Values are undefined (null, an absent series) only where a denominator is 0."
    yield ""
    yield "| metric | unit | dimensions | what it says | formula | interval |"
    yield "| --- | --- | --- | --- | --- | --- |"
    for metric in METRICS.values():
        cells = [
            f'<a id="{metric.id}"></a>`{metric.definition}`',
            metric.unit,
            _dimension_names(metric.dimensions),
            metric.help,
            metric.formula,
            metric.interval or "–",
        ]
        yield "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"
    yield ""
    yield "## Pipeline"
    yield ""
    yield "What `/metrics` says of the pipeline itself."
    yield ""
    yield "| family | what it says |"
    yield "| --- | --- |"
    for name, text in descriptions():
        yield f"| `{name}` | {text} |"


def _dimension_names(dimensions: tuple[str, ...]) -> str:
    """The dimensions in short: ``labels`` stands for all labels of tickets and customers."""
    if set(LABELS) <= set(dimensions):
        return ", ".join(["all, labels", *(name for name in dimensions if name not in LABELS)])
    return ", ".join(dimensions)


def anchor(title: str) -> str:
    """The fragment of a link to a heading."""
    return re.sub(r"[^\w -]", "", title).strip().lower().replace(" ", "-")


def html(markdown: str) -> str:
    """HTML of the Markdown that our pages use: headings and tables with anchors, paragraphs, lists, bold and code."""
    parts = [_HEAD]
    for kind, lines in groupby(markdown.splitlines(), key=_kind):
        if kind == "#":
            parts += map(_heading, lines)
        elif kind == "|":
            parts += ["<table>", *map(_row, (line for line in lines if not line.startswith("| ---"))), "</table>"]
        else:
            parts += map(_paragraph, "\n".join(lines).split("\n\n"))
    return "\n".join(parts)


def _kind(line: str) -> str:
    if re.match(r"#+ ", line):
        return "#"
    return "|" if line.startswith("|") else ""


def _heading(line: str) -> str:
    marks, _, title = line.partition(" ")
    return f'<h{len(marks)} id="{escape(anchor(title))}">{escape(title)}</h{len(marks)}>'


def _paragraph(text: str) -> str:
    """A list or indented text keeps its lines; all else is running text."""
    text, kind = text.strip("\n"), "pre" if re.search("^(- |    )", text, re.M) else "p"
    return f"<{kind}>{_inline(text)}</{kind}>" if text else ""


def _inline(text: str) -> str:
    """Escaped text with bold and code."""
    return re.sub(r"`([^`]+)`", r"<code>\1</code>", re.sub(r"\*\*(.+?)\*\*", r"<b>\1</b>", escape(text)))


def _row(line: str) -> str:
    target = re.search(r'<a id="(\w+)"></a>', line)
    cells = re.split(r"(?<!\\) \| ", re.sub(r"<a .*?</a>", "", line).strip("| "))
    body = "".join(f"<td>{_inline(cell.replace(chr(92) + '|', '|'))}</td>" for cell in cells)
    return f'<tr id="{target[1]}">{body}</tr>' if target else f"<tr>{body}</tr>"
