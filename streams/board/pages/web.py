"""The board's web pages: the wall, its event stream, the values as JSON and for Prometheus.

``Latest`` holds the newest snapshot; the pages only read from it. Each rendering of a snapshot is made at most once,
when first requested, in a thread.

    latest = Latest()
    async with serving(application(latest, METRICS.values(), version="1.0"), "127.0.0.1", 8080) as url:
        latest.show(snapshot)       # every few seconds, in the event loop's thread
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

from streams.board.pages.api import BadFilter, Selection, catalogue_json, health_json, records_json, select
from streams.board.pages.documents import html
from streams.board.pages.latest import Latest, NumberedSnapshot, Renderings
from streams.board.pages.responses import (
    Body,
    accepts_gzip,
    add_headers,
    etag_of,
    has_etag,
    json_response,
    response,
    stream_event,
)
from streams.board.pages.wall import breaches_json, wall_json
from streams.board.prometheus.exposition import CONTENT_TYPE, Exposition, MetricInfo, Values
from streams.board.snapshot import Snapshot
from streams.core.metrics.goals import NO_TARGETS, Targets

__all__ = ["WebLimits", "application", "serving"]

_STATIC: Final = Path(__file__).parents[1] / "static"
_TYPES: Final = {".html": "text/html", ".css": "text/css", ".js": "text/javascript", ".svg": "image/svg+xml"}


@dataclass(frozen=True, slots=True)
class WebLimits:
    """Bounds of the pages' cost."""

    #: Open event streams; one more gets status 503.
    streams: int = 64
    #: The interval of beats, by which a wall notices a dead connection.
    heartbeat_seconds: float = 5.0
    #: A stream that accepts no data for this long is dropped.
    slow_seconds: float = 10.0
    #: A snapshot older than this is stale, which ``/healthz`` and the wall show.
    stale_seconds: float = 30.0
    #: Of a request line and of a header.
    line_bytes: int = 8190
    #: Filtered responses kept for one snapshot.
    responses: int = 64


class _Pages:
    """The handlers of requests, and the state they share."""

    def __init__(
        self,
        latest: Latest,
        catalogue: Sequence[MetricInfo],
        exposition: Exposition,
        limits: WebLimits,
        currency: str,
        documents: Mapping[str, str],
        targets: Targets,
    ) -> None:
        self.latest, self.limits, self.targets = latest, limits, targets
        self.catalogue = {metric.id: metric for metric in catalogue}
        self.exposition = exposition
        self.renderings = Renderings(limits.responses)
        self.open_streams = 0
        #: Differs from start to start, so that ETags of an earlier process never match.
        self.boot = secrets.token_hex(4)
        self.catalogue_body = Body.of(catalogue_json(catalogue, currency))
        self.documents = {path: Body.of(html(text).encode()) for path, text in documents.items()}
        self.files = {path.name: Body.of(path.read_bytes()) for path in _STATIC.iterdir() if path.suffix in _TYPES}

    def missing(self) -> list[str]:
        """The reasons why this board has no current values; empty when it is ready."""
        newest, age = self.latest.newest, self.latest.age_seconds()
        if newest is None or age is None:
            return ["no snapshot yet"]
        missing = []
        if not newest.snapshot.health.ready:
            missing.append(f"panes not read to their end: {newest.snapshot.health.panes_lag} records left")
        if age > self.limits.stale_seconds:
            missing.append(f"the newest snapshot is {age:.0f} s old")
        return missing

    async def healthz(self, request: web.Request) -> web.Response:
        """Status 200 when the values are current, 503 with the reasons when they are not."""
        missing, newest = self.missing(), self.latest.newest
        state: dict[str, Any] = {
            "ready": not missing,
            "missing": missing,
            "snapshot_age_seconds": self.latest.age_seconds(),
        }
        if newest is not None:
            state |= {"as_of": newest.snapshot.as_of, "data": health_json(newest.snapshot.health)}
        return json_response(state, 503 if missing else 200)

    async def metrics(self, request: web.Request) -> web.Response:
        """The exposition for Prometheus."""
        newest = self.latest.newest
        snapshot = newest.snapshot if newest else None
        number = newest.number if newest else 0
        values: Values = await self.renderings.get(number, "exposition", lambda: self.exposition.values(snapshot))
        tail = self.exposition.pipeline(snapshot, series=values.series, clients=self.open_streams)
        gzipped = accepts_gzip(request)
        body = values.gzip_with(tail) if gzipped else values.text + tail
        headers = {"Content-Type": CONTENT_TYPE, "Vary": "Accept-Encoding", "Cache-Control": "no-store"}
        return web.Response(body=body, headers=headers | ({"Content-Encoding": "gzip"} if gzipped else {}))

    async def api_metrics(self, request: web.Request) -> web.StreamResponse:
        """The records that pass the query's filters; 400 for a filter that does not exist."""
        try:
            selection = Selection.of(list(request.query.items()), self.catalogue)
        except BadFilter as error:
            return json_response({"error": str(error)}, 400)
        return await self._json_of_newest(request, selection, lambda s: records_json(select(s.records, selection)))

    async def api_breaches(self, request: web.Request) -> web.StreamResponse:
        """The waits past their target and due soon; see ``breaches_json``."""
        return await self._json_of_newest(request, "breaches", lambda s: breaches_json(s, self.targets))

    async def _json_of_newest(
        self, request: web.Request, key: Hashable, render: Callable[[Snapshot], bytes]
    ) -> web.StreamResponse:
        """JSON rendered from the newest snapshot, once for all requests; 503 while there is none with values."""
        newest = self.latest.newest
        if newest is None or not newest.snapshot.health.ready:
            return json_response({"error": "not ready", "missing": self.missing()}, 503, {"Retry-After": "2"})
        etag = f'W/"{self.boot}-{newest.number}"'
        if has_etag(request, etag):
            return web.Response(status=304, headers={"ETag": etag, "Cache-Control": "no-cache"})
        body = await self.renderings.get(newest.number, key, lambda: Body.of(render(newest.snapshot)))
        return response(request, body, "application/json", etag)

    async def api_annotations(self, request: web.Request) -> web.Response:
        """The annotations by time."""
        newest = self.latest.newest
        return json_response([annotation.as_json() for annotation in newest.snapshot.annotations] if newest else [])

    async def api_catalogue(self, request: web.Request) -> web.StreamResponse:
        """The definitions of all metrics."""
        return response(request, self.catalogue_body, "application/json", etag_of(self.catalogue_body))

    async def page(self, request: web.Request) -> web.StreamResponse:
        """The wall, or one of its static files."""
        name = request.match_info.get("name", "index.html")
        body = self.files.get(name)
        if body is None:
            raise web.HTTPNotFound
        return response(request, body, _TYPES[Path(name).suffix], etag_of(body))

    async def document(self, request: web.Request) -> web.StreamResponse:
        """A document as HTML."""
        body = self.documents[request.path]
        return response(request, body, "text/html", etag_of(body))

    async def events(self, request: web.Request) -> web.StreamResponse:
        """Server-sent events: ``snapshot`` (the wall's data), ``waiting`` until there is one, ``beat``."""
        if self.open_streams >= self.limits.streams or self.latest.closed:
            return json_response({"error": "too many event streams"}, 503, {"Retry-After": "5"})
        self.open_streams += 1
        try:
            return await self._stream(request)
        finally:
            self.open_streams -= 1

    async def _stream(self, request: web.Request) -> web.StreamResponse:
        stream = web.StreamResponse(
            headers={
                "Content-Type": "text/event-stream",
                "Cache-Control": "no-store",
                "X-Accel-Buffering": "no",
            }
        )
        await stream.prepare(request)
        try:
            async for event in self._events():
                await asyncio.wait_for(stream.write(event), self.limits.slow_seconds)
        except TimeoutError:
            if request.transport is not None:
                request.transport.abort()
        except ConnectionError:
            pass  # the wall was closed
        return stream

    async def _events(self) -> AsyncIterator[bytes]:
        yield b"retry: 2000\n\n" + stream_event("beat", self._beat())
        number = 0
        while True:
            try:
                newest = await asyncio.wait_for(self.latest.after(number), self.limits.heartbeat_seconds)
            except TimeoutError:
                yield stream_event("beat", self._beat())
                continue
            if newest is None:
                return
            number = newest.number
            if newest.snapshot.health.ready:
                yield await self.renderings.get(number, "wall", partial(self._wall, newest))
            else:
                yield stream_event("waiting", health_json(newest.snapshot.health))
            yield stream_event("beat", self._beat())

    def _wall(self, newest: NumberedSnapshot) -> bytes:
        values = wall_json(newest.snapshot, self.catalogue, self.targets)
        return stream_event("snapshot", {"id": f"{self.boot}-{newest.number}"} | values)

    def _beat(self) -> dict[str, Any]:
        return {
            "age": self.latest.age_seconds(),
            "stale": self.limits.stale_seconds,
            "every": self.limits.heartbeat_seconds,
        }


def application(
    latest: Latest,
    catalogue: Sequence[MetricInfo],
    *,
    version: str,
    revision: str = "",
    currency: str = "",
    limits: WebLimits = WebLimits(),
    documents: Mapping[str, str] = MappingProxyType({}),
    targets: Targets = NO_TARGETS,
) -> web.Application:
    """The pages of ``latest``, with ``documents`` (Markdown by path) and the ``targets`` of the wall's verdicts.

    Shutting the application down closes ``latest``, and so every stream.
    """
    exposition = Exposition(catalogue, version=version, revision=revision)
    pages = _Pages(latest, list(catalogue), exposition, limits, currency, documents, targets)
    app = web.Application(
        client_max_size=0, handler_args={"max_line_size": limits.line_bytes, "max_field_size": limits.line_bytes}
    )
    app.router.add_get("/", pages.page)
    app.router.add_get("/static/{name}", pages.page)
    app.router.add_get("/metrics", pages.metrics)
    app.router.add_get("/healthz", pages.healthz)
    app.router.add_get("/events", pages.events, allow_head=False)
    app.router.add_get("/api/metrics", pages.api_metrics)
    app.router.add_get("/api/annotations", pages.api_annotations)
    app.router.add_get("/api/breaches", pages.api_breaches)
    app.router.add_get("/api/catalogue", pages.api_catalogue)
    for path in documents:
        app.router.add_get(path, pages.document)
    app.on_response_prepare.append(add_headers)
    app.on_shutdown.append(_close(latest))
    return app


@asynccontextmanager
async def serving(app: web.Application, host: str, port: int) -> AsyncIterator[str]:
    """The URL of ``app``, which is served while the block runs. Port 0 is any free one."""
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=2.0)
    await runner.setup()
    try:
        await web.TCPSite(runner, host, port).start()
        address, bound_port, *_ = runner.addresses[0]
        yield f"http://[{address}]:{bound_port}/" if ":" in address else f"http://{address}:{bound_port}/"
    finally:
        await runner.cleanup()


def _close(latest: Latest) -> Callable[[web.Application], Any]:
    async def close(app: web.Application) -> None:
        latest.close()

    return close
