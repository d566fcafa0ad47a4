"""The Grafana dashboards, generated from the catalogue.

A dashboard is a short description here: its metrics, their places and widths. Units, descriptions and links to
definition and runbook come from the catalogue and the rules; JSON models kept by hand (some 5,000 lines) would repeat
them in every panel and drift. ``grafana/dashboards/*.json`` is the result for default settings, committed so that
Grafana can be provisioned from a checkout. A test fails when it is stale; to renew it:

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

    ``docs`` is the base address of ``docs/metrics.md`` and ``grafana/runbook.md``; ``runbook`` has the names of the
    alerts by Prometheus family.
    """
    context = Context(settings.currency, (*settings.windows.rolling, *settings.windows.aligned), docs, runbook)
    descriptions = (executive.EXECUTIVE, wall.WALL, channels.CHANNELS, satisfaction.SATISFACTION, pipeline.PIPELINE)
    return {f"{dashboard.uid}.json": build(dashboard, context) for dashboard in descriptions}
