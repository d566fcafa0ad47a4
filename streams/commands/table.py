"""Metric records as a table: a line for each metric and member, a column for each window."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from streams.core.metrics.records import MetricRecord

__all__ = ["columns", "format_value", "lines", "shorten"]


def lines(records: Iterable[MetricRecord]) -> Iterator[str]:
    """The lines of the table; undefined values are a dash."""
    windows: list[str] = []
    rows: dict[tuple[str, str, str, str], dict[str, str]] = {}
    for record in records:
        if record.window not in windows:
            windows.append(record.window)
        row = rows.setdefault((record.metric, record.dimension, record.member, record.unit), {})
        row.setdefault(record.window, format_value(record.value))  # the running period comes first
    if not rows:
        yield "no values"
        return
    windows.sort(key=lambda window: window == "now")
    head = ["metric", "dimension", "member", *windows, "unit"]
    body = [
        [metric, "" if dimension == "all" else dimension, "" if dimension == "all" else shorten(member),
         *(row.get(window, "") for window in windows), unit]
        for (metric, dimension, member, unit), row in rows.items()
    ]  # fmt: skip
    yield from columns(head, body, numbers=range(3, 3 + len(windows)))


def columns(head: list[str], body: list[list[str]], numbers: range) -> Iterator[str]:
    """Lines of aligned columns under a head; those in ``numbers`` are aligned to the right."""
    widths = [max(len(line[column]) for line in (head, *body)) for column in range(len(head))]
    for line in (head, ["-" * width for width in widths], *body):
        cells = [
            cell.rjust(width) if column in numbers else cell.ljust(width)
            for column, (cell, width) in enumerate(zip(line, widths, strict=True))
        ]
        yield "  ".join(cells).rstrip()


def shorten(member: str) -> str:
    """A member as one printable text of at most 30 characters; producers may send any text."""
    printable = "".join(char if char.isprintable() else "?" for char in member)
    return printable if len(printable) <= 30 else printable[:29] + "…"


def format_value(value: int | float | None) -> str:
    """A value in four digits or with separators of thousands; a dash where it is undefined."""
    if value is None:
        return "-"
    if isinstance(value, int):
        return f"{value:,}"
    return f"{value:,.1f}" if abs(value) >= 1000 else f"{value:.4g}"
