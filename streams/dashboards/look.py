"""The look of each kind of panel: Grafana's field configuration and options."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from streams.dashboards.panel import Panel, Query

__all__ = ["look"]

_LAST: Final = {"calcs": ["lastNotNull"], "fields": "", "values": False}


def look(panel: Panel, unit: str, queries: Mapping[str, Query]) -> dict[str, Any]:
    """``fieldConfig`` and ``options`` of a panel with values in ``unit``; ``queries`` are by reference."""
    defaults: dict[str, Any] = {"unit": unit, **_colours(panel)}
    if panel.kind == "timeseries":
        defaults["custom"] = {
            "drawStyle": "line", "lineWidth": 2, "fillOpacity": 30 if panel.stacked else 8, "showPoints": "never",
            "spanNulls": False, "stacking": {"mode": "normal" if panel.stacked else "none"},
        }  # fmt: skip
    else:
        defaults["noValue"] = "–"
    return {
        "fieldConfig": {
            "defaults": defaults,
            "overrides": [_own_unit(ref, query.unit) for ref, query in queries.items() if query.unit],
        },
        "options": _options(panel),
    }


def _colours(panel: Panel) -> dict[str, Any]:
    """Green from the target on and red before it; no judging colour without a target."""
    if panel.good is None:
        return {"color": {"mode": "palette-classic"}}
    below_target, from_target = ("green", "red") if panel.low_is_good else ("red", "green")
    steps = [{"color": below_target, "value": None}, {"color": from_target, "value": panel.good}]
    return {"color": {"mode": "thresholds"}, "thresholds": {"mode": "absolute", "steps": steps}}


def _own_unit(ref: str, unit: str) -> dict[str, Any]:
    return {"matcher": {"id": "byFrameRefID", "options": ref}, "properties": [{"id": "unit", "value": unit}]}


def _options(panel: Panel) -> dict[str, Any]:
    if panel.kind == "timeseries":
        return {
            "legend": {"displayMode": "table", "placement": "bottom", "showLegend": True, "calcs": ["lastNotNull"]},
            "tooltip": {"mode": "multi", "sort": "desc"},
        }
    text = {"text": {"valueSize": panel.big, "titleSize": panel.big // 3}} if panel.big else {}
    if panel.kind == "bargauge":
        return {"displayMode": "basic", "orientation": "horizontal", "reduceOptions": _LAST, **text}
    return {
        "reduceOptions": _LAST, "colorMode": "value", "orientation": "auto", "justifyMode": "center",
        "graphMode": "none", "textMode": "auto", **text,
    }  # fmt: skip
