"""A gateway as an ASGI application: what every kind of API does around its own way to an answer."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING

from infra.local.gateway.request import begin, parse_request

if TYPE_CHECKING:
    from collections.abc import Callable

    from starlette.types import Receive, Scope, Send

    from infra.local.gateway.functions import Functions
    from infra.local.gateway.request import Exchange, Stage
    from infra.local.gateway.responses import Response

# "Quotas for configuring and running a REST API", "... an HTTP API": payload size 10 MB.
MAX_BODY_BYTES = 10 * 1024 * 1024

WITHOUT_BODY = (204, 304)  # RFC 9110 6.4.1


class Application(ABC):
    """One API in one stage; `clock` returns the time in seconds since the epoch."""

    def __init__(self, stage: Stage, functions: Functions, clock: Callable[[], float]) -> None:
        self._stage = stage
        self._functions = functions
        self._clock = clock

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one ASGI connection; a WebSocket is refused."""
        if scope["type"] == "http":
            await self._serve(scope, receive, send)
        elif scope["type"] == "lifespan":
            await self._live(receive, send)
        else:
            await send({"type": "websocket.close"})

    @abstractmethod
    async def answer(self, exchange: Exchange, *, too_large: bool) -> Response:
        """Answer a request, whose body is cut off if it is too large. Raises nothing."""

    @abstractmethod
    def identifiers(self, exchange: Exchange) -> list[tuple[str, str]]:
        """Return the headers by which every answer of this kind of API names its request."""

    async def _live(self, receive: Receive, send: Send) -> None:
        """Answer the server's start and stop."""
        while True:
            event = (await receive())["type"]
            if event == "lifespan.shutdown":
                self._functions.close()
            await send({"type": f"{event}.complete"})
            if event == "lifespan.shutdown":
                return

    async def _serve(self, scope: Scope, receive: Receive, send: Send) -> None:
        body = await _read_body(receive)
        if body is None:
            return
        exchange = begin(self._stage, parse_request(scope, body[:MAX_BODY_BYTES]), self._clock())
        response = await self.answer(exchange, too_large=len(body) > MAX_BODY_BYTES)
        await _send(send, response, self.identifiers(exchange))


async def _read_body(receive: Receive) -> bytes | None:
    """Read a body to its end, None if the client left; past the limit the rest is read and thrown away.

    A client that still writes would not read an answer that came earlier.
    """
    chunks: list[bytes] = []
    size = 0
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            return None
        chunk = message.get("body", b"")
        if chunk and size <= MAX_BODY_BYTES:
            chunks.append(chunk)
        size += len(chunk)
        if not message.get("more_body", False):
            return b"".join(chunks)


async def _send(send: Send, response: Response, identifiers: list[tuple[str, str]]) -> None:
    headers = [
        (name.encode("latin-1", "replace"), value.encode("latin-1", "replace"))
        for name, value in (*response.headers, *identifiers)
    ]
    body = b"" if response.status in WITHOUT_BODY else response.body
    if response.status not in WITHOUT_BODY:
        headers.append((b"content-length", str(len(body)).encode()))
    await send({"type": "http.response.start", "status": response.status, "headers": headers})
    await send({"type": "http.response.body", "body": body})  # of which the server sends nothing for HEAD
