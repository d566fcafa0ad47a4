"""The pages that dashboards and alerts link to, as the board serves them: every definition, and the runbook.

They are Markdown in the repository (``docs/metrics.md`` is generated from here). The board shows them under the same
paths, so that a link leads to the right heading whether it goes to the board or to where the repository is.
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
    """Markdown by path."""
    runbook = grafana_folder() / "runbook.md"
    pages = {"/docs/metrics.md": "\n".join(metrics_page())}
    if runbook.is_file():
        pages["/grafana/runbook.md"] = runbook.read_text("utf-8")
    return pages


def metrics_page() -> Iterator[str]:
    """``docs/metrics.md``, line by line: the catalogue, then what the board says of itself."""
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
            _named(metric.dimensions),
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


def _named(dimensions: tuple[str, ...]) -> str:
    """The dimensions in short: all of a customer's and ticket's labels have one name."""
    if set(LABELS) <= set(dimensions):
        return ", ".join(["all, labels", *(name for name in dimensions if name not in LABELS)])
    return ", ".join(dimensions)


def anchor(title: str) -> str:
    """What a link calls a heading."""
    return re.sub(r"[^\w -]", "", title).strip().lower().replace(" ", "-")


def html(markdown: str) -> str:
    """Headings and tables with their anchors, paragraphs, lists as they stand; bold and code: what our pages have."""
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
    """A list or what is indented as it stands, all else as running text."""
    text, kind = text.strip("\n"), "pre" if re.search("^(- |    )", text, re.M) else "p"
    return f"<{kind}>{_marked(text)}</{kind}>" if text else ""


def _marked(text: str) -> str:
    """Bold and code."""
    return re.sub(r"`([^`]+)`", r"<code>\1</code>", re.sub(r"\*\*(.+?)\*\*", r"<b>\1</b>", escape(text)))


def _row(line: str) -> str:
    named = re.search(r'<a id="(\w+)"></a>', line)
    cells = re.split(r"(?<!\\) \| ", re.sub(r"<a .*?</a>", "", line).strip("| "))
    body = "".join(f"<td>{_marked(cell.replace(chr(92) + '|', '|'))}</td>" for cell in cells)
    return f'<tr id="{named[1]}">{body}</tr>' if named else f"<tr>{body}</tr>"
