"""Phone to TV, dark and light: nothing runs out of the screen, every text can be read, and signs go with colours."""

from __future__ import annotations

from typing import Any

import pytest
from chromium import expect

#: Every text that is drawn: its own colour on the nearest ground below it, and its size. Hidden ones say nothing.
TEXTS = """() => {
  const opaque = (colour) => !/^rgba\\(.*, 0\\)$/.test(colour) && colour !== "transparent";
  const ground = (element) => {
    for (let e = element; e; e = e.parentElement) {
      const colour = getComputedStyle(e).backgroundColor;
      if (opaque(colour)) return colour;
    }
    return "rgb(255, 255, 255)";
  };
  const found = [], walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (walker.nextNode()) {
    const element = walker.currentNode.parentElement, text = walker.currentNode.textContent.trim();
    if (!text || !element.checkVisibility() || element.closest(".unseen")) continue;
    const style = getComputedStyle(element);
    found.push([text, style.color, ground(element), parseFloat(style.fontSize), Number(style.fontWeight)]);
  }
  return found;
}"""


@pytest.mark.parametrize("width", [360, 768, 1280, 1920, 3840])
def test_nothing_runs_out_of_the_screen_and_both_themes_have_contrast(page: Any, live: str, width: int) -> None:
    page.set_viewport_size({"width": width, "height": 2160 if width > 2000 else 1080})
    page.goto(f"{live}/#window=7d")
    expect(page.locator("#table-body th").first).to_have_text("email")
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    spilt = "e => [...e.querySelectorAll('.card')].filter(c => c.scrollWidth > c.clientWidth + 1).map(c => c.id)"
    assert page.locator("main").evaluate(spilt) == []
    seen = set()
    for _ in range(2):
        seen.add(page.locator("html").get_attribute("data-theme"))
        texts = page.evaluate(TEXTS)
        assert len(texts) > 100
        for text, colour, ground, size, weight in texts:
            large = size >= 24 or (size >= 18.66 and weight >= 700)
            assert contrast(colour, ground) >= (3.0 if large else 4.5), (text, colour, ground)
        page.keyboard.press("t")
    assert seen == {"dark", "light"}


@pytest.mark.parametrize("preferred", ["dark", "light"])
def test_the_theme_follows_the_system_until_one_is_chosen(page: Any, live: str, preferred: str) -> None:
    page.emulate_media(color_scheme=preferred)
    page.goto(f"{live}/#window=7d")
    page.evaluate("localStorage.clear()")
    page.reload()
    expect(page.locator("html")).to_have_attribute("data-theme", preferred)
    other = {"dark": "light", "light": "dark"}[preferred]
    page.locator("#theme").click()
    expect(page.locator("html")).to_have_attribute("data-theme", other)
    page.reload()
    expect(page.locator("html")).to_have_attribute("data-theme", other)


def test_what_is_coloured_as_a_verdict_also_has_a_sign(page: Any, live: str) -> None:
    page.goto(f"{live}/#window=30d")
    expect(page.locator("#breach-body tr")).to_have_count(3)
    marks = page.locator("main [data-verdict]:is(.mark, .verdict, td):not([data-verdict=none])").all_inner_texts()
    assert len(marks) >= 8
    assert all(text[0] in "✓≈✕◷" for text in marks), marks


def test_landmarks_names_and_live_regions(page: Any, live: str) -> None:
    page.goto(f"{live}/#window=7d")
    expect(page.locator("#breach-body tr")).to_have_count(3)
    for name in ("Return on investment", "Service", "Satisfaction", "Right now", "Goals", "Warnings", "Newest events"):
        expect(page.get_by_role("region", name=name)).to_have_count(1)
    expect(page.get_by_role("radiogroup", name="Window").get_by_role("radio")).to_have_count(12)
    expect(page.get_by_role("img", name="Trend by day").first).to_be_visible()
    assert page.locator("[aria-live]").count() == 2  # the banner, and one line for what was chosen
    assert page.locator("main [aria-live]").count() == 0  # numbers that change every few seconds stay silent


def contrast(one: str, other: str) -> float:
    """WCAG's ratio of two colours as the browser computes them, rgb(r, g, b)."""

    def luminance(colour: str) -> float:
        parts = [int(part) / 255 for part in colour.removeprefix("rgb(").rstrip(")").split(",")]
        linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in parts]
        return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]

    high, low = sorted((luminance(one), luminance(other)), reverse=True)
    return (high + 0.05) / (low + 0.05)
