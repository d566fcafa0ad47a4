"""What the wall says when data is missing, old, or nobody answers; and that it comes back by itself."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from chromium import expect
from desk import desk, free_port

ROI = '[data-tile="roi_net_ratio"] .tile-value'


def test_a_killed_board_is_said_and_a_new_one_is_found(page: Any) -> None:
    port, banner = free_port(), page.locator("#banner")
    with desk(port=port) as first:
        page.goto(f"{first.url}/#window=7d")
        expect(page.locator(ROI)).to_have_text("3.00×300%")
        expect(banner).to_be_hidden()
    expect(banner).to_contain_text("Connection lost", timeout=10_000)
    expect(page.locator("#state")).to_have_text("✕ connection lost")
    expect(page.locator(ROI)).to_have_text("3.00×300%")  # the last known, marked as such
    with desk(port=port):
        expect(banner).to_be_hidden(timeout=15_000)
        expect(page.locator("#state")).to_have_text("live, as of")
        expect(page.locator("#live")).to_have_text("Up to date again.")


def test_a_silent_connection_is_lost_too(page: Any, start: Callable[..., Any]) -> None:
    """A frozen board closes nothing: only its beats stop."""
    board = start()
    page.goto(f"{board.url}/#window=7d")
    expect(page.locator(ROI)).to_have_text("3.00×300%")
    board.freeze()
    expect(page.locator("#banner")).to_contain_text("Connection lost", timeout=15_000)
    board.thaw()
    expect(page.locator("#banner")).to_be_hidden(timeout=15_000)


def test_an_evaluation_that_stands_still_is_said(page: Any, start: Callable[..., Any]) -> None:
    page.goto(start("--stop-after", "3", "--stale", "2").url)
    expect(page.locator(ROI)).to_contain_text("×")
    expect(page.locator("#banner")).to_contain_text("stands still", timeout=15_000)
    expect(page.locator("#state")).to_have_text("✕ not up to date")


def test_progress_while_history_is_replayed(page: Any, start: Callable[..., Any]) -> None:
    page.goto(start("--history", "8").url)
    expect(page.locator("#loading-title")).to_have_text("Replaying history …")
    expect(page.locator("#loading-text")).to_contain_text("records to read")
    expect(page.locator("#main")).to_be_hidden()
    expect(page.locator("#main")).to_be_visible(timeout=15_000)


@pytest.mark.parametrize(
    ("state", "message", "sign"),
    [
        ("empty", "No events yet. `support-roi send`", "no events yet"),
        ("catching_up", "History is still coming in, now at ", "◷ catching up"),
        ("stalled", "1,234 events wait, and no worker takes them", "✕ events wait"),
        ("cut_off", "Kafka does not answer", "✕ no answer from Kafka"),
    ],
)
def test_values_that_are_not_those_of_now_are_said_to_be_so(
    page: Any, start: Callable[..., Any], state: str, message: str, sign: str
) -> None:
    """A board that answers is not yet one whose workers are there, and up to date."""
    url = start(*["--inputs", state] * 10).url
    page.goto(url)
    expect(page.locator("#banner")).to_contain_text(message)
    expect(page.locator("#state")).to_have_text(sign)
    expect(page.locator("#state")).to_have_text("live, as of", timeout=15_000)
    expect(page.locator("#banner")).to_be_hidden()
