"""An authorization server on a free loopback port that does what a test tells it to, and keeps what it was asked."""

import json
import socket
import struct
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from email.message import Message
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Event, Lock, Thread
from typing import Any
from urllib.parse import parse_qsl

LATE_S = 30.0  # longer than any test waits
_DRIP_S = 0.05


@dataclass(frozen=True)
class Asked:
    """A request as it came."""

    method: str
    path: str
    headers: Message
    body: bytes

    @property
    def form(self) -> dict[str, str]:
        """Its parameters; of a repeated one the last."""
        return dict(self.pairs)

    @property
    def pairs(self) -> list[tuple[str, str]]:
        """Its parameters in their order."""
        return parse_qsl(self.body.decode(), keep_blank_values=True)


class Call(BaseHTTPRequestHandler):
    """One request, on a connection of its own."""

    owner: "AuthorizationServer"
    asked: Asked

    def do_GET(self) -> None:
        """Answer a request for metadata."""
        self._answer(self.owner.metadata)

    def do_POST(self) -> None:
        """Answer a token request."""
        self._answer(self.owner.next_answer)

    def _answer(self, answer: "Answer") -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        self.asked = Asked(self.command, self.path, self.headers, body)
        self.owner.note(self.asked)
        try:
            answer(self)
        except OSError:
            self.close_connection = True  # whoever asked has gone

    def say(self, status: int, body: bytes, headers: Mapping[str, str], length: int | None = None) -> None:
        """Send an answer, whose headers are written with underscores; it may say that it is longer than it is."""
        self.send_response_only(status)
        for name, value in {"Content_Type": "application/json", **headers}.items():
            self.send_header(name.replace("_", "-"), value)
        self.send_header("Content-Length", str(len(body) if length is None else length))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Keep the test's output clean."""


Answer = Callable[[Call], None]


class _Server(ThreadingHTTPServer):
    request_queue_size = 512
    daemon_threads = True
    block_on_close = False


class AuthorizationServer:
    """`answers` are those to the next token requests, the last of them to all that follow; `metadata` is that to a GET.

    `asked` are all that came. `released` ends whatever waits.
    """

    def __init__(self) -> None:
        self.asked: list[Asked] = []
        self.answers: list[Answer] = [token()]
        self.metadata: Answer = metadata()
        self.released = Event()
        self._lock = Lock()
        handler = type("Handler", (Call,), {"owner": self})
        self._server = _Server(("127.0.0.1", 0), handler)
        self._thread = Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
        self._thread.start()

    @property
    def url(self) -> str:
        """Its issuer."""
        return f"http://127.0.0.1:{self._server.server_port}"

    @property
    def token_endpoint(self) -> str:
        """Its token endpoint."""
        return f"{self.url}/token"

    @property
    def token_requests(self) -> list[Asked]:
        """The token requests that came."""
        return [asked for asked in self.asked if asked.method == "POST"]

    @property
    def next_answer(self) -> Answer:
        """Take the next answer to a token request."""
        with self._lock:
            return self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]

    def note(self, asked: Asked) -> None:
        """Keep a request."""
        with self._lock:
            self.asked.append(asked)

    def close(self) -> None:
        """Stop; from now on a connection is refused."""
        self.released.set()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


@contextmanager
def serving(*answers: Answer) -> Iterator[AuthorizationServer]:
    """Run a server for as long as the block, which answers token requests like this."""
    server = AuthorizationServer()
    server.answers = list(answers) or server.answers
    try:
        yield server
    finally:
        server.close()


def said(members: object, status: int = 200, **headers: str) -> Answer:
    """Answer with JSON."""
    return lambda call: call.say(status, json.dumps(members).encode(), headers)


def token(value: str = "token-1", **members: object) -> Answer:
    """Give a token of an hour; a member that is None is left out."""
    response = {"access_token": value, "token_type": "Bearer", "expires_in": 3600} | members
    return said({name: member for name, member in response.items() if member is not None})


def refusal(error: str, description: str | None = None, status: int = 400, **headers: str) -> Answer:
    """Refuse, as RFC 6749 5.2 has it."""
    members = {"error": error} | ({} if description is None else {"error_description": description})
    return said(members, status, **headers)


def raw(body: bytes, status: int = 200, **headers: str) -> Answer:
    """Answer with these bytes."""
    return lambda call: call.say(status, body, headers)


def metadata(**members: object) -> Answer:
    """Publish metadata with this server's own issuer and token endpoint, unless `members` say otherwise."""

    def answer(call: Call) -> None:
        document: dict[str, Any] = {"issuer": call.owner.url, "token_endpoint": call.owner.token_endpoint} | members
        said(document)(call)

    return answer


def after(seconds: float, answer: Answer) -> Answer:
    """Answer late, or not at all where the test ends before."""

    def late(call: Call) -> None:
        if not call.owner.released.wait(seconds):
            answer(call)

    return late


def held(event: Event, answer: Answer) -> Answer:
    """Answer once the event is set."""

    def wait(call: Call) -> None:
        event.wait(LATE_S)
        answer(call)

    return wait


def silent(call: Call) -> None:
    """Take the request, and say nothing."""
    call.owner.released.wait(LATE_S)


def hang_up(call: Call) -> None:
    """Reset the connection."""
    call.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    call.connection.close()


def truncated(call: Call) -> None:
    """Send less than was announced."""
    call.say(200, b'{"access_token": "tok', {}, length=200)


def drip_body(call: Call) -> None:
    """Send a byte now and then."""
    call.say(200, b"{", {}, length=100_000)
    _drip(call, b" ")


def drip_headers(call: Call) -> None:
    """Send a header that does not end, a byte now and then."""
    call.wfile.write(b"HTTP/1.1 200 OK\r\nX-Slow: ")
    _drip(call, b"x")


def _drip(call: Call, octet: bytes) -> None:
    while not call.owner.released.wait(_DRIP_S):
        call.wfile.write(octet)


def endless(call: Call) -> None:
    """Never stop sending."""
    call.wfile.write(b"HTTP/1.1 200 OK\r\n\r\n")
    while not call.owner.released.is_set():
        call.wfile.write(b" " * 65_536)


def not_http(call: Call) -> None:
    """Speak something else."""
    call.wfile.write(b"SSH-2.0-OpenSSH_9.2\r\n\r\n")
