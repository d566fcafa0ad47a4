"""``support-roi metrics``: the catalogue as a table, JSON or Markdown."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import msgspec

from streams.board.prometheus import descriptions
from streams.core.catalogue import METRICS, Metric
from streams.core.catalogue.base import LABELS

__all__ = ["lines"]


def lines(shape: str) -> Iterator[str]:
    """The catalogue's lines in one of the shapes ``table``, ``json`` and ``markdown``."""
    if shape == "json":
        yield msgspec.json.format(msgspec.json.encode([_row(metric) for metric in METRICS.values()])).decode()
    elif shape == "markdown":
        yield from _markdown()
    else:
        width = max(map(len, METRICS))
        for metric in METRICS.values():
            yield f"{metric.id:<{width}}  {metric.unit:<16}  {metric.help}"


def _markdown() -> Iterator[str]:
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
    yield from _pipeline()


def _pipeline() -> Iterator[str]:
    """The board's own families, as its page describes them."""
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


def _row(metric: Metric) -> dict[str, Any]:
    return {
        "id": metric.id,
        "version": metric.version,
        "unit": metric.unit,
        "help": metric.help,
        "formula": metric.formula,
        "interval": metric.interval or None,
        "source": metric.source,
        "dimensions": metric.dimensions,
        "windows": "now" if metric.level else "rolling",
    }
