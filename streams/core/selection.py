"""Which families of metrics are told, and what has to be booked for them.

Rules of this file:

* A family that is off is published nowhere; what no remaining metric reads is not booked.
* What a metric reads is not listed but found: the measures that its formula names anywhere, in itself or in what it
  calls, so that a branch hardly ever taken counts as well. Too much may be found, never too little.
* What no measure holds is found behind its attribute: costs are shared by flows, the customers active at the start of a
  period follow from the levels now.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from types import CodeType, FunctionType
from typing import Any, Final

from .catalogue import FAMILIES, METRICS, Metric
from .evaluation import weights
from .frames import Frames
from .measures import MEASURES

__all__ = ["booked_for", "metrics_of", "reads", "sources"]

#: Attributes of ``Sums`` that are computed from measures, and what computes them.
_BEHIND: Final[dict[str, Callable[..., Any]]] = {"cost": weights, "course": weights, "active": Frames.at}


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
    return frozenset().union(*(reads(metric) for metric in sources(metrics_of(chosen))))


def reads(metric: Metric) -> frozenset[str]:
    """The measures that a metric is computed from or shown by."""
    words = {*metric.needs, *(() if metric.compute is None else _words(metric.compute))}
    for word, behind in _BEHIND.items():
        if word in words:
            words |= set(_words(behind))
    return frozenset(stem for word in words if (stem := word.partition(".")[0]) in MEASURES)


def _words(function: Callable[..., Any]) -> Iterator[str]:
    """All strings and names in a function of the core and in what it calls or closes over."""
    seen: set[int] = set()
    waiting: list[Any] = [function]
    while waiting:
        found = waiting.pop()
        if isinstance(found, str):
            yield found
        elif isinstance(found, tuple | frozenset):
            waiting += found
        elif id(found) not in seen and isinstance(found, CodeType):
            seen.add(id(found))
            waiting += (*found.co_names, *found.co_consts)
        elif id(found) not in seen and isinstance(found, FunctionType) and found.__module__.startswith(__package__):
            seen.add(id(found))
            waiting += (found.__code__, *(cell.cell_contents for cell in found.__closure__ or ()))
            waiting += [known for name in _names(found.__code__) if (known := found.__globals__.get(name)) is not None]


def _names(code: CodeType) -> Iterator[str]:
    """The names that code and the code within it refer to."""
    yield from code.co_names
    for const in code.co_consts:
        if isinstance(const, CodeType):
            yield from _names(const)
