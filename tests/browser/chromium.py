"""Debian's chromium through Playwright, a watch over what a page does, and numbers as the wall writes them."""

from __future__ import annotations

import json
import re
import shutil
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from decimal import ROUND_HALF_UP, Decimal
from pathlib import Path
from typing import Any

import pytest

playwright = pytest.importorskip("playwright.sync_api")
expect = playwright.expect
_FLAGS = [
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync",
]  # fmt: skip
#: The browser's own messages about a server that is gone; all others on the console are ours.
_GONE = re.compile(r"net::ERR_(CONNECTION|EMPTY_RESPONSE|INCOMPLETE_CHUNKED|SOCKET|FAILED|NETWORK)")


@contextmanager
def chromium(profile: Path) -> Iterator[Any]:
    """A browser context, in American English so that numbers have one spelling."""
    executable = shutil.which("chromium")
    if executable is None:
        pytest.skip("no chromium")
    with playwright.sync_playwright() as p:
        context = p.chromium.launch_persistent_context(
            str(profile), executable_path=executable, args=_FLAGS, headless=True, locale="en-US"
        )
        yield context
        context.close()


@dataclass
class Watch:
    """What a page must not do: throw, complain on the console, or ask anybody but its own server."""

    errors: list[str] = field(default_factory=list)
    origins: set[str] = field(default_factory=set)

    @classmethod
    def over(cls, page: Any) -> Watch:
        watch = cls()
        page.on("pageerror", lambda error: watch.errors.append(str(error)))
        page.on("console", lambda message: watch._hear(message))
        page.on("request", lambda request: watch.origins.add("/".join(request.url.split("/")[:3])))
        return watch

    def _hear(self, message: Any) -> None:
        if message.type in ("error", "warning") and not _GONE.search(message.text):
            self.errors.append(message.text)

    def check(self) -> None:
        assert self.errors == []
        assert len(self.origins) <= 1, self.origins


def ask(url: str) -> bytes:
    with urllib.request.urlopen(url, timeout=30) as answer:
        body: bytes = answer.read()
    return body


def exposed(url: str) -> dict[tuple[str, str, str, str], float]:
    """The values on ``/metrics`` by (metric, window, dimension, member)."""
    series = re.compile(r'support_(\w+)\{window="(.*?)",dimension="(.*?)",member="((?:[^"\\]|\\.)*)"\} (\S+)')
    matches = (series.fullmatch(line) for line in ask(url + "/metrics").decode().splitlines())
    return {(m[1], m[2], m[3], m[4]): float(m[5]) for m in matches if m}


def answered(url: str) -> dict[tuple[str, str, str, str], Any]:
    """The values on ``/api/metrics`` by the same; of an aligned window the running period, which comes first."""
    records: dict[tuple[str, str, str, str], Any] = {}
    for row in json.loads(ask(url + "/api/metrics")):
        records.setdefault((row["metric"], row["window"], row["dimension"], row["member"]), row)
    return records


def written(row: dict[str, Any]) -> str:
    """A record's value as the wall's big numbers have it."""
    value, unit = row["value"], row["unit"]
    if value is None:
        return "–"
    if row["metric"].startswith("roi_"):
        return f"{rounded(value, 2)}×{rounded(Decimal(repr(value)) * 100, 0)}%"
    if unit == "ratio":
        return f"{rounded(Decimal(repr(value)) * 100, 1)}%"
    if unit.endswith("_minor"):
        return money(value)
    if unit == "seconds":
        return duration(value)
    return rounded(value, 1).removesuffix(".0")


def rounded(value: float | Decimal, digits: int) -> str:
    """As browsers round what is written: halves away from zero, of the shortest decimals that name the number."""
    exact = value if isinstance(value, Decimal) else Decimal(repr(value))
    return f"{exact.quantize(Decimal(1).scaleb(-digits), ROUND_HALF_UP):,}"


def money(minor: float) -> str:
    """Cents below 1,000, whole units from there."""
    text = rounded(abs(minor) / 100, 2 if abs(minor) < 100_000 else 0)
    return f"{'-' if minor < 0 else ''}€{text}"


def duration(seconds: float) -> str:
    if seconds < 60:
        return f"{rounded(seconds, 1 if seconds < 10 else 0)} s"
    units = (86400, "d", 3600, "h"), (3600, "h", 60, "min"), (60, "min", 1, "s")
    size, name, small, less = next(unit for unit in units if seconds >= unit[0])
    whole, rest = int(seconds // size), int(seconds % size // small)
    return f"{whole} {name}" + (f" {rest} {less}" if rest else "")
