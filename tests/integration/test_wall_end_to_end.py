"""The wall over a real Kafka: its numbers are those of /metrics and of a replay, also after the board was killed."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from kafka.broker import KafkaServer
from system import RowKey, System, same, stamp

from streams.core.events import parse_instant

chromium = pytest.importorskip("browser.chromium")
pytestmark = pytest.mark.timeout(180)

AS_OF = parse_instant("2026-03-01T00:00:00Z")
SETTINGS = {
    "service_levels": [{"name": "reply in 1 h", "metric": "first_response", "clock": "calendar", "seconds": 3600}],
}
WINDOW = "7d"


@pytest.fixture
def system(kafka: KafkaServer, tmp_path: Path) -> Iterator[System]:
    with System(kafka, tmp_path / "system", SETTINGS) as made:
        yield made


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def test_a_killed_board_brings_the_same_numbers_back(system: System, tmp_path: Path) -> None:
    files, port = tmp_path / "events", free_port()
    system.run("simulate", "--out", files, "--days", 20, "--end", stamp(AS_OF), "--tickets-per-day", 40)
    system.run("send", files)
    system.worker(AS_OF)
    system.wait_until_done()
    expected = system.replay(AS_OF, files)
    board = system.board(AS_OF, "--port", str(port))
    board.shows(expected)
    with chromium.chromium(tmp_path / "profile") as browser:
        page, banner = browser.new_page(), "#banner"
        watch = chromium.Watch.over(page)
        page.goto(f"{board.url}/#window={WINDOW}")
        agree(page, board.url, expected)

        board.process.kill()
        chromium.expect(page.locator(banner)).to_contain_text("Connection lost", timeout=20_000)
        again = system.board(AS_OF, "--port", str(port))
        assert again.url == board.url
        chromium.expect(page.locator(banner)).to_be_hidden(timeout=60_000)
        same(again.rows(), expected)
        agree(page, again.url, expected)
        watch.check()


def agree(page: Any, url: str, expected: dict[RowKey, Any]) -> None:
    """What stands on the wall, on /metrics and in the replay is the same: every tile, and the service levels."""
    series = chromium.exposed(url)
    chromium.expect(page.locator("#breach-body tr")).to_have_count(1)
    tiles = page.locator("[data-tile]")
    metrics = tiles.evaluate_all("all => all.map(tile => tile.dataset.tile)")
    assert len(metrics) >= 15
    for metric, tile in zip(metrics, tiles.all(), strict=True):
        window = WINDOW if (metric, WINDOW, None, "all", "all") in expected else "now"
        row = expected[metric, window, None, "all", "all"]
        assert series.get((metric, window, "all", "all")) == row["value"]
        chromium.expect(tile.locator(".tile-value")).to_have_text(chromium.written(row))
    late = expected["sla_open_breached", "now", None, "target", "reply in 1 h"]["value"]
    assert series["sla_open_breached", "now", "target", "reply in 1 h"] == late
    chromium.expect(page.locator("#breach-body td").first).to_have_text(f"✕ {late}" if late else "0")
