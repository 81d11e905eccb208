"""The local AWS endpoint: moto's server, for programs on this machine and for no web page.

moto answers a page of any origin, and resets everything when asked by a plain form. Whoever develops with a browser
open would let every site read and write the tables. What the command line and the functions send has no Origin, and is
a POST to the root; the public keys of a user pool are there to GET as well, and the functions given to POST events to.

In DynamoDB nothing comes between the condition of a write and the write. moto looks first, and writes then: of those
who race for a lease or an id, two would win now and then. So its DynamoDB does one call at a time here.
"""

import io
import logging
import re
import socket
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from moto.moto_server.werkzeug_app import DomainDispatcherApplication, create_backend_app
from werkzeug.serving import make_server

from infra.local.rotation import with_functions

_FOR_PROGRAMS = re.compile(
    r"POST /|POST /2015-03-31/functions/[^/]+/invocations|GET /[a-z0-9-]+_[0-9A-Za-z]+/\.well-known/jwks\.json"
)
_NO_FUNCTIONS: Mapping[str, Any] = {}
Wsgi = Callable[[dict[str, Any], Callable[..., Any]], Iterable[bytes]]


@contextmanager
def aws_endpoint(listener: socket.socket, functions: Mapping[str, Any] = _NO_FUNCTIONS) -> Iterator[None]:
    """Serve AWS on a listening socket, which stays the caller's to close; lambda:Invoke finds these functions by name.

    There may be more of them later in the mapping than there are now.
    """
    logging.getLogger("werkzeug").setLevel(logging.WARNING)  # it would write a line for each request
    host, port = listener.getsockname()[:2]
    app = _for_programs(with_functions(functions, _atomic(DomainDispatcherApplication(create_backend_app))))
    server = make_server(host, port, app, threaded=True, fd=listener.fileno())
    thread = threading.Thread(target=server.serve_forever, name="aws-endpoint", daemon=True)
    thread.start()
    try:
        yield
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def _atomic(app: Wsgi) -> Wsgi:
    one_at_a_time = threading.Lock()

    def served(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        if not environ.get("HTTP_X_AMZ_TARGET", "").startswith("DynamoDB_"):
            return app(environ, start_response)
        # Read before the turn begins: whoever sends slowly keeps nobody waiting.
        environ["wsgi.input"] = io.BytesIO(environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0)))
        with one_at_a_time:
            return list(app(environ, start_response))

    return served


def _for_programs(app: Wsgi) -> Wsgi:
    def guarded(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        asked = f"{environ['REQUEST_METHOD']} {environ['PATH_INFO']}"
        if "HTTP_ORIGIN" in environ or not _FOR_PROGRAMS.fullmatch(asked):
            start_response("403 Forbidden", [("Content-Type", "text/plain")])
            return [b"The local AWS endpoint answers programs on this machine, and no web page.\n"]
        return app(environ, start_response)

    return guarded
