"""One HTTP exchange, within bounds of time and size: no redirect, no cookie, no connection that is kept."""

import asyncio
import os
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from functools import cache
from socket import SHUT_RDWR, gaierror, socket
from ssl import SSLContext, SSLError
from threading import Lock, Thread
from typing import Any, NoReturn, TypeVar
from urllib.parse import urlsplit

import httpx

from token_client import urls
from token_client.errors import ConfigurationError, ServerUnavailableError

_MAX_BODY_BYTES = 65_536
_LONGEST_CAUSE = 100
_HttpxClient = TypeVar("_HttpxClient", httpx.Client, httpx.AsyncClient)
# What went wrong, without the library's own texts: one of them repeats a header, and with it the secret.
_CAUSES: tuple[tuple[type[Exception], str], ...] = (
    (httpx.TimeoutException, "timed out"),
    (httpx.ConnectError, "cannot be reached"),
    (httpx.ProxyError, "cannot be reached through the proxy"),
    (httpx.RemoteProtocolError, "broke off, or does not speak HTTP"),
    (httpx.NetworkError, "broke off"),
)


@dataclass(frozen=True, slots=True)
class HttpRequest:
    """A request. Headers and body hold secrets, and are never shown."""

    method: str
    url: str
    headers: Mapping[str, str] = field(repr=False)
    body: bytes | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True)
class HttpAnswer:
    """An answer: its status, its headers by their names in lower case, and a body of at most 64 KB."""

    status: int
    headers: Mapping[str, str] = field(repr=False)
    body: bytes = field(repr=False)


def send(request: HttpRequest, timeout_s: float) -> HttpAnswer:
    """Give the answer to a request; raises `ServerUnavailableError`, at the latest after `timeout_s`.

    The time-out of a socket starts anew with each byte, and looking up a name has none at all. So a thread does the
    asking, and whatever the other side does, the caller waits no longer.
    """
    client = _client(httpx.Client, request, timeout_s, _tls())
    line, outcomes = _Line(), list[HttpAnswer | Exception]()
    thread = Thread(target=lambda: outcomes.append(_outcome(client, request, line)), name="token_client", daemon=True)
    try:
        try:
            thread.start()
        except RuntimeError:  # no thread is to be had: the socket's time-outs must do
            outcomes.append(_outcome(client, request, line))
        else:
            thread.join(timeout_s)
        # Before the line is cut: what the thread says of that is no answer of the server's.
        outcome = outcomes[0] if outcomes else httpx.TimeoutException("")
    finally:
        line.cut()  # the thread may still be waiting: it is told that the connection has ended, and closes it
    if isinstance(outcome, Exception):
        _fail(request, outcome)
    return outcome


class _Line:
    """The connection of an exchange, for whoever waits to cut.

    It is not theirs to close. OpenSSL goes on to read from the number of a socket that another thread has closed, and
    by then that number is a connection of somebody else's.
    """

    def __init__(self) -> None:
        self._lock = Lock()
        self._socket: socket | None = None
        self._is_cut = False

    def hear(self, event: str, info: Mapping[str, Any]) -> None:
        """Hear what httpcore does (its request extension `trace`): of a connection, before there is TLS over it."""
        if not event.endswith(".connect_tcp.complete"):
            return
        with self._lock:
            self._socket = info["return_value"].get_extra_info("socket").dup()
        if self._is_cut:
            self.cut()

    def cut(self) -> None:
        """End it for both sides, now or as soon as it is there."""
        self._is_cut = True
        with self._lock:
            line, self._socket = self._socket, None
        if line is not None:
            with line, suppress(OSError):  # which it has been already
                line.shutdown(SHUT_RDWR)


def _outcome(client: httpx.Client, request: HttpRequest, line: _Line) -> HttpAnswer | Exception:
    arguments: dict[str, Any] = {"headers": request.headers, "content": request.body}
    try:
        with (
            client,
            client.stream(request.method, request.url, **arguments, extensions={"trace": line.hear}) as response,
        ):
            body = bytearray()
            for chunk in response.iter_raw():
                _add(body, chunk)
            return _answer(response, body)
    except Exception as error:  # noqa: BLE001 - whatever went wrong, the thread that waits has to hear of it
        return error


async def send_async(request: HttpRequest, timeout_s: float) -> HttpAnswer:
    """Give the answer to a request; raises `ServerUnavailableError`, at the latest after `timeout_s`."""
    exchange = _client(httpx.AsyncClient, request, timeout_s, await asyncio.to_thread(_tls))
    arguments: dict[str, Any] = {"headers": request.headers, "content": request.body}
    try:
        async with (
            asyncio.timeout(timeout_s),
            exchange as client,
            client.stream(request.method, request.url, **arguments) as response,
        ):
            body = bytearray()
            async for chunk in response.aiter_raw():
                _add(body, chunk)
            return _answer(response, body)
    except TimeoutError:
        _fail(request, httpx.TimeoutException(""))
    except (httpx.HTTPError, httpx.InvalidURL, ServerUnavailableError) as error:
        _fail(request, error)


@cache
def _tls() -> SSLContext:
    return httpx.create_ssl_context()  # 20 ms, of which each exchange would take its own


def _client(kind: type[_HttpxClient], request: HttpRequest, timeout_s: float, tls: SSLContext) -> _HttpxClient:
    # What goes to this machine itself, perhaps without TLS, goes through no proxy that the environment names.
    is_local = urls.is_loopback(urlsplit(request.url).hostname or "")
    try:
        return kind(verify=tls, timeout=timeout_s, trust_env=not is_local, follow_redirects=False)
    except (ImportError, ValueError, httpx.InvalidURL):
        # From nothing: a proxy's URL may have a password.
        raise ConfigurationError("the proxy that the environment names cannot be used") from None


def _add(body: bytearray, chunk: bytes) -> None:
    body += chunk
    if len(body) > _MAX_BODY_BYTES:
        raise ServerUnavailableError(f"answered more than {_MAX_BODY_BYTES // 1024} KB")


def _answer(response: httpx.Response, body: bytearray) -> HttpAnswer:
    headers = {name.lower(): value for name, value in response.headers.items()}
    return HttpAnswer(response.status_code, headers, bytes(body))


def _fail(request: HttpRequest, error: Exception) -> NoReturn:
    if not isinstance(error, (httpx.HTTPError, httpx.InvalidURL, ServerUnavailableError)):
        raise error
    # From nothing: what a library says of its own errors may be a header.
    raise ServerUnavailableError(f"{urls.shown(request.url)} {_cause(error)}") from None


def _cause(error: Exception) -> str:
    if isinstance(error, ServerUnavailableError):
        return str(error)
    text = next((text for kind, text in _CAUSES if isinstance(error, kind)), f"failed ({type(error).__name__})")
    return f"{text}{_system_error(error)}"


def _system_error(error: BaseException | None) -> str:
    """Say what the system or the certificate check said, which holds nothing of the request."""
    said = ""
    while error is not None:
        said = (_said(error) if isinstance(error, OSError) else "") or said
        error = error.__cause__ or error.__context__
    return said and f": {said[:_LONGEST_CAUSE]}"


def _said(error: OSError) -> str:
    if isinstance(error, SSLError):
        return getattr(error, "verify_message", "") or error.reason or ""
    if isinstance(error, gaierror) or error.errno is None:
        return error.strerror or ""
    return os.strerror(error.errno)  # asyncio has texts of its own
