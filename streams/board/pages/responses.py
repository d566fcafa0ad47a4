"""Responses of the board's pages: plain and compressed bodies, ETags, and the headers that every response carries."""

from __future__ import annotations

import gzip
import hashlib
from dataclasses import dataclass
from typing import Any, Final

import msgspec
from aiohttp import web

__all__ = ["Body", "accepts_gzip", "add_headers", "etag_of", "has_etag", "json_response", "response", "stream_event"]

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


@dataclass(frozen=True, slots=True)
class Body:
    """A response's body, plain and compressed."""

    plain: bytes
    gzipped: bytes

    @classmethod
    def of(cls, plain: bytes) -> Body:
        """The body of these bytes."""
        return cls(plain, gzip.compress(plain, 1, mtime=0))


def json_response(value: Any, status: int = 200, headers: dict[str, str] | None = None) -> web.Response:
    """A JSON response that is never cached."""
    body = msgspec.json.encode(value)
    headers = {"Content-Type": "application/json", "Cache-Control": "no-store"} | (headers or {})
    return web.Response(body=body, status=status, headers=headers)


def response(request: web.Request, body: Body, content_type: str, etag: str) -> web.Response:
    """The body as far as the client needs it: 304 if it has it already, compressed if it accepts that."""
    headers = {"ETag": etag, "Cache-Control": "no-cache", "Vary": "Accept-Encoding"}
    if has_etag(request, etag):
        return web.Response(status=304, headers=headers)
    headers["Content-Type"] = f"{content_type}; charset=utf-8"
    if accepts_gzip(request):
        return web.Response(body=body.gzipped, headers=headers | {"Content-Encoding": "gzip"})
    return web.Response(body=body.plain, headers=headers)


def etag_of(body: Body) -> str:
    """A weak ETag of the content."""
    return f'W/"{hashlib.sha256(body.plain).hexdigest()[:16]}"'


def has_etag(request: web.Request, etag: str) -> bool:
    """True if the client has the content of this ETag."""
    header = request.headers.get("If-None-Match", "")
    return header.strip() == "*" or etag.removeprefix("W/") in [
        tag.strip().removeprefix("W/") for tag in header.split(",")
    ]


def accepts_gzip(request: web.Request) -> bool:
    """True if the client accepts a compressed body."""
    for offer in request.headers.get("Accept-Encoding", "").lower().split(","):
        name, _, parameter = offer.partition(";")
        if name.strip() in ("gzip", "*"):
            return parameter.replace(" ", "") not in ("q=0", "q=0.0", "q=0.00", "q=0.000")
    return False


def stream_event(event: str, value: Any) -> bytes:
    """A server-sent event."""
    return b"event: " + event.encode() + b"\ndata: " + msgspec.json.encode(value) + b"\n\n"


async def add_headers(request: web.Request, response: web.StreamResponse) -> None:
    """Adds the headers that every response carries."""
    response.headers.update(_HEADERS)
    response.headers.popall("Server", None)
