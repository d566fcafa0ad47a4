"""``python -m bench``: all measures in one table."""

from __future__ import annotations

import argparse
import gc
import resource
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

from bench import against, cpu, families, memory, streaming
from bench.data import ROI_TOML, Record, records, simulated
from bench.process import run
from bench.report import Row, lines, title, write

GROUPS = ("cpu", "families", "replay", "customers", "memory", "kafka")
LOADS = """\
Core and partition state are measured under four loads:
  dense live                 700 events/s in units of 2,000: a busy worker. The row to quote.
  dense live, units of 50    the same in units of 50: a desk with many entities, of which a unit has few events each.
  sparse live, hours a unit  the desk's own pace in units of 2,000: hardly two events share a small pane. Worst case.
  history, day panes         the clock is long after all events: only panes of a day are written.
"""


def main() -> None:
    parser = argparse.ArgumentParser(
        prog="python -m bench",
        description="The cost of the parts, in one run.",
        epilog=LOADS,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--quick", action="store_true", help="a smoke run of a minute: shows that it works")
    parser.add_argument("--only", action="append", choices=GROUPS, help="only this group (may be repeated)")
    parser.add_argument("--out", type=Path, action="append", default=[], help="also write this .json or .md")
    parser.add_argument("--against", type=Path, metavar="PATH", help="compare with another checkout (only --only cpu)")
    parser.add_argument("--rounds", type=int, default=5, help="rounds of a comparison (default: 5)")
    arguments = parser.parse_args()
    if arguments.against and arguments.only != ["cpu"]:
        parser.error("--against needs --only cpu")
    if arguments.against and not (arguments.against / "streams").is_dir():
        parser.error(f"{arguments.against} is no checkout of this repository")
    gc.set_threshold(100_000, 50, 1000)  # as streams.cli does for every command
    rows: list[Row] = []
    if arguments.against:
        events = simulated(5_000 if arguments.quick else 20_000)
        measured = against.measure(events, arguments.against.resolve(), arguments.rounds)
    else:
        measured = measures(arguments.quick, arguments.only or GROUPS)
    for row in measured:
        rows.append(row)
        print(f"  {row.cells[0]}: {row.cells[1]}", file=sys.stderr, flush=True)
    print(title(arguments.quick), *lines(rows), sep="\n")
    for path in arguments.out:
        write(path, rows, arguments.quick)


def measures(quick: bool, groups: Sequence[str]) -> Iterator[Row]:
    """The rows of some groups, each as soon as it is measured."""
    count, times = (5_000, 1) if quick else (200_000, 3)
    if "cpu" in groups:
        yield from cpu.measure(simulated(5_000 if quick else 50_000), times)
    if "families" in groups:
        yield from families.measure(simulated(5_000 if quick else 10_000), times)
    if "replay" in groups:
        yield from replay(records(simulated(count)))
    if "customers" in groups:
        yield from cpu.big_customer(1_000 if quick else 50_000)
    if "memory" in groups:
        yield from memory.measure(1_000 if quick else 20_000, 10_000 if quick else 1_000_000)
    if "kafka" in groups:
        yield from streaming.measure(simulated(count), 1_000 if quick else 30_000)


def replay(bodies: Sequence[Record]) -> Iterator[Row]:
    """The rate of the command, from its start to its end."""
    with tempfile.TemporaryDirectory() as folder:
        path, config = Path(folder) / "events.jsonl", Path(folder) / "roi.toml"
        path.write_bytes(b"".join(record.value + b"\n" for record in bodies))
        config.write_text(ROI_TOML)
        began, cpu_began = time.perf_counter(), _cpu_of_children()
        run([sys.executable, "-m", "streams", "--config", str(config), "replay", str(path), "--format", "jsonl"])
        seconds, cpu_seconds = time.perf_counter() - began, _cpu_of_children() - cpu_began
    note = f"{len(bodies):,} events: {seconds:.1f} s"
    yield Row("replay", "support-roi replay, the command", len(bodies) / seconds, "events/s", note=note)
    yield Row("replay", "support-roi replay, of one core", len(bodies) / cpu_seconds, "events/CPU s")


def _cpu_of_children() -> float:
    """CPU seconds of all processes that this one has started and that have ended."""
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


if __name__ == "__main__":
    main()
