"""The rotation of signing keys on this machine: invoked as an operator does, and on a schedule as EventBridge does.

In fast motion (`--rotate-every`) all of its times are in proportion: what takes hours in a deployment takes seconds.
"""

from __future__ import annotations

import json
import logging
import re
import threading
import time
import uuid
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Final

from infra.local.lambda_runtime import FunctionError, LambdaContext, invoke

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

    from infra.local.lambda_runtime import Handler

    Wsgi = Callable[[dict[str, Any], Callable[..., Any]], Iterable[bytes]]

SCHEDULE_SECONDS: Final = 3_600  # of the template's rule
TIMEOUT_SECONDS: Final = 120  # of the template's function
_INVOCATION: Final = re.compile(r"/2015-03-31/functions/([A-Za-z0-9_-]{1,64})/invocations")
_MAX_EVENT_BYTES: Final = 65_536

log = logging.getLogger(__name__)


def fast_motion(every: int) -> tuple[dict[str, str], dict[str, str]]:
    """Give the template's parameters and the settings by which a key lasts `every` seconds.

    A key is announced half of that before it signs, and every cache of keys is half as old again at most.
    """
    lead = every // 2
    lifetime = min(3_600, max(60, 5 * every))
    parameters = {"RotateEverySeconds": str(every), "TokenLifetimeSeconds": str(lifetime)}
    cache = str(min(300, max(1, lead // 4)))
    settings = {
        "KEY_LEAD_SECONDS": str(lead),
        "KEY_OVERLAP_SECONDS": str(lifetime + every),
        "KEY_CACHE_SECONDS": cache,
        "JWKS_CACHE_SECONDS": cache,
        "JWKS_COOLDOWN_SECONDS": "1",
    }
    return parameters, settings


def invoked(handler: Handler, event: Any, arn: str) -> Any:
    """Give a function's answer to an event; raises `FunctionError`."""
    result, _ = invoke(handler, event, LambdaContext(str(uuid.uuid4()), arn, time.monotonic() + TIMEOUT_SECONDS))
    return result


@contextmanager
def on_schedule(handler: Handler, arn: str, every: int | None) -> Iterator[None]:
    """Invoke the rotation again and again: ten times in the life of a key in fast motion, else as the template says."""
    stop = threading.Event()
    pause = SCHEDULE_SECONDS if every is None else every / 10

    def run() -> None:
        while not stop.wait(pause):
            try:
                invoked(handler, {"source": "aws.events"}, arn)
            except FunctionError as error:
                log.error("%s failed: %s", arn, error)  # noqa: TRY400 - the function has logged why

    thread = threading.Thread(target=run, name="rotation", daemon=True)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join()


def with_functions(handlers: Mapping[str, Handler], app: Wsgi) -> Wsgi:
    """Answer lambda:Invoke for these functions, by name, and leave everything else to the application.

    https://docs.aws.amazon.com/lambda/latest/api/API_Invoke.html
    """

    def answer(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        found = _INVOCATION.fullmatch(environ["PATH_INFO"])
        if environ["REQUEST_METHOD"] != "POST" or found is None:
            return app(environ, start_response)
        handler = handlers.get(found[1])
        if handler is None:
            return _respond(
                start_response, "404 Not Found", {"Message": "Function not found"}, "ResourceNotFoundException"
            )
        size = int(environ.get("CONTENT_LENGTH") or 0)
        try:
            event = json.loads(environ["wsgi.input"].read(min(size, _MAX_EVENT_BYTES)) or b"{}")
        except ValueError:
            return _respond(start_response, "400 Bad Request", {"Message": "no JSON"}, "InvalidRequestContentException")
        try:
            return _respond(start_response, "200 OK", invoked(handler, event, f":function:{found[1]}"))
        except FunctionError as error:
            return _respond(start_response, "200 OK", {"errorMessage": str(error)}, failed=True)

    return answer


def _respond(
    start_response: Callable[..., Any], status: str, document: Any, error: str = "", *, failed: bool = False
) -> Iterable[bytes]:
    headers = [("Content-Type", "application/json")]
    headers += [("x-amzn-ErrorType", error)] if error else []
    headers += [("X-Amz-Function-Error", "Unhandled")] if failed else []
    start_response(status, headers)
    return [json.dumps(document).encode()]
