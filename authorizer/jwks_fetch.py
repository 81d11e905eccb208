"""Fetching the issuer's JWK Set over HTTP, within bounds of time and size."""

import time
from http import HTTPStatus
from queue import Empty, SimpleQueue
from threading import Thread
from threading import enumerate as enumerate_threads
from urllib.request import HTTPHandler, HTTPSHandler, OpenerDirector, Request

from authorizer.errors import JwksError

MAX_DOCUMENT_BYTES = 65_536
_THREAD_NAME = "jwks-fetch"
_HEADERS = {"Accept": "application/jwk-set+json, application/json", "User-Agent": "latchkey-authorizer"}


def fetch(uri: str, timeout_s: float) -> bytes:
    """Return the body that a GET of `uri` is answered with, at most 64 KB; raises `JwksError` after `timeout_s`.

    The time-out of a socket starts anew with each byte, and looking up a name has none at all. So a thread does the
    asking, and whatever the other side does, the caller waits no longer than `timeout_s` seconds.
    """
    answers: SimpleQueue[bytes | JwksError] = SimpleQueue()
    name = f"{_THREAD_NAME} {uri}"
    # A peer that sends a header a minute keeps its thread. One such thread is borne with, a second is not begun.
    if any(thread.name == name for thread in enumerate_threads()):
        raise JwksError("an earlier fetch still hangs")
    try:
        Thread(target=lambda: answers.put(_answer(uri, timeout_s)), name=name, daemon=True).start()
        answer = answers.get(timeout=timeout_s)
    except RuntimeError:
        raise JwksError("no thread could be started") from None
    except Empty:
        raise JwksError("timed out") from None
    if isinstance(answer, JwksError):
        raise answer
    return answer


def _answer(uri: str, timeout_s: float) -> bytes | JwksError:
    try:
        return _get(uri, timeout_s)
    except JwksError as error:
        return error
    except Exception as error:  # noqa: BLE001 - whatever went wrong, the thread that waits has to hear of it
        return JwksError(type(error).__name__)


def _get(uri: str, timeout_s: float) -> bytes:
    # This opener knows one scheme and nothing else: no redirect, no file:, no proxy, no password, no cookie.
    opener = OpenerDirector()
    opener.add_handler(HTTPSHandler() if uri.startswith("https:") else HTTPHandler())
    deadline = time.monotonic() + timeout_s
    request = Request(uri, headers=_HEADERS)  # noqa: S310 - the settings allow https, and http on loopback
    with opener.open(request, timeout=timeout_s) as response:
        if response.status != HTTPStatus.OK:
            raise JwksError(f"status {response.status}")
        body = b""
        while chunk := response.read1(MAX_DOCUMENT_BYTES):
            body += chunk
            if len(body) > MAX_DOCUMENT_BYTES:
                raise JwksError("larger than 64 KB")
            if time.monotonic() > deadline:
                raise JwksError("timed out")
    return body
