"""The snapshot as JSON: the records of the contract, and the short form the wall is drawn from."""

from __future__ import annotations

import difflib
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import msgspec

from streams.board.prometheus import MetricInfo, running
from streams.board.snapshot import Health, Snapshot
from streams.core.records import MetricRecord

__all__ = [
    "FILTERS",
    "BadFilter",
    "Selection",
    "catalogue_json",
    "health_of",
    "records_json",
    "select",
    "wall_json",
]

#: What ``/api/metrics`` can be narrowed by, each any number of times (any of the values).
FILTERS: Final = ("metric", "window", "dimension", "member")
#: More filter values than this is no question a person asks.
MOST_FILTERS: Final = 64

#: What the wall shows of ``all``, in every window, and the metrics it shows by one dimension.
_WALL_NAMES: Final = """
    roi_net_ratio roi_gross_ratio roi_net_excluding_savings_ratio maturity_ratio cost_estimated_ratio
    benefit_total service_cost cost_per_resolution cost_per_contact incremental_revenue net_attributed_revenue
    tickets_created tickets_solved contacts_deflected resolution_ratio reopen_ratio handle_time_mean_seconds
    first_response_p50_seconds first_response_p90_seconds
    full_resolution_p50_seconds full_resolution_p90_seconds
    tickets_open tickets_unanswered oldest_unanswered_seconds sla_open_breached sla_due_soon value_at_risk
    nps csat_ratio ces_positive_ratio survey_response_ratio
    fcr_one_touch_ratio fcr_one_session_ratio fcr_no_repeat_ratio fcr_surveyed_ratio
"""
WALL: Final = frozenset(_WALL_NAMES.split())
WALL_GROUPS: Final = {"benefit": "class", "sla_attained_ratio": "target"}


class BadFilter(ValueError):
    """A question that cannot be answered; the message says what could be asked instead."""


@dataclass(frozen=True, slots=True)
class Selection:
    """A filter over records; an empty set admits everything. Hashable, so that answers can be kept."""

    metric: frozenset[str]
    window: frozenset[str]
    dimension: frozenset[str]
    member: frozenset[str]

    @classmethod
    def of(cls, query: Sequence[tuple[str, str]], metrics: Collection[str]) -> Selection:
        """From a query string's pairs; raises BadFilter with the nearest right name."""
        if len(query) > MOST_FILTERS:
            raise BadFilter(f"at most {MOST_FILTERS} filters")
        wanted: dict[str, set[str]] = {name: set() for name in FILTERS}
        for name, value in query:
            if name not in wanted:
                raise BadFilter(f"unknown filter {name!r}; there are {', '.join(FILTERS)}")
            wanted[name].add(value)
        for value in sorted(wanted["metric"].difference(metrics)):
            near = difflib.get_close_matches(value, metrics, 1)
            raise BadFilter(f"unknown metric {value!r}" + (f"; did you mean {near[0]!r}?" if near else ""))
        return cls(*(frozenset(wanted[name]) for name in FILTERS))

    def admits(self, record: MetricRecord) -> bool:
        return (
            (not self.metric or record.metric in self.metric)
            and (not self.window or record.window in self.window)
            and (not self.dimension or record.dimension in self.dimension)
            and (not self.member or record.member in self.member)
        )


def select(records: Sequence[MetricRecord], selection: Selection) -> list[MetricRecord]:
    """The records the selection admits, in their order."""
    return [record for record in records if selection.admits(record)]


def records_json(records: Sequence[MetricRecord]) -> bytes:
    """A JSON array of records exactly as in ``support.metrics``, one a line."""
    return b"[" + b",\n".join(map(msgspec.json.encode, records)) + b"]\n"


def catalogue_json(catalogue: Sequence[MetricInfo], currency: str = "") -> bytes:
    """Every metric with its definition; ``{currency}`` in a unit is the reporting currency's place."""
    names = ("id", "version", "kind", "unit", "help", "formula", "source")
    entries: list[dict[str, Any]] = [{name: getattr(metric, name) for name in names} for metric in catalogue]
    for entry in entries:
        entry["unit"] = entry["unit"].replace("{currency}", currency or "{currency}")
    return msgspec.json.encode(entries)


def health_of(health: Health) -> dict[str, Any]:
    """What a person asks first about the data behind the values."""
    return {
        "ready": health.ready,
        "lag_records": health.lag,
        "newest_event": dict(health.newest_event),
        "dead_letters": sum(health.dead_letters.values()),
        "events": health.counters.get("events"),
    }


def wall_json(snapshot: Snapshot, catalogue: Mapping[str, MetricInfo]) -> dict[str, Any]:
    """What the wall shows of all windows: ``values[window][metric] = [value, count, low, high]``.

    ``groups[window][metric]`` is the same by the members of the one dimension the wall shows of that metric.
    About 15 kB for twelve windows: all of them, so that switching needs no question.
    """
    newest = running(snapshot.records)
    values: dict[str, dict[str, list[Any]]] = {}
    groups: dict[str, dict[str, list[list[Any]]]] = {}
    units: dict[str, str] = {}
    dimensions: dict[str, None] = {}
    for record in snapshot.records:
        if record.period_start is not None and (record.final or newest[record.window] != record.period_start):
            continue
        metric, dimension = record.metric, record.dimension
        if dimension not in dimensions:
            dimensions[dimension] = None
        if dimension == "all" and metric in WALL:
            values.setdefault(record.window, {})[metric] = [
                record.value,
                record.count,
                record.low,
                record.high,
            ]
        elif dimension == WALL_GROUPS.get(metric):
            group = groups.setdefault(record.window, {}).setdefault(metric, [])
            group.append([record.member, record.value, record.count, record.low, record.high])
        else:
            continue
        units[metric] = record.unit
    return {
        "as_of": snapshot.as_of,
        "values": values,
        "groups": groups,
        "periods": newest,
        "dimensions": list(dimensions),
        "metrics": {
            metric: {"kind": catalogue[metric].kind, "unit": unit, "help": catalogue[metric].help}
            for metric, unit in units.items()
        },
        "health": health_of(snapshot.health),
    }
