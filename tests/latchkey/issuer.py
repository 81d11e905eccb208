"""The real authorization server behind a small HTTP server on loopback."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any

import pytest

from auth_server.audit import AuditLog
from tests.simulator import ENVIRON, Simulator, event


@dataclass(slots=True)
class Issuer:
    """Where it listens, what it is made of, and the paths at which it answers something else: status and body."""

    url: str
    simulator: Simulator
    instead: dict[str, tuple[int, bytes]] = field(default_factory=dict)
    asked: list[tuple[str, dict[str, str], str]] = field(default_factory=list)  # path, headers, body


@contextmanager
def serving() -> Iterator[Issuer]:
    """Serve until the end of the block."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Handler)
    server.daemon_threads = True
    url = f"http://127.0.0.1:{server.server_port}"
    issuer = Issuer(url, Simulator(environ={**ENVIRON, "ISSUER": url}, now=time.time()))
    vars(server)["issuer"] = issuer
    thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(AuditLog, "write", lambda *_: None)  # its lines would stand among the command's own
        try:
            yield issuer
        finally:
            server.shutdown()
            server.server_close()
            thread.join()


class _Handler(BaseHTTPRequestHandler):
    """HTTP to a REST API event, and the Lambda's answer to HTTP."""

    def do_GET(self) -> None:
        self._answer()

    def do_POST(self) -> None:
        self._answer()

    def _answer(self) -> None:
        issuer: Issuer = vars(self.server)["issuer"]
        body = self.rfile.read(int(self.headers.get("Content-Length", 0))).decode()
        issuer.asked.append((self.path, dict(self.headers), body))
        if self.path in issuer.instead:
            self._send(*issuer.instead[self.path], {"Content-Type": "application/json", "Location": "/elsewhere"})
            return
        answer = issuer.simulator.send(event(self.command, self.path, body=body or None, headers=dict(self.headers)))
        self._send(answer["statusCode"], answer["body"].encode(), answer["headers"])

    def _send(self, status: int, body: bytes, headers: dict[str, str]) -> None:
        self.send_response(status)
        for name, value in {**headers, "Content-Length": str(len(body))}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *_: Any) -> None:  # noqa: A002 - the name that http.server calls it by
        """Say nothing: its lines would stand among the command's own."""
