"""The Grafana dashboards, generated from the catalogue.

A dashboard is a short description here (which metrics, where, how wide); titles' units, descriptions and links to
definition and runbook come from the catalogue and the rules. Five hand-kept JSON models of some 5,000 lines would
repeat all that at every panel and drift from it. ``grafana/dashboards/*.json`` is what comes out with default
settings, committed so that Grafana can be provisioned from a checkout; a test says when it is stale:

    support-roi dashboards --out grafana --force
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from streams.config import Settings
from streams.dashboards import channels, executive, pipeline, satisfaction, wall
from streams.dashboards.dashboard import Context, build

__all__ = ["dashboards"]


def dashboards(settings: Settings, docs: str, runbook: Mapping[str, tuple[str, ...]]) -> dict[str, dict[str, Any]]:
    """The dashboards' models by file name.

    ``docs`` is the address that ``docs/metrics.md`` and ``grafana/runbook.md`` are found under; ``runbook`` names
    the alerts on each Prometheus family.
    """
    context = Context(settings.currency, (*settings.windows.rolling, *settings.windows.aligned), docs, runbook)
    described = (executive.EXECUTIVE, wall.WALL, channels.CHANNELS, satisfaction.SATISFACTION, pipeline.PIPELINE)
    return {f"{one.uid}.json": build(one, context) for one in described}
