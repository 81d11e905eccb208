"""Fetching one of the issuer's documents over HTTP, within bounds of time and size, anew only where it has changed."""

import re
import time
from dataclasses import dataclass
from http import HTTPStatus
from threading import Thread
from threading import enumerate as enumerate_threads
from urllib.request import HTTPHandler, HTTPSHandler, OpenerDirector, Request

from authorizer.errors import FetchError

_CHUNK_BYTES = 65_536
_ENTITY_TAG = re.compile(r'(?:W/)?"[!#-~]{0,256}"')  # RFC 9110 8.8.3, and no longer than anybody's


@dataclass(frozen=True, slots=True)
class Source:
    """Where a document is, the media types that it may have, how large it may be, and how many seconds it may take."""

    uri: str
    accept: str
    max_bytes: int
    timeout_s: float


@dataclass(frozen=True, slots=True)
class Fetched:
    """A document, and the tag to ask with whether it has changed; None where it has no tag."""

    body: bytes
    etag: str | None


def fetch(source: Source, etag: str | None = None) -> Fetched | None:
    """Return what a GET is answered with, None where it still is what `etag` names (304, RFC 9110 15.4.5).

    Raises `FetchError`, at the latest after the source's time-out. The time-out of a socket starts anew with each byte,
    and looking up a name has none at all. So a thread does the asking, and whatever the other side does, the caller
    waits no longer.
    """
    answers: list[Fetched | FetchError | None] = []
    name = f"fetch {source.uri}"
    # A peer that sends a header a minute keeps its thread. One such thread is borne with, a second is not begun.
    if any(thread.name == name for thread in enumerate_threads()):
        raise FetchError("an earlier fetch still hangs")
    thread = Thread(target=lambda: answers.append(_answer(source, etag)), name=name, daemon=True)
    try:
        thread.start()
    except RuntimeError:
        raise FetchError("no thread could be started") from None
    thread.join(source.timeout_s)
    if not answers:
        raise FetchError("timed out")
    answer = answers[0]
    if isinstance(answer, FetchError):
        raise answer
    return answer


def _answer(source: Source, etag: str | None) -> Fetched | FetchError | None:
    try:
        return _get(source, etag)
    except FetchError as error:
        return error
    except TimeoutError:
        return FetchError("timed out")
    except Exception as error:  # noqa: BLE001 - whatever went wrong, the thread that waits has to hear of it
        return FetchError(type(error).__name__)


def _get(source: Source, etag: str | None) -> Fetched | None:
    # This opener knows one scheme and nothing else: no redirect, no file:, no proxy, no password, no cookie.
    opener = OpenerDirector()
    opener.add_handler(HTTPSHandler() if source.uri.startswith("https:") else HTTPHandler())
    deadline = time.monotonic() + source.timeout_s
    headers = {"Accept": source.accept, "User-Agent": "latchkey-authorizer"}
    if etag is not None:
        headers["If-None-Match"] = etag
    request = Request(source.uri, headers=headers)  # noqa: S310 - the settings allow https, and http on loopback
    with opener.open(request, timeout=source.timeout_s) as response:
        if response.status == HTTPStatus.NOT_MODIFIED and etag is not None:
            return None
        if response.status != HTTPStatus.OK:
            raise FetchError(f"status {response.status}")
        body = bytearray()
        while chunk := response.read1(_CHUNK_BYTES):
            body += chunk
            if len(body) > source.max_bytes:
                raise FetchError(f"larger than {source.max_bytes // 1024} KB")
            if time.monotonic() > deadline:
                raise FetchError("timed out")
        tag = response.headers.get("ETag", "")
    return Fetched(bytes(body), tag if _ENTITY_TAG.fullmatch(tag) else None)
