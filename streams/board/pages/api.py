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
    "health_of",
    "records_json",
    "select",
]

#: What ``/api/metrics`` can be narrowed by, each any number of times (any of the values).
FILTERS: Final = ("metric", "window", "dimension", "member")
#: More filter values than this is no question a person asks.
MOST_FILTERS: Final = 64


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
        "inputs": {
            "state": health.pace.state,
            "waiting_records": health.pace.waiting,
            "seconds_to_go": health.pace.seconds,
        },
        "newest_event": dict(health.newest_event),
        "dead_letters": sum(health.dead_letters.values()),
        "dead_letter_reasons": {reason: total for reason, total in sorted(health.dead_letters.items()) if total},
        "events": health.counters.get("events"),
    }
