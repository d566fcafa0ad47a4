"""The pages behind the dashboards' links: every anchor is there, and no text is taken for markup."""

from __future__ import annotations

import re

import pytest
from aiohttp.test_utils import TestClient, TestServer

from streams.board.pages.documents import anchor, documents, html
from streams.board.pages.latest import Latest
from streams.board.pages.web import application
from streams.core.metrics.families import METRICS


def test_headings_and_rows_have_the_anchors_of_the_repository() -> None:
    text = "First <b>line</b>\n**second**\n\n- one &\n- two"
    table = '| a | b |\n| --- | --- |\n| <a id="x"></a>`x@1` | 1 \\| 2 |'
    page = html(f"# All, of it\n\n{text}\n\n{table}\n")
    assert '<h1 id="all-of-it">All, of it</h1>' in page
    assert "<p>First &lt;b&gt;line&lt;/b&gt;\n<b>second</b></p>" in page
    assert "<pre>- one &amp;\n- two</pre>" in page
    assert "<tr><td>a</td><td>b</td></tr>" in page
    assert '<tr id="x"><td><code>x@1</code></td><td>1 | 2</td></tr>' in page
    assert "---" not in page


def test_an_anchor_is_what_repositories_make_of_a_heading() -> None:
    assert anchor("SlaBreachRate: what now?") == "slabreachrate-what-now"


@pytest.mark.asyncio
async def test_the_board_serves_every_definition() -> None:
    async with TestClient(TestServer(application(Latest(), [], version="1", documents=documents()))) as client:
        answer = await client.get("/docs/metrics.md")
        assert answer.content_type == "text/html"
        page = await answer.text()
        assert set(METRICS) <= set(re.findall(r'<tr id="(\w+)">', page))
        assert 'id="pipeline"' in page
        assert (await client.get("/static/document.css")).status == 200
        assert (await client.get("/docs/other.md")).status == 404
