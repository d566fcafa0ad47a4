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

__all__ = ["METRICS", "Metric", "Sums", "Value"]

_FAMILIES: Final = (TICKETS, SERVICE_LEVELS, SURVEY_METRICS, REVENUE, ROI, CUSTOMERS, JUDGEMENT)

METRICS: Final[dict[str, Metric]] = {metric.id: metric for family in _FAMILIES for metric in family}
