"""The board's web pages: the wall, its event stream, the values as JSON and for Prometheus.

``Latest`` holds the newest snapshot; everything here reads from it and nothing writes anything. All of a
snapshot's renderings are made at most once, when first asked for, in a thread.

    screen = Screen()
    async with serving(application(screen, METRICS.values(), version="1.0"), "127.0.0.1", 8080) as url:
        screen.show(snapshot)       # every few seconds, in the event loop's thread
"""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import AsyncIterator, Callable, Hashable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final

from aiohttp import web

from streams.board.pages.api import BadFilter, Selection, catalogue_json, health_of, records_json, select
from streams.board.pages.documents import html
from streams.board.pages.latest import Latest, Renderings, Shown
from streams.board.pages.responses import Body, answer, etag_of, json_answer, knows, message, secure, takes_gzip
from streams.board.pages.wall import breaches_json, wall_json
from streams.board.prometheus.exposition import CONTENT_TYPE, Exposition, MetricInfo, Values
from streams.board.snapshot import Snapshot
from streams.core.metrics.judging import NO_TARGETS, Targets

__all__ = ["Latest", "Shown", "WebLimits", "application", "serving"]

_STATIC: Final = Path(__file__).parents[1] / "static"
_TYPES: Final = {".html": "text/html", ".css": "text/css", ".js": "text/javascript", ".svg": "image/svg+xml"}


@dataclass(frozen=True, slots=True)
class WebLimits:
    """What bounds the pages' cost. Seconds, where not said otherwise."""

    #: Open event streams; one more is answered 503.
    streams: int = 64
    #: A beat this often, so that a wall notices a dead connection.
    heartbeat: float = 5.0
    #: A stream that takes no data for this long is dropped.
    slow: float = 10.0
    #: A snapshot older than this is stale: ``/healthz`` and the wall say so.
    stale: float = 30.0
    #: Bytes of a request line and of a header.
    line: int = 8190
    #: Filtered answers kept for one snapshot.
    answers: int = 64


class _Board:
    """The handlers and what they share."""

    def __init__(
        self,
        screen: Latest,
        catalogue: Sequence[MetricInfo],
        exposition: Exposition,
        limits: WebLimits,
        currency: str,
        documents: Mapping[str, str],
        yardstick: Targets,
    ) -> None:
        self.screen, self.limits, self.yardstick = screen, limits, yardstick
        self.catalogue = {metric.id: metric for metric in catalogue}
        self.exposition = exposition
        self.renderings = Renderings(limits.answers)
        self.streams = 0
        self.boot = secrets.token_hex(4)
        self.catalogue_body = Body.of(catalogue_json(catalogue, currency))
        self.documents = {path: Body.of(html(text).encode()) for path, text in documents.items()}
        self.files = {path.name: Body.of(path.read_bytes()) for path in _STATIC.iterdir() if path.suffix in _TYPES}

    def missing(self) -> list[str]:
        """What stands between this board and right values; empty when it is ready."""
        newest, age = self.screen.newest, self.screen.age()
        if newest is None or age is None:
            return ["no snapshot yet"]
        missing = []
        if not newest.snapshot.health.ready:
            missing.append(f"panes not read to their end: {newest.snapshot.health.lag} records left")
        if age > self.limits.stale:
            missing.append(f"the newest snapshot is {age:.0f} s old")
        return missing

    async def healthz(self, request: web.Request) -> web.Response:
        missing, newest = self.missing(), self.screen.newest
        state: dict[str, Any] = {
            "ready": not missing,
            "missing": missing,
            "snapshot_age_seconds": self.screen.age(),
        }
        if newest is not None:
            state |= {"as_of": newest.snapshot.as_of, "data": health_of(newest.snapshot.health)}
        return json_answer(state, 503 if missing else 200)

    async def metrics(self, request: web.Request) -> web.Response:
        newest = self.screen.newest
        snapshot = newest.snapshot if newest else None
        number = newest.number if newest else 0
        values: Values = await self.renderings.get(number, "exposition", lambda: self.exposition.values(snapshot))
        tail = self.exposition.pipeline(snapshot, series=values.series, clients=self.streams)
        packed = takes_gzip(request)
        body = values.gzip_with(tail) if packed else values.text + tail
        headers = {"Content-Type": CONTENT_TYPE, "Vary": "Accept-Encoding", "Cache-Control": "no-store"}
        return web.Response(body=body, headers=headers | ({"Content-Encoding": "gzip"} if packed else {}))

    async def api_metrics(self, request: web.Request) -> web.StreamResponse:
        try:
            selection = Selection.of(list(request.query.items()), self.catalogue)
        except BadFilter as problem:
            return json_answer({"error": str(problem)}, 400)
        return await self._of_snapshot(request, selection, lambda s: records_json(select(s.records, selection)))

    async def api_breaches(self, request: web.Request) -> web.StreamResponse:
        """The waits past their target and due soon, as ``wall.breaches_json`` has them."""
        return await self._of_snapshot(request, "breaches", lambda s: breaches_json(s, self.yardstick))

    async def _of_snapshot(
        self, request: web.Request, key: Hashable, render: Callable[[Snapshot], bytes]
    ) -> web.StreamResponse:
        """JSON made of the newest snapshot, once for all who ask; 503 while there is none with values."""
        newest = self.screen.newest
        if newest is None or not newest.snapshot.health.ready:
            return json_answer({"error": "not ready", "missing": self.missing()}, 503, {"Retry-After": "2"})
        etag = f'W/"{self.boot}-{newest.number}"'
        if knows(request, etag):
            return web.Response(status=304, headers={"ETag": etag, "Cache-Control": "no-cache"})
        body = await self.renderings.get(newest.number, key, lambda: Body.of(render(newest.snapshot)))
        return answer(request, body, "application/json", etag)

    async def api_annotations(self, request: web.Request) -> web.Response:
        newest = self.screen.newest
        return json_answer([annotation.as_json() for annotation in newest.snapshot.annotations] if newest else [])

    async def api_catalogue(self, request: web.Request) -> web.StreamResponse:
        return answer(request, self.catalogue_body, "application/json", etag_of(self.catalogue_body))

    async def page(self, request: web.Request) -> web.StreamResponse:
        name = request.match_info.get("name", "index.html")
        body = self.files.get(name)
        if body is None:
            raise web.HTTPNotFound
        return answer(request, body, _TYPES[Path(name).suffix], etag_of(body))

    async def document(self, request: web.Request) -> web.StreamResponse:
        body = self.documents[request.path]
        return answer(request, body, "text/html", etag_of(body))

    async def events(self, request: web.Request) -> web.StreamResponse:
        """Server-sent events: ``snapshot`` (the wall's data), ``waiting`` before there is any, ``beat``."""
        if self.streams >= self.limits.streams or self.screen.closed:
            return json_answer({"error": "too many event streams"}, 503, {"Retry-After": "5"})
        self.streams += 1
        try:
            return await self._stream(request)
        finally:
            self.streams -= 1

    async def _stream(self, request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse(
            headers={
                "Content-Type": "text/event-stream",
                "Cache-Control": "no-store",
                "X-Accel-Buffering": "no",
            }
        )
        await response.prepare(request)
        try:
            async for message in self._messages():
                await asyncio.wait_for(response.write(message), self.limits.slow)
        except TimeoutError:
            if request.transport is not None:
                request.transport.abort()
        except ConnectionError:
            pass  # gone, as walls go
        return response

    async def _messages(self) -> AsyncIterator[bytes]:
        yield b"retry: 2000\n\n" + message("beat", self._beat())
        number = 0
        while True:
            try:
                shown = await asyncio.wait_for(self.screen.after(number), self.limits.heartbeat)
            except TimeoutError:
                yield message("beat", self._beat())
                continue
            if shown is None:
                return
            number = shown.number
            if shown.snapshot.health.ready:
                yield await self.renderings.get(number, "wall", partial(self._wall, shown))
            else:
                yield message("waiting", health_of(shown.snapshot.health))
            yield message("beat", self._beat())

    def _wall(self, shown: Shown) -> bytes:
        values = wall_json(shown.snapshot, self.catalogue, self.yardstick)
        return message("snapshot", {"id": f"{self.boot}-{shown.number}"} | values)

    def _beat(self) -> dict[str, Any]:
        return {"age": self.screen.age(), "stale": self.limits.stale, "every": self.limits.heartbeat}


def application(
    screen: Latest,
    catalogue: Sequence[MetricInfo],
    *,
    version: str,
    revision: str = "",
    currency: str = "",
    limits: WebLimits = WebLimits(),
    documents: Mapping[str, str] = MappingProxyType({}),
    yardstick: Targets = NO_TARGETS,
) -> web.Application:
    """The pages over ``screen``, and ``documents``: Markdown by path; ``yardstick`` is what the wall judges by.

    Shutting the application down closes the screen, and so every stream.
    """
    exposition = Exposition(catalogue, version=version, revision=revision)
    board = _Board(screen, list(catalogue), exposition, limits, currency, documents, yardstick)
    app = web.Application(client_max_size=0, handler_args={"max_line_size": limits.line, "max_field_size": limits.line})
    app.router.add_get("/", board.page)
    app.router.add_get("/static/{name}", board.page)
    app.router.add_get("/metrics", board.metrics)
    app.router.add_get("/healthz", board.healthz)
    app.router.add_get("/events", board.events, allow_head=False)
    app.router.add_get("/api/metrics", board.api_metrics)
    app.router.add_get("/api/annotations", board.api_annotations)
    app.router.add_get("/api/breaches", board.api_breaches)
    app.router.add_get("/api/catalogue", board.api_catalogue)
    for path in documents:
        app.router.add_get(path, board.document)
    app.on_response_prepare.append(secure)
    app.on_shutdown.append(_close(screen))
    return app


@asynccontextmanager
async def serving(app: web.Application, host: str, port: int) -> AsyncIterator[str]:
    """Serves ``app`` while the block runs; gives its address. Port 0 takes any free one."""
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=2.0)
    await runner.setup()
    try:
        await web.TCPSite(runner, host, port).start()
        bound = runner.addresses[0]
        shown_host = f"[{bound[0]}]" if ":" in bound[0] else bound[0]
        yield f"http://{shown_host}:{bound[1]}/"
    finally:
        await runner.cleanup()


def _close(screen: Latest) -> Callable[[web.Application], Any]:
    async def close(app: web.Application) -> None:
        screen.close()

    return close
