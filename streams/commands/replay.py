"""``support-roi replay``: event files in, metric records out, by the same core as the worker's."""

from __future__ import annotations

import sys
from bisect import bisect_right
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any, Final

import click
import msgspec

from streams.config import Settings
from streams.connectors.files import Line, read_lines, total_bytes
from streams.connectors.registry import CONNECTORS, EVENT_FILES
from streams.core.events.decoding import Rejected
from streams.core.events.types import Event
from streams.core.metrics.records import MetricRecord
from streams.core.replay import Replay
from streams.core.temporal.instants import format_instant

__all__ = ["DeadLetters", "instants", "replay"]

_REPORTED_MOST: Final = 5
_PROGRESS_EVERY: Final = 5000  # events


class DeadLetters:
    """Dead letters of a replay: counted, the first few reported, all written to a file if one is named."""

    def __init__(self, path: Path | None) -> None:
        self.reasons: Counter[str] = Counter()
        self._file = path.open("wb") if path else None

    def add(self, line: Line, rejected: Rejected) -> None:
        """Counts a rejected line, and reports and writes it."""
        self.reasons[rejected.reason] += 1
        if self.reasons.total() <= _REPORTED_MOST:
            click.echo(f"{line.path}:{line.number}: {rejected.reason}: {rejected}", err=True)
        if self._file:
            row = {
                "reason": rejected.reason,
                "message": str(rejected),
                "path": str(line.path),
                "line": line.number,
                "value": line.body.decode(errors="replace"),
            }
            self._file.write(msgspec.json.encode(row) + b"\n")

    def close(self) -> None:
        """Closes the file and reports the number of dead letters by reason."""
        if self._file:
            self._file.close()
        if self.reasons:
            summary = ", ".join(f"{count} {reason}" for reason, count in sorted(self.reasons.items()))
            click.echo(f"dead letters: {summary}", err=True)


def replay(
    settings: Settings,
    paths: Sequence[Path],
    start: int | None,
    as_of: int | None,
    every: int | None,
    dead_letters: DeadLetters,
) -> Iterator[tuple[int, list[MetricRecord]]]:
    """The records at each instant of ``instants``, with progress on stderr. Raises ``click.UsageError``.

    ``start`` adds the window ``period``; ``as_of`` defaults to just past the last event.
    """
    with _progress_bar("reading", total_bytes(paths)) as bar:
        events = list(_events(paths, dead_letters, bar.update))
    if not events and as_of is None:
        return
    end = as_of if as_of is not None else max(event.occurred_at for event in events) + 1
    if start is not None and start >= end:
        raise click.UsageError(f"--from must be before --as-of, here just past the last event: {format_instant(end)}")
    first = start if start is not None else min((event.occurred_at for event in events), default=end)
    points = instants(first, end, every)
    run = _replay_at(settings, points, start)
    outcomes: Counter[str] = Counter()
    buckets = _buckets(events, points, outcomes)
    del events  # the buckets are emptied one by one, so that memory shrinks meanwhile
    with _progress_bar("deriving", sum(map(len, buckets))) as bar:
        for point, bucket in zip(points, buckets, strict=True):
            _derive(run, bucket, outcomes, bar.update)
            bucket.clear()
            records = run.records(
                point, settings.metrics.chosen(), settings.dimensions.limit, settings.label_dimensions()
            )
            yield point, list(records)
    outcomes += Counter({"orphans": run.flaws.orphans, "unconverted": run.flaws.unconverted})
    _report(outcomes)


def instants(first: int, end: int, every: int | None) -> list[int]:
    """The instants of evaluation in ms: ``end``, and before it every ``every`` ms after ``first``."""
    if every is None:
        return [end]
    return sorted({*range(first + every, end, every), end})


def _events(paths: Sequence[Path], dead_letters: DeadLetters, progress: Callable[[int], None]) -> Iterator[Event]:
    connector = CONNECTORS[EVENT_FILES]
    for line in read_lines(paths, progress):
        try:
            yield from connector(line.body)
        except Rejected as rejected:
            dead_letters.add(line, rejected)


def _replay_at(settings: Settings, points: Sequence[int], start: int | None) -> Replay:
    policy = settings.policy()
    return Replay(
        policy,
        settings.rolling(policy),
        points,
        start,
        aligned=settings.aligned(policy),
        targets=settings.targets(),
    )


def _buckets(events: Iterable[Event], points: Sequence[int], outcomes: Counter[str]) -> list[list[Event]]:
    """The events before each point and not before the previous one; later ones are counted in ``outcomes``."""
    buckets: list[list[Event]] = [[] for _ in points]
    for event in events:
        index = bisect_right(points, event.occurred_at)
        if index < len(points):
            buckets[index].append(event)
        else:
            outcomes["after as_of"] += 1
    return buckets


def _derive(run: Replay, bucket: Sequence[Event], outcomes: Counter[str], progress: Callable[[int], None]) -> None:
    """Adds a bucket to the ledger. Reading it is half of the progress, deriving from it the other half."""
    for number, event in enumerate(bucket, 1):
        outcomes[run.add(event)] += 1
        if number % _PROGRESS_EVERY == 0:
            progress(_PROGRESS_EVERY // 2)
    for _ in run.close():
        pass
    progress(len(bucket) - len(bucket) // _PROGRESS_EVERY * (_PROGRESS_EVERY // 2))


def _report(outcomes: Counter[str]) -> None:
    others = ", ".join(f"{count} {outcome}" for outcome, count in sorted(outcomes.items()) if outcome != "new")
    click.echo(f"{outcomes['new']} events{', ' + others if others else ''}", err=True)


def _progress_bar(label: str, length: int) -> AbstractContextManager[Any]:
    return click.progressbar(length=length, label=label, file=sys.stderr, width=30)
