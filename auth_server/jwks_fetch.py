"""Fetching a document that somebody else's record names: over TLS, from public addresses, within bounds.

Whoever may write a URL into a client's record must not make this server call what only it can reach (SSRF). So a name
is looked up once, each of its addresses is checked, and the connection goes to an address that was checked.
"""

import contextlib
import socket
import ssl
from http import HTTPStatus
from http.client import HTTPConnection, HTTPException, HTTPSConnection
from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_address
from queue import Empty, SimpleQueue
from threading import Thread
from typing import Final
from urllib.parse import SplitResult, urlsplit

from authorizer.urls import is_loopback

MAX_DOCUMENT_BYTES: Final = 65_536
MAX_URI_LENGTH: Final = 1_000
_HEADERS: Final = {"Accept": "application/jwk-set+json, application/json", "User-Agent": "latchkey"}
_DEFAULT_PORTS: Final = {"https": 443, "http": 80}
_GLOBAL_UNICAST, _6TO4, _NAT64 = IPv6Network("2000::/3"), IPv6Network("2002::/16"), IPv6Network("64:ff9b::/96")


class FetchError(Exception):
    """The document could not be had. `str(error)` is for the log, and quotes neither the URL nor the answer."""


def is_fetchable(uri: str, *, loopback: bool) -> bool:
    """Whether this is an https URL that may be asked; with `loopback`, also an http URL of this very machine."""
    try:
        parts = urlsplit(uri)
        host, port = parts.hostname or "", parts.port
    except ValueError:
        return False
    plain = len(uri) <= MAX_URI_LENGTH and uri.isascii() and uri.isprintable() and " " not in uri and "\\" not in uri
    trusted = parts.scheme == "https" or (loopback and parts.scheme == "http" and is_loopback(host))
    return plain and trusted and host != "" and port != 0 and "@" not in parts.netloc and "#" not in uri


def is_public(address: str) -> bool:
    """Whether an IP address belongs to the internet at large: no private, link-local, metadata or multicast one."""
    ip = ip_address(address.partition("%")[0])
    if isinstance(ip, IPv6Address):
        if ip in _NAT64:  # RFC 6052 2.2: the IPv4 address behind it is what is called
            ip = IPv4Address(int(ip) & 0xFFFF_FFFF)
        elif ip not in _GLOBAL_UNICAST or ip in _6TO4:  # IPv4-mapped addresses stand outside as well
            return False
    return ip.is_global and not ip.is_multicast


def fetch(uri: str, *, timeout_s: float, loopback: bool) -> bytes:
    """Return the body that a GET of `uri` is answered with, at most 64 KB; raises `FetchError`.

    The time-out of a socket starts anew with each byte, and looking up a name has none at all. So a thread does the
    asking; after `timeout_s` seconds the caller goes on, and the connection is cut. With `loopback`, any address will
    do, as on a laptop whose issuer is on its own loopback interface.
    """
    if not is_fetchable(uri, loopback=loopback):
        raise FetchError("not a URL to fetch")
    answers: SimpleQueue[bytes | FetchError] = SimpleQueue()
    exchange = _Exchange(urlsplit(uri), timeout_s, loopback=loopback)
    Thread(target=lambda: answers.put(exchange.answer()), name="jwks-fetch", daemon=True).start()
    try:
        answer = answers.get(timeout=timeout_s)
    except Empty:
        exchange.cut()
        raise FetchError("timed out") from None
    if isinstance(answer, FetchError):
        raise answer
    return answer


class _Exchange:
    """One request and its answer, which another thread may cut short."""

    def __init__(self, parts: SplitResult, timeout_s: float, *, loopback: bool) -> None:
        self._parts, self._timeout_s, self._loopback = parts, timeout_s, loopback
        self._host, self._port = parts.hostname or "", parts.port or _DEFAULT_PORTS[parts.scheme]
        self._socket: socket.socket | None = None
        self._is_cut = False

    def answer(self) -> bytes | FetchError:
        """Ask, and give whatever came of it: the thread that waits has to hear of it."""
        try:
            return self._get(self._connection())
        except FetchError as error:
            return error
        except (OSError, HTTPException, ValueError) as error:
            # A socket that waits too long says so just before, or just after, the whole exchange is cut.
            return FetchError("timed out" if isinstance(error, TimeoutError) else type(error).__name__)
        finally:
            if self._socket is not None:
                self._socket.close()

    def cut(self) -> None:
        """End the connection under whoever reads from it."""
        self._is_cut = True
        if self._socket is not None:
            with contextlib.suppress(OSError):
                self._socket.shutdown(socket.SHUT_RDWR)

    def _connection(self) -> HTTPConnection:
        self._keep(self._connect(self._addresses()))
        if self._parts.scheme == "http":
            connection = HTTPConnection(self._host, self._port, timeout=self._timeout_s)
        else:
            context = ssl.create_default_context()
            connection = HTTPSConnection(self._host, self._port, timeout=self._timeout_s, context=context)
            self._keep(self._with_tls(context))
        connection.sock = self._socket
        return connection

    def _with_tls(self, context: ssl.SSLContext) -> ssl.SSLSocket:
        assert self._socket is not None  # noqa: S101 - for the type checker: it was connected a line before
        return context.wrap_socket(self._socket, server_hostname=self._host, do_handshake_on_connect=False)

    def _addresses(self) -> list[str]:
        found = socket.getaddrinfo(self._host, self._port, type=socket.SOCK_STREAM)
        addresses = [str(entry[4][0]) for entry in found]
        if not self._loopback and not all(map(is_public, addresses)):
            raise FetchError("the host has an address that is not public")
        return addresses

    def _connect(self, addresses: list[str]) -> socket.socket:
        refused: OSError = OSError("no address")
        for address in addresses:
            try:
                return socket.create_connection((address, self._port), self._timeout_s)
            except OSError as error:
                refused = error
        raise refused

    def _keep(self, connected: socket.socket) -> None:
        self._socket = connected
        if self._is_cut:
            raise FetchError("timed out")
        if isinstance(connected, ssl.SSLSocket):
            connected.do_handshake()

    def _get(self, connection: HTTPConnection) -> bytes:
        # No redirect is followed, no proxy asked, no cookie or password sent: http.client knows none of them.
        path = (self._parts.path or "/") + (f"?{self._parts.query}" if self._parts.query else "")
        with contextlib.closing(connection):
            connection.request("GET", path, headers=_HEADERS)
            with contextlib.closing(connection.getresponse()) as response:
                if response.status != HTTPStatus.OK:
                    raise FetchError(f"status {response.status}")
                body = response.read(MAX_DOCUMENT_BYTES + 1)
        if len(body) > MAX_DOCUMENT_BYTES:
            raise FetchError("larger than 64 KB")
        return body
