"""The board's pages, with aiohttp's own client."""

from __future__ import annotations

import asyncio
import gzip
import json
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec
import pytest
from aiohttp import ClientResponse
from aiohttp.test_utils import TestClient, TestServer

import streams.board
from streams.board.pages.latest import Latest
from streams.board.pages.web import WebLimits, application, serving
from streams.board.snapshot import Health, Snapshot
from streams.core.metrics.records import MetricRecord

pytestmark = pytest.mark.asyncio


@dataclass(frozen=True)
class Info:
    id: str
    kind: str = "count"
    unit: str = "count"
    version: int = 1
    help: str = "What it is."
    formula: str = "a/b"
    source: str = "definitions"


CATALOGUE = [
    Info("tickets_created"),
    Info("roi_net_ratio", "ratio", "ratio"),
    Info("benefit", "money", "EUR_minor"),
]
STATIC = Path(streams.board.__file__).parent / "static"
QUICK = WebLimits(heartbeat_seconds=0.05, streams=2, slow_seconds=0.2)


def record(metric: str = "tickets_created", value: Any = 1, **changed: Any) -> MetricRecord:
    fields = {
        "window": "7d", "period_start": None, "dimension": "all", "member": "all", "count": 3, "low": None,
        "high": None, "unit": "count", "as_of": "2026-03-03T00:00:00Z", "final": False,
        "definition": f"{metric}@1",
    } | changed  # fmt: skip
    return MetricRecord(metric=metric, value=value, **fields)


RECORDS = [
    record(),
    record(window="24h", value=2),
    record(dimension="channel", member="é|mail & co"),
    record("roi_net_ratio", None),
    record("benefit", 100, dimension="class", member="renewal", unit="EUR_minor"),
]


def snapshot(*, ready: bool = True, as_of: int = 1_000) -> Snapshot:
    return Snapshot(as_of, RECORDS if ready else [], Health(ready=ready, panes_lag=0 if ready else 12))


class Clock:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


@asynccontextmanager
async def board(latest: Latest, limits: WebLimits = QUICK) -> AsyncIterator[Any]:
    async with TestClient(TestServer(application(latest, CATALOGUE, version="1", limits=limits))) as client:
        yield client


async def test_healthz_says_what_is_missing() -> None:
    clock = Clock()
    latest = Latest(clock)
    async with board(latest) as client:
        answer = await client.get("/healthz")
        assert answer.status == 503
        assert (await answer.json())["missing"] == ["no snapshot yet"]
        latest.show(snapshot(ready=False))
        answer = await client.get("/healthz")
        assert answer.status == 503
        assert "12 records left" in (await answer.json())["missing"][0]
        latest.show(snapshot())
        answer = await client.get("/healthz")
        assert answer.status == 200
        assert (await answer.json())["ready"] is True
        clock.now += 31
        answer = await client.get("/healthz")
        assert answer.status == 503
        assert "31 s old" in (await answer.json())["missing"][0]


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("", [0, 1, 2, 3, 4]),
        ("?metric=tickets_created", [0, 1, 2]),
        ("?metric=tickets_created&window=24h", [1]),
        ("?window=24h&window=7d&dimension=all", [0, 1, 3]),
        ("?member=%C3%A9%7Cmail+%26+co", [2]),
        ("?member=nobody", []),
    ],
)
async def test_the_api_gives_the_records_as_the_contract_has_them(query: str, expected: list[int]) -> None:
    latest = Latest()
    latest.show(snapshot())
    async with board(latest) as client:
        answer = await client.get("/api/metrics" + query)
        assert answer.status == 200
        assert await answer.json() == [msgspec.to_builtins(RECORDS[i]) for i in expected]


@pytest.mark.parametrize(
    ("query", "text"),
    [
        ("?metrics=x", "unknown filter 'metrics'"),
        ("?metric=ticket_created", "did you mean 'tickets_created'"),
        ("?" + "member=a&" * 65, "at most 64"),
    ],
)
async def test_a_wrong_question_is_named(query: str, text: str) -> None:
    latest = Latest()
    latest.show(snapshot())
    async with board(latest) as client:
        answer = await client.get("/api/metrics" + query)
        assert answer.status == 400
        assert text in (await answer.json())["error"]


async def test_the_etag_changes_with_the_snapshot_only() -> None:
    latest = Latest()
    latest.show(snapshot())
    async with board(latest) as client:
        etag = (await client.get("/api/metrics")).headers["ETag"]
        assert (await client.get("/api/metrics", headers={"If-None-Match": etag})).status == 304
        latest.show(snapshot())
        again = await client.get("/api/metrics", headers={"If-None-Match": etag})
        assert again.status == 200
        assert again.headers["ETag"] != etag


async def test_breaches_are_json_of_the_snapshot_with_its_etag() -> None:
    latest = Latest()
    late = record("sla_open_breached", 2, window="now", dimension="target", member="reply")
    latest.show(Snapshot(7, [late], Health(ready=True)))
    async with board(latest) as client:
        answer = await client.get("/api/breaches")
        assert await answer.json() == {
            "as_of": 7,
            "open_breached": 2,
            "due_soon": 0,
            "targets": [{"target": "reply", "open_breached": 2, "due_soon": 0, "attained": {}}],
            "recent": [],
        }
        again = await client.get("/api/breaches", headers={"If-None-Match": answer.headers["ETag"]})
        assert again.status == 304


async def test_not_ready_gives_no_values_anywhere() -> None:
    latest = Latest()
    latest.show(snapshot(ready=False))
    async with board(latest) as client:
        assert (await client.get("/api/metrics")).status == 503
        assert (await client.get("/api/breaches")).status == 503
        text = await (await client.get("/metrics")).text()
        assert "support_roi_board_ready 0.0" in text
        assert "support_tickets_created" not in text


async def test_metrics_plain_and_packed_are_the_same() -> None:
    latest = Latest()
    latest.show(snapshot())
    async with board(latest) as client:
        client.session._auto_decompress = False
        plain = await client.get("/metrics", headers={"Accept-Encoding": "identity"})
        packed = await client.get("/metrics", headers={"Accept-Encoding": "gzip"})
        refused = await client.get("/metrics", headers={"Accept-Encoding": "gzip;q=0"})
        assert packed.headers["Content-Encoding"] == "gzip"
        assert "Content-Encoding" not in refused.headers
        assert plain.headers["Content-Type"] == "text/plain; version=0.0.4; charset=utf-8"
        assert _values(gzip.decompress(await packed.read())) == _values(await plain.read())
        assert 'support_tickets_created{window="24h",dimension="all",member="all"} 2\n' in await refused.text()


def _values(text: bytes) -> list[bytes]:
    return [line for line in text.splitlines() if not line.startswith((b"process_", b"# "))]


async def test_a_snapshot_is_rendered_once(monkeypatch: pytest.MonkeyPatch) -> None:
    latest = Latest()
    calls: list[int] = []

    def records_json(records: Any) -> bytes:
        calls.append(1)
        return b"[]"

    latest.show(snapshot())
    monkeypatch.setattr("streams.board.pages.web.records_json", records_json)
    async with board(latest) as client:
        await asyncio.gather(*(client.get("/api/metrics") for _ in range(5)))
        assert len(calls) == 1
        latest.show(snapshot())
        await client.get("/api/metrics")
        assert len(calls) == 2


async def test_pages_catalogue_and_headers() -> None:
    async with board(Latest()) as client:
        page = await client.get("/")
        policy = page.headers["Content-Security-Policy"]
        assert "default-src 'none'" in policy
        assert "unsafe" not in policy
        assert "http" not in policy
        assert page.headers["X-Content-Type-Options"] == "nosniff"
        assert "Server" not in page.headers
        html = await page.text()
        assert not re.search(r"<script(?![^>]*\bsrc=)|\sstyle=|\son\w+=|https?://", html)
        for name in re.findall(r'(?:src|href)="(/static/[^"]+)"', html):
            answer = await client.get(name)
            assert answer.status == 200
            assert answer.headers["ETag"]
        modules = ["/static/wall.js"]
        for name in modules:  # grows while it is read
            source = await (await client.get(name)).text()
            imported = {f"/static/{name}" for name in re.findall(r'from "\./(\w+\.js)"', source)}
            modules.extend(sorted(imported - set(modules)))
        assert set(modules) == {f"/static/{path.name}" for path in STATIC.glob("*.js")}
        catalogue = await (await client.get("/api/catalogue")).json()
        assert [metric["id"] for metric in catalogue] == [metric.id for metric in CATALOGUE]
        missing = await client.get("/static/..%2fweb.py")
        assert missing.status == 404
        assert missing.headers["X-Content-Type-Options"] == "nosniff"
        assert (await client.post("/api/metrics", data=b"x")).status == 405
        assert (await client.get("/metrics?" + "x" * 9000)).status == 400


async def next_event(answer: ClientResponse) -> tuple[str, Any]:
    name = ""
    while line := (await asyncio.wait_for(answer.content.readline(), 5)).decode().rstrip("\n"):
        if line.startswith("event: "):
            name = line[7:]
        elif line.startswith("data: "):
            return name, json.loads(line[6:])
    return await next_event(answer)


async def next_named(answer: ClientResponse, wanted: str) -> Any:
    while True:
        name, value = await next_event(answer)
        if name == wanted:
            return value


async def test_the_stream_waits_shows_and_beats() -> None:
    latest = Latest()
    async with board(latest) as client, client.get("/events") as answer:
        assert answer.headers["Content-Type"] == "text/event-stream"
        assert (await next_named(answer, "beat"))["age"] is None
        latest.show(snapshot(ready=False))
        assert (await next_named(answer, "waiting"))["lag_records"] == 12
        latest.show(snapshot(as_of=2_000))
        data = await next_named(answer, "snapshot")
        assert data["as_of"] == 2_000
        assert data["values"] == {
            "7d": {"tickets_created": [1, 3, None, None], "roi_net_ratio": [None, 3, None, None]},
            "24h": {"tickets_created": [2, 3, None, None]},
        }
        assert data["groups"] == {"7d": {"benefit": [["renewal", 100, 3, None, None]]}}
        assert data["metrics"]["benefit"]["unit"] == "EUR_minor"
        assert (await next_named(answer, "beat"))["age"] is not None


async def test_streams_are_bounded_and_freed() -> None:
    latest = Latest()
    async with board(latest) as client:
        async with client.get("/events"), client.get("/events"):
            refused = await client.get("/events")
            assert refused.status == 503
            assert "Retry-After" in refused.headers
        for _ in range(100):
            if (answer := await client.get("/events")).status == 200:
                answer.close()
                return
            await asyncio.sleep(0.05)
        pytest.fail("closed streams are still counted")


async def test_a_client_that_takes_nothing_is_dropped() -> None:
    latest = Latest()
    limits = WebLimits(heartbeat_seconds=0.05, slow_seconds=0.2, streams=1)
    async with serving(application(latest, CATALOGUE, version="1", limits=limits), "127.0.0.1", 0) as url:
        port = int(url.rsplit(":", 1)[1].rstrip("/"))
        _, writer = await asyncio.open_connection("127.0.0.1", port, limit=1024)
        writer.write(b"GET /events HTTP/1.1\r\nHost: x\r\n\r\n")
        await asyncio.sleep(0.1)
        many = [record("benefit", i, dimension="class", member="m" * 200 + str(i)) for i in range(30_000)]
        for as_of in range(8):  # far more than any socket buffer
            latest.show(Snapshot(as_of, many, Health(ready=True)))
            await asyncio.sleep(0.3)
        reader2, writer2 = await asyncio.open_connection("127.0.0.1", port)
        writer2.write(b"GET /events HTTP/1.1\r\nHost: x\r\n\r\n")
        assert b" 200 " in await asyncio.wait_for(reader2.readline(), 5)  # the only place is free again
        for each in (writer, writer2):
            each.transport.abort()


async def test_shutting_down_ends_open_streams_quickly() -> None:
    latest = Latest()
    client: Any = TestClient(TestServer(application(latest, CATALOGUE, version="1")))
    await client.start_server()
    answer = await client.get("/events")
    begun = asyncio.get_running_loop().time()
    await client.server.close()
    assert asyncio.get_running_loop().time() - begun < 2
    await asyncio.wait_for(answer.content.read(), 2)
    await client.close()


async def test_a_slow_waiter_misses_snapshots_and_gets_the_newest() -> None:
    latest = Latest()
    for as_of in range(5):
        latest.show(snapshot(as_of=as_of))
    newest = await latest.after(0)
    assert newest is not None
    assert newest.number == 5
    assert newest.snapshot.as_of == 4
    waiting = asyncio.create_task(latest.after(5))
    await asyncio.sleep(0)
    latest.close()
    assert await waiting is None
