"""A proxy before the AWS endpoint that fails as it is told: real sockets, and AWS's own error shapes.

The local endpoint signs with a disabled key and is never throttled or slow; what AWS answers then, this answers.
"""

import json
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import httpx

SERVICES = {"DynamoDB_20120810": "dynamodb", "TrentService": "kms"}  # the first word of X-Amz-Target


def error(status: int, code: str) -> Callable[[Any], None]:
    """Fail with an error of AWS's JSON protocol."""
    body = json.dumps({"__type": f"com.amazonaws.service#{code}", "message": "planted"}).encode()
    return lambda handler: handler.answer(status, body)


def garbage(handler: Any) -> None:
    """Fail with a success whose body makes no sense."""
    handler.answer(200, b"<html>It works!</html>")


def empty(handler: Any) -> None:
    """Fail with a success that says nothing."""
    handler.answer(200, b"{}")


def hang_up(handler: Any) -> None:
    """Fail by closing the connection without an answer."""
    handler.close_connection = True
    handler.connection.close()


def cut_short(handler: Any) -> None:
    """Fail by closing the connection in the middle of an answer."""
    handler.send_response(200)
    handler.send_header("Content-Length", "1000")
    handler.end_headers()
    handler.wfile.write(b'{"KeyId": "')
    hang_up(handler)


def slow(handler: Any) -> None:
    """Fail by taking 5 seconds."""
    time.sleep(5)
    hang_up(handler)


@dataclass
class Faults:
    """What fails now: a failure for each service that fails."""

    failing: dict[str, Callable[[Any], None]] = field(default_factory=dict)
    url: str = ""


@contextmanager
def proxy_to(endpoint: Callable[[], str]) -> Iterator[Faults]:
    """Run a proxy to the endpoint, which is asked for when the first request comes."""
    faults, forward = Faults(), httpx.Client(timeout=30)

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True

        def do_POST(self) -> None:
            """Forward a call, or fail it."""
            body = self.rfile.read(int(self.headers["Content-Length"]))
            service = SERVICES[self.headers["X-Amz-Target"].partition(".")[0]]
            if service in faults.failing:
                faults.failing[service](self)
                return
            headers = {name: value for name, value in self.headers.items() if name.lower() != "host"}
            answer = forward.post(endpoint(), content=body, headers=headers)
            self.answer(answer.status_code, answer.content)

        def answer(self, status: int, body: bytes) -> None:
            """Send an answer of AWS's JSON protocol."""
            self.send_response(status)
            self.send_header("Content-Type", "application/x-amz-json-1.0")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            """Write no line for each request."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    faults.url = f"http://127.0.0.1:{server.server_address[1]}"
    try:
        yield faults
    finally:
        server.shutdown()
        server.server_close()
        forward.close()
