"""Lambda proxy integrations: how a function's result becomes an answer, and how it fails."""

from __future__ import annotations

import base64
import json
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from infra.local.gateway.integrations.proxy_result import MalformedResultError, parse_result
from infra.local.gateway.responses import Response
from tests.local.gateway_api import client_of, document, gateway, proxy

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    import httpx

BINARY = {"x-amazon-apigateway-binary-media-types": ["image/png"]}
COMMON = {"date", "content-length", "x-amzn-requestid", "x-amz-apigw-id", "x-amzn-trace-id"}


class Scripted:
    """A function that does what `script` says."""

    def __init__(self) -> None:
        self.script: Any = None

    def __call__(self, event: Any, context: Any) -> Any:
        """Return the script, or what it returns."""
        return self.script(event, context) if callable(self.script) else self.script


@pytest.fixture(scope="module")
def function() -> Scripted:
    """Return the function behind the API."""
    return Scripted()


@pytest.fixture(scope="module")
def client(function: Scripted) -> Iterator[httpx.Client]:
    """Yield a client of the API."""
    described = document({"/": {"x-amazon-apigateway-any-method": proxy("scripted")}}, **BINARY)
    with client_of(gateway(described, {"scripted": function})) as client:
        yield client


def own_headers(response: httpx.Response) -> dict[str, str]:
    """Return the headers that not every answer has."""
    return {name: value for name, value in response.headers.items() if name not in COMMON}


JSON_TYPE = {"content-type": "application/json"}


@pytest.mark.parametrize(
    ("result", "expected"),
    [
        ({}, (200, JSON_TYPE, "")),
        ({"statusCode": 201, "body": "made"}, (201, JSON_TYPE, "made")),
        ({"statusCode": "404", "body": None}, (404, JSON_TYPE, "")),
        ({"headers": {"content-TYPE": "text/html"}, "body": "é"}, (200, {"content-type": "text/html"}, "é")),
        ({"headers": None, "multiValueHeaders": None}, (200, JSON_TYPE, "")),
        ({"headers": {"X-On": True}}, (200, JSON_TYPE | {"x-on": "true"}, "")),
        ({"headers": {"X-Empty": ""}}, (200, JSON_TYPE | {"x-empty": ""}, "")),
        ({"statusCode": 204, "body": "dropped"}, (204, JSON_TYPE, "")),
        ({"body": "eA==", "isBase64Encoded": False}, (200, JSON_TYPE, "eA==")),
        ({"body": "\ud800"}, (200, JSON_TYPE, "?")),
    ],
)
def test_a_result_becomes_an_answer(
    client: httpx.Client, function: Scripted, result: Any, expected: tuple[int, dict[str, str], str]
) -> None:
    """Each key of the output format may be left out; Content-Type is application/json by default."""
    function.script = result
    response = client.get("/")
    assert (response.status_code, own_headers(response), response.text) == expected


@pytest.mark.parametrize(
    "result",
    [
        None,
        "text",
        [],
        7,
        {"statusCode": 200, "cookies": []},
        {"statusCode": "ok"},
        {"statusCode": None},
        {"statusCode": True},
        {"statusCode": 99},
        {"statusCode": 100},
        {"statusCode": 600},
        {"statusCode": 200.5},
        {"statusCode": "9" * 5000},
        {"body": {"a": 1}},
        {"body": 7},
        {"headers": []},
        {"headers": ""},
        {"multiValueHeaders": [["a", "b"]]},
        {"headers": {"X-Count": 1}},
        {"headers": {"X-None": None}},
        {"headers": {"X-List": ["a"]}},
        {"headers": {"X Space": "a"}},
        {"headers": {"": "a"}},
        {"headers": {"X-Split": "a\r\nSet-Cookie: b"}},
        {"headers": {"X-Far": "€"}},
        {"multiValueHeaders": {"X-Text": "a"}},
        {"multiValueHeaders": {"X-Count": [1]}},
        {"body": {1, 2}},
        {"body": float("inf")},
        {"body": "x" * (6 * 1024 * 1024)},
    ],
)
def test_a_malformed_result_is_502(client: httpx.Client, function: Scripted, result: Any) -> None:
    """A result in another format, one that JSON cannot carry and one over 6 MB are 502 Internal server error."""
    function.script = result
    response = client.get("/")
    assert (response.status_code, response.json()) == (502, {"message": "Internal server error"})


@pytest.mark.parametrize("error", [ValueError("secret text"), SystemExit(3), KeyboardInterrupt(), RecursionError()])
def test_a_function_that_raises_is_502(client: httpx.Client, function: Scripted, error: BaseException) -> None:
    """Whatever a function raises is 502, nothing of it reaches the caller, and the gateway goes on."""

    def fail(_event: Any, _context: Any) -> None:
        raise error

    function.script = fail
    response = client.get("/")
    assert (response.status_code, response.json()) == (502, {"message": "Internal server error"})
    function.script = {}
    assert client.get("/").status_code == 200


def test_single_and_multiple_header_values_are_merged(client: httpx.Client, function: Scripted) -> None:
    """Both maps become one list of headers, in which a pair that is in both is there once."""
    function.script = {
        "headers": {"X-Tag": "a", "X-One": "1"},
        "multiValueHeaders": {"X-Tag": ["a", "b"], "Set-Cookie": ["c=1", "d=2"]},
    }
    response = client.get("/")
    assert response.headers.get_list("x-tag") == ["a", "b"]
    assert response.headers.get_list("set-cookie") == ["c=1", "d=2"]
    assert response.headers["x-one"] == "1"


@pytest.mark.parametrize(
    "name",
    [
        "Authorization",
        "Connection",
        "Content-MD5",
        "Date",
        "Max-Forwards",
        "Server",
        "User-Agent",
        "WWW-Authenticate",
        "www-authenticate",
    ],
)
def test_some_headers_are_renamed(client: httpx.Client, function: Scripted, name: str) -> None:
    """The headers that API Gateway remaps leave it as x-amzn-Remapped-NAME, and not under their own name."""
    function.script = {"headers": {name: "value"}}
    response = client.get("/")
    assert response.headers[f"x-amzn-remapped-{name}"] == "value"
    assert response.headers.get(name) != "value"


@pytest.mark.parametrize(
    "name",
    ["Expect", "Host", "Proxy-Authenticate", "TE", "Trailer", "Transfer-Encoding", "Upgrade", "Via", "Content-Length"],
)
def test_some_headers_are_dropped(client: httpx.Client, function: Scripted, name: str) -> None:
    """The headers that API Gateway drops do not leave it; Content-Length is that of the body."""
    function.script = {"headers": {name: "7"}, "body": "four"}
    response = client.get("/")
    assert response.headers.get(name) == ("4" if name == "Content-Length" else None)
    assert f"x-amzn-remapped-{name}" not in response.headers


@pytest.mark.parametrize("name", ["Pragma", "Cache-Control", "Age", "Content-Encoding", "Location", "Retry-After"])
def test_all_other_headers_pass(client: httpx.Client, function: Scripted, name: str) -> None:
    """A header that is not in API Gateway's table leaves as it is."""
    function.script = {"headers": {name: "identity"}}
    assert client.get("/").headers[name] == "identity"


@pytest.mark.parametrize(
    ("accept", "body"),
    [
        ("image/png", b"\x89PNG"),
        ("IMAGE/PNG;q=0.5, text/html", b"\x89PNG"),
        ("text/html, image/png", b"iVBORw=="),
        ("*/*", b"iVBORw=="),
    ],
)
def test_a_base64_body_is_decoded_for_who_accepts_binary_first(
    client: httpx.Client, function: Scripted, accept: str, body: bytes
) -> None:
    """Only the first media type of Accept counts, and it must be one of the API's binary media types."""
    function.script = {"body": base64.b64encode(b"\x89PNG").decode(), "isBase64Encoded": True}
    assert client.get("/", headers={"Accept": accept}).content == body


def test_a_body_that_is_not_base64_is_a_configuration_error(client: httpx.Client, function: Scripted) -> None:
    """A body that is said to be base64 and is not is 500."""
    function.script = {"body": "not base64!", "isBase64Encoded": True}
    assert client.get("/", headers={"Accept": "image/png"}).status_code == 500


def test_the_context_names_the_invocation(client: httpx.Client, function: Scripted) -> None:
    """A handler's context has the function's name and ARN, the request's id and the time that is left."""

    def describe(_event: Any, context: Any) -> dict[str, Any]:
        left = context.get_remaining_time_in_millis()
        names = [context.function_name, context.aws_request_id, context.log_group_name, context.memory_limit_in_mb]
        return {"body": json.dumps([*names, 0 < left <= 29_000])}

    function.script = describe
    response = client.get("/")
    expected = ["scripted", response.headers["x-amzn-requestid"], "/aws/lambda/scripted", "128", True]
    assert response.json() == expected


def test_a_function_that_takes_too_long_is_504() -> None:
    """After timeoutInMillis the caller gets 504 Endpoint request timed out, and what comes later is dropped."""
    release = threading.Event()

    def wait(_event: Any, _context: Any) -> dict[str, Any]:
        release.wait(5)
        return {}

    operation = proxy("wait")
    operation["x-amazon-apigateway-integration"]["timeoutInMillis"] = 50
    with client_of(gateway(document({"/": {"get": operation}}), {"wait": wait})) as client:
        response = client.get("/")
        release.set()
        assert (response.status_code, response.json()) == (504, {"message": "Endpoint request timed out"})


def test_a_slow_function_holds_nobody_up() -> None:
    """Requests are served while others wait for their functions."""
    waiting, release = threading.Barrier(5), threading.Event()

    def wait(_event: Any, _context: Any) -> dict[str, Any]:
        waiting.wait(10)
        release.wait(10)
        return {}

    described = document({"/slow": {"get": proxy("wait")}, "/fast": {"get": proxy()}})
    with client_of(gateway(described, {"wait": wait})) as client, ThreadPoolExecutor(4) as pool:
        slow = [pool.submit(client.get, "/slow") for _ in range(4)]
        waiting.wait(10)
        assert client.get("/fast").status_code == 200
        release.set()
        assert [call.result().status_code for call in slow] == [200] * 4


@pytest.mark.parametrize(
    ("size", "status"), [(1024 * 1024, 200), (7 * 1024 * 1024, 413), (10 * 1024 * 1024, 413), (11 * 1024 * 1024, 413)]
)
def test_a_body_that_is_too_large_is_413(client: httpx.Client, function: Scripted, size: int, status: int) -> None:
    """An event over Lambda's 6 MB and a body over API Gateway's 10 MB are 413, and the connection stays good."""
    function.script = {"body": "done"}
    response = client.post("/", content=b"x" * size)
    assert response.status_code == status
    if status == 413:
        assert response.json() == {"message": "Request Too Long"}
    assert client.get("/").text == "done"


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(), lambda s: st.lists(s) | st.dictionaries(st.text(), s)
)


@given(
    st.dictionaries(st.sampled_from(["statusCode", "headers", "multiValueHeaders", "body", "isBase64Encoded"]), JSON)
)
def test_every_result_is_an_answer_or_malformed(result: Mapping[str, Any]) -> None:
    """No JSON that a function returns breaks the reading of it."""
    try:
        response, _ = parse_result(result)
    except MalformedResultError:
        return
    assert isinstance(response, Response)
    assert 200 <= response.status < 600
