"""Which families of metrics are told, and what has to be booked for them.

Rules of this file:

* A family that is off is published nowhere; what no remaining metric reads is not booked.
* What a metric reads it declares (``Metric.reads``); a test records what its formula really asks for.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from .catalogue import FAMILIES, METRICS, Metric

__all__ = ["booked_for", "metrics_of", "sources"]


def metrics_of(families: Iterable[str]) -> tuple[Metric, ...]:
    """The metrics of these families, in the catalogue's order."""
    chosen = set(families)
    return tuple(metric for family, metrics in FAMILIES.items() if family in chosen for metric in metrics)


def sources(metrics: Sequence[Metric]) -> tuple[Metric, ...]:
    """These metrics, and those whose records they are derived from: what has to be evaluated."""
    wanted = {metric.id for metric in metrics}.union(*(metric.judges for metric in metrics))
    return tuple(metric for name, metric in METRICS.items() if name in wanted)


def booked_for(families: Iterable[str]) -> frozenset[str] | None:
    """The measures to book for these families; None for all of them, as when every family is on."""
    chosen = set(families)
    if chosen == set(FAMILIES):
        return None
    return frozenset().union(*(metric.measures for metric in sources(metrics_of(chosen))))
