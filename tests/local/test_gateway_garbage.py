"""Whatever a client sends, the gateway answers it and goes on."""

from __future__ import annotations

import socket
from typing import TYPE_CHECKING, Any

import httpx
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from infra.local.gateway.server import serving
from tests.local.gateway_api import document, gateway, http_gateway, http_proxy, http_scheme, proxy, token_scheme

if TYPE_CHECKING:
    from collections.abc import Iterator

    from infra.local.gateway import Gateway, HttpGateway

SETTINGS = {"DEFAULT_4XX": {"responseParameters": {"gatewayresponse.header.X-Query": "method.request.querystring.q"}}}


def allow(_event: Any, _context: Any) -> dict[str, Any]:
    """Allow everything."""
    statement = {"Effect": "Allow", "Action": "execute-api:Invoke", "Resource": "*"}
    return {"principalId": "me", "policyDocument": {"Version": "2012-10-17", "Statement": [statement]}}


def make() -> Gateway:
    """Return a gateway with every kind of step."""
    validated: dict[str, Any] = {
        "x-amazon-apigateway-request-validator": "all",
        "requestBody": {"content": {"application/json": {"schema": {"type": "object"}}}},
    }
    paths = {
        "/{proxy+}": {"x-amazon-apigateway-any-method": proxy()},
        "/a": {"post": proxy(**validated), "get": proxy(security=[{"auth": []}])},
    }
    described = document(
        paths,
        components={"securitySchemes": {"auth": token_scheme(identityValidationExpression="^[^ ]+ .")}},
        **{
            "x-amazon-apigateway-gateway-responses": SETTINGS,
            "x-amazon-apigateway-request-validators": {"all": {"validateRequestBody": True}},
        },
    )
    return gateway(described, {"authorizer": allow})


def make_http() -> HttpGateway:
    """Return the same for an HTTP API."""
    paths = {
        "/{proxy+}": {"x-amazon-apigateway-any-method": http_proxy()},
        "/a": {"post": http_proxy(version="1.0"), "get": http_proxy(security=[{"auth": []}])},
    }
    return http_gateway(
        document(
            paths,
            components={"securitySchemes": {"auth": http_scheme()}},
            **{"x-amazon-apigateway-cors": {"allowOrigins": ["https://*"]}},
        ),
        {"authorizer": allow},
    )


@pytest.fixture(scope="module", params=[make, make_http], ids=["rest", "http"])
def port(request: pytest.FixtureRequest) -> Iterator[int]:
    """Yield the port of a gateway of either kind, which still answers in the end."""
    with serving(request.param()) as url:
        yield int(url.rsplit(":", 1)[1])
        assert httpx.get(f"{url}/still-there").status_code == 200


def exchange(port: int, wire: bytes, *, half_close: bool = False) -> bytes:
    """Send bytes, with half_close their end too, and return all that is answered until the server closes."""
    with socket.create_connection(("127.0.0.1", port), timeout=10) as connection:
        connection.sendall(wire)
        if half_close:
            connection.shutdown(socket.SHUT_WR)
        return b"".join(iter(lambda: connection.recv(65536), b""))


def status(answer: bytes) -> int:
    """Return the status code of an answer."""
    return int(answer.split(b" ", 2)[1])


CLOSE = b"Host: x\r\nConnection: close"
TOKEN = st.text(alphabet="abcXYZ-_019!#$%&'*+.^`|~", min_size=1, max_size=12).map(str.encode)
VISIBLE = st.binary(max_size=40).map(lambda raw: bytes(b for b in raw if b >= 0x20 and b != 0x7F))
TARGET = st.text(
    alphabet=st.characters(min_codepoint=0x21, max_codepoint=0x7E, exclude_characters="#"), max_size=40
).map(lambda text: b"/" + text.encode())


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    method=st.sampled_from([b"GET", b"POST", b"PUT", b"DELETE", b"PATCH", b"OPTIONS", b"HEAD", b"TRACE", b"PROPFIND"]),
    target=TARGET | st.sampled_from([b"/a", b"/a?q=%0d%0aX:1", b"//", b"/%", b"/%00/%ff", b"/a;b?c;d=%"]),
    headers=st.lists(st.tuples(TOKEN, VISIBLE), max_size=5),
    body=st.binary(max_size=60),
)
@example(method=b"GET", target=b"//a", headers=[], body=b"")
@example(method=b"GET", target=b"/a", headers=[(b"authorization", b"Bearer \xff\xfe")], body=b"")
@example(method=b"POST", target=b"/a", headers=[(b"content-type", b"application/json")], body=b"\xff")
@example(method=b"GET", target=b"/x", headers=[(b"x-amzn-trace-id", b"\xff\t\x80")], body=b"")
@example(method=b"GET", target=b"/x", headers=[(b"accept", b"\xff,\xfe;")], body=b"")
def test_every_request_gets_an_answer_below_500(
    port: int, method: bytes, target: bytes, headers: list[tuple[bytes, bytes]], body: bytes
) -> None:
    """Any method, target, headers and body over HTTP/1.1 are answered, and never by a server error."""
    lines = [b"%s: %s" % header for header in headers] + [CLOSE, b"Content-Length: %d" % len(body)]
    answer = exchange(port, b"%s %s HTTP/1.1\r\n%s\r\n\r\n%s" % (method, target, b"\r\n".join(lines), body))
    assert 200 <= status(answer) < 500, answer


@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.binary(max_size=120))
@example(b"GET /\xff HTTP/1.1\r\nHost: x\r\n\r\n")
@example(b"GET http://[ HTTP/1.1\r\nHost: x\r\n\r\n")
@example(b"OPTIONS * HTTP/1.1\r\nHost: x\r\n\r\n")
@example(b"CONNECT x:1 HTTP/1.1\r\nHost: x\r\n\r\n")
@example(b"GET a HTTP/1.1\r\nHost: x\r\n\r\n")
@example(b"GET / HTTP/1.0\r\n\r\n")
@example(b"POST /a HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\nshort")
@example(b"POST /a HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n")
@example(b"GET / HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n")
def test_bytes_that_are_no_request_do_no_harm(port: int, wire: bytes) -> None:
    """Bytes that are not HTTP are answered by a client error or not at all."""
    answer = exchange(port, wire, half_close=True)
    assert not answer or 200 <= status(answer) < 500, answer


def test_a_websocket_is_refused(port: int) -> None:
    """A WebSocket handshake is refused: a REST API has none."""
    handshake = (
        b"GET /a HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
        b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n"
    )
    assert status(exchange(port, handshake)) == 403


def test_a_client_that_leaves_is_forgotten(port: int) -> None:
    """A client that goes away within its body leaves nothing behind."""
    with socket.create_connection(("127.0.0.1", port)) as connection:
        connection.sendall(b"POST /a HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\npart")
    assert status(exchange(port, b"GET /x HTTP/1.1\r\n" + CLOSE + b"\r\n\r\n")) == 200
