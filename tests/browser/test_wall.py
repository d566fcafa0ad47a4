"""The wall in a real browser (Debian's chromium through Playwright) over a synthetic desk."""

from __future__ import annotations

import os
import re
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

playwright = pytest.importorskip("playwright.sync_api")
CHROMIUM = shutil.which("chromium")
pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="no chromium")

#: Text on ground as wall.css uses them.
PAIRS = [
    ("--text", "--card"), ("--soft", "--card"), ("--soft", "--track"), ("--soft", "--ground"),
    ("--accent", "--card"), ("--warn-text", "--warn-ground"),
]  # fmt: skip
HERE = Path(__file__).parent
FLAGS = [
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync",
]  # fmt: skip


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextmanager
def desk(port: int, *options: str) -> Iterator[None]:
    """The synthetic server as a process of its own, so that it can be stopped and started again."""
    environment = os.environ | {"PYTHONPATH": str(HERE.parent.parent)}
    command = [sys.executable, str(HERE / "synthetic.py"), "--port", str(port), "--every", "0.3", *options]
    process = subprocess.Popen(command, env=environment)
    try:
        for _ in range(100):
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", port)) == 0:
                    break
            time.sleep(0.1)
        yield
    finally:
        process.kill()
        process.wait()


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    with playwright.sync_playwright() as p:
        profile = str(tmp_path_factory.mktemp("profile"))
        context = p.chromium.launch_persistent_context(profile, executable_path=CHROMIUM, args=FLAGS, headless=True)
        yield context
        context.close()


@pytest.fixture
def page(browser: Any) -> Iterator[Any]:
    page = browser.new_page()
    page.problems = []
    page.on("pageerror", lambda error: page.problems.append(str(error)))
    page.on("console", lambda m: page.problems.append(m.text) if "Content Security" in m.text else None)
    yield page
    problems = page.problems
    page.close()
    assert problems == []


def net(page: Any) -> Any:
    return page.locator('[data-tile="roi_net_ratio"] .tile-value')


def chosen(page: Any) -> Any:
    return page.locator('#windows [aria-checked="true"]')


def test_numbers_and_switching_by_keyboard(page: Any) -> None:
    expect, port = playwright.expect, free_port()
    with desk(port):
        page.goto(f"http://127.0.0.1:{port}/#window=7d")
        expect(net(page)).to_have_text("3.00\u00d7300%")
        expect(page.locator("#sentence")).to_contain_text("€3.00")
        expect(page.locator("#class-bars .name").first).to_have_text("repeat")
        expect(page.locator("#target-bars .name")).to_have_count(3)
        expect(page.locator('[data-tile="reopen_ratio"]')).to_be_visible()
        page.keyboard.press("ArrowRight")
        expect(chosen(page)).to_have_text("30 d")
        expect(net(page)).to_have_text("0.50\u00d750%")
        page.keyboard.press("1")
        expect(chosen(page)).to_have_text("5 min")
        expect(net(page)).to_have_text("\u2013")
        expect(page.locator('[data-tile="roi_net_ratio"]')).to_have_attribute("title", re.compile("Undefined"))
        assert "window=5m" in page.url


def test_the_switch_is_one_tab_stop_with_arrows(page: Any) -> None:
    expect, port = playwright.expect, free_port()
    with desk(port):
        page.goto(f"http://127.0.0.1:{port}/#window=24h")
        expect(chosen(page)).to_have_text("24 h")
        page.keyboard.press("Tab")
        page.keyboard.press("Tab")
        expect(chosen(page)).to_be_focused()
        page.keyboard.press("ArrowRight")
        expect(chosen(page)).to_have_text("7 d")
        expect(chosen(page)).to_be_focused()


def test_the_table_shows_members_as_text_only(page: Any) -> None:
    expect, port = playwright.expect, free_port()
    with desk(port):
        page.goto(f"http://127.0.0.1:{port}/#window=7d&dimension=issue_type")
        expect(page.locator("#table-body th").first).to_have_text("delivery")
        expect(page.locator("#table-body")).to_contain_text("<img src=x onerror=")
        assert page.locator("#table-body img").count() == 0
        assert page.title() == "Customer service ROI"
        page.keyboard.press("d")
        expect(page.locator("#detail-name")).to_have_text("priority")
        expect(page.locator("#table-body th").first).to_have_text("normal")


def test_metrics_a_board_does_not_have_are_left_out(page: Any) -> None:
    expect, port = playwright.expect, free_port()
    with desk(port, "--without", "fcr_one_session_ratio", "--without", "value_at_risk"):
        page.goto(f"http://127.0.0.1:{port}/#window=7d")
        expect(page.locator("#table-body th").first).to_have_text("email")
        expect(page.locator("#table-head")).not_to_contain_text("First contact")
        expect(page.locator('[data-tile="value_at_risk"]')).to_be_hidden()


def test_a_lost_connection_is_said_and_recovered_from(page: Any) -> None:
    expect, port = playwright.expect, free_port()
    with desk(port):
        page.goto(f"http://127.0.0.1:{port}/#window=7d")
        expect(net(page)).to_have_text("3.00\u00d7300%")
        expect(page.locator("#banner")).to_be_hidden()
    expect(page.locator("#banner")).to_contain_text("Connection lost", timeout=10_000)
    expect(net(page)).to_have_text("3.00\u00d7300%")
    with desk(port):
        expect(page.locator("#banner")).to_be_hidden(timeout=15_000)
        expect(page.locator("#state")).to_have_text("live, as of")


def test_an_evaluation_that_stands_still_is_said(page: Any) -> None:
    expect, port = playwright.expect, free_port()
    with desk(port, "--stop-after", "3", "--stale", "2"):
        page.goto(f"http://127.0.0.1:{port}/")
        expect(net(page)).to_contain_text("\u00d7")
        expect(page.locator("#banner")).to_contain_text("stands still", timeout=15_000)


def test_progress_while_history_is_replayed(page: Any) -> None:
    expect, port = playwright.expect, free_port()
    with desk(port, "--history", "8"):
        page.goto(f"http://127.0.0.1:{port}/")
        expect(page.locator("#loading-title")).to_have_text("Replaying history …")
        expect(page.locator("#loading-text")).to_contain_text("records to read")
        expect(page.locator("#main")).to_be_hidden()
        expect(page.locator("#main")).to_be_visible(timeout=15_000)


@pytest.mark.parametrize("width", [360, 768, 1440, 1920])
def test_no_screen_scrolls_sideways_and_both_themes_have_contrast(page: Any, width: int) -> None:
    expect, port = playwright.expect, free_port()
    with desk(port):
        page.set_viewport_size({"width": width, "height": 1080})
        page.goto(f"http://127.0.0.1:{port}/#window=7d")
        expect(net(page)).to_contain_text("\u00d7")
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
        for _ in range(2):
            for text, ground in PAIRS:
                assert contrast(colour(page, text), colour(page, ground)) >= 4.5, (text, ground)
            page.keyboard.press("t")


def colour(page: Any, name: str) -> str:
    return str(page.evaluate("n => getComputedStyle(document.documentElement).getPropertyValue(n).trim()", name))


def contrast(one: str, other: str) -> float:
    """WCAG's ratio of two #rrggbb colours."""

    def luminance(hexadecimal: str) -> float:
        parts = [int(hexadecimal[i : i + 2], 16) / 255 for i in (1, 3, 5)]
        linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in parts]
        return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]

    high, low = sorted((luminance(one), luminance(other)), reverse=True)
    return (high + 0.05) / (low + 0.05)
