"""One exchange, in a thread and in an event loop, with a server that misbehaves."""

import asyncio
import itertools
import socket
import ssl
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path
from threading import Event, Thread, active_count
from threading import enumerate as enumerate_threads

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from tests.token_client.authorization_server import (
    Answer,
    drip_body,
    drip_headers,
    endless,
    hang_up,
    not_http,
    raw,
    serving,
    silent,
    truncated,
)
from token_client import transport
from token_client.errors import ConfigurationError, ServerUnavailableError
from token_client.transport import HttpAnswer, HttpRequest

Send = Callable[[HttpRequest, float], HttpAnswer]
_PATIENT_S = 10.0
_HASTY_S = 0.3
_MUCH_LATER_S = 3.0


def _in_a_loop(request: HttpRequest, timeout_s: float) -> HttpAnswer:
    return asyncio.run(transport.send_async(request, timeout_s))


@pytest.fixture(params=[transport.send, _in_a_loop], ids=["thread", "loop"])
def send(request: pytest.FixtureRequest) -> Iterator[Send]:
    """Give either way to send; no thread of it is left in the end."""
    before = active_count()
    yield request.param
    until = time.monotonic() + _PATIENT_S
    while active_count() > before and time.monotonic() < until:
        time.sleep(0.01)
    assert active_count() <= before


def post(url: str, **headers: str) -> HttpRequest:
    """Make a request."""
    return HttpRequest("POST", url, {"Accept-Encoding": "identity"} | headers, b"a=b")


def test_an_answer_is_given_as_it_is(send: Send) -> None:
    """Status, headers by lower-case names, and body; the request reaches the server as it was made."""
    with serving(raw(b"\x00{", 418, X_Thing="1")) as server:
        answer = send(post(server.token_endpoint, Who="me"), _PATIENT_S)
        assert (answer.status, answer.headers["x-thing"], answer.body) == (418, "1", b"\x00{")
        assert (server.asked[0].body, server.asked[0].headers["Who"]) == (b"a=b", "me")


@pytest.mark.parametrize("answer", [silent, drip_body, drip_headers])
def test_whatever_takes_too_long_is_left(send: Send, answer: Answer) -> None:
    """A server that is silent, or keeps a body or a header coming, is left when the time is over."""
    with serving(answer) as server:
        began = time.monotonic()
        with pytest.raises(ServerUnavailableError, match="timed out"):
            send(post(server.token_endpoint), _HASTY_S)
        assert time.monotonic() - began < _MUCH_LATER_S
        while any(thread.name == "token_client" for thread in enumerate_threads()):  # though the server goes on
            assert time.monotonic() - began < _MUCH_LATER_S
            time.sleep(0.01)


def test_an_answer_of_64_kb_is_the_largest(send: Send) -> None:
    """65,536 bytes are read, one more is refused."""
    with serving(raw(b" " * 65_536), raw(b" " * 65_537)) as server:
        assert len(send(post(server.token_endpoint), _PATIENT_S).body) == 65_536
        with pytest.raises(ServerUnavailableError, match="more than 64 KB"):
            send(post(server.token_endpoint), _PATIENT_S)


def test_an_answer_without_end_is_left(send: Send) -> None:
    """A server that never stops sending is left once the bound is passed."""
    with serving(endless) as server, pytest.raises(ServerUnavailableError, match="more than 64 KB"):
        send(post(server.token_endpoint), _PATIENT_S)


@pytest.mark.parametrize("answer", [truncated, hang_up, not_http])
def test_what_breaks_off_is_no_answer(send: Send, answer: Answer) -> None:
    """A body shorter than announced, a connection that is reset, and something that is not HTTP."""
    with serving(answer) as server, pytest.raises(ServerUnavailableError, match="broke off"):
        send(post(server.token_endpoint), _PATIENT_S)


def test_nobody_listens(send: Send) -> None:
    """A refused connection says so, with the URL and the system's cause."""
    with serving() as server:
        url = server.token_endpoint
    with pytest.raises(ServerUnavailableError, match=f"{url} cannot be reached") as caught:
        send(post(f"{url}?key=secret"), _PATIENT_S)
    assert "secret" not in str(caught.value)


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_no_redirect_is_followed(send: Send, status: int) -> None:
    """Whoever can make a server redirect does not get the request, and with it the secret."""
    with serving() as elsewhere:
        with serving(raw(b"", status, Location=elsewhere.url)) as server:
            assert send(post(server.token_endpoint), _PATIENT_S).status == status
        assert elsewhere.asked == []


def test_this_machine_is_reached_without_a_proxy(send: Send, monkeypatch: pytest.MonkeyPatch) -> None:
    """What plain http is allowed for because it does not leave the machine does not leave it by the proxy's door."""
    with serving() as proxy, serving() as server:
        monkeypatch.setenv("HTTP_PROXY", proxy.url)
        monkeypatch.delenv("NO_PROXY", raising=False)
        send(post(server.token_endpoint), _PATIENT_S)
        assert (len(server.asked), len(proxy.asked)) == (1, 0)


def test_an_error_does_not_show_the_request(send: Send) -> None:
    """A header that cannot be sent is not repeated, neither by the error nor by what it came from."""
    with serving() as server, pytest.raises(ServerUnavailableError) as caught:
        send(post(server.token_endpoint, Authorization="Basic s3cret\n"), _PATIENT_S)
    assert caught.value.__suppress_context__
    assert caught.value.__cause__ is None
    assert "s3cret" not in str(caught.value)


def test_a_request_and_an_answer_are_not_shown() -> None:
    """Neither says what it holds where it is printed."""
    shown = repr((HttpRequest("POST", "u", {"a": "s3cret"}, b"s3cret"), HttpAnswer(200, {"a": "s3cret"}, b"s3cret")))
    assert "s3cret" not in shown


def test_a_certificate_that_nobody_signed_is_refused(send: Send) -> None:
    """A server that cannot do TLS at all is not spoken to without."""
    with serving() as server:
        url = server.token_endpoint.replace("http://", "https://")
        with pytest.raises(ServerUnavailableError, match="cannot be reached"):
            send(post(url), _PATIENT_S)
        assert server.asked == []


def test_without_threads_the_sockets_time_outs_do(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the system gives no thread, the caller's own sends, and a silent server is left all the same."""

    class NoThread(Thread):
        def start(self) -> None:
            raise RuntimeError("can't start new thread")

    # The one thing that is not real: a system out of threads could not run the test either.
    with serving(raw(b"{}"), silent) as server:
        monkeypatch.setattr(transport, "Thread", NoThread)
        assert transport.send(post(server.token_endpoint), _PATIENT_S).status == 200
        with pytest.raises(ServerUnavailableError, match="timed out"):
            transport.send(post(server.token_endpoint), _HASTY_S)


def test_a_name_that_nobody_has(send: Send, monkeypatch: pytest.MonkeyPatch) -> None:
    """A host that cannot be looked up cannot be reached."""

    def unknown(*_: object, **__: object) -> None:
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", unknown)  # no test asks the world's name servers
    with pytest.raises(ServerUnavailableError, match="Name or service not known"):
        send(post("https://nobody.example/token"), _PATIENT_S)


@contextmanager
def dripping_over_tls(folder: Path, is_over: Event) -> Iterator[tuple[str, Path]]:
    """Serve headers an octet at a time over TLS, and one more when it is over; give the URL, and the certificate."""
    key, name = ec.generate_private_key(ec.SECP256R1()), x509.Name([])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder(name, name, key.public_key(), 1, now - timedelta(1), now + timedelta(1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))]), critical=True)
        .sign(key, SHA256())
    )
    chain, private = folder / "certificate.pem", folder / "key.pem"
    chain.write_bytes(certificate.public_bytes(Encoding.PEM))
    private.write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(chain, private)

    def serve() -> None:
        with context.wrap_socket(listener.accept()[0], server_side=True) as connection, suppress(OSError):
            connection.recv(65_536)
            for octet in itertools.cycle(b"HTTP/1.1 200 OK\r\nA: "):
                connection.send(bytes([octet]))
                if is_over.wait(_HASTY_S / 10):
                    break
            connection.send(b"a")

    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = Thread(target=serve)
        thread.start()
        try:
            yield f"https://127.0.0.1:{listener.getsockname()[1]}/", chain
        finally:
            is_over.set()
            thread.join(_PATIENT_S)


def test_what_is_left_reads_from_nobody_elses_connection(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The number of a connection is not free while the thread that was left with it may yet read from it."""
    is_over, ours = Event(), b"octets of somebody else"
    with dripping_over_tls(tmp_path, is_over) as (url, certificate), ExitStack() as stack:
        context = ssl.create_default_context(cafile=certificate)
        monkeypatch.setattr(transport, "_tls", lambda: context)  # the world's authorities do not vouch for loopback
        with pytest.raises(ServerUnavailableError, match="timed out"):
            transport.send(post(url), _HASTY_S)
        pairs = [socket.socketpair() for _ in range(20)]  # they get the lowest numbers that are free
        ends = [stack.enter_context(end) for pair in pairs for end in pair]
        for end in ends:
            end.send(ours)
        is_over.set()
        while any(thread.name == "token_client" for thread in enumerate_threads()):
            time.sleep(0.01)
        assert [end.recv(1_000) for end in ends] == [ours] * len(ends)


@pytest.mark.parametrize("proxy", ["gopher://user:s3cret@proxy.example", "http://user:s3cret@proxy.example:port"])
def test_a_proxy_that_makes_no_sense_is_an_error_of_ours(
    send: Send, monkeypatch: pytest.MonkeyPatch, proxy: str
) -> None:
    """What the environment says of a proxy is not repeated: it may have a password."""
    monkeypatch.setenv("HTTPS_PROXY", proxy)
    monkeypatch.delenv("NO_PROXY", raising=False)
    with pytest.raises(ConfigurationError, match="proxy") as caught:
        send(post("https://as.example/token"), _PATIENT_S)
    assert "s3cret" not in str(caught.value)
