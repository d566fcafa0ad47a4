"""The history of a simulated desk as event files, one for each topic."""

from __future__ import annotations

import gzip
import io
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import Final

import msgspec

from streams.core.temporal.instants import DAY
from streams.demo.simulator import PRELUDE_DAYS, simulate
from streams.kafka.topics import INPUTS

__all__ = ["write_event_files"]

_PROGRESS_EVERY: Final = 10_000  # events


def write_event_files(
    out_dir: Path,
    *,
    days: float,
    seed: int,
    end_ms: int,
    customers: int = 2000,
    tickets_per_day: float = 250,
    prelude_days: int = PRELUDE_DAYS,
    compress: bool = False,
    on_progress: Callable[[int], None] | None = None,
) -> dict[Path, int]:
    """Writes ``<topic>.jsonl`` (``.gz``) of the ``days`` before ``end_ms``; returns the number of events by file.

    The same arguments write the same bytes. ``on_progress`` gets the number of events so far.
    """
    if days <= 0:
        raise ValueError("`days` must be above 0")
    out_dir.mkdir(parents=True, exist_ok=True)
    suffix = ".jsonl.gz" if compress else ".jsonl"
    paths = {topic: out_dir / f"{topic}{suffix}" for topic in INPUTS}
    counts = dict.fromkeys(paths.values(), 0)
    encode = msgspec.json.Encoder().encode
    with ExitStack() as stack:
        files = {topic: _open(stack, path, compress) for topic, path in paths.items()}
        events = simulate(
            seed=seed,
            start_ms=end_ms - int(days * DAY),
            end_ms=end_ms,
            customers=customers,
            tickets_per_day=tickets_per_day,
            prelude_days=prelude_days,
        )
        for count, (topic, _, _, event) in enumerate(events, start=1):
            files[topic].write(encode(event) + b"\n")
            counts[paths[topic]] += 1
            if on_progress is not None and count % _PROGRESS_EVERY == 0:
                on_progress(count)
    return counts


def _open(stack: ExitStack, path: Path, compress: bool) -> io.BufferedIOBase:
    file = stack.enter_context(path.open("wb"))
    if not compress:
        return file
    # Without name and time in the header the same events are the same bytes. Buffered because lines are short.
    archive = gzip.GzipFile(filename="", mode="wb", compresslevel=6, fileobj=file, mtime=0)
    return stack.enter_context(io.BufferedWriter(stack.enter_context(archive), 1 << 16))
