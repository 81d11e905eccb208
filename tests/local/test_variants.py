"""One suite for every kind of API that a token protects: the same token means the same behind each of them.

Where a kind of API cannot answer as the others do, a table here says so.
"""

from __future__ import annotations

import time
import uuid
from typing import TYPE_CHECKING, Any

import pytest

from infra.cloudformation import Stack
from tests.authorizer import issuer as token_issuer
from tests.local.variants import AUDIENCE, REVOKED, VARIANTS, Api, issuing, resource_function, serving_variant

if TYPE_CHECKING:
    from collections.abc import Iterator

    import httpx

    from infra.local.lambda_runtime import Handler

LAMBDA = [name for name in VARIANTS if name != "http_jwt"]
# Every variant as it is, and those with a Lambda authorizer with a map from scopes to routes too.
SERVED = [*((name, False) for name in VARIANTS), *((name, True) for name in LAMBDA)]
PRODUCT = {"name": "Mug", "price": "8.00"}


@pytest.fixture(scope="module")
def stack() -> Stack:
    """Give the template, under a name that no other test has."""
    return Stack(parameters={"ApiUrl": AUDIENCE}, pseudo_parameters={"AWS::StackName": f"test-{uuid.uuid4()}"})


@pytest.fixture(scope="module")
def issuer() -> Iterator[str]:
    """Give the URL of an issuer."""
    with issuing() as url:
        yield url


@pytest.fixture(scope="module")
def resource(stack: Stack, issuer: str, aws_endpoint: str) -> Handler:
    """Give the function behind every variant."""
    return resource_function(stack, issuer, aws_endpoint)


@pytest.fixture(scope="module", params=SERVED, ids=lambda row: row[0] + ("-mapped" if row[1] else ""))
def variant(request: pytest.FixtureRequest) -> tuple[str, bool]:
    """Name a variant, and whether its authorizer has a map from scopes to routes."""
    name, mapped = request.param
    return name, mapped


@pytest.fixture(scope="module")
def api(variant: tuple[str, bool], stack: Stack, issuer: str, resource: Handler) -> Iterator[Api]:
    """Serve a variant."""
    with serving_variant(variant[0], stack, issuer, resource, mapped=variant[1]) as served:
        yield served


@pytest.fixture
def kind(variant: tuple[str, bool]) -> str:
    """Say what the tables here go by: rest, http or http_jwt."""
    name = variant[0]
    return "http_jwt" if name == "http_jwt" else name.partition("_")[0]


def message(response: httpx.Response) -> Any:
    """Return what says why: the error of a document of ours, the message of API Gateway's."""
    return response.json().get("error", response.json().get("message"))


# What a refusal says by kind of API: a gateway response of ours, or API Gateway's own words, which nothing can change.
UNAUTHORIZED = {"rest": "invalid_token", "http": "Unauthorized", "http_jwt": "Unauthorized"}
CHALLENGED_AS = {"rest": 'Bearer realm="api", scope=', "http": None, "http_jwt": "Bearer"}


def test_no_token_is_401(api: Api, kind: str) -> None:
    """Without a token no function is called; a Lambda authorizer leaves an HTTP API without any challenge."""
    before = api.authorizer.calls
    response = api.client.get("/products")
    assert (response.status_code, message(response), api.authorizer.calls) == (401, UNAUTHORIZED[kind], before)
    challenge = response.headers.get("WWW-Authenticate")
    expected = CHALLENGED_AS[kind]
    assert challenge is None if expected is None else (challenge or "").startswith(expected)


@pytest.mark.parametrize("value", ["Bearer", "Basic eDp5", "Bearer a b", "Bearer nonsense", "Bearer a.b.c"])
def test_what_is_no_token_is_401(api: Api, kind: str, value: str) -> None:
    """A header that holds no token of any kind is refused like none."""
    response = api.client.get("/products", headers={"Authorization": value})
    assert (response.status_code, message(response)) == (401, UNAUTHORIZED[kind])


REFUSED: dict[str, dict[str, Any]] = {
    "expired": {"iat": 1_000_000_000, "exp": 1_000_003_600},
    "of another issuer": {"iss": token_issuer.ISSUER},
    "for another audience": {"aud": "https://elsewhere.example.com"},
    "not valid yet": {"nbf": 4_000_000_000},
    "without an end": {"exp": None},
}


@pytest.mark.parametrize("change", REFUSED.values(), ids=REFUSED)
def test_a_token_that_is_not_good_is_401(api: Api, kind: str, change: dict[str, Any]) -> None:
    """One change in an otherwise good token suffices, whoever verifies it."""
    response = api.call("GET", "/products", api.token(**change))
    assert (response.status_code, message(response)) == (401, UNAUTHORIZED[kind])


def test_a_token_of_another_key_is_401(api: Api) -> None:
    """A signature by a key that the issuer does not publish is none, whatever kid it names."""
    claims = token_issuer.claims(time.time(), iss=api.issuer)
    token = token_issuer.sign(token_claims=claims, key=token_issuer.FOREIGN_KEY)
    assert api.call("GET", "/products", token).status_code == 401


@pytest.mark.parametrize("name", LAMBDA)
def test_an_expired_token_is_403_where_that_is_asked_for(
    name: str, stack: Stack, issuer: str, resource: Handler
) -> None:
    """INVALID_TOKEN_RESULT=deny makes a denial of it, which is kept, behind every Lambda authorizer."""
    with serving_variant(name, stack, issuer, resource, environ={"INVALID_TOKEN_RESULT": "deny"}) as api:
        token = api.token(**REFUSED["expired"])
        assert [api.call("GET", "/products", token).status_code for _ in range(2)] == [403, 403]
        assert api.authorizer.calls == 1
        assert api.client.get("/products").status_code == 401


def test_a_good_token_opens_every_route(api: Api) -> None:
    """With both scopes a product is made, shown and listed, and carries the client that made it."""
    token = api.token()
    made = api.call("POST", "/products", token, json=PRODUCT)
    assert (made.status_code, made.json()["created_by"]) == (201, "client-1")
    shown = api.call("GET", f"/products/{made.json()['id']}", token)
    assert (shown.status_code, shown.json()) == (200, made.json())
    listed = api.call("GET", "/products?limit=100", token)
    assert listed.status_code == 200
    assert made.json() in listed.json()["products"]


def test_what_needs_no_token_needs_none(api: Api) -> None:
    """The metadata is open behind every kind of API, also to a bad token."""
    for headers in ({}, {"Authorization": "Bearer nonsense"}):
        response = api.client.get("/.well-known/oauth-protected-resource", headers=headers)
        assert (response.status_code, response.json()["authorization_servers"]) == (200, [api.issuer])


def body_for(method: str) -> dict[str, Any]:
    """Return what a request of this method needs besides its token."""
    return {"json": PRODUCT} if method == "POST" else {}


def refusal_of_scope(kind: str, *, mapped: bool) -> str:
    """Say how a token without the scope is refused: by the sample API itself, where the gateway let it pass."""
    if kind == "http_jwt" or (kind == "http" and mapped):
        return "Forbidden"
    return "insufficient_scope"


def test_a_token_without_the_scope_is_403(api: Api, kind: str, variant: tuple[str, bool]) -> None:
    """The scope decides, method by method, whichever of gateway and function looks at it."""
    expected = (403, refusal_of_scope(kind, mapped=variant[1]))
    reading, writing, neither = (api.token(scope=scope) for scope in ("products:read", "products:write", "other"))
    for token, method, path in (
        (reading, "POST", "/products"),
        (writing, "GET", "/products"),
        (writing, "GET", "/products/no-such-product"),
        (neither, "GET", "/products"),
    ):
        response = api.call(method, path, token, **body_for(method))
        assert (response.status_code, message(response)) == expected, (method, path)


@pytest.mark.parametrize("first", ["GET", "POST"])
def test_the_cache_grants_nothing_on_a_second_route(api: Api, first: str, variant: tuple[str, bool]) -> None:
    """Asked about one route, the authorizer's answer is right on the next, whichever came first; it is asked once.

    What is kept by route or by call is asked for once for each; API Gateway's own authorizer keeps nothing.
    """
    token, before = api.token(scope="products:read"), api.authorizer.calls
    second = "POST" if first == "GET" else "GET"
    statuses = {
        method: api.call(method, "/products", token, **body_for(method)).status_code
        for method in (first, second, first)
    }
    assert statuses == {"GET": 200, "POST": 403}
    assert api.authorizer.calls - before == {"rest_call": 2, "http_simple": 2, "http_jwt": 0}.get(variant[0], 1)


# Where the two kinds of API differ about what stands nowhere: a REST API of ours has ANY on each path, an HTTP API's
# ANY would take preflight requests, and its GET is not for HEAD.
NOWHERE: dict[tuple[str, str], dict[str, tuple[int, str | None]]] = {
    ("GET", "/nothing"): {"rest": (404, "not_found"), "http": (404, "Not Found")},
    ("DELETE", "/products"): {"rest": (405, "method_not_allowed"), "http": (404, "Not Found")},
    ("HEAD", "/products"): {"rest": (405, None), "http": (404, None)},
}


@pytest.mark.parametrize(("method", "path"), NOWHERE)
def test_what_stands_nowhere_is_refused_without_a_token(api: Api, kind: str, method: str, path: str) -> None:
    """An unknown path or method is told to anybody, and calls no authorizer."""
    before = api.authorizer.calls
    response = api.client.request(method, path)
    status, error = NOWHERE[method, path][kind.partition("_")[0]]
    assert response.status_code == status
    assert (message(response) if response.content else None) == error
    assert api.authorizer.calls == before


@pytest.mark.parametrize(("path", "method"), [("/products", "GET"), ("/products", "POST"), ("/products/1", "GET")])
def test_a_preflight_request_needs_no_token(api: Api, path: str, method: str) -> None:
    """A browser may ask whether it may send a token, and may send it."""
    asked = {
        "Origin": "https://web.example",
        "Access-Control-Request-Method": method,
        "Access-Control-Request-Headers": "authorization",
    }
    answer = api.client.options(path, headers=asked)
    assert (answer.status_code, answer.headers["Access-Control-Allow-Origin"]) == (204, "*")
    assert method in answer.headers["Access-Control-Allow-Methods"].replace(" ", "").split(",")
    assert "authorization" in answer.headers["Access-Control-Allow-Headers"].lower()


# Whether a web page may read a 401: only a REST API's own answers can be given the header.
READABLE_401 = {"rest": True, "http": False, "http_jwt": False}


def test_a_page_may_read_what_the_api_answers(api: Api, kind: str) -> None:
    """The API's own answers have CORS headers everywhere; those of an HTTP API itself have none that AWS promises."""
    origin = {"Origin": "https://web.example"}
    good = api.client.get("/products", headers=origin | {"Authorization": f"Bearer {api.token()}"})
    assert (good.status_code, good.headers["Access-Control-Allow-Origin"]) == (200, "*")
    refused = api.client.get("/products", headers=origin)
    assert ("Access-Control-Allow-Origin" in refused.headers) == READABLE_401[kind]


# What API Gateway's own JWT authorizer sees otherwise: the change, the status behind a Lambda authorizer, the status
# behind its own. It tolerates no clock that is off, and knows neither types of tokens nor keys that they are bound to.
DIFFERENCES: dict[str, tuple[dict[str, Any], int, int]] = {
    "expired 20 seconds ago": ({"exp": -20}, 200, 401),
    "issued in 20 seconds": ({"iat": 20, "exp": 3600}, 200, 401),
    "of another type": ({"typ": "JWT"}, 401, 200),
    "bound to a key": ({"cnf": {"jkt": "0ZcOCORZNYy-DWpqq30jZyJGHTN0d2HglBV3uiguA4I"}}, 401, 200),
    "without an id": ({"jti": None}, 401, 200),
    "revoked": ({"jti": REVOKED}, 401, 200),
    "for a client, not an audience": ({"aud": None, "client_id": AUDIENCE}, 401, 200),
}


@pytest.mark.parametrize("case", DIFFERENCES)
def test_api_gateways_own_authorizer_sees_this_otherwise(api: Api, kind: str, case: str) -> None:
    """A table of what the Lambda authorizer is for: these tokens are told apart by it alone."""
    change, by_lambda, by_api_gateway = DIFFERENCES[case]
    header = {name: value for name, value in change.items() if name == "typ"}
    moments = {name: int(time.time()) + change[name] for name in ("iat", "exp") if name in change}
    claims = {name: value for name, value in change.items() if name not in header} | moments
    response = api.call("GET", "/products", api.token(header, **claims))
    assert response.status_code == (by_api_gateway if kind == "http_jwt" else by_lambda)
