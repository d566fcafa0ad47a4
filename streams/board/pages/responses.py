"""How the board's pages answer: bodies kept plain and packed, ETags, gzip, and the headers every answer carries."""

from __future__ import annotations

import gzip
import hashlib
from dataclasses import dataclass
from typing import Any, Final

import msgspec
from aiohttp import web

__all__ = ["Body", "answer", "etag_of", "json_answer", "knows", "message", "secure", "takes_gzip"]

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
    plain: bytes
    packed: bytes

    @classmethod
    def of(cls, plain: bytes) -> Body:
        return cls(plain, gzip.compress(plain, 1, mtime=0))


def json_answer(value: Any, status: int = 200, headers: dict[str, str] | None = None) -> web.Response:
    body = msgspec.json.encode(value)
    headers = {"Content-Type": "application/json", "Cache-Control": "no-store"} | (headers or {})
    return web.Response(body=body, status=status, headers=headers)


def answer(request: web.Request, body: Body, kind: str, etag: str) -> web.Response:
    headers = {"ETag": etag, "Cache-Control": "no-cache", "Vary": "Accept-Encoding"}
    if knows(request, etag):
        return web.Response(status=304, headers=headers)
    headers["Content-Type"] = f"{kind}; charset=utf-8"
    if takes_gzip(request):
        return web.Response(body=body.packed, headers=headers | {"Content-Encoding": "gzip"})
    return web.Response(body=body.plain, headers=headers)


def etag_of(body: Body) -> str:
    return f'W/"{hashlib.sha256(body.plain).hexdigest()[:16]}"'


def knows(request: web.Request, etag: str) -> bool:
    given = request.headers.get("If-None-Match", "")
    return given.strip() == "*" or etag.removeprefix("W/") in [
        tag.strip().removeprefix("W/") for tag in given.split(",")
    ]


def takes_gzip(request: web.Request) -> bool:
    for offer in request.headers.get("Accept-Encoding", "").lower().split(","):
        name, _, parameter = offer.partition(";")
        if name.strip() in ("gzip", "*"):
            return parameter.replace(" ", "") not in ("q=0", "q=0.0", "q=0.00", "q=0.000")
    return False


def message(event: str, value: Any) -> bytes:
    return b"event: " + event.encode() + b"\ndata: " + msgspec.json.encode(value) + b"\n\n"


async def secure(request: web.Request, response: web.StreamResponse) -> None:
    response.headers.update(_HEADERS)
    response.headers.popall("Server", None)
