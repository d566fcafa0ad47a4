"""``support-roi metrics``: the catalogue as a table, JSON or Markdown."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import msgspec

from streams.board.pages.documents import metrics_page
from streams.core.metrics.base import Metric
from streams.core.metrics.families import METRICS

__all__ = ["lines"]


def lines(output_format: str) -> Iterator[str]:
    """The lines of the catalogue in the format ``table``, ``json`` or ``markdown``."""
    if output_format == "json":
        yield msgspec.json.format(msgspec.json.encode([_row(metric) for metric in METRICS.values()])).decode()
    elif output_format == "markdown":
        yield from metrics_page()
    else:
        width = max(map(len, METRICS))
        for metric in METRICS.values():
            yield f"{metric.id:<{width}}  {metric.unit:<16}  {metric.help}"


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
