"""The board's web pages: the wall, its event stream, the values as JSON and for Prometheus.

``Screen`` holds the newest snapshot; everything here reads from it and nothing writes anything. All of a
snapshot's renderings are made at most once, when first asked for, in a thread.

    screen = Screen()
    async with serving(application(screen, METRICS.values(), version="1.0"), "127.0.0.1", 8080) as url:
        screen.show(snapshot)       # every few seconds, in the event loop's thread
"""

from __future__ import annotations

import asyncio
import gzip
import hashlib
import secrets
import time
from collections.abc import AsyncIterator, Callable, Hashable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final, TypeVar

import msgspec
from aiohttp import web

from streams.board.documents import html
from streams.board.prometheus import CONTENT_TYPE, Exposition, MetricInfo, Values
from streams.board.snapshot import Snapshot
from streams.board.text import (
    BadFilter,
    Selection,
    catalogue_json,
    health_of,
    records_json,
    select,
    wall_json,
)

__all__ = ["Screen", "Shown", "WebLimits", "application", "serving"]

T = TypeVar("T")

_HEADERS: Final = {
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; "
    "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
}
_STATIC: Final = Path(__file__).parent / "static"
_TYPES: Final = {".html": "text/html", ".css": "text/css", ".js": "text/javascript", ".svg": "image/svg+xml"}


@dataclass(frozen=True, slots=True)
class Shown:
    """A snapshot and when it was shown (monotonic seconds); numbers count up from 1."""

    number: int
    at: float
    snapshot: Snapshot


class Screen:
    """The newest snapshot and everyone who waits for the next. No queues: who is slow misses some."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._next = asyncio.Event()
        self.newest: Shown | None = None
        self.closed = False

    def show(self, snapshot: Snapshot) -> None:
        """Replaces what is shown and wakes the waiting. Only in the event loop's thread."""
        number = self.newest.number + 1 if self.newest else 1
        self.newest = Shown(number, self._clock(), snapshot)
        self._wake()

    def close(self) -> None:
        """Nothing will be shown any more: everyone who waits gets None."""
        self.closed = True
        self._wake()

    def age(self) -> float | None:
        """Seconds since the newest snapshot was shown."""
        return None if self.newest is None else self._clock() - self.newest.at

    async def after(self, number: int) -> Shown | None:
        """The newest snapshot once its number is above ``number``; None once closed."""
        while not self.closed:
            if self.newest is not None and self.newest.number > number:
                return self.newest
            await self._next.wait()
        return None

    def _wake(self) -> None:
        woken, self._next = self._next, asyncio.Event()
        woken.set()


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


class _Renderings:
    """What has been made of one snapshot. Who asks while it is being made waits for the same one."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._number = 0
        self._made: dict[Hashable, asyncio.Task[Any]] = {}

    async def get(self, number: int, key: Hashable, make: Callable[[], T]) -> T:
        if number != self._number:
            self._number, self._made = number, {}
        task: asyncio.Task[T] | None = self._made.get(key)
        if task is None or (task.done() and task.exception() is not None):
            if len(self._made) >= self._most:
                del self._made[next(iter(self._made))]
            task = self._made[key] = asyncio.create_task(asyncio.to_thread(make))
        return await asyncio.shield(task)


@dataclass(frozen=True, slots=True)
class _Body:
    plain: bytes
    packed: bytes

    @classmethod
    def of(cls, plain: bytes) -> _Body:
        return cls(plain, gzip.compress(plain, 1, mtime=0))


class _Board:
    """The handlers and what they share."""

    def __init__(
        self,
        screen: Screen,
        catalogue: Sequence[MetricInfo],
        exposition: Exposition,
        limits: WebLimits,
        currency: str,
        documents: Mapping[str, str],
    ) -> None:
        self.screen, self.limits = screen, limits
        self.catalogue = {metric.id: metric for metric in catalogue}
        self.exposition = exposition
        self.renderings = _Renderings(limits.answers)
        self.streams = 0
        self.boot = secrets.token_hex(4)
        self.catalogue_body = _Body.of(catalogue_json(catalogue, currency))
        self.documents = {path: _Body.of(html(text).encode()) for path, text in documents.items()}
        self.files = {path.name: _Body.of(path.read_bytes()) for path in _STATIC.iterdir() if path.suffix in _TYPES}

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
        return _json(state, 503 if missing else 200)

    async def metrics(self, request: web.Request) -> web.Response:
        newest = self.screen.newest
        snapshot = newest.snapshot if newest else None
        number = newest.number if newest else 0
        values: Values = await self.renderings.get(number, "exposition", lambda: self.exposition.values(snapshot))
        tail = self.exposition.pipeline(snapshot, series=values.series, clients=self.streams)
        packed = _takes_gzip(request)
        body = values.gzip_with(tail) if packed else values.text + tail
        headers = {"Content-Type": CONTENT_TYPE, "Vary": "Accept-Encoding", "Cache-Control": "no-store"}
        return web.Response(body=body, headers=headers | ({"Content-Encoding": "gzip"} if packed else {}))

    async def api_metrics(self, request: web.Request) -> web.StreamResponse:
        try:
            selection = Selection.of(list(request.query.items()), self.catalogue)
        except BadFilter as problem:
            return _json({"error": str(problem)}, 400)
        newest = self.screen.newest
        if newest is None or not newest.snapshot.health.ready:
            return _json({"error": "not ready", "missing": self.missing()}, 503, {"Retry-After": "2"})
        etag = f'W/"{self.boot}-{newest.number}"'
        if _known(request, etag):
            return web.Response(status=304, headers={"ETag": etag, "Cache-Control": "no-cache"})
        records = newest.snapshot.records
        body = await self.renderings.get(
            newest.number, selection, lambda: _Body.of(records_json(select(records, selection)))
        )
        return _answer(request, body, "application/json", etag)

    async def api_annotations(self, request: web.Request) -> web.Response:
        newest = self.screen.newest
        return _json([annotation.as_json() for annotation in newest.snapshot.annotations] if newest else [])

    async def api_catalogue(self, request: web.Request) -> web.StreamResponse:
        return _answer(request, self.catalogue_body, "application/json", _etag(self.catalogue_body))

    async def page(self, request: web.Request) -> web.StreamResponse:
        name = request.match_info.get("name", "index.html")
        body = self.files.get(name)
        if body is None:
            raise web.HTTPNotFound
        return _answer(request, body, _TYPES[Path(name).suffix], _etag(body))

    async def document(self, request: web.Request) -> web.StreamResponse:
        body = self.documents[request.path]
        return _answer(request, body, "text/html", _etag(body))

    async def events(self, request: web.Request) -> web.StreamResponse:
        """Server-sent events: ``snapshot`` (the wall's data), ``waiting`` before there is any, ``beat``."""
        if self.streams >= self.limits.streams or self.screen.closed:
            return _json({"error": "too many event streams"}, 503, {"Retry-After": "5"})
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
        yield b"retry: 2000\n\n" + _message("beat", self._beat())
        number = 0
        while True:
            try:
                shown = await asyncio.wait_for(self.screen.after(number), self.limits.heartbeat)
            except TimeoutError:
                yield _message("beat", self._beat())
                continue
            if shown is None:
                return
            number = shown.number
            if shown.snapshot.health.ready:
                yield await self.renderings.get(number, "wall", partial(self._wall, shown))
            else:
                yield _message("waiting", health_of(shown.snapshot.health))
            yield _message("beat", self._beat())

    def _wall(self, shown: Shown) -> bytes:
        return _message("snapshot", {"id": f"{self.boot}-{shown.number}"} | wall_json(shown.snapshot, self.catalogue))

    def _beat(self) -> dict[str, Any]:
        return {"age": self.screen.age(), "stale": self.limits.stale, "every": self.limits.heartbeat}


def application(
    screen: Screen,
    catalogue: Sequence[MetricInfo],
    *,
    version: str,
    revision: str = "",
    currency: str = "",
    limits: WebLimits = WebLimits(),
    documents: Mapping[str, str] = MappingProxyType({}),
) -> web.Application:
    """The pages over ``screen``, and ``documents``: Markdown by path. Shutting it down closes screen and streams."""
    exposition = Exposition(catalogue, version=version, revision=revision)
    board = _Board(screen, list(catalogue), exposition, limits, currency, documents)
    app = web.Application(client_max_size=0, handler_args={"max_line_size": limits.line, "max_field_size": limits.line})
    app.router.add_get("/", board.page)
    app.router.add_get("/static/{name}", board.page)
    app.router.add_get("/metrics", board.metrics)
    app.router.add_get("/healthz", board.healthz)
    app.router.add_get("/events", board.events, allow_head=False)
    app.router.add_get("/api/metrics", board.api_metrics)
    app.router.add_get("/api/annotations", board.api_annotations)
    app.router.add_get("/api/catalogue", board.api_catalogue)
    for path in documents:
        app.router.add_get(path, board.document)
    app.on_response_prepare.append(_secure)
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


async def _secure(request: web.Request, response: web.StreamResponse) -> None:
    response.headers.update(_HEADERS)
    response.headers.popall("Server", None)


def _close(screen: Screen) -> Callable[[web.Application], Any]:
    async def close(app: web.Application) -> None:
        screen.close()

    return close


def _json(value: Any, status: int = 200, headers: dict[str, str] | None = None) -> web.Response:
    body = msgspec.json.encode(value)
    headers = {"Content-Type": "application/json", "Cache-Control": "no-store"} | (headers or {})
    return web.Response(body=body, status=status, headers=headers)


def _answer(request: web.Request, body: _Body, kind: str, etag: str) -> web.Response:
    headers = {"ETag": etag, "Cache-Control": "no-cache", "Vary": "Accept-Encoding"}
    if _known(request, etag):
        return web.Response(status=304, headers=headers)
    headers["Content-Type"] = f"{kind}; charset=utf-8"
    if _takes_gzip(request):
        return web.Response(body=body.packed, headers=headers | {"Content-Encoding": "gzip"})
    return web.Response(body=body.plain, headers=headers)


def _etag(body: _Body) -> str:
    return f'W/"{hashlib.sha256(body.plain).hexdigest()[:16]}"'


def _known(request: web.Request, etag: str) -> bool:
    given = request.headers.get("If-None-Match", "")
    return given.strip() == "*" or etag.removeprefix("W/") in [
        tag.strip().removeprefix("W/") for tag in given.split(",")
    ]


def _takes_gzip(request: web.Request) -> bool:
    for offer in request.headers.get("Accept-Encoding", "").lower().split(","):
        name, _, parameter = offer.partition(";")
        if name.strip() in ("gzip", "*"):
            return parameter.replace(" ", "") not in ("q=0", "q=0.0", "q=0.00", "q=0.000")
    return False


def _message(event: str, value: Any) -> bytes:
    return b"event: " + event.encode() + b"\ndata: " + msgspec.json.encode(value) + b"\n\n"
