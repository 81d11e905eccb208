"""Serve ASGI applications, gateways above all, over HTTP/1.1 on loopback, each in a thread of its own."""

from __future__ import annotations

import socket
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING

import uvicorn

if TYPE_CHECKING:
    from collections.abc import Iterator

    from starlette.types import ASGIApp


def server_config(gateway: ASGIApp) -> uvicorn.Config:
    """Return the server's settings.

    `proxy_headers` stays off: with it, a client's X-Forwarded-For would become the peer's address. `server_header` and
    access lines are off because API Gateway has none.
    """
    return uvicorn.Config(
        gateway,
        lifespan="on",
        log_level="warning",
        access_log=False,
        proxy_headers=False,
        server_header=False,
        timeout_graceful_shutdown=5,
    )


@contextmanager
def serving(gateway: ASGIApp, listener: socket.socket | None = None) -> Iterator[str]:
    """Serve a gateway on a listening socket, or else on a free port of loopback; yield its URL.

    The socket is closed in the end. As it listens already, a request that comes before the server runs waits for it.
    """
    listener = listener or socket.create_server(("127.0.0.1", 0))
    host, port = listener.getsockname()[:2]
    server = uvicorn.Server(server_config(gateway))
    thread = threading.Thread(target=server.run, args=([listener],), name=f"gateway-{port}", daemon=True)
    thread.start()
    try:
        yield f"http://{host}:{port}"
    finally:
        server.should_exit = True
        thread.join()
        listener.close()
