"""The description of a panel: its queries to Prometheus, its kind and its size."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final, Literal

from streams.core.metrics.base import Metric
from streams.core.metrics.families import METRICS

__all__ = [
    "ALL", "NOW", "PICKED", "Kind", "Panel", "Query", "Row", "by", "families", "is_money", "metric_of", "metrics_of",
    "value",
]  # fmt: skip

Kind = Literal["stat", "timeseries", "bargauge"]

#: The viewer's choice, for metrics with the dimensions of labels; the total, for metrics without.
PICKED: Final = 'window="$window", dimension="$dimension", member=~"$member"'
ALL: Final = 'window="$window", dimension="all", member="all"'
#: For levels, whose only window is ``now``.
NOW: Final = 'window="now", dimension="$dimension", member=~"$member"'

#: Suffixes of all families of a metric.
_SUFFIXES: Final = ("", "_low", "_high", "_samples", "_previous", "_year_before")
_TEXT: Final = re.compile(r'"(?:[^"\\]|\\.)*"')
#: Names of our families, and of those that Prometheus and the process have for a target.
_FAMILY: Final = re.compile(r"\b(?:support_[a-z0-9_]+|process_[a-z_]+|up)\b")


def by(dimension: str, window: str = "$window") -> str:
    """All members of one dimension."""
    return f'window="{window}", dimension="{dimension}"'


@dataclass(frozen=True, slots=True)
class Query:
    """One PromQL expression. ``unit`` is Grafana's, if it differs from the panel's."""

    expr: str
    legend: str = ""
    unit: str = ""


def value(metric: str, where: str, legend: str = "{{member}}", suffix: str = "", top: int = 0) -> Query:
    """The query for a metric's values, money in major units; ``top`` = only that many, the largest first.

    Raises ``KeyError`` for a metric that the catalogue does not have.
    """
    definition = METRICS[metric]
    expr = f"support_{metric}{suffix}{{{where}}}"
    if suffix == "_samples":
        return Query(expr, legend, "short")
    if is_money(definition):
        expr += " / $minor"
    return Query(f"sort_desc(topk({top}, {expr}))" if top else expr, legend)


def is_money(metric: Metric) -> bool:
    """True for amounts in minor units of the currency."""
    return "{currency}" in metric.unit


@dataclass(frozen=True, slots=True)
class Panel:
    """One panel. ``unit`` is Grafana's; empty = that of the first metric. The width is in 24ths of the page."""

    title: str
    kind: Kind
    queries: Sequence[Query]
    note: str = ""
    unit: str = ""
    width: int = 8
    height: int = 8
    #: The target: good (green) at and above it, or with ``low_is_good`` below it; None = no judging colour.
    good: float | None = None
    low_is_good: bool = False
    stacked: bool = False
    #: Size of the text in pixels, for panels read from a distance; 0 = Grafana's choice.
    big: int = 0
    #: The reason for an empty panel on a healthy system, added to its description.
    may_be_empty: str = ""


@dataclass(frozen=True, slots=True)
class Row:
    """A heading and its panels, left to right."""

    title: str
    panels: Sequence[Panel] = field(default=())


def families(expr: str) -> list[str]:
    """The families in an expression, in its order."""
    return list(dict.fromkeys(_FAMILY.findall(_TEXT.sub("", expr))))


def metrics_of(panel: Panel) -> list[Metric]:
    """The metrics of the catalogue in a panel's queries."""
    metrics: dict[str, Metric] = {}
    for query in panel.queries:
        for family in families(query.expr):
            metric = metric_of(family)
            if metric is not None:
                metrics[metric.id] = metric
    return list(metrics.values())


def metric_of(family: str) -> Metric | None:
    """The metric of a family with any suffix; None for the pipeline's own families."""
    for suffix in _SUFFIXES:
        name = family.removeprefix("support_").removesuffix(suffix)
        if family.endswith(suffix) and name in METRICS:
            return METRICS[name]
    return None
