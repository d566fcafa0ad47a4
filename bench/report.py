"""The rows of a run, as a table for people, Markdown and JSON."""

from __future__ import annotations

import os
import platform
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path

import msgspec

__all__ = ["Row", "lines", "title", "write"]


@dataclass(frozen=True, slots=True)
class Row:
    """One measure. ``ratio`` is its time (or size) divided by that of ``reference`` in the same run; None without one.

    ``value`` is None if nothing could be measured; the note has the reason.
    """

    group: str
    name: str
    value: float | None
    unit: str
    ratio: float | None = None
    reference: str = ""
    note: str = ""

    @property
    def cells(self) -> tuple[str, str, str, str]:
        """The row's texts, in the order of ``HEADS``."""
        value = "-" if self.value is None else f"{self.value:,.0f}" if self.value >= 100 else f"{self.value:,.3g}"
        ratio = f"x {self.ratio:.2f} {self.reference}" if self.ratio is not None else ""
        return f"{self.group}: {self.name}", f"{value} {self.unit}", ratio, self.note


HEADS = ("measure", "result", "ratio", "note")


def lines(rows: Sequence[Row]) -> list[str]:
    """The table as text, in aligned columns."""
    table = [HEADS, *(row.cells for row in rows)]
    widths = [max(len(line[column]) for line in table) for column in range(3)]
    return [
        f"{line[0]:<{widths[0]}}  {line[1]:>{widths[1]}}  {line[2]:<{widths[2]}}  {line[3]}".rstrip() for line in table
    ]


def markdown(rows: Sequence[Row], title: str) -> str:
    """The table as a Markdown document."""
    table = [f"| {' | '.join(row.cells)} |" for row in rows]
    return "\n".join([title, "", f"| {' | '.join(HEADS)} |", "|---|---:|---|---|", *table, ""])


def title(quick: bool) -> str:
    """The day, the machine and the kind of run."""
    kind = "a smoke run: the numbers mean nothing" if quick else "a full run"
    load = os.getloadavg()[1]  # above the number of cores, other work shared the machine
    machine = f"{os.cpu_count()} cores (load {load:.1f})"
    return f"{datetime.now(UTC):%Y-%m-%d}, {machine}, Python {platform.python_version()}, {kind}."


def write(path: Path, rows: Sequence[Row], quick: bool) -> None:
    """The rows as a file: Markdown if it ends in ``.md``, else JSON."""
    if path.suffix == ".md":
        path.write_text(markdown(rows, title(quick)))
    else:
        content = {"title": title(quick), "quick": quick, "rows": [asdict(row) for row in rows]}
        path.write_bytes(msgspec.json.format(msgspec.json.encode(content), indent=2) + b"\n")
