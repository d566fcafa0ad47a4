"""``support-roi replay --compare OLD.toml NEW.toml``: every value under two settings, side by side."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from streams.commands.table import columns, format_value, shorten
from streams.core.metrics.records import MetricRecord

__all__ = ["Pair", "lines", "pairs", "rows"]

#: A value under the old and the new settings; None = it does not exist there.
Pair = tuple[MetricRecord | None, MetricRecord | None]


def pairs(old: Iterable[MetricRecord], new: Iterable[MetricRecord]) -> dict[str, Pair]:
    """The records of both sides by key."""
    old_by_key = {record.key: record for record in old}
    by_key: dict[str, Pair] = {key: (record, None) for key, record in old_by_key.items()}
    for record in new:
        by_key[record.key] = (old_by_key.get(record.key), record)
    return by_key


def rows(by_key: Mapping[str, Pair]) -> Iterator[dict[str, Any]]:
    """Every pair as a row of plain values; ``difference`` is None where either side is undefined."""
    for old, new in by_key.values():
        record = new or old
        assert record is not None  # a pair has at least one side
        before, after = (None if side is None else side.value for side in (old, new))
        yield {
            "metric": record.metric,
            "window": record.window,
            "period_start": record.period_start,
            "dimension": record.dimension,
            "member": record.member,
            "old": before,
            "new": after,
            "difference": None if before is None or after is None else after - before,
            "unit": record.unit,
            "as_of": record.as_of,
        }


def lines(by_key: Mapping[str, Pair]) -> Iterator[str]:
    """The number of values that differ, and a table of them."""
    differences = [row for row in rows(by_key) if row["old"] != row["new"]]
    yield f"{len(differences):,} of {len(by_key):,} values differ"
    if differences:
        head = ["metric", "window", "dimension", "member", "old", "new", "difference", "unit"]
        body = [
            [row["metric"], row["window"], row["dimension"], shorten(row["member"]),
             format_value(row["old"]), format_value(row["new"]), format_value(row["difference"]), row["unit"]]
            for row in differences
        ]  # fmt: skip
        yield from columns(head, body, numbers=range(4, 7))
