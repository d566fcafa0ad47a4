"""A panel as it is described: what it asks Prometheus, how it shows it, and how much room it takes."""

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

#: What the viewer picked, for metrics that have the labels' dimensions; the total, for those that have it alone.
PICKED: Final = 'window="$window", dimension="$dimension", member=~"$member"'
ALL: Final = 'window="$window", dimension="all", member="all"'
#: Levels hold now: they have no other window.
NOW: Final = 'window="now", dimension="$dimension", member=~"$member"'

#: Suffixes of the families beside a metric's own.
_BESIDE: Final = ("", "_low", "_high", "_samples", "_previous", "_year_before")
_TEXT: Final = re.compile(r'"(?:[^"\\]|\\.)*"')
#: Ours, and what Prometheus and the process say of a target.
_FAMILY: Final = re.compile(r"\b(?:support_[a-z0-9_]+|process_[a-z_]+|up)\b")


def by(dimension: str, window: str = "$window") -> str:
    """All members of one dimension."""
    return f'window="{window}", dimension="{dimension}"'


@dataclass(frozen=True, slots=True)
class Query:
    """One PromQL expression. ``unit`` is Grafana's where the panel's other queries have another one."""

    expr: str
    legend: str = ""
    unit: str = ""


def value(metric: str, where: str, legend: str = "{{member}}", suffix: str = "", top: int = 0) -> Query:
    """A metric's values; money in whole units of the currency, ``top`` the largest so many, in their order.

    Raises KeyError for what the catalogue does not have.
    """
    known = METRICS[metric]
    expr = f"support_{metric}{suffix}{{{where}}}"
    if suffix == "_samples":
        return Query(expr, legend, "short")
    if is_money(known):
        expr += " / $minor"
    return Query(f"sort_desc(topk({top}, {expr}))" if top else expr, legend)


def is_money(metric: Metric) -> bool:
    return "{currency}" in metric.unit


@dataclass(frozen=True, slots=True)
class Panel:
    """One panel. ``unit`` is Grafana's; empty = that of the first metric. Sizes are in columns of 24 and rows."""

    title: str
    kind: Kind
    queries: Sequence[Query]
    note: str = ""
    unit: str = ""
    width: int = 8
    height: int = 8
    #: Good at and above (green), or at and below where ``low_is_good``; None = no colour that judges.
    good: float | None = None
    low_is_good: bool = False
    stacked: bool = False
    #: Text sizes in pixels, for what is read from afar; 0 = Grafana decides.
    big: int = 0
    #: Why it may be empty on a healthy system; such a panel says so in its description.
    may_be_empty: str = ""


@dataclass(frozen=True, slots=True)
class Row:
    """A heading and the panels under it, left to right."""

    title: str
    panels: Sequence[Panel] = field(default=())


def families(expr: str) -> list[str]:
    """The families that an expression names, in its order."""
    return list(dict.fromkeys(_FAMILY.findall(_TEXT.sub("", expr))))


def metrics_of(panel: Panel) -> list[Metric]:
    """The metrics of the catalogue that a panel shows."""
    found: dict[str, Metric] = {}
    for query in panel.queries:
        for family in families(query.expr):
            metric = metric_of(family)
            if metric is not None:
                found[metric.id] = metric
    return list(found.values())


def metric_of(family: str) -> Metric | None:
    """The metric behind a family, whatever its suffix; None for the pipeline's own."""
    for suffix in _BESIDE:
        name = family.removeprefix("support_").removesuffix(suffix)
        if family.endswith(suffix) and name in METRICS:
            return METRICS[name]
    return None
