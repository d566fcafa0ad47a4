"""Records of metrics that are derived from other records."""

from __future__ import annotations

from streams.core.metrics.families import METRICS
from streams.core.metrics.records import MetricRecord


class Teller:
    """Makes records of derived metrics."""

    def __init__(self, stamp: str) -> None:
        self._stamp = stamp

    def __call__(
        self, metric: str, window: str, dimension: str, member: str, value: int | float | None, count: int
    ) -> MetricRecord:
        known = METRICS[metric]
        return MetricRecord(
            metric=metric,
            window=window,
            period_start=None,
            dimension=dimension,
            member=member,
            value=value,
            count=count,
            low=None,
            high=None,
            unit=known.unit,
            as_of=self._stamp,
            final=False,
            definition=known.definition,
        )
