"""Routing: which resource a method and a path reach."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from infra.local.gateway.errors import DocumentError
from infra.local.gateway.routes import Router
from tests.local.gateway_api import client_of, document, gateway, proxy

if TYPE_CHECKING:
    from collections.abc import Iterator

    import httpx

PATHS = {
    "/": {"get": proxy()},
    "/products": {"get": proxy(), "head": proxy()},
    "/products/{id}": {"get": proxy(), "delete": proxy()},
    "/products/new": {"get": proxy()},
    "/products/{id}/parts/{part}": {"get": proxy()},
    "/files/{proxy+}": {"x-amazon-apigateway-any-method": proxy(), "put": proxy()},
    "/files/readme": {"get": proxy()},
}


@pytest.fixture(scope="module")
def client() -> Iterator[httpx.Client]:
    """Yield a client of an API with every kind of path."""
    with client_of(gateway(document(PATHS))) as client:
        yield client


@pytest.mark.parametrize(
    ("method", "path", "resource", "parameters"),
    [
        ("GET", "/", "/", None),
        ("GET", "/products", "/products", None),
        ("GET", "/products/", "/products", None),
        ("GET", "/products/7", "/products/{id}", {"id": "7"}),
        ("DELETE", "/products/7", "/products/{id}", {"id": "7"}),
        ("GET", "/products/new", "/products/new", None),
        ("GET", "/products/new/parts/3", "/products/{id}/parts/{part}", {"id": "new", "part": "3"}),
        ("GET", "/products/a%20b%2Fc", "/products/{id}", {"id": "a b/c"}),
        ("GET", "/products/100%25", "/products/{id}", {"id": "100%25"}),
        ("GET", "/products/%ff", "/products/{id}", {"id": "�"}),
        ("GET", "/files/a", "/files/{proxy+}", {"proxy": "a"}),
        ("POST", "/files/a/b/c", "/files/{proxy+}", {"proxy": "a/b/c"}),
        ("PUT", "/files/a/b", "/files/{proxy+}", {"proxy": "a/b"}),
        ("GET", "/files/readme", "/files/readme", None),
        ("GET", "/files/readme/more", "/files/{proxy+}", {"proxy": "readme/more"}),
    ],
)
def test_reaches_the_most_specific_resource(
    client: httpx.Client, method: str, path: str, resource: str, parameters: dict[str, str] | None
) -> None:
    """A literal segment beats a parameter, which beats a greedy one; parameters are URL-decoded, their percent not."""
    event = client.request(method, path).json()
    assert (event["resource"], event["pathParameters"]) == (resource, parameters)
    assert event["requestContext"]["resourcePath"] == resource


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/nothing"),
        ("POST", "/products"),
        ("GET", "/products/7/parts"),
        ("GET", "/products//parts/3"),
        ("GET", "/products//"),
        ("GET", "/files"),
        ("GET", "/files/"),
        ("POST", "/files/readme"),
        ("GET", "/Products"),
        ("GET", "/%70roducts"),
        ("PURGE", "/products"),
        ("HEAD", "/products/7"),
    ],
)
def test_an_unknown_route_or_method_misses_its_token(client: httpx.Client, method: str, path: str) -> None:
    """What stands nowhere is 403 Missing Authentication Token: a method that the chosen resource lacks, too."""
    response = client.request(method, path)
    assert response.status_code == 403
    if method != "HEAD":
        assert response.json() == {"message": "Missing Authentication Token"}


def test_head_answers_without_a_body(client: httpx.Client) -> None:
    """A HEAD request has the headers of its answer and no body, and the connection stays good."""
    response = client.head("/products")
    assert (response.status_code, response.content) == (200, b"")
    assert int(response.headers["content-length"]) > 0
    assert client.get("/products").status_code == 200


@pytest.mark.parametrize(
    "paths",
    [
        ["/{proxy+}/more"],
        ["/a{id}"],
        ["/a//b"],
        ["/a/{id}", "/a/{name}/b"],
        ["/a/{id+}", "/a/{name+}"],
        ["/a", "/a/"],
    ],
)
def test_paths_that_api_gateway_refuses_are_refused(paths: list[str]) -> None:
    """A document with a path that API Gateway would not import is refused when it is loaded."""
    router: Router[int] = Router()
    for path in paths[:-1]:
        router.add(path, {"GET": 1})
    with pytest.raises(DocumentError):
        router.add(paths[-1], {"GET": 1})
