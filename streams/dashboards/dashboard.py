"""Grafana's dashboard model from a description (schema version 39: Grafana 11 and 12)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from streams.dashboards.look import look
from streams.dashboards.panel import Kind, Panel, Row, families, is_money, metrics_of

__all__ = ["Context", "Dashboard", "build", "minor"]

_SOURCE: Final = {"type": "prometheus", "uid": "${datasource}"}
_UNITS: Final = {"seconds": "s", "ratio": "percentunit", "points": "none", "score": "none"}
#: Currencies whose minor unit is not the hundredth (ISO 4217), by the number of decimal digits.
_DIGITS: Final = {
    0: "BIF CLP DJF GNF ISK JPY KMF KRW PYG RWF UGX VND VUV XAF XOF XPF",
    3: "BHD IQD JOD KWD LYD OMR TND",
}


@dataclass(frozen=True, slots=True)
class Context:
    """Common to all dashboards: currency and windows of the settings, the address of the documents, the alerts."""

    currency: str
    windows: Sequence[str]
    docs: str
    #: Prometheus family -> names of its alerts.
    runbook: Mapping[str, tuple[str, ...]]


@dataclass(frozen=True, slots=True)
class Dashboard:
    """One dashboard, with the ``window`` (empty = no variables of values) and ``dimension`` that it opens with."""

    uid: str
    title: str
    description: str
    rows: Sequence[Row]
    window: str = ""
    dimension: str = "all"
    since: str = "now-7d"
    refresh: str = "30s"


def minor(currency: str) -> int:
    """Minor units in one unit of a currency."""
    digits = next((digits for digits, codes in _DIGITS.items() if currency in codes.split()), 2)
    return int(10**digits)


def build(dashboard: Dashboard, context: Context) -> dict[str, Any]:
    """The dashboard's model, for provisioning and import."""
    return {
        "uid": dashboard.uid,
        "title": dashboard.title,
        "description": dashboard.description,
        "tags": ["support-roi"],
        "schemaVersion": 39,
        "version": 1,
        "editable": True,
        "graphTooltip": 1,
        "refresh": dashboard.refresh,
        "time": {"from": dashboard.since, "to": "now"},
        "timezone": "browser",
        "annotations": {"list": list(_annotations())},
        "templating": {"list": list(_variables(dashboard, context))},
        "links": [
            {
                "title": "Support ROI", "type": "dashboards", "tags": ["support-roi"], "asDropdown": True,
                "includeVars": True, "keepTime": True,
            },
        ],
        "panels": list(_placed(dashboard.rows, context)),
    }  # fmt: skip


def _annotations() -> Iterator[dict[str, Any]]:
    """Changes of staffing, tools and training. The series' values are their instants; Grafana needs ms."""
    for name, family, title, colour in (
        ("Changes", "support_annotation_timestamp_seconds", "{{kind}}", "blue"),
        ("Changes end", "support_annotation_end_timestamp_seconds", "{{kind}} ends", "purple"),
    ):
        yield {
            "name": name, "enable": True, "iconColor": colour, "datasource": _SOURCE, "expr": f"{family} * 1000",
            "step": "60s", "useValueForTime": True, "titleFormat": title, "textFormat": "{{text}}", "tagKeys": "kind",
        }  # fmt: skip


def _variables(dashboard: Dashboard, context: Context) -> Iterator[dict[str, Any]]:
    yield {"name": "datasource", "label": "Data source", "type": "datasource", "query": "prometheus"}
    yield _constant("docs", context.docs)
    if not dashboard.window:
        return
    if any("$minor" in query.expr for row in dashboard.rows for panel in row.panels for query in panel.queries):
        yield _constant("minor", str(minor(context.currency)))
    yield {
        "name": "window", "label": "Window", "type": "custom", "query": ",".join(context.windows),
        "current": {"text": dashboard.window, "value": dashboard.window},
        "options": [
            {"text": name, "value": name, "selected": name == dashboard.window} for name in context.windows
        ],
    }  # fmt: skip
    yield _query(
        "dimension", 'label_values(support_tickets_created{window="$window"}, dimension)', dashboard.dimension, False
    )
    members = 'label_values(support_tickets_created{window="$window", dimension="$dimension"}, member)'
    yield _query("member", members, "$__all", True)


def _constant(name: str, text: str) -> dict[str, Any]:
    current = {"text": text, "value": text}
    return {"name": name, "type": "constant", "query": text, "hide": 2, "current": current}


def _query(name: str, query: str, default: str, multiple: bool) -> dict[str, Any]:
    return {
        "name": name, "label": name.capitalize(), "type": "query", "datasource": _SOURCE, "definition": query,
        "query": {"query": query, "refId": f"{name}s"}, "refresh": 2, "sort": 1,
        "multi": multiple, "includeAll": multiple,
        "current": {"text": "All" if multiple else default, "value": [default] if multiple else default},
        **({"allValue": ".*"} if multiple else {}),
    }  # fmt: skip


def _placed(rows: Sequence[Row], context: Context) -> Iterator[dict[str, Any]]:
    """The models of rows and panels in reading order; panels that do not fit begin a new line."""
    number = y = 0
    for row in rows:
        number += 1
        yield {
            "id": number, "type": "row", "title": row.title, "collapsed": False, "panels": [],
            "gridPos": {"x": 0, "y": y, "w": 24, "h": 1},
        }  # fmt: skip
        y, x, tallest = y + 1, 0, 0
        for panel in row.panels:
            if x + panel.width > 24:
                y, x, tallest = y + tallest, 0, 0
            number += 1
            place = {"x": x, "y": y, "w": panel.width, "h": panel.height}
            yield {"id": number, "gridPos": place, **_model(panel, context)}
            x, tallest = x + panel.width, max(tallest, panel.height)
        y += tallest


def _model(panel: Panel, context: Context) -> dict[str, Any]:
    return {
        "type": panel.kind,
        "title": panel.title,
        "description": _description(panel),
        "datasource": _SOURCE,
        "links": list(_links(panel, context.runbook)),
        "targets": [
            {"refId": ref, "expr": query.expr, "legendFormat": query.legend or "__auto", **_mode(panel.kind)}
            for ref, query in zip(_refs(panel), panel.queries, strict=True)
        ],
        **look(panel, _unit(panel, context), dict(zip(_refs(panel), panel.queries, strict=True))),
    }


def _refs(panel: Panel) -> str:
    return "ABCDEFGHIJKLMNOPQRSTUVWXYZ"[: len(panel.queries)]


def _mode(kind: Kind) -> dict[str, Any]:
    """An instant query for numbers and bars: the last value of a range may be undefined by now."""
    course = kind == "timeseries"
    return {"instant": not course, "range": course, "datasource": _SOURCE}


def _unit(panel: Panel, context: Context) -> str:
    if panel.unit:
        return panel.unit
    metric = metrics_of(panel)[0]
    return f"currency:{context.currency} " if is_money(metric) else _UNITS.get(metric.unit, "short")


def _description(panel: Panel) -> str:
    """The panel's own note, then the definition of each metric."""
    lines = [panel.note] if panel.note else []
    lines += [f"**{metric.definition}** {metric.help} Formula: `{metric.formula}`" for metric in metrics_of(panel)]
    if panel.may_be_empty:
        lines.append(f"May be empty: {panel.may_be_empty}.")
    return "\n\n".join(lines)


def _links(panel: Panel, runbook: Mapping[str, tuple[str, ...]]) -> Iterator[dict[str, Any]]:
    metrics = metrics_of(panel)
    for metric in metrics:
        yield _link(f"Definition: {metric.id}", f"docs/metrics.md#{metric.id}")
    if not metrics:
        yield _link("The pipeline's own metrics", "docs/metrics.md#pipeline")
    panel_families = [family for query in panel.queries for family in families(query.expr)]
    for alert in dict.fromkeys(alert for family in panel_families for alert in runbook.get(family, ())):
        yield _link(f"Runbook: {alert}", f"grafana/runbook.md#{alert.lower()}")


def _link(title: str, path: str) -> dict[str, Any]:
    return {"title": title, "url": f"${{docs}}/{path}", "targetBlank": True}
