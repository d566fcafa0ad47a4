"""The snapshot as JSON: the records of the contract, the catalogue, the state of the data."""

from __future__ import annotations

import difflib
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any, Final

import msgspec

from streams.board.prometheus.exposition import MetricInfo
from streams.board.snapshot import Health
from streams.core.metrics.records import MetricRecord

__all__ = [
    "FILTERS",
    "BadFilter",
    "Selection",
    "catalogue_json",
    "health_json",
    "records_json",
    "select",
]

#: The filters of ``/api/metrics``; of one given several times, any of the values.
FILTERS: Final = ("metric", "window", "dimension", "member")
#: More filter values than this are refused.
MAX_FILTERS: Final = 64


class BadFilter(ValueError):
    """A filter that does not exist; the message names the nearest right one."""


@dataclass(frozen=True, slots=True)
class Selection:
    """A filter over records; an empty set admits everything. Hashable, so that responses can be kept."""

    metric: frozenset[str]
    window: frozenset[str]
    dimension: frozenset[str]
    member: frozenset[str]

    @classmethod
    def of(cls, query: Sequence[tuple[str, str]], metrics: Collection[str]) -> Selection:
        """The selection of a query string's pairs. Raises ``BadFilter``."""
        if len(query) > MAX_FILTERS:
            raise BadFilter(f"at most {MAX_FILTERS} filters")
        values_by_filter: dict[str, set[str]] = {name: set() for name in FILTERS}
        for name, value in query:
            if name not in values_by_filter:
                raise BadFilter(f"unknown filter {name!r}; there are {', '.join(FILTERS)}")
            values_by_filter[name].add(value)
        for value in sorted(values_by_filter["metric"].difference(metrics)):
            nearest = difflib.get_close_matches(value, metrics, 1)
            raise BadFilter(f"unknown metric {value!r}" + (f"; did you mean {nearest[0]!r}?" if nearest else ""))
        return cls(*(frozenset(values_by_filter[name]) for name in FILTERS))

    def admits(self, record: MetricRecord) -> bool:
        """True if the record passes every filter."""
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
    """A JSON array of records as in ``support.metrics``, one a line."""
    return b"[" + b",\n".join(map(msgspec.json.encode, records)) + b"]\n"


def catalogue_json(catalogue: Sequence[MetricInfo], currency: str = "") -> bytes:
    """Every metric with its definition; ``{currency}`` in a unit stands for the reporting currency."""
    names = ("id", "version", "kind", "unit", "help", "formula", "source")
    entries: list[dict[str, Any]] = [{name: getattr(metric, name) for name in names} for metric in catalogue]
    for entry in entries:
        entry["unit"] = entry["unit"].replace("{currency}", currency or "{currency}")
    return msgspec.json.encode(entries)


def health_json(health: Health) -> dict[str, Any]:
    """The state of the data behind the values."""
    return {
        "ready": health.ready,
        "lag_records": health.panes_lag,
        "inputs": {
            "state": health.input_lag.state,
            "waiting_records": health.input_lag.waiting_records,
            "seconds_to_go": health.input_lag.seconds_to_go,
        },
        "newest_event": dict(health.newest_event),
        "dead_letters": sum(health.dead_letters.values()),
        "dead_letter_reasons": {reason: total for reason, total in sorted(health.dead_letters.items()) if total},
        "events": health.counters.get("events"),
    }
