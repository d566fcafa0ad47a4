"""The catalogue: each metric's formula in one place, with id, version, unit, help, interval and source.

A family a file; ``base`` says what a metric is.
"""

from __future__ import annotations

from typing import Final

from .base import Metric, Sums, Value
from .customers import CUSTOMERS
from .judgement import JUDGEMENT
from .revenue import REVENUE
from .roi import ROI
from .service_levels import SERVICE_LEVELS
from .surveys import SURVEY_METRICS
from .tickets import TICKETS

__all__ = ["FAMILIES", "METRICS", "Metric", "Sums", "Value"]

#: By the name that configuration knows a family by: its file's.
FAMILIES: Final[dict[str, list[Metric]]] = {
    "tickets": TICKETS,
    "service_levels": SERVICE_LEVELS,
    "surveys": SURVEY_METRICS,
    "revenue": REVENUE,
    "roi": ROI,
    "customers": CUSTOMERS,
    "judgement": JUDGEMENT,
}

METRICS: Final[dict[str, Metric]] = {metric.id: metric for family in FAMILIES.values() for metric in family}
