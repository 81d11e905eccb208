"""A front before an authorization server that counts the token requests, and fails as it is told: real sockets.

with before(issuer) as front:
    front.url                       the issuer, to a client: metadata names it, unless front.renames is False
    front.fault = status(500)       what becomes of token requests from now on; None: they are forwarded
    front.token_requests            how many there were, forwarded or not
    front.issued[token]             whose each token is, and what was said of it
"""

import json
import sys
import threading
import time
from base64 import b64decode
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import unquote_plus, urlsplit

import httpx

Fault = Callable[["Call"], None]
LATE_S = 30.0  # longer than any client here waits


class _Server(ThreadingHTTPServer):
    request_queue_size = 512  # a stampede does not end at the door
    daemon_threads = True
    block_on_close = False  # a client that was killed is not waited for

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Say nothing of a client that has gone: some are made to."""
        if not isinstance(sys.exception(), OSError):
            super().handle_error(request, client_address)


class Call(BaseHTTPRequestHandler):
    """One request. HTTP/1.0: each has a connection of its own, so that a front that is down has none left."""

    front: "Front"

    def do_GET(self) -> None:
        """Forward a request for metadata or keys."""
        self.forward()

    def do_POST(self) -> None:
        """Count a token request, and forward or fail it."""
        fault = self.front.counted()
        if fault is None:
            self.forward()
        else:
            fault(self)

    def forward(self) -> None:
        """Answer as the server behind does."""
        said = self.ask()
        if self.command == "POST" and said.status_code == httpx.codes.OK:
            self.front.issued[said.json()["access_token"]] = (self.client_id, said.json())
        self.answer(said.status_code, self.front.renamed(said.content), dict(said.headers))

    def ask(self) -> httpx.Response:
        """Give what the server behind answers."""
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        headers = {name: value for name, value in self.headers.items() if name.lower() not in {"host", "connection"}}
        return self.front.http.request(self.command, self.front.origin + self.path, content=body, headers=headers)

    @property
    def client_id(self) -> str:
        """Give whose request it is (RFC 6749 2.3.1)."""
        credentials = b64decode(self.headers.get("Authorization", "").removeprefix("Basic ")).decode()
        return unquote_plus(credentials.partition(":")[0])

    def answer(self, status: int, body: bytes, headers: Mapping[str, str], *, length: int | None = None) -> None:
        """Send an answer, which may say that it is longer than it is."""
        given = {name.lower(): value for name, value in headers.items()}
        self.send_response_only(status)
        for name in ("content-type", "retry-after", "www-authenticate", "dpop-nonce", "location", "date"):
            if name in given:
                self.send_header(name, given[name])
        self.send_header("Content-Length", str(len(body) if length is None else length))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Write no line for each request."""


@dataclass
class Front:
    """What the front does now, and what it has seen."""

    upstream: str
    http: httpx.Client
    port: int = 0
    fault: Fault | None = None
    renames: bool = True
    token_requests: int = 0
    issued: dict[str, tuple[str, dict[str, Any]]] = field(default_factory=dict)
    asked: threading.Event = field(default_factory=threading.Event)
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _server: _Server | None = None

    @property
    def origin(self) -> str:
        """Give scheme, host and port of the server behind."""
        return "{0.scheme}://{0.netloc}".format(urlsplit(self.upstream))

    @property
    def url(self) -> str:
        """Give the issuer as it is behind this front."""
        return self.upstream.replace(self.origin, f"http://127.0.0.1:{self.port}")

    def counted(self) -> Fault | None:
        """Count a token request, give what becomes of it."""
        with self._lock:
            self.token_requests += 1
            fault = self.fault
        self.asked.set()
        return fault

    def renamed(self, body: bytes) -> bytes:
        """Put this front's address in place of the server's."""
        there, here = self.origin.encode(), f"http://127.0.0.1:{self.port}".encode()
        return body.replace(there, here) if self.renames else body

    def open(self) -> None:
        """Begin to listen, at the same port as before."""
        handler = type("Handler", (Call,), {"front": self})
        self._server = _Server(("127.0.0.1", self.port), handler)
        self.port = self._server.server_address[1]
        threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()

    def close(self) -> None:
        """Listen no more: connections are refused."""
        if self._server is not None:
            self._server.shutdown()
            self._server.server_close()
            self._server = None

    @contextmanager
    def down(self) -> Iterator[None]:
        """Refuse connections for a while."""
        self.close()
        try:
            yield
        finally:
            self.open()

    @contextmanager
    def failing(self, fault: Fault) -> Iterator[None]:
        """Fail token requests for a while."""
        self.fault = fault
        try:
            yield
        finally:
            self.fault = None


@contextmanager
def before(upstream: str) -> Iterator[Front]:
    """Run a front before the server with this issuer."""
    with httpx.Client(timeout=60) as http:
        front = Front(upstream, http)
        front.open()
        try:
            yield front
        finally:
            front.close()


def status(code: int, **headers: str) -> Fault:
    """Answer with a status; a header's name has `_` for `-`."""
    said = {name.replace("_", "-"): value for name, value in headers.items()}
    return lambda call: call.answer(code, b"planted", {"Content-Type": "text/plain", **said})


def refused(code: int, error: str) -> Fault:
    """Answer with an OAuth error (RFC 6749 5.2)."""
    body = json.dumps({"error": error}).encode()
    return lambda call: call.answer(code, body, {"Content-Type": "application/json"})


def garbage(call: Call) -> None:
    """Answer 200, with what is not JSON."""
    call.answer(200, b"<html>It works!</html>", {"Content-Type": "text/html"})


def truncated(call: Call) -> None:
    """Answer with the first half of a good answer, as long as it says it is."""
    body = call.ask().content
    call.answer(200, body[: len(body) // 2], {"Content-Type": "application/json"})


def cut_short(call: Call) -> None:
    """Answer with the first half of a good answer, and hang up where there should be more."""
    body = call.ask().content
    call.answer(200, body[: len(body) // 2], {"Content-Type": "application/json"}, length=len(body))


def hanging_up(call: Call) -> None:
    """Answer nothing, and hang up."""
    call.close_connection = True
    call.connection.close()


def late(call: Call) -> None:
    """Answer nothing for as long as the client may wait."""
    time.sleep(LATE_S)
    call.close_connection = True


def dripping(call: Call) -> None:
    """Answer a byte at a time: no single read is slow, the whole is."""
    call.send_response_only(200)
    call.send_header("Content-Type", "application/json")
    call.send_header("Content-Length", "1000")
    call.end_headers()
    for _ in range(int(LATE_S / 0.1)):
        call.wfile.write(b" ")
        call.wfile.flush()
        time.sleep(0.1)


def once(fault: Fault) -> Fault:
    """Fail one request, and forward those after it."""
    left = [fault]
    lock = threading.Lock()

    def fail(call: Call) -> None:
        with lock:
            now = left.pop() if left else None
        (now or Call.forward)(call)

    return fail


def spoilt(call: Call) -> None:
    """Answer as the server does, but with a token that no API takes."""
    said: dict[str, Any] = call.ask().json()
    said["access_token"] = said["access_token"][:-8] + "spoiltAA"
    call.answer(200, json.dumps(said).encode(), {"Content-Type": "application/json"})
