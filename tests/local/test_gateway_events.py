"""The event that a function gets from a Lambda proxy integration."""

from __future__ import annotations

import base64
import re
import socket
from typing import TYPE_CHECKING, Any

import pytest

from tests.local.gateway_api import ACCOUNT, API, client_of, document, gateway, proxy, token_scheme

if TYPE_CHECKING:
    from collections.abc import Iterator

    import httpx

DOCUMENT = document(
    {"/echo": {"x-amazon-apigateway-any-method": proxy()}, "/me": {"get": proxy(security=[{"auth": []}])}},
    components={"securitySchemes": {"auth": token_scheme()}},
    **{"x-amazon-apigateway-binary-media-types": ["image/png"]},
)


def allow(_event: Any, _context: Any) -> dict[str, Any]:
    """Allow everything, with a context of every type."""
    statement = {"Effect": "Allow", "Action": "execute-api:Invoke", "Resource": "*"}
    return {
        "principalId": "client-1",
        "policyDocument": {"Version": "2012-10-17", "Statement": [statement]},
        "context": {"scope": "a b", "exp": 1790000000, "ratio": 0.5, "admin": True, "principalId": "forged"},
    }


@pytest.fixture(scope="module")
def client() -> Iterator[httpx.Client]:
    """Yield a client of an API that answers with its events, with a stage variable."""
    served = gateway(DOCUMENT, {"authorizer": allow}, stage_variables={"colour": "blue"})
    with client_of(served) as client:
        yield client


def test_an_event_has_every_key_of_its_format(client: httpx.Client) -> None:
    """The event has the keys of payload format 1.0 and no others."""
    event = client.post("/echo", content="text").json()
    assert set(event) == {
        "resource",
        "path",
        "httpMethod",
        "headers",
        "multiValueHeaders",
        "queryStringParameters",
        "multiValueQueryStringParameters",
        "pathParameters",
        "stageVariables",
        "requestContext",
        "body",
        "isBase64Encoded",
    }
    assert (event["httpMethod"], event["path"], event["resource"]) == ("POST", "/echo", "/echo")
    assert (event["body"], event["isBase64Encoded"]) == ("text", False)
    assert event["stageVariables"] == {"colour": "blue"}


def test_what_is_absent_is_null(client: httpx.Client) -> None:
    """No query, no path parameter, no body: null, not an empty object or string."""
    event = client.get("/echo").json()
    absent = ("queryStringParameters", "multiValueQueryStringParameters", "pathParameters", "body")
    assert [event[name] for name in absent] == [None] * 4


def test_the_request_context_says_where_and_when(client: httpx.Client) -> None:
    """The context names account, API, stage, resource, method, protocol, time and the caller's address."""
    response = client.get("/echo", headers={"User-Agent": "agent/1"})
    context = response.json()["requestContext"]
    assert {name: context[name] for name in ("accountId", "apiId", "stage", "resourcePath", "httpMethod")} == {
        "accountId": ACCOUNT,
        "apiId": API,
        "stage": "prod",
        "resourcePath": "/echo",
        "httpMethod": "GET",
    }
    assert (context["path"], context["protocol"], context["domainName"]) == ("/echo", "HTTP/1.1", "127.0.0.1")
    assert (context["requestTime"], context["requestTimeEpoch"]) == ("21/Sep/2026:14:13:20 +0000", 1790000000250)
    assert (context["identity"]["sourceIp"], context["identity"]["userAgent"]) == ("127.0.0.1", "agent/1")
    assert re.fullmatch(r"[0-9a-f]{6}", context["resourceId"])
    assert "authorizer" not in context


def test_the_identifiers_of_a_request_are_in_its_answer(client: httpx.Client) -> None:
    """x-amzn-RequestId, x-amz-apigw-id and X-Amzn-Trace-Id carry what the event says, new for each request."""
    first, second = client.get("/echo"), client.get("/echo")
    context = first.json()["requestContext"]
    assert first.headers["x-amzn-requestid"] == context["requestId"] != second.headers["x-amzn-requestid"]
    assert first.headers["x-amz-apigw-id"] == context["extendedRequestId"]
    assert first.headers["x-amzn-trace-id"] == first.json()["headers"]["X-Amzn-Trace-Id"]


@pytest.mark.parametrize(("sent", "kept"), [("Root=1-6ab-0c;Sampled=1", True), ("<script>", False)])
def test_a_trace_of_the_client_goes_on(client: httpx.Client, sent: str, kept: bool) -> None:
    """A trace header of the client is kept if it is one."""
    traced = client.get("/echo", headers={"X-Amzn-Trace-Id": sent}).json()["headers"]["X-Amzn-Trace-Id"]
    assert (traced == sent) is kept


def test_the_host_header_is_not_believed(client: httpx.Client) -> None:
    """The domain name is the server's own, whatever Host says."""
    event = client.get("/echo", headers={"Host": "evil.example"}).json()
    assert event["headers"]["Host"] == "evil.example"
    assert event["requestContext"]["domainName"] == "127.0.0.1"


def test_a_forged_x_forwarded_for_is_appended_to(client: httpx.Client) -> None:
    """The peer's address comes last in X-Forwarded-For, and is the source address whatever the client claims."""
    event = client.get("/echo", headers={"X-Forwarded-For": "9.9.9.9", "X-Forwarded-Proto": "gopher"}).json()
    assert event["headers"]["X-Forwarded-For"] == "9.9.9.9, 127.0.0.1"
    assert event["headers"]["X-Forwarded-Proto"] == "http"
    assert event["headers"]["X-Forwarded-Port"] == str(client.base_url.port)
    assert event["requestContext"]["identity"]["sourceIp"] == "127.0.0.1"


def test_the_last_of_repeated_headers_wins(client: httpx.Client) -> None:
    """`headers` has the last value of a name, `multiValueHeaders` all of them in order."""
    event = client.get("/echo", headers=[("X-Tag", "one"), ("X-Tag", "two")]).json()
    assert (event["headers"]["x-tag"], event["multiValueHeaders"]["x-tag"]) == ("two", ["one", "two"])


@pytest.mark.parametrize(
    "name", ["Connection", "Expect", "Max-Forwards", "Server", "TE", "Upgrade", "WWW-Authenticate"]
)
def test_some_headers_never_reach_a_function(client: httpx.Client, name: str) -> None:
    """The request headers that API Gateway drops for a Lambda integration are not in the event."""
    value = "100-continue" if name == "Expect" else "x"
    event = client.get("/echo", headers={name: value}).json()
    assert name.lower() not in {header.lower() for header in event["headers"] | event["multiValueHeaders"]}


def test_a_signature_is_dropped_and_any_other_authorization_kept(client: httpx.Client) -> None:
    """Authorization reaches the function unless it holds a Signature Version 4."""
    basic = client.get("/echo", headers={"Authorization": "Basic eDp5"}).json()
    signed = client.get("/echo", headers={"Authorization": "AWS4-HMAC-SHA256 Credential=x"}).json()
    assert basic["headers"]["Authorization"] == "Basic eDp5"
    assert "Authorization" not in signed["headers"] | signed["multiValueHeaders"]


@pytest.mark.parametrize(
    ("query", "last", "every"),
    [
        ("a=1&a=2&b=", {"a": "2", "b": ""}, {"a": ["1", "2"], "b": [""]}),
        ("a=x+y%26z", {"a": "x y&z"}, {"a": ["x y&z"]}),
        ("flag", {"flag": ""}, {"flag": [""]}),
        ("a=1;b=2", {"a": "1", "b": "2"}, {"a": ["1"], "b": ["2"]}),
        ("a=100%25", {"a": "100%25"}, {"a": ["100%25"]}),
        ("a=%ff", {"a": "�"}, {"a": ["�"]}),
        ("&&", None, None),
    ],
)
def test_query_parameters_are_decoded(
    client: httpx.Client, query: str, last: dict[str, str] | None, every: dict[str, list[str]] | None
) -> None:
    """Query parameters are URL-decoded, the last and all of each name; a semicolon splits; blank ones are kept."""
    event = client.get(f"/echo?{query}").json()
    assert (event["queryStringParameters"], event["multiValueQueryStringParameters"]) == (last, every)


@pytest.mark.parametrize(
    ("content_type", "content", "body", "is_base64"),
    [
        ("text/plain", "héllo".encode(), "héllo", False),
        ("application/json", b"\xff{", "�{", False),
        ("image/png", b"\x89PNG", base64.b64encode(b"\x89PNG").decode(), True),
        ("Image/PNG; q=1", b"\x89PNG", base64.b64encode(b"\x89PNG").decode(), True),
    ],
)
def test_binary_media_types_decide_the_encoding_of_a_body(
    client: httpx.Client,
    content_type: str,
    content: bytes,
    body: str,
    is_base64: bool,
) -> None:
    """A body of a binary media type is in base64; every other is text, in which bytes that are not UTF-8 are lost."""
    event = client.post("/echo", content=content, headers={"Content-Type": content_type}).json()
    assert (event["body"], event["isBase64Encoded"]) == (body, is_base64)


def test_all_media_types_can_be_binary() -> None:
    """`*/*` makes every body binary, one without a Content-Type too."""
    described = document({"/echo": {"post": proxy()}}, **{"x-amazon-apigateway-binary-media-types": ["*/*"]})
    with client_of(gateway(described)) as client:
        event = client.post("/echo", content=b"a=1").json()
        assert (base64.b64decode(event["body"]), event["isBase64Encoded"]) == (b"a=1", True)


def test_a_body_comes_whole_however_it_is_sent(client: httpx.Client) -> None:
    """A chunked body, and one of a GET, reach the function whole."""
    chunked = client.post("/echo", content=iter([b"one ", b"two"])).json()
    assert chunked["body"] == "one two"
    assert "Transfer-Encoding" not in chunked["headers"]
    assert client.request("GET", "/echo", content=b"three").json()["body"] == "three"


def test_the_authorizer_context_is_in_the_event_as_strings(client: httpx.Client) -> None:
    """Context values are strings, with the principal, which the context cannot forge, and the latency beside them."""
    authorizer = client.get("/me", headers={"Authorization": "Bearer x"}).json()["requestContext"]["authorizer"]
    assert isinstance(authorizer.pop("integrationLatency"), int)
    assert authorizer == {
        "principalId": "client-1",
        "scope": "a b",
        "exp": "1790000000",
        "ratio": "0.5",
        "admin": "true",
    }


def test_a_connection_serves_many_requests(client: httpx.Client) -> None:
    """Requests that are sent in one piece over one connection are answered in their order."""
    request = b"GET /echo?n=%d HTTP/1.1\r\nHost: x\r\n%s\r\n"
    wire = b"".join(request % (n, b"" if n < 2 else b"Connection: close\r\n") for n in range(3))
    with socket.create_connection(("127.0.0.1", client.base_url.port or 0)) as connection:
        connection.sendall(wire)
        answer = b"".join(iter(lambda: connection.recv(65536), b""))
    assert re.findall(rb'"queryStringParameters": {"n": "(\d)"}', answer) == [b"0", b"1", b"2"]
    assert answer.count(b"HTTP/1.1 200 OK") == 3
