"""A protected API on a free loopback port, which answers as a test tells it to, and keeps what it was asked."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping
    from email.message import Message


@dataclass(frozen=True)
class Asked:
    """A request as it came. `port` is its connection's, so that connections can be told apart."""

    method: str
    path: str
    headers: Message
    body: bytes
    port: int

    @property
    def token(self) -> str | None:
        """The token in it, of whichever scheme."""
        return self.headers.get("Authorization", "").partition(" ")[2] or None


@dataclass(frozen=True)
class Reply:
    """An answer. A body in parts is sent in chunks, each when it comes."""

    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes | Iterable[bytes] = b""


class ProtectedApi:
    """`answer` makes the answer to a request; `asked` are all that came."""

    def __init__(self, answer: Callable[[Asked], Reply]) -> None:
        self.answer = answer
        self.asked: list[Asked] = []
        self._server = _Server(("127.0.0.1", 0), self._handler())
        self._thread = Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
        self._thread.start()

    @property
    def url(self) -> str:
        """Its origin."""
        return f"http://127.0.0.1:{self._server.server_port}"

    @property
    def tokens(self) -> list[str | None]:
        """The tokens of all requests, in their order."""
        return [each.token for each in self.asked]

    def close(self) -> None:
        """Stop."""
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        api = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self) -> None:
                asked = Asked(self.command, self.path, self.headers, _body(self), self.client_address[1])
                api.asked.append(asked)
                _send(self, api.answer(asked))

            do_POST = do_PUT = do_HEAD = do_GET  # noqa: N815 - http.server's names

            def log_message(self, *_: object) -> None:
                """Keep the test's output clean."""

        return Handler


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 256


def _body(request: BaseHTTPRequestHandler) -> bytes:
    if request.headers.get("Transfer-Encoding") != "chunked":
        return request.rfile.read(int(request.headers.get("Content-Length", 0)))
    body = b""
    while size := int(request.rfile.readline(), 16):
        body += request.rfile.read(size)
        request.rfile.readline()
    request.rfile.readline()
    return body


def _send(request: BaseHTTPRequestHandler, reply: Reply) -> None:
    # With a Date of its own, an answer has no other.
    (request.send_response_only if "Date" in reply.headers else request.send_response)(reply.status)
    for name, value in reply.headers.items():
        request.send_header(name, value)
    if isinstance(reply.body, bytes):
        request.send_header("Content-Length", str(len(reply.body)))
        request.end_headers()
        request.wfile.write(reply.body)
        return
    request.send_header("Transfer-Encoding", "chunked")
    request.end_headers()
    for part in reply.body:
        request.wfile.write(b"%x\r\n%s\r\n" % (len(part), part))
    request.wfile.write(b"0\r\n\r\n")


@contextmanager
def serving(answer: Callable[[Asked], Reply]) -> Iterator[ProtectedApi]:
    """Serve an API for as long as the block."""
    api = ProtectedApi(answer)
    try:
        yield api
    finally:
        api.close()


def accepting(good: str, refusal: Reply) -> Callable[[Asked], Reply]:
    """Give an API that takes one token, and says what the body was; to all others it has one refusal."""
    return lambda asked: Reply(body=b"good:" + asked.body) if asked.token == good else refusal
