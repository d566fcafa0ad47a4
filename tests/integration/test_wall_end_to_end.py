"""The wall over a real Kafka: its numbers are those of /metrics and of a replay, also after the board was killed."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from kafka.broker import KafkaServer, free_port
from system import RowKey, System, same, stamp

from streams.core.temporal.instants import parse_instant
from streams.kafka.topics import SLA_BREACHES, schemas_folder

chromium = pytest.importorskip("browser.chromium")
pytestmark = pytest.mark.timeout(180)

AS_OF = parse_instant("2026-03-01T00:00:00Z")
SETTINGS = {
    "service_levels": [{"name": "reply in 1 h", "metric": "first_response", "clock": "calendar", "seconds": 3600}],
}
WINDOW = "7d"
EXAMPLES = schemas_folder() / "support.sla-breaches" / "v1" / "examples"
#: As the topic's contract has them: one that stands, one that is taken back.
BREACHES = [
    (b"1", (EXAMPLES / "breached.json").read_bytes().replace(b"ticket-4711", b"ticket-1")),
    (b"2", (EXAMPLES / "breached.json").read_bytes()),
    (b"2", (EXAMPLES / "retracted.json").read_bytes()),
]


@pytest.fixture
def system(kafka: KafkaServer, tmp_path: Path) -> Iterator[System]:
    with System(kafka, tmp_path / "system", SETTINGS) as made:
        yield made


def test_a_killed_board_brings_the_same_numbers_back(system: System, tmp_path: Path) -> None:
    files, port = tmp_path / "events", free_port()
    system.run("simulate", "--out", files, "--days", 20, "--end", stamp(AS_OF), "--tickets-per-day", 40)
    system.run("send", files)
    system.send_raw((SLA_BREACHES, *told, None) for told in BREACHES)
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
        chromium.expect(page.locator("#recent li")).to_have_count(min(3, len(breaches(system))))
        told = json.loads(again.page("/api/breaches"))["recent"]
        assert [(row["ticket_id"], row["deadline"]) for row in told] == breaches(system)[:20]
        agree(page, again.url, expected)
        watch.check()


def breaches(system: System) -> list[tuple[str, str]]:
    """What the topic says once all is read: breaches that stand, the newest deadline first."""
    last = {message.key(): json.loads(message.value()) for message in system.read(SLA_BREACHES)}
    standing = [(key, row) for key, row in last.items() if not row["retracted"]]
    standing.sort(key=lambda item: (-parse_instant(item[1]["deadline"]), item[0]))
    return [(row["ticket_id"], row["deadline"]) for _, row in standing]


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
