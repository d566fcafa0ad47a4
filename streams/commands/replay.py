"""``support-roi replay``: event files in, metric records out, by the same core as the worker's."""

from __future__ import annotations

import sys
from bisect import bisect_right
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any, Final

import click
import msgspec

from streams.config import Settings
from streams.connectors.files import Located, read_events, size
from streams.core.events.decoding import Rejected, decode
from streams.core.events.types import Event
from streams.core.metrics.records import MetricRecord
from streams.core.replay import Replay
from streams.core.temporal.instants import format_instant

__all__ = ["Letters", "instants", "replay"]

_REPORTED: Final = 5


class Letters:
    """Dead letters of a replay: counted, the first few shown, all written to a file if one is named."""

    def __init__(self, path: Path | None) -> None:
        self.reasons: Counter[str] = Counter()
        self._file = path.open("wb") if path else None

    def add(self, located: Located, rejected: Rejected) -> None:
        self.reasons[rejected.reason] += 1
        if self.reasons.total() <= _REPORTED:
            click.echo(f"{located.path}:{located.line}: {rejected.reason}: {rejected}", err=True)
        if self._file:
            row = {
                "reason": rejected.reason,
                "message": str(rejected),
                "path": str(located.path),
                "line": located.line,
                "value": located.body.decode(errors="replace"),
            }
            self._file.write(msgspec.json.encode(row) + b"\n")

    def close(self) -> None:
        if self._file:
            self._file.close()
        if self.reasons:
            said = ", ".join(f"{count} {reason}" for reason, count in sorted(self.reasons.items()))
            click.echo(f"dead letters: {said}", err=True)


def replay(
    settings: Settings,
    paths: Sequence[Path],
    start: int | None,
    as_of: int | None,
    every: int | None,
    letters: Letters,
) -> Iterator[tuple[int, list[MetricRecord]]]:
    """The records at each instant; see ``instants``. Shows its progress on stderr."""
    with _bar("reading", size(paths)) as bar:
        events = list(_events(paths, letters, bar.update))
    if not events and as_of is None:
        return
    end = as_of if as_of is not None else max(event.occurred_at for event in events) + 1
    if start is not None and start >= end:
        raise click.UsageError(f"--from must be before --as-of, here just past the last event: {format_instant(end)}")
    first = start if start is not None else min((event.occurred_at for event in events), default=end)
    points = instants(first, end, every)
    policy = settings.policy()
    run = Replay(
        policy,
        settings.rolling(policy),
        points,
        start,
        aligned=settings.aligned(policy),
        yardstick=settings.yardstick(),
    )
    counts: Counter[str] = Counter()
    buckets: list[list[Event]] = [[] for _ in points]
    for event in events:
        index = bisect_right(points, event.occurred_at)
        if index < len(points):
            buckets[index].append(event)
        else:
            counts["after as_of"] += 1
    del events
    with _bar("deriving", sum(map(len, buckets))) as bar:
        for point, bucket in zip(points, buckets, strict=True):
            for number, event in enumerate(bucket):
                counts[run.add(event)] += 1
                if number % 5000 == 4999:
                    bar.update(2500)
            for _ in run.close():
                pass
            bar.update(len(bucket) - len(bucket) // 5000 * 2500)
            bucket.clear()
            told = run.records(point, settings.metrics.chosen(), settings.dimensions.limit, settings.shown())
            yield point, list(told)
    counts += Counter({"orphans": run.flaws.orphans, "unconverted": run.flaws.unconverted})
    said = ", ".join(f"{count} {what}" for what, count in sorted(counts.items()) if what != "new")
    click.echo(f"{counts['new']} events{', ' + said if said else ''}", err=True)


def instants(first: int, end: int, every: int | None) -> list[int]:
    """The instants to evaluate at: ``end``, and before it every ``every`` ms after ``first``."""
    if every is None:
        return [end]
    return sorted({*range(first + every, end, every), end})


def _events(paths: Sequence[Path], letters: Letters, progress: Callable[[int], None]) -> Iterator[Event]:
    for located in read_events(paths, progress):
        try:
            yield decode(located.body)
        except Rejected as rejected:
            letters.add(located, rejected)


def _bar(label: str, length: int) -> AbstractContextManager[Any]:
    return click.progressbar(length=length, label=label, file=sys.stderr, width=30)
