"""The group cpu of this checkout and of another one, in turns. ``python -m bench --only cpu --against PATH``.

Each turn is a process of its own: ``python -m bench.against EVENTS`` measures the checkout that the environment names,
over the events of a file, and writes its rows as JSON.
"""

from __future__ import annotations

import gc
import os
import sys
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from statistics import median
from typing import Final

import msgspec

from bench import cpu
from bench.checkout import CHECKOUT
from bench.process import ROOT, run
from bench.report import Row
from streams.demo.world import SimulatedEvent

__all__ = ["measure"]

_ROWS: Final = msgspec.json.Decoder(list[Row])


def measure(events: Sequence[SimulatedEvent], other: Path, rounds: int) -> Iterator[Row]:
    """This checkout's rows. A ratio is its time divided by the other's: below 1, this checkout is faster.

    Values and ratios are medians of the rounds. The order of the two alternates, as the machine's speed drifts.
    """
    new: list[list[Row]] = []
    old: list[list[Row]] = []
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "events.json"
        path.write_bytes(msgspec.json.encode(events))
        for number in range(rounds):
            turns = [(new, ROOT), (old, other)]
            for rows, checkout in turns if number % 2 else reversed(turns):
                rows.append(_turn(checkout, path))
            print(f"  round {number + 1} of {rounds}", file=sys.stderr, flush=True)
    for ours, others in zip(zip(*new, strict=True), zip(*old, strict=True), strict=True):
        yield _compared(ours, others)


def _turn(checkout: Path, events: Path) -> list[Row]:
    environment = {**os.environ, CHECKOUT: str(checkout), "PYTHONDONTWRITEBYTECODE": "1"}
    return _ROWS.decode(run([sys.executable, "-m", "bench.against", str(events)], environment))


def _compared(ours: Sequence[Row], others: Sequence[Row]) -> Row:
    """One row of all rounds, with the lowest and the highest ratio."""
    ratios = sorted(_time(one) / _time(other) for one, other in zip(ours, others, strict=True))
    row, note = ours[0], f"{ratios[0]:.2f} to {ratios[-1]:.2f}"
    if row.note != others[0].note:
        note += f"; {row.note}; the other: {others[0].note}"
    value = median(row.value or 0 for row in ours)
    return Row(row.group, row.name, value, row.unit, median(ratios), "the other's time", note)


def _time(row: Row) -> float:
    """Seconds, also for a rate."""
    assert row.value
    return 1 / row.value if row.unit.endswith("/s") else row.value


if __name__ == "__main__":
    gc.set_threshold(100_000, 50, 1000)  # as streams.cli does for every command
    rows = list(cpu.measure(msgspec.json.decode(Path(sys.argv[1]).read_bytes(), type=list[SimulatedEvent]), times=1))
    sys.stdout.buffer.write(msgspec.json.encode(rows))
