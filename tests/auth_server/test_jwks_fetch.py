"""Fetching what a client's record names, from real servers: what is asked, and what never is."""

import datetime as dt
import ipaddress
import socket
import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from threading import Event, Thread
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from hypothesis import given
from hypothesis import strategies as st

from auth_server.jwks_fetch import FetchError, fetch, is_fetchable, is_public
from tests.auth_server.assertions import P256
from tests.authorizer.jwks_server import JwksServer, document, serving

BODY = b'{"keys": []}'
PATIENT_S, HASTY_S = 10.0, 0.3


def get(uri: str, *, timeout_s: float = PATIENT_S, loopback: bool = True) -> bytes:
    """Fetch as a server on a laptop would."""
    return fetch(uri, timeout_s=timeout_s, loopback=loopback)


def test_the_body_is_returned() -> None:
    """The document comes back as it is, and path and query are those of the URL."""
    with serving(document(BODY)) as server:
        assert get(f"{server.uri}?tenant=a") == BODY
        assert server.paths == ["/.well-known/jwks.json?tenant=a"]


def test_a_document_of_64_kb_is_the_largest() -> None:
    """65,536 bytes are read, one more is refused."""
    with serving(document(b" " * 65_536)) as server:
        assert len(get(server.uri)) == 65_536
        server.answer = document(b" " * 65_537)
        with pytest.raises(FetchError, match="larger"):
            get(server.uri)


@pytest.mark.parametrize("status", [201, 204, 301, 302, 307, 308, 404, 500])
def test_no_redirect_is_followed(status: int) -> None:
    """Whatever is not 200 is no document, and where it points to is not asked."""
    with serving(document(BODY)) as elsewhere:
        with (
            serving(document(BODY if status != 204 else b"", status, Location=elsewhere.uri)) as server,
            pytest.raises(FetchError, match=f"status {status}"),
        ):
            get(server.uri)
        assert elsewhere.paths == []


def test_a_refused_connection_is_an_error() -> None:
    """Where nobody listens there is no document."""
    with serving(document(BODY)) as server:
        uri = server.uri
    with pytest.raises(FetchError):
        get(uri)


def _hang_up(request: BaseHTTPRequestHandler) -> None:
    request.close_connection = True


def _not_http(request: BaseHTTPRequestHandler) -> None:
    request.wfile.write(b"SSH-2.0-OpenSSH_9.2\r\n\r\n")


@pytest.mark.parametrize("answer", [_hang_up, _not_http])
def test_what_is_no_http_answer_is_an_error(answer: Any) -> None:
    """A connection that is closed, or that speaks something else, is an error like any other."""
    with serving(answer) as server, pytest.raises(FetchError):
        get(server.uri)


@pytest.mark.parametrize("start", [b"", b"HTTP/1.1 200 OK\r\nX-Slow: ", b"HTTP/1.1 200 OK\r\n\r\n"])
def test_a_slow_server_is_left(start: bytes) -> None:
    """Silent, or with a byte now and then, in headers or body: the caller goes on, and the connection is cut."""
    left = Event()

    def drip(server: JwksServer, request: BaseHTTPRequestHandler) -> None:
        try:
            request.wfile.write(start)
            while not server.released.wait(0.02):
                request.wfile.write(b"a" if start else b"")
                request.connection.setblocking(False)  # noqa: FBT003 - the socket's own signature
                try:
                    if request.connection.recv(1) == b"":
                        raise ConnectionResetError
                except BlockingIOError:
                    pass
                request.connection.setblocking(True)  # noqa: FBT003 - as above
        except OSError:
            left.set()

    with serving(lambda _: None) as server:
        server.answer = lambda request: drip(server, request)
        with pytest.raises(FetchError, match="timed out"):
            get(server.uri, timeout_s=HASTY_S)
        assert left.wait(PATIENT_S)


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "127.1", "2130706433", "0x7f000001", "[::1]"])
def test_the_machine_itself_is_not_asked(host: str) -> None:
    """Under whatever name, a server whose issuer is on the internet makes no connection to its own loopback."""
    with serving(document(BODY)) as server:
        port = server.uri.split(":")[2].split("/")[0]
        with pytest.raises(FetchError, match=r"address that is not public|gaierror"):
            get(f"https://{host}:{port}/", loopback=False)
        assert server.paths == []


@pytest.mark.parametrize(
    "address",
    [
        *("127.0.0.1", "127.255.255.254", "0.1.2.3", "10.0.0.1", "172.16.0.1", "192.168.1.1", "100.64.0.1"),
        *("169.254.169.254", "169.254.170.2", "192.0.2.1", "198.18.0.1", "224.0.0.1", "239.1.1.1", "255.255.255.255"),
        *("::1", "::", "fe80::1", "fe80::1%eth0", "fd00:ec2::254", "fc00::1", "fec0::1", "ff02::1", "2001:db8::1"),
        *(
            "::ffff:127.0.0.1",
            "::ffff:8.8.8.8",
            "::127.0.0.1",
            "2002:7f00:1::",
            "64:ff9b::a9fe:a9fe",
            "64:ff9b::7f00:1",
        ),
    ],
)
def test_an_address_that_is_not_public_is_known(address: str) -> None:
    """Private, shared, link-local, metadata, multicast, documentation and translated addresses are not public."""
    assert not is_public(address)


@pytest.mark.parametrize("address", ["8.8.8.8", "185.199.108.153", "2606:4700::1111", "64:ff9b::808:808"])
def test_an_address_of_the_internet_is_public(address: str) -> None:
    """The internet is asked, from a network without IPv4 as well (RFC 6052)."""
    assert is_public(address)


def _resolving(monkeypatch: pytest.MonkeyPatch, *answers: list[str]) -> list[str]:
    """Have names resolve to these addresses, the first answer first; give the names that were asked for."""
    asked: list[str] = []
    real = socket.getaddrinfo

    def resolve(host: str, port: int, *arguments: Any, **named: Any) -> Any:
        if host != "keys.example":
            return real(host, port, *arguments, **named)
        asked.append(host)
        addresses = answers[min(len(asked), len(answers)) - 1]
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, port)) for address in addresses]

    monkeypatch.setattr(socket, "getaddrinfo", resolve)
    return asked


@pytest.mark.parametrize("addresses", [["127.0.0.1"], ["8.8.8.8", "127.0.0.1"], ["169.254.169.254"], ["10.0.0.1"]])
def test_one_address_that_is_not_public_is_enough(monkeypatch: pytest.MonkeyPatch, addresses: list[str]) -> None:
    """A name with any such address is not asked at all."""
    _resolving(monkeypatch, addresses)
    with pytest.raises(FetchError, match="not public"):
        get("https://keys.example/jwks.json", loopback=False)


def test_the_connection_goes_to_the_address_that_was_checked(monkeypatch: pytest.MonkeyPatch) -> None:
    """A name is looked up once: what it resolves to a moment later changes nothing (DNS rebinding)."""
    asked = _resolving(monkeypatch, ["8.8.8.8"], ["127.0.0.1"])
    connected: list[Any] = []

    def connect(address: Any, timeout: float) -> socket.socket:  # noqa: ARG001 - the signature of the real one
        connected.append(address)
        raise ConnectionRefusedError

    monkeypatch.setattr(socket, "create_connection", connect)
    with pytest.raises(FetchError, match="ConnectionRefusedError"):
        get("https://keys.example/jwks.json", loopback=False)
    assert (asked, connected) == (["keys.example"], [("8.8.8.8", 443)])


@pytest.mark.parametrize("host", ["8.8.8.8", "keys.example", "127.0.0.1"])
def test_plain_http_is_for_a_laptop_alone(host: str) -> None:
    """A server on the internet asks nobody without TLS, and one on a laptop nobody but that laptop."""
    assert not is_fetchable(f"http://{host}/jwks.json", loopback=False)
    assert is_fetchable(f"http://{host}/jwks.json", loopback=True) == (host == "127.0.0.1")
    with pytest.raises(FetchError, match="not a URL"):
        get(f"http://{host}/jwks.json", loopback=False)


@pytest.mark.parametrize(
    "uri",
    [
        *(
            "",
            "jwks.json",
            "//keys.example/",
            "https://",
            "https:///jwks.json",
            "file:///etc/passwd",
            "ftp://keys.example/",
        ),
        *(
            "https://user@keys.example/",
            "https://keys.example/#x",
            "https://keys.example:0/",
            "https://keys.example:x/",
        ),
        *("https://keys.example/a b", "https://keys.example/\r\nX: y", "https://käse.example/", "https://[bad/"),
        *("https://keys.example\\@evil.example/", "https://keys.example/" + "a" * 1000, "data:application/json,{}"),
    ],
)
def test_what_is_no_https_url_is_not_fetched(uri: str) -> None:
    """Another scheme, a user, a fragment, control characters: none of it is a URL to ask."""
    assert not is_fetchable(uri, loopback=True)
    with pytest.raises(FetchError, match="not a URL"):
        get(uri)


@given(st.text())
def test_any_text_is_fetchable_or_not(text: str) -> None:
    """The check of URLs answers every text, and no control character ever passes."""
    for uri in (text, f"https://{text}", f"https://keys.example/{text}"):
        if is_fetchable(uri, loopback=True):
            assert uri.isascii()
            assert uri.isprintable()


@contextmanager
def with_tls(folder: Path, host: str) -> Iterator[tuple[str, Path]]:
    """Serve over TLS with a certificate for `host`; give the URL, and the certificate's file."""
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "test")])
    now = dt.datetime.now(dt.UTC)
    certificate = (
        x509.CertificateBuilder(name, name, P256.public_key(), x509.random_serial_number())
        .not_valid_before(now - dt.timedelta(hours=1))
        .not_valid_after(now + dt.timedelta(hours=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address(host))]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(P256, hashes.SHA256())
    )
    chain, key = folder / "certificate.pem", folder / "key.pem"
    chain.write_bytes(certificate.public_bytes(Encoding.PEM))
    key.write_bytes(P256.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(chain, key)
    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = Thread(target=_answer_once, args=(listener, context))
        thread.start()
        yield f"https://127.0.0.1:{listener.getsockname()[1]}/", chain
        thread.join()


def _answer_once(listener: socket.socket, context: ssl.SSLContext) -> None:
    connection, _ = listener.accept()
    try:
        with context.wrap_socket(connection, server_side=True) as secured:
            secured.recv(65_536)
            secured.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s" % (len(BODY), BODY))
    except OSError:
        connection.close()


def test_a_trusted_certificate_is_asked_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Over TLS the document comes from whoever has a certificate of that name, and a trusted one."""
    with with_tls(tmp_path, "127.0.0.1") as (uri, certificate):
        monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
        assert get(uri) == BODY


@pytest.mark.parametrize(("host", "trusted"), [("127.0.0.1", False), ("127.0.0.2", True)])
def test_another_certificate_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, host: str, *, trusted: bool
) -> None:
    """A certificate that nobody vouches for, or one of another name, ends it."""
    with with_tls(tmp_path, host) as (uri, certificate):
        if trusted:
            monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
        with pytest.raises(FetchError, match="SSLCertVerificationError"):
            get(uri)
