"""The families of metrics, and the measures that have to be booked for them.

Rules of this file:

* A family that is off is published nowhere; a measure that no remaining metric reads is not booked.
* A metric declares the measures it reads (``Metric.reads``); a test records those that its formula really reads.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final

from streams.core.metrics.base import Metric
from streams.core.metrics.customers import CUSTOMERS
from streams.core.metrics.judgement import JUDGEMENT
from streams.core.metrics.revenue import REVENUE
from streams.core.metrics.roi import ROI
from streams.core.metrics.service_levels import SERVICE_LEVELS
from streams.core.metrics.surveys import SURVEY_METRICS
from streams.core.metrics.tickets import TICKETS

__all__ = ["FAMILIES", "METRICS", "booked_for", "metrics_of", "sources"]

#: The metrics of each family, by its name in the settings, which is also its file's.
FAMILIES: Final[dict[str, list[Metric]]] = {
    "tickets": TICKETS,
    "service_levels": SERVICE_LEVELS,
    "surveys": SURVEY_METRICS,
    "revenue": REVENUE,
    "roi": ROI,
    "customers": CUSTOMERS,
    "judgement": JUDGEMENT,
}

#: All metrics by id, in the catalogue's order.
METRICS: Final[dict[str, Metric]] = {metric.id: metric for family in FAMILIES.values() for metric in family}


def metrics_of(families: Iterable[str]) -> tuple[Metric, ...]:
    """The metrics of these families, in the catalogue's order."""
    chosen = set(families)
    return tuple(metric for family, metrics in FAMILIES.items() if family in chosen for metric in metrics)


def sources(metrics: Sequence[Metric]) -> tuple[Metric, ...]:
    """The metrics to evaluate for these: themselves, and those from whose records they are derived."""
    needed = {metric.id for metric in metrics}.union(*(metric.derived_from for metric in metrics))
    return tuple(metric for name, metric in METRICS.items() if name in needed)


def booked_for(families: Iterable[str]) -> frozenset[str] | None:
    """The measures to book for these families; None: all measures, as every family is on."""
    chosen = set(families)
    if chosen == set(FAMILIES):
        return None
    return frozenset().union(*(metric.measures for metric in sources(metrics_of(chosen))))
