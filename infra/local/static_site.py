"""A folder of files over HTTP, alone or in front of another application (RFC 9110).

    site = StaticSite(folder, headers=security_headers(api), documents={"config.json": b"{...}"})
    GET /            index.html, with an ETag: a browser asks each time, and is told 304 where nothing has changed
    GET /config.json a document that is made at each start, and that no browser keeps

What is served is a table of names, read once: no path of a request is ever joined to the folder.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from http import HTTPStatus
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from starlette.types import ASGIApp, Receive, Scope, Send

CONTENT_TYPES = {
    ".css": "text/css; charset=utf-8",
    ".html": "text/html; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".json": "application/json",
    ".png": "image/png",
    ".svg": "image/svg+xml",
}
READING = ("GET", "HEAD")


def security_headers(*apis: str) -> dict[str, str]:
    """Return the headers of a page that runs nothing but its own files, and calls its own origin and these."""
    policy = (
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        "img-src 'self'",
        " ".join(("connect-src 'self'", *apis)),
        "base-uri 'none'",
        "form-action 'none'",
        "frame-ancestors 'none'",
        "require-trusted-types-for 'script'",  # text from elsewhere cannot become markup, even by mistake
        "trusted-types 'none'",
    )
    return {
        "Content-Security-Policy": "; ".join(policy),
        "Cross-Origin-Opener-Policy": "same-origin",
        "Cross-Origin-Resource-Policy": "same-origin",
        "Referrer-Policy": "no-referrer",
        "X-Content-Type-Options": "nosniff",
    }


@dataclass(frozen=True, slots=True)
class _File:
    """What stands at one path; `etag` is None for what no browser should keep."""

    content: bytes
    content_type: str
    etag: str | None

    def headers(self) -> dict[str, str]:
        if self.etag is None:
            return {"Content-Type": self.content_type, "Cache-Control": "no-store"}
        return {"Content-Type": self.content_type, "Cache-Control": "no-cache", "ETag": self.etag}


class StaticSite:
    """An ASGI application that serves a folder's files, and `documents` beside them, by name.

    With `otherwise`, GET and HEAD of its own paths are all that it answers, and all else goes there untouched; without,
    the rest is 404 or 405. With `origin` ("http://127.0.0.1:8080"), a request for another Host is sent there: a page
    whose name a stranger has pointed at this machine (DNS rebinding) is then of another origin, and reads nothing.
    Raises ValueError for a kind of file that it has no content type for.
    """

    def __init__(
        self,
        folder: Path,
        *,
        headers: Mapping[str, str],
        documents: Mapping[str, bytes] | None = None,
        origin: str | None = None,
        otherwise: ASGIApp | None = None,
    ) -> None:
        self._files = _read(folder) | {f"/{name}": _made(name, each) for name, each in (documents or {}).items()}
        self._headers = headers
        self._origin = origin
        self._otherwise = otherwise

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one ASGI connection; a WebSocket is refused."""
        if scope["type"] == "http" and self._is_own(scope):
            await self._answer(scope, send)
        elif self._otherwise is not None:
            await self._otherwise(scope, receive, send)
        elif scope["type"] == "lifespan":
            await _live(receive, send)
        else:
            await send({"type": "websocket.close"})

    def _is_own(self, scope: Scope) -> bool:
        return self._otherwise is None or (scope["method"] in READING and scope["path"] in self._files)

    async def _answer(self, scope: Scope, send: Send) -> None:
        asked = {name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]}
        file = self._files.get(scope["path"])
        if file is None:
            await self._send(send, HTTPStatus.NOT_FOUND, {})
        elif scope["method"] not in READING:
            await self._send(send, HTTPStatus.METHOD_NOT_ALLOWED, {"Allow": ", ".join(READING)})
        elif self._origin is not None and asked.get("host") != self._origin.partition("://")[2]:
            location = {"Location": self._origin + scope["path"], "Cache-Control": "no-store"}
            await self._send(send, HTTPStatus.TEMPORARY_REDIRECT, location)
        elif file.etag is not None and _knows(asked.get("if-none-match", ""), file.etag):
            await self._send(send, HTTPStatus.NOT_MODIFIED, file.headers())
        else:
            body = file.content if scope["method"] == "GET" else b""
            length = {"Content-Length": str(len(file.content))}  # also of what HEAD leaves out (RFC 9110 8.6)
            await self._send(send, HTTPStatus.OK, file.headers() | length, body)

    async def _send(self, send: Send, status: HTTPStatus, headers: Mapping[str, str], body: bytes = b"") -> None:
        if status >= HTTPStatus.BAD_REQUEST:
            body = f"{status} {status.phrase}\n".encode()
            headers = {**headers, "Content-Type": "text/plain; charset=utf-8", "Content-Length": str(len(body))}
        everything = {**self._headers, **headers}
        raw = [(name.lower().encode("latin-1"), value.encode("latin-1")) for name, value in everything.items()]
        await send({"type": "http.response.start", "status": int(status), "headers": raw})
        await send({"type": "http.response.body", "body": body})


def _read(folder: Path) -> dict[str, _File]:
    """Return the folder's files by path, index.html also as its folder's; hidden files and links are left out."""
    files = {}
    for path in sorted(folder.rglob("*")):
        name = path.relative_to(folder)
        if not path.is_file() or path.is_symlink() or any(part.startswith(".") for part in name.parts):
            continue
        content = path.read_bytes()
        files[f"/{name.as_posix()}"] = _File(content, _content_type(name.name), _etag(content))
        if name.name == "index.html":
            files[f"/{name.as_posix()}".removesuffix("index.html")] = files[f"/{name.as_posix()}"]
    return files


def _made(name: str, content: bytes) -> _File:
    return _File(content, _content_type(name), None)


def _content_type(name: str) -> str:
    for suffix, content_type in CONTENT_TYPES.items():
        if name.endswith(suffix):
            return content_type
    raise ValueError(f"{name} is of no kind that can be served: {', '.join(CONTENT_TYPES)}")


def _etag(content: bytes) -> str:
    return f'"{hashlib.sha256(content).hexdigest()[:32]}"'


def _knows(if_none_match: str, etag: str) -> bool:
    """Tell whether a browser has what it asks for already (RFC 9110 13.1.2, by weak comparison)."""
    known = [each.strip().removeprefix("W/") for each in if_none_match.split(",")]
    return etag in known or known == ["*"]


async def _live(receive: Receive, send: Send) -> None:
    """Answer the server's start and stop."""
    event = ""
    while event != "lifespan.shutdown":
        event = (await receive())["type"]
        await send({"type": f"{event}.complete"})
