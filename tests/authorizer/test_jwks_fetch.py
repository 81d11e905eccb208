"""Fetching a JWK Set from a real server."""

from http.server import BaseHTTPRequestHandler
from threading import Event

import pytest

from authorizer.errors import JwksError
from authorizer.jwks_fetch import fetch
from tests.authorizer.issuer import jwks
from tests.authorizer.jwks_server import Answer, JwksServer, document, serving

_PATIENT_S = 10.0
_HASTY_S = 0.3
_DRIP_S = 0.05
_DRIPS = 200  # in all much longer than a hasty caller waits


def _drip(server: JwksServer, request: BaseHTTPRequestHandler, octet: bytes) -> None:
    for _ in range(_DRIPS):
        request.wfile.write(octet)
        if server.released.wait(_DRIP_S):
            return


def test_the_body_is_returned() -> None:
    """The document comes back as it is, and the path that was set is the one asked for."""
    with serving(document(jwks())) as server:
        assert fetch(server.uri, _PATIENT_S) == jwks()
        assert server.paths == ["/.well-known/jwks.json"]


def test_a_document_of_64_kb_is_the_largest() -> None:
    """65,536 bytes are read, one more is refused."""
    with serving(document(b" " * 65_536)) as server:
        assert len(fetch(server.uri, _PATIENT_S)) == 65_536
        server.answer = document(b" " * 65_537)
        with pytest.raises(JwksError, match="larger"):
            fetch(server.uri, _PATIENT_S)


def _endless(request: BaseHTTPRequestHandler) -> None:
    request.send_response(200)
    request.end_headers()
    while True:
        request.wfile.write(b" " * 65_536)


def test_a_body_without_end_is_left() -> None:
    """A server that never stops sending is left once the bound is passed."""
    with serving(_endless) as server, pytest.raises(JwksError, match="larger"):
        fetch(server.uri, _PATIENT_S)


@pytest.mark.parametrize("status", [201, 204, 304, 400, 401, 404, 429, 500, 503])
def test_only_status_200_is_taken(status: int) -> None:
    """A good document under another status is not the issuer's key set."""
    with serving(document(jwks(), status)) as server, pytest.raises(JwksError, match=str(status)):
        fetch(server.uri, _PATIENT_S)


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_no_redirect_is_followed(status: int) -> None:
    """Whoever can make the issuer redirect cannot choose the keys."""
    with serving(document(jwks())) as elsewhere:
        with serving(document(b"", status, Location=elsewhere.uri)) as server, pytest.raises(JwksError):
            fetch(server.uri, _PATIENT_S)
        assert elsewhere.paths == []


def _hang_up(request: BaseHTTPRequestHandler) -> None:
    request.close_connection = True


def _cut_short(request: BaseHTTPRequestHandler) -> None:
    request.send_response(200)
    request.send_header("Content-Length", "1000")
    request.end_headers()


def _not_http(request: BaseHTTPRequestHandler) -> None:
    request.wfile.write(b"SSH-2.0-OpenSSH_9.2\r\n\r\n")


@pytest.mark.parametrize("answer", [_hang_up, _not_http])
def test_what_is_no_http_answer_is_an_error(answer: Answer) -> None:
    """A connection that is closed, or that speaks something else, is an error like any other."""
    with serving(answer) as server, pytest.raises(JwksError):
        fetch(server.uri, _PATIENT_S)


def test_a_body_that_is_cut_short_is_no_document() -> None:
    """A body shorter than announced is an error, or at most what was sent: never more."""
    with serving(_cut_short) as server:
        try:
            body = fetch(server.uri, _PATIENT_S)
        except JwksError:
            return
        assert body == b""


def test_a_refused_connection_is_an_error() -> None:
    """Where nobody listens there are no keys."""
    with serving(document(jwks())) as server:
        uri = server.uri
    with pytest.raises(JwksError):
        fetch(uri, _PATIENT_S)


def test_a_silent_server_is_left() -> None:
    """A server that takes the request and says nothing is left, while it is still silent."""
    with serving(lambda _: None) as server:

        def answer(_: BaseHTTPRequestHandler) -> None:
            server.released.wait(_DRIP_S * _DRIPS)

        server.answer = answer
        with pytest.raises(JwksError, match="timed out"):
            fetch(server.uri, _HASTY_S)


def test_a_body_that_drips_is_left() -> None:
    """Each byte within the socket's time-out, the whole not: it is the whole that counts, and the connection ends."""
    left = Event()
    with serving(lambda _: None) as server:

        def answer(request: BaseHTTPRequestHandler) -> None:
            request.send_response(200)
            request.end_headers()
            try:
                _drip(server, request, b" ")
            except OSError:
                left.set()

        server.answer = answer
        with pytest.raises(JwksError, match="timed out"):
            fetch(server.uri, _HASTY_S)
        assert left.wait(_DRIP_S * _DRIPS * 0.8)


def test_headers_that_drip_are_left() -> None:
    """The same holds before the first byte of the body."""
    with serving(lambda _: None) as server:

        def answer(request: BaseHTTPRequestHandler) -> None:
            request.wfile.write(b"HTTP/1.1 200 OK\r\nX-Slow: ")
            _drip(server, request, b"a")
            request.wfile.write(b"\r\n\r\n" + jwks())

        server.answer = answer
        with pytest.raises(JwksError, match="timed out"):
            fetch(server.uri, _HASTY_S)


@pytest.mark.parametrize("uri", ["file:///etc/hostname", "ftp://127.0.0.1/jwks.json", "data:application/json,{}"])
def test_no_other_scheme_is_fetched(uri: str) -> None:
    """The opener knows http and https and nothing else."""
    with pytest.raises(JwksError):
        fetch(uri, _PATIENT_S)
