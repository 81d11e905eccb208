"""The issuer's address while its functions run: what is asked for there is answered by the token function."""

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

Answer = Callable[[str], dict[str, Any]]


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    answer: Answer


class _Handler(BaseHTTPRequestHandler):
    server: _Server

    def do_GET(self) -> None:
        """Pass the path on, and the function's result back."""
        result = self.server.answer(self.path)
        self.send_response(result["statusCode"])
        for name, value in result["headers"].items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(result["body"].encode())

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class's name
        """Say nothing."""


class Issuer:
    """An address on loopback; `answer` gives a function's result for a path."""

    def __init__(self) -> None:
        """Take a free port."""
        self._server = _Server(("127.0.0.1", 0), _Handler)
        self.url = f"http://127.0.0.1:{self._server.server_port}"

    @contextmanager
    def answered_by(self, answer: Answer) -> Iterator[None]:
        """Serve for as long as the context lasts."""
        self._server.answer = answer
        thread = threading.Thread(target=self._server.serve_forever, daemon=True)
        thread.start()
        yield
        self._server.shutdown()
        thread.join()
        self._server.server_close()


def status_404(path: str) -> dict[str, Any]:
    """Answer that there is nothing at a path."""
    return {"statusCode": 404, "headers": {}, "body": json.dumps({"path": path})}
