"""The wall in a real browser over a synthetic desk: what it shows is what the board says, and keys work."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from typing import Any

from chromium import answered, ask, expect, exposed, money, written


def tile(page: Any, metric: str) -> Any:
    return page.locator(f'[data-tile="{metric}"]')


def value(page: Any, metric: str) -> Any:
    return tile(page, metric).locator(".tile-value")


def chosen(page: Any) -> Any:
    return page.locator('#windows [aria-checked="true"]')


def test_every_number_is_that_of_metrics_and_of_the_api(page: Any, start: Callable[..., Any]) -> None:
    """One snapshot only, so that all three speak of the same."""
    url = start("--stop-after", "1", "--stale", "600").url
    page.goto(f"{url}/#window=30d&dimension=channel")
    expect(page.locator("#table-body th").first).to_have_text("email")
    records, series = answered(url), exposed(url)
    for key, name in (("3", "24h"), ("5", "30d"), ("9", "week")):
        page.keyboard.press(key)
        metrics = page.locator("[data-tile]").evaluate_all("all => all.map(tile => tile.dataset.tile)")
        assert len(metrics) >= 15
        for metric in metrics:
            window = name if (metric, name, "all", "all") in records else "now"
            record = records[metric, window, "all", "all"]
            assert series.get((metric, window, "all", "all")) == record["value"]
            expect(value(page, metric)).to_have_text(written(record))
        cost, benefit = (records[metric, name, "all", "all"]["value"] for metric in ("service_cost", "benefit_total"))
        shown = page.locator("#balance .amount").all_inner_texts()
        if benefit < 100_000_000:  # more is written in millions
            assert shown == [money(benefit), money(cost), money(benefit - cost)]


def test_samples_intervals_targets_trends_and_what_was_before(page: Any, live: str) -> None:
    page.goto(f"{live}/#window=7d")
    csat = tile(page, "csat_ratio")
    expect(csat.locator(".tile-sub")).to_have_text(re.compile(r"^\d+\.\d% to \d+\.\d% · n\s=\s[\d,]+$"))
    expect(csat.locator(".verdict")).to_have_text(re.compile(r"^✓ target 78\.0% \(benchmark\)$"))
    expect(csat.locator("svg")).to_have_attribute("aria-label", re.compile(r"^Trend by day since 2026-02-14: "))
    page.keyboard.press("2")
    expect(csat.locator(".verdict")).to_have_text("≈ target 78.0% (benchmark): too few answers to tell")
    page.keyboard.press("4")
    net = tile(page, "roi_net_ratio")
    expect(net.locator(".before")).to_have_text("▲ 2.40× before")
    expect(page.locator("#balance-before")).to_contain_text("The period before: benefit €")
    page.keyboard.press("ArrowRight")
    expect(net.locator(".before")).to_have_text("▲ 0.40× before")
    fcr = tile(page, "fcr_one_session_ratio").locator(".verdict")
    expect(fcr).to_have_text("✕ misses target 90.0% (solve more at once)")


def test_breaches_warnings_goals_and_freshness(page: Any, live: str) -> None:
    page.goto(f"{live}/#window=7d")
    rows = page.locator("#breach-body tr")
    expect(rows).to_have_count(3)
    data = json.loads(ask(live + "/api/breaches"))
    for row, target in zip(rows.all(), data["targets"], strict=True):
        expect(row.locator("th")).to_have_text(target["target"])
        late, soon = target["open_breached"], target["due_soon"]
        expect(row.locator("td").nth(0)).to_have_text(f"✕ {late}" if late else "0")
        expect(row.locator("td").nth(1)).to_have_text(f"◷ {soon}" if soon else "0")
    recent = page.locator("#recent li")
    expect(recent).to_have_count(3)
    expect(recent.first).to_have_text(re.compile(r"· first reply · T-1 \(chat, urgent\)$"))
    expect(page.locator("#late")).to_have_text("✕ 6 past target")
    warnings = page.locator("#warning-rows li")
    expect(warnings.nth(0)).to_have_text(
        "✕ Surge of contactsissue type delivery: 4.3 times the usual, 34 in the last hour"
    )
    expect(warnings.nth(1)).to_have_text(
        "✕ Customers at risk6 waits past a target; 1,200 unsatisfied at the last answer"
    )
    expect(warnings.nth(2)).to_have_text("1 cannot be judged yet: ROI below that of the 30 days before")
    expect(page.locator("#goal-rows li")).to_have_text("✕ solve more at once62% of the way, off pace · last 30 days")
    expect(page.locator("#topics div").first).to_have_text("ticketsunder 1 min ago")
    expect(page.locator("#dead")).to_have_text("✕ 3 dead letters: 3 schema")


def test_the_window_is_switched_by_keys_and_by_the_mouse(page: Any, live: str) -> None:
    page.goto(f"{live}/#window=7d")
    expect(value(page, "roi_net_ratio")).to_have_text("3.00×300%")
    expect(page.locator("#sentence")).to_contain_text("€3.00")
    page.keyboard.press("ArrowRight")
    expect(chosen(page)).to_have_text("30 d")
    expect(value(page, "roi_net_ratio")).to_have_text("0.50×50%")
    expect(page.locator("#live")).to_have_text("last 30 days: ROI net 0.50×")
    page.keyboard.press("1")
    expect(chosen(page)).to_have_text("5 min")
    expect(value(page, "roi_net_ratio")).to_have_text("–")
    expect(tile(page, "roi_net_ratio")).to_have_attribute("title", re.compile("Undefined"))
    assert "window=5m" in page.url
    page.get_by_role("radio", name="quarter").click()
    expect(page.locator("#service .period").first).to_have_text("this quarter so far")
    page.reload()
    expect(chosen(page)).to_have_text("quarter")


def test_the_switch_is_one_tab_stop_with_arrows(page: Any, live: str) -> None:
    page.goto(f"{live}/#window=24h")
    expect(chosen(page)).to_have_text("24 h")
    page.keyboard.press("Tab")
    page.keyboard.press("Tab")
    expect(chosen(page)).to_be_focused()
    page.keyboard.press("ArrowRight")
    expect(chosen(page)).to_have_text("7 d")
    expect(chosen(page)).to_be_focused()


def test_help_opens_on_its_key_and_gives_the_keyboard_back(page: Any, live: str) -> None:
    page.goto(f"{live}/#window=24h")
    expect(chosen(page)).to_have_text("24 h")
    page.keyboard.press("?")
    expect(page.get_by_role("dialog", name="Keys and signs")).to_be_visible()
    page.keyboard.press("1")
    expect(chosen(page)).to_have_text("24 h")  # the dialog's, not the wall's
    page.keyboard.press("Escape")
    expect(page.get_by_role("dialog")).to_have_count(0)
    page.keyboard.press("1")
    expect(chosen(page)).to_have_text("5 min")


def test_the_table_shows_members_as_text_only(page: Any, live: str) -> None:
    page.goto(f"{live}/#window=7d&dimension=issue_type")
    expect(page.locator("#table-body th").first).to_have_text("delivery")
    expect(page.locator("#table-body")).to_contain_text("<img src=x onerror=")
    assert page.locator("#table-body img").count() == 0
    assert page.title() == "Customer service ROI"
    page.keyboard.press("d")
    expect(page.locator("#detail-name")).to_have_text("priority")
    expect(page.locator("#table-body th").first).to_have_text("normal")


def test_metrics_a_board_does_not_have_are_left_out(page: Any, start: Callable[..., Any]) -> None:
    url = start("--without", "fcr_one_session_ratio", "--without", "value_at_risk").url
    page.goto(f"{url}/#window=7d")
    expect(page.locator("#table-body th").first).to_have_text("email")
    expect(page.locator("#table-head")).not_to_contain_text("First contact")
    expect(tile(page, "value_at_risk")).to_be_hidden()
