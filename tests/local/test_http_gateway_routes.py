"""HTTP APIs: stages, routes and the documents that describe them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from infra.local.gateway.errors import DocumentError
from tests.local.gateway_api import client_of, document, http_gateway, http_proxy, http_scheme, proxy, uri

if TYPE_CHECKING:
    from collections.abc import Iterator

    import httpx

PATHS = {
    "/": {"get": http_proxy()},
    "/pets/dog/1": {"get": http_proxy()},
    "/pets/dog/{id}": {"get": http_proxy()},
    "/pets/{proxy+}": {"get": http_proxy()},
    "/pets/cat/{id}": {"x-amazon-apigateway-any-method": http_proxy()},
    "/{any+}": {"x-amazon-apigateway-any-method": http_proxy(), "put": http_proxy()},
}
DEFAULT = {"/$default": {"x-amazon-apigateway-any-method": http_proxy(isDefaultRoute=True)}}


@pytest.fixture(scope="module")
def client() -> Iterator[httpx.Client]:
    """Yield a client of an API with the routes of AWS's own example, and some more."""
    with client_of(http_gateway(document(PATHS))) as client:
        yield client


@pytest.mark.parametrize(
    ("method", "path", "key", "parameters"),
    [
        ("GET", "/", "GET /", None),
        ("GET", "/pets/dog/1", "GET /pets/dog/1", None),
        ("GET", "/pets/dog/1/", "GET /pets/dog/1", None),
        ("GET", "/pets/dog/2", "GET /pets/dog/{id}", {"id": "2"}),
        ("GET", "/pets/cat/1", "ANY /pets/cat/{id}", {"id": "1"}),
        ("GET", "/pets/bird/1", "GET /pets/{proxy+}", {"proxy": "bird/1"}),
        ("POST", "/test/5", "ANY /{any+}", {"any": "test/5"}),
        ("PUT", "/test/5", "PUT /{any+}", {"any": "test/5"}),
        ("POST", "/pets/dog/1", "ANY /{any+}", {"any": "pets/dog/1"}),
        ("HEAD", "/pets/dog/1", "ANY /{any+}", {"any": "pets/dog/1"}),
        ("GET", "/pets/dog/a%20b%2Fc%25", "GET /pets/dog/{id}", {"id": "a b/c%"}),
    ],
)
def test_a_route_is_chosen_by_path_and_method(
    client: httpx.Client, method: str, path: str, key: str, parameters: dict[str, str] | None
) -> None:
    """A full match of both beats a greedy one, which beats nothing: a path without the method gives way."""
    response = client.request(method, path)
    assert response.status_code == 200
    if method != "HEAD":
        event = response.json()
        assert (event["routeKey"], event.get("pathParameters")) == (key, parameters)
        assert event["requestContext"]["routeKey"] == key


def test_a_full_match_beats_a_greedy_one_with_a_longer_literal() -> None:
    """Greedy path variables come second, however specific the rest of their path is."""
    paths = {"/a/{proxy+}": {"get": http_proxy()}, "/{x}/b": {"get": http_proxy()}}
    with client_of(http_gateway(document(paths))) as client:
        assert client.get("/a/b").json()["routeKey"] == "GET /{x}/b"
        assert client.get("/a/c").json()["routeKey"] == "GET /a/{proxy+}"


def test_the_default_route_takes_what_no_other_does() -> None:
    """`$default` catches every other path and method, with the whole path and no path parameter."""
    paths = {"/pets": {"get": http_proxy()}} | DEFAULT
    with client_of(http_gateway(document(paths))) as client:
        assert client.get("/pets").json()["routeKey"] == "GET /pets"
        event = client.post("/pets/9").json()
    assert (event["routeKey"], event["rawPath"]) == ("$default", "/pets/9")
    assert "pathParameters" not in event


@pytest.mark.parametrize(
    ("method", "path"),
    [("GET", "/nothing"), ("POST", "/pets"), ("HEAD", "/pets"), ("GET", "/Pets"), ("OPTIONS", "/pets")],
)
def test_what_stands_nowhere_is_404(method: str, path: str) -> None:
    """An unknown path, and a method that the path lacks, is 404 Not Found: HEAD is no GET."""
    with client_of(http_gateway(document({"/pets": {"get": http_proxy()}}))) as client:
        response = client.request(method, path)
    assert response.status_code == 404
    assert response.headers["content-type"] == "application/json"
    if method != "HEAD":
        assert response.json() == {"message": "Not Found"}


@pytest.mark.parametrize(
    ("path", "status"),
    [("/prod/pets", 200), ("/prod/pets/", 200), ("/pets", 404), ("/production/pets", 404), ("/prod", 200)],
)
def test_a_named_stage_is_the_first_segment(path: str, status: int) -> None:
    """A stage that is not `$default` is served below its name, which stays in the event's path and not in the route."""
    paths = {"/pets": {"get": http_proxy()}, "/": {"get": http_proxy()}}
    with client_of(http_gateway(document(paths), stage="prod")) as client:
        response = client.get(path)
    assert response.status_code == status
    if status == 200:
        event = response.json()
        assert (event["rawPath"], event["requestContext"]["stage"]) == (path, "prod")


def test_an_integration_may_be_shared() -> None:
    """`$ref` leads to an integration among the components, which several routes may share."""
    shared = {"x-amazon-apigateway-integrations": {"api": http_proxy()["x-amazon-apigateway-integration"]}}
    operation = {
        "responses": {},
        "x-amazon-apigateway-integration": {"$ref": "#/components/x-amazon-apigateway-integrations/api"},
    }
    described = document({"/a": {"get": operation}, "/b": {"get": operation}}, components=shared)
    with client_of(http_gateway(described)) as client:
        assert [client.get(path).json()["routeKey"] for path in ("/a", "/b")] == ["GET /a", "GET /b"]


def changed(**integration: Any) -> dict[str, Any]:
    """Return an operation whose integration has these members."""
    operation = http_proxy()
    operation["x-amazon-apigateway-integration"] |= integration
    return operation


@pytest.mark.parametrize(
    "operation",
    [
        {"responses": {}},
        proxy(),
        changed(type="mock"),
        changed(type="http_proxy"),
        changed(payloadFormatVersion="3.0"),
        changed(payloadFormatVersion=2.0),
        changed(timeoutInMillis=30_001),
        changed(timeoutInMillis=49),
        changed(timeoutInMillis="soon"),
        changed(httpMethod="GET"),
        changed(uri=uri("nobody")),
        {**http_proxy(), "x-amazon-apigateway-request-validator": "all"},
        http_proxy(security=[{"nobody": []}]),
        http_proxy(security=[{"auth": ["a"]}]),
        http_proxy(security=[{"auth": []}, {"other": []}]),
    ],
)
def test_an_operation_that_could_not_be_served_is_refused(operation: dict[str, Any]) -> None:
    """What API Gateway would refuse or ignore, or is not interpreted here, is refused when the document is loaded."""
    schemes = {"auth": http_scheme("echo"), "other": http_scheme("echo")}
    with pytest.raises(DocumentError, match="GET /a: "):
        http_gateway(document({"/a": {"get": operation}}, components={"securitySchemes": schemes}))


@pytest.mark.parametrize(
    "described",
    [
        document({}, openapi="3.1.0"),
        document({}, security=[{"auth": []}]),
        document({}, **{"x-amazon-apigateway-gateway-responses": {}}),
        document({}, **{"x-amazon-apigateway-binary-media-types": []}),
        document({"/$default": {"get": http_proxy()}}),
        document({}, components={"securitySchemes": {"auth": {"type": "oauth2"}}}),
        document({}, **{"x-amazon-apigateway-cors": {}}),
        document({}, **{"x-amazon-apigateway-cors": {"allowOrigins": ["*"], "allowOrigin": "*"}}),
        document({}, **{"x-amazon-apigateway-cors": {"allowOrigins": ["*"], "allowCredentials": True}}),
        document({}, **{"x-amazon-apigateway-cors": {"allowOrigins": ["https://*"], "allowCredentials": True}}),
    ],
)
def test_a_document_that_could_not_be_served_is_refused(described: dict[str, Any]) -> None:
    """So is what stands outside of operations: what an HTTP API has not, and CORS that API Gateway refuses."""
    with pytest.raises(DocumentError):
        http_gateway(described)
