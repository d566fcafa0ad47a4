"""Metric records as a table for people: a line a metric and member, a column a window."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from streams.core.metrics.records import MetricRecord

__all__ = ["columns", "cut", "lines", "shown"]


def lines(records: Iterable[MetricRecord]) -> Iterator[str]:
    """The table's lines; undefined values are a dash."""
    windows: list[str] = []
    rows: dict[tuple[str, str, str, str], dict[str, str]] = {}
    for record in records:
        if record.window not in windows:
            windows.append(record.window)
        row = rows.setdefault((record.metric, record.dimension, record.member, record.unit), {})
        row.setdefault(record.window, shown(record.value))  # of aligned windows the running period comes first
    if not rows:
        yield "no values"
        return
    windows.sort(key=lambda window: window == "now")
    head = ["metric", "dimension", "member", *windows, "unit"]
    body = [
        [metric, "" if dimension == "all" else dimension, "" if dimension == "all" else cut(member),
         *(row.get(window, "") for window in windows), unit]
        for (metric, dimension, member, unit), row in rows.items()
    ]  # fmt: skip
    yield from columns(head, body, numbers=range(3, 3 + len(windows)))


def columns(head: list[str], body: list[list[str]], numbers: range) -> Iterator[str]:
    """Lines of aligned columns under a head; those in ``numbers`` to the right."""
    widths = [max(len(line[column]) for line in (head, *body)) for column in range(len(head))]
    for line in (head, ["-" * width for width in widths], *body):
        cells = [
            cell.rjust(width) if column in numbers else cell.ljust(width)
            for column, (cell, width) in enumerate(zip(line, widths, strict=True))
        ]
        yield "  ".join(cells).rstrip()


def cut(member: str) -> str:
    """Members are whatever producers say: kept to one short, printable line."""
    shown = "".join(char if char.isprintable() else "?" for char in member)
    return shown if len(shown) <= 30 else shown[:29] + "…"


def shown(value: int | float | None) -> str:
    """A value for people; a dash where it is undefined."""
    if value is None:
        return "-"
    if isinstance(value, int):
        return f"{value:,}"
    return f"{value:,.1f}" if abs(value) >= 1000 else f"{value:.4g}"
