"""``support-roi replay --compare OLD.toml NEW.toml``: what changed definitions do to every value, side by side."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from streams.commands.table import columns, cut, shown
from streams.core.metrics.records import MetricRecord

__all__ = ["lines", "pairs"]

Pair = tuple[MetricRecord | None, MetricRecord | None]


def pairs(old: Iterable[MetricRecord], new: Iterable[MetricRecord]) -> dict[str, Pair]:
    """The records of both sides by key; a value that only one side has stands alone."""
    before = {record.key: record for record in old}
    found: dict[str, Pair] = {key: (record, None) for key, record in before.items()}
    for record in new:
        found[record.key] = (before.get(record.key), record)
    return found


def rows(found: Mapping[str, Pair]) -> Iterator[dict[str, Any]]:
    """Every pair as one row of plain values; ``difference`` is None where either side is undefined."""
    for old, new in found.values():
        known = new or old
        assert known is not None
        before, after = (None if side is None else side.value for side in (old, new))
        yield {
            "metric": known.metric,
            "window": known.window,
            "period_start": known.period_start,
            "dimension": known.dimension,
            "member": known.member,
            "old": before,
            "new": after,
            "difference": None if before is None or after is None else after - before,
            "unit": known.unit,
            "as_of": known.as_of,
        }


def lines(found: Mapping[str, Pair]) -> Iterator[str]:
    """A table of the values that differ, and how many do not."""
    changed = [row for row in rows(found) if row["old"] != row["new"]]
    yield f"{len(changed):,} of {len(found):,} values differ"
    if changed:
        head = ["metric", "window", "dimension", "member", "old", "new", "difference", "unit"]
        body = [
            [row["metric"], row["window"], row["dimension"], cut(row["member"]),
             shown(row["old"]), shown(row["new"]), shown(row["difference"]), row["unit"]]
            for row in changed
        ]  # fmt: skip
        yield from columns(head, body, numbers=range(4, 7))
