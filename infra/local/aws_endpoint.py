"""The local AWS endpoint: moto's server, for programs on this machine and for no web page.

moto answers a page of any origin, and resets everything when asked by a plain form. Whoever develops with a browser
open would let every site read and write the tables. What the command line and the functions send has no Origin, and is
a POST to the root.
"""

import logging
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import Any

from moto.moto_server.werkzeug_app import DomainDispatcherApplication, create_backend_app
from werkzeug.serving import make_server

Wsgi = Callable[[dict[str, Any], Callable[..., Any]], Iterable[bytes]]


@contextmanager
def aws_endpoint(host: str, port: int) -> Iterator[str]:
    """Serve AWS on this address and give its URL; port 0 is any free one."""
    logging.getLogger("werkzeug").setLevel(logging.WARNING)  # it would write a line for each request
    server = make_server(host, port, _for_programs(DomainDispatcherApplication(create_backend_app)), threaded=True)
    thread = threading.Thread(target=server.serve_forever, name="aws-endpoint", daemon=True)
    thread.start()
    try:
        yield f"http://{host}:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def _for_programs(app: Wsgi) -> Wsgi:
    def guarded(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        if "HTTP_ORIGIN" in environ or (environ["REQUEST_METHOD"], environ["PATH_INFO"]) != ("POST", "/"):
            start_response("403 Forbidden", [("Content-Type", "text/plain")])
            return [b"The local AWS endpoint answers programs on this machine, and no web page.\n"]
        return app(environ, start_response)

    return guarded
