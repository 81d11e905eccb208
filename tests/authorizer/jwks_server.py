"""A real HTTP server on a free loopback port, which answers as a test tells it to, and counts."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Event, Thread

Answer = Callable[[BaseHTTPRequestHandler], None]


def document(body: bytes, status: int = 200, **headers: str) -> Answer:
    """Return an answer with a status, a body and headers."""

    def answer(request: BaseHTTPRequestHandler) -> None:
        request.send_response(status)
        request.send_header("Content-Length", str(len(body)))
        for name, value in headers.items():
            request.send_header(name, value)
        request.end_headers()
        request.wfile.write(body)

    return answer


class JwksServer:
    """`answer` is what is said to the next request; `paths` are those asked for; `released` ends what waits for it."""

    def __init__(self, answer: Answer) -> None:
        self.answer = answer
        self.paths: list[str] = []
        self.released = Event()
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self._server.daemon_threads = True
        self._thread = Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
        self._thread.start()

    @property
    def uri(self) -> str:
        """The JWK Set's URL."""
        return f"http://127.0.0.1:{self._server.server_port}/.well-known/jwks.json"

    def close(self) -> None:
        """Stop; from now on a connection is refused."""
        self.released.set()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        server = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                server.paths.append(self.path)
                try:
                    server.answer(self)
                except OSError:
                    self.close_connection = True  # whoever asked has gone

            def log_message(self, *_: object) -> None:
                """Keep the test's output clean."""

        return Handler


@contextmanager
def serving(answer: Answer) -> Iterator[JwksServer]:
    """Run a server for as long as the block."""
    server = JwksServer(answer)
    try:
        yield server
    finally:
        server.close()
