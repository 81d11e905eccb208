"""HTTP APIs: what a function is told, and how its result becomes an answer."""

from __future__ import annotations

import base64
import http.client
import json
import threading
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from infra.local.gateway.http_api.integration import parse_result_2_0
from infra.local.gateway.integrations.proxy_result import MalformedResultError
from tests.local.gateway_api import ACCOUNT, API, client_of, document, http_gateway, http_proxy
from tests.local.test_gateway_lambda_proxy import Scripted

if TYPE_CHECKING:
    from collections.abc import Iterator

    import httpx

ORIGIN = "https://web.example"
CORS = {
    "allowOrigins": [ORIGIN],
    "allowMethods": ["GET", "POST"],
    "allowHeaders": ["authorization"],
    "exposeHeaders": ["location", "etag"],
    "maxAge": 300,
    "allowCredentials": True,
}


@pytest.fixture(scope="module")
def function() -> Scripted:
    """Return the function behind the API."""
    return Scripted()


@pytest.fixture(scope="module")
def client(function: Scripted) -> Iterator[httpx.Client]:
    """Yield a client of an API that answers with its events, in both formats, or with what a script says."""
    paths = {
        "/echo/{id}": {"x-amazon-apigateway-any-method": http_proxy()},
        "/old/{id}": {"x-amazon-apigateway-any-method": http_proxy(version="1.0")},
        "/scripted": {"get": http_proxy("scripted")},
        "/scripted-old": {"get": http_proxy("scripted", version="1.0")},
    }
    with client_of(http_gateway(document(paths), {"scripted": function}, stage_variables={"colour": "blue"})) as client:
        yield client


def test_an_event_2_0_has_every_member_of_its_format(client: httpx.Client) -> None:
    """A full request has every member, and no other; the context says where, when and by whom."""
    headers = {"X-Tag": "a", "Cookie": "a=1; b=2", "User-Agent": "agent/1", "Content-Type": "text/plain"}
    response = client.post("/echo/7?q=1&q=2&r=%2C&e=", content="text", headers=headers)
    event = response.json()
    context = event.pop("requestContext")
    sent = event.pop("headers")
    assert event == {
        "version": "2.0",
        "routeKey": "ANY /echo/{id}",
        "rawPath": "/echo/7",
        "rawQueryString": "q=1&q=2&r=%2C&e=",
        "cookies": ["a=1", "b=2"],
        "queryStringParameters": {"q": "1,2", "r": ",", "e": ""},
        "pathParameters": {"id": "7"},
        "stageVariables": {"colour": "blue"},
        "body": "text",
        "isBase64Encoded": False,
    }
    assert sent["x-tag"] == "a"
    assert sent["x-forwarded-proto"] == "http"
    assert "cookie" not in sent
    assert context == {
        "accountId": ACCOUNT,
        "apiId": API,
        "domainName": "127.0.0.1",
        "domainPrefix": "127",
        "http": {
            "method": "POST",
            "path": "/echo/7",
            "protocol": "HTTP/1.1",
            "sourceIp": "127.0.0.1",
            "userAgent": "agent/1",
        },
        "requestId": response.headers["apigw-requestid"],
        "routeKey": "ANY /echo/{id}",
        "stage": "$default",
        "time": "21/Sep/2026:14:13:20 +0000",
        "timeEpoch": 1_790_000_000_250,
    }


def test_what_is_absent_is_left_out_of_an_event_2_0(client: httpx.Client) -> None:
    """No query, cookie or body: no member for it."""
    event = client.get("/echo/7").json()
    assert event.keys().isdisjoint({"cookies", "queryStringParameters", "body"})
    assert (event["rawQueryString"], event["isBase64Encoded"]) == ("", False)


def test_header_names_are_lower_case_and_values_joined(client: httpx.Client) -> None:
    """Several headers of one name are one, joined with a comma."""
    event = client.get("/echo/7", headers=[("X-TAG", "a"), ("x-tag", "b")]).json()
    assert event["headers"]["x-tag"] == "a,b"
    assert all(name == name.lower() for name in event["headers"])


@pytest.mark.parametrize("path", ["/echo/7", "/old/7"])
@pytest.mark.parametrize(
    ("media_type", "is_text"),
    [
        ("application/json", True),
        ("application/problem+json; charset=utf-8", True),
        ("text/csv", True),
        ("application/xml", True),
        ("application/x-www-form-urlencoded", False),
        ("image/png", False),
    ],
)
def test_a_body_that_is_no_text_is_base64(client: httpx.Client, path: str, media_type: str, is_text: bool) -> None:
    """Bodies of text, JSON and XML are strings, all others base64, without any list in the document."""
    event = client.post(path, content=b"a=1", headers={"Content-Type": media_type}).json()
    expected = "a=1" if is_text else base64.b64encode(b"a=1").decode()
    assert (event["body"], event["isBase64Encoded"]) == (expected, not is_text)


def test_an_event_1_0_is_that_of_a_rest_api_with_a_version(client: httpx.Client) -> None:
    """Format 1.0 has the members of REST, several values included, and a context that names the stage `$default`."""
    event = client.get("/old/7?q=1&q=2", headers=[("X-Tag", "a"), ("X-Tag", "b")]).json()
    assert (event["version"], event["resource"], event["path"], event["httpMethod"]) == (
        "1.0",
        "/old/{id}",
        "/old/7",
        "GET",
    )
    assert event["multiValueQueryStringParameters"] == {"q": ["1", "2"]}
    assert event["multiValueHeaders"]["x-tag"] == ["a", "b"]
    context = event["requestContext"]
    assert (context["stage"], context["resourceId"], context["resourcePath"]) == ("$default", None, "/old/{id}")
    assert context["authorizer"] == {"claims": None, "scopes": None}


@pytest.mark.parametrize(
    ("result", "status", "body"),
    [
        ("Hello", 200, "Hello"),
        ({"message": "Hello"}, 200, '{"message": "Hello"}'),
        ([1, 2], 200, "[1, 2]"),
        ({"statusCode": 201, "body": "made"}, 201, "made"),
        ({"statusCode": "404"}, 404, ""),
        ({"statusCode": 200, "body": "4pyT", "isBase64Encoded": True}, 200, "✓"),
    ],
)
def test_a_result_2_0_becomes_an_answer(
    client: httpx.Client, function: Scripted, result: Any, status: int, body: str
) -> None:
    """Without a statusCode the result is the body of a 200, in JSON; base64 is decoded whatever Accept says."""
    function.script = result
    response = client.get("/scripted")
    assert (response.status_code, response.text) == (status, body)
    assert response.headers["content-type"] == "application/json"


def test_cookies_become_set_cookie_and_names_lower_case(client: httpx.Client, function: Scripted) -> None:
    """Each of the cookies is a header of its own; all names leave in lower case."""
    function.script = {"statusCode": 200, "headers": {"X-Tag": "a"}, "cookies": ["a=1", "b=2; Secure"]}
    connection = http.client.HTTPConnection(client.base_url.netloc.decode())
    connection.request("GET", "/scripted")
    headers = connection.getresponse().getheaders()
    connection.close()
    assert [value for name, value in headers if name == "set-cookie"] == ["a=1", "b=2; Secure"]
    assert ("x-tag", "a") in headers


@pytest.mark.parametrize("path", ["/scripted", "/scripted-old"])
def test_a_functions_challenge_is_not_counted_on(client: httpx.Client, function: Scripted, path: str) -> None:
    """WWW-Authenticate leaves renamed, as from a REST API: nothing here may rest on its own name."""
    function.script = {"statusCode": 403, "headers": {"WWW-Authenticate": "Bearer"}}
    response = client.get(path)
    assert response.headers["x-amzn-remapped-www-authenticate"] == "Bearer"
    assert "www-authenticate" not in response.headers


@pytest.mark.parametrize("path", ["/scripted", "/scripted-old"])
@pytest.mark.parametrize(
    "result",
    [
        {"statusCode": "ok"},
        {"statusCode": 200, "body": {"a": 1}},
        {"statusCode": 200, "headers": []},
        {"statusCode": 200, "more": 1},
        {"statusCode": 200, "body": "not base64!", "isBase64Encoded": True},
    ],
)
def test_a_malformed_result_is_500(client: httpx.Client, function: Scripted, path: str, result: Any) -> None:
    """A result with a statusCode that is not in the format is 500 Internal Server Error."""
    function.script = result
    response = client.get(path)
    assert (response.status_code, response.json()) == (500, {"message": "Internal Server Error"})


def test_each_format_takes_its_own_members_alone(client: httpx.Client, function: Scripted) -> None:
    """Format 2.0 has no multiValueHeaders, and 1.0 neither cookies nor a result that is no object."""
    function.script = {"statusCode": 200, "multiValueHeaders": {}}
    assert [client.get(path).status_code for path in ("/scripted", "/scripted-old")] == [500, 200]
    function.script = {"statusCode": 200, "cookies": []}
    assert [client.get(path).status_code for path in ("/scripted", "/scripted-old")] == [200, 500]
    function.script = "text"
    assert [client.get(path).status_code for path in ("/scripted", "/scripted-old")] == [200, 500]


def test_a_function_that_raises_is_500(client: httpx.Client, function: Scripted) -> None:
    """Nothing of what a function raises reaches the caller."""

    def fail(_event: Any, _context: Any) -> None:
        raise ValueError("secret text")

    function.script = fail
    response = client.get("/scripted")
    assert (response.status_code, response.json()) == (500, {"message": "Internal Server Error"})


def test_a_function_that_takes_too_long_is_503() -> None:
    """After timeoutInMillis the caller gets 503 Service Unavailable."""
    release = threading.Event()

    def wait(_event: Any, _context: Any) -> dict[str, Any]:
        release.wait(5)
        return {}

    operation = http_proxy("wait")
    operation["x-amazon-apigateway-integration"]["timeoutInMillis"] = 50
    with client_of(http_gateway(document({"/": {"get": operation}}), {"wait": wait})) as client:
        response = client.get("/")
        release.set()
    assert (response.status_code, response.json()) == (503, {"message": "Service Unavailable"})


@pytest.mark.parametrize("size", [7 * 1024 * 1024, 11 * 1024 * 1024])
def test_a_body_that_is_too_large_is_413(client: httpx.Client, size: int) -> None:
    """An event over Lambda's limit and a body over API Gateway's are 413."""
    response = client.post("/echo/7", content=b"x" * size, headers={"Content-Type": "text/plain"})
    assert (response.status_code, response.json()) == (413, {"message": "Request Entity Too Large"})


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(), lambda s: st.lists(s) | st.dictionaries(st.text(), s)
)


@given(JSON | st.dictionaries(st.sampled_from(["statusCode", "headers", "cookies", "body", "isBase64Encoded"]), JSON))
def test_every_result_2_0_is_an_answer_or_malformed(result: Any) -> None:
    """No JSON that a function returns breaks the reading of it."""
    try:
        response, _ = parse_result_2_0(result)
    except MalformedResultError:
        return
    assert 200 <= response.status < 600


def answer(_event: Any, _context: Any) -> dict[str, Any]:
    """Answer with CORS headers of its own."""
    return {"statusCode": 200, "headers": {"Access-Control-Allow-Origin": "https://own.example", "ETag": "1"}}


@pytest.fixture(scope="module")
def shared() -> Iterator[httpx.Client]:
    """Yield a client of an API with CORS, one of whose paths takes OPTIONS itself."""
    paths = {
        "/pets": {"get": http_proxy("answer")},
        "/own": {"x-amazon-apigateway-any-method": http_proxy("answer")},
    }
    described = document(paths, **{"x-amazon-apigateway-cors": CORS})
    with client_of(http_gateway(described, {"answer": answer})) as client:
        yield client


def cors_of(response: httpx.Response) -> dict[str, str]:
    """Return the CORS headers of an answer."""
    prefix = "access-control-"
    return {name.removeprefix(prefix): value for name, value in response.headers.items() if name.startswith(prefix)}


PREFLIGHT = {"Origin": ORIGIN, "Access-Control-Request-Method": "GET"}


def test_a_preflight_request_is_answered_without_a_route(shared: httpx.Client) -> None:
    """API Gateway says itself what a browser may send, on every path; the other settings are for other answers."""
    for path in ("/pets", "/nothing"):
        response = shared.options(path, headers=PREFLIGHT)
        assert (response.status_code, response.content) == (204, b"")
        assert cors_of(response) == {
            "allow-origin": ORIGIN,
            "allow-credentials": "true",
            "allow-methods": "GET,POST",
            "allow-headers": "authorization",
            "max-age": "300",
        }


def test_the_integrations_own_cors_headers_are_dropped(shared: httpx.Client) -> None:
    """The configuration's headers replace the function's, and its other headers stay."""
    response = shared.get("/pets", headers={"Origin": ORIGIN})
    assert cors_of(response) == {"allow-origin": ORIGIN, "allow-credentials": "true", "expose-headers": "location,etag"}
    assert response.headers["etag"] == "1"


@pytest.mark.parametrize("headers", [{}, {"Origin": "https://evil.example"}])
def test_a_request_of_no_allowed_origin_has_no_cors_headers(shared: httpx.Client, headers: dict[str, str]) -> None:
    """Without Origin, or with one that is not in the list, there are none, the function's included."""
    assert cors_of(shared.get("/pets", headers=headers)) == {}


def test_a_route_that_takes_options_is_called(shared: httpx.Client) -> None:
    """A route for OPTIONS has precedence over API Gateway's own answer, which still sets the headers."""
    response = shared.options("/own", headers=PREFLIGHT)
    assert response.status_code == 200
    assert cors_of(response)["allow-methods"] == "GET,POST"


def test_options_that_is_no_preflight_request_is_404(shared: httpx.Client) -> None:
    """OPTIONS without the method that is asked for is a request like any other."""
    assert shared.options("/pets", headers={"Origin": ORIGIN}).status_code == 404


@pytest.mark.parametrize(
    ("origins", "origin", "allowed"),
    [
        (["*"], "http://a.example", "*"),
        (["https://*"], "https://a.example", "https://a.example"),
        (["https://*"], "http://a.example", None),
        (["https://a.example"], "https://a.example.evil", None),
    ],
)
def test_origins_may_be_wildcards(origins: list[str], origin: str, allowed: str | None) -> None:
    """Every origin, or every one of a scheme, may be allowed."""
    described = document({"/pets": {"get": http_proxy()}}, **{"x-amazon-apigateway-cors": {"allowOrigins": origins}})
    with client_of(http_gateway(described)) as client:
        assert cors_of(client.get("/pets", headers={"Origin": origin})).get("allow-origin") == allowed


def test_an_answer_of_the_gateways_own_has_no_cors_headers(shared: httpx.Client) -> None:
    """AWS promises the headers for answers of integrations, and for those alone."""
    response = shared.get("/nothing", headers={"Origin": ORIGIN})
    assert (response.status_code, cors_of(response)) == (404, {})
    assert json.loads(response.text) == {"message": "Not Found"}
