"""The adapters against the sample API, behind each kind of API of API Gateway and on the local stack."""

from __future__ import annotations

import socket
import time
import uuid
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import httpx
import pytest

from infra.cloudformation import Stack
from infra.local.stack import Addresses, LocalStack, running
from tests.local.variants import AUDIENCE, Api, issuing, resource_function, serving_variant
from tests.token_client.callers import CALLERS, Call, Tokens
from token_client import InsufficientScopeError, TokenClient
from token_client.dpop import DPoPKey

if TYPE_CHECKING:
    from collections.abc import Iterator

    from infra.local.lambda_runtime import Handler

PRODUCT = b'{"name": "Mug", "price": "8.00"}'
JSON = {"Content-Type": "application/json"}
SCOPES = {"products:read", "products:write", "messages:write"}


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


@pytest.fixture(
    scope="module", params=["rest_token", "rest_call", "http_policy", "http_simple", "http_1_0", "http_jwt"]
)
def api(request: pytest.FixtureRequest, stack: Stack, issuer: str, resource: Handler) -> Iterator[Api]:
    """Serve a kind of API whose scopes the sample API looks at itself, but for `http_jwt`."""
    with serving_variant(request.param, stack, issuer, resource) as served:
        yield served


@pytest.fixture(params=list(CALLERS))
def call(request: pytest.FixtureRequest) -> Call:
    """Give each HTTP library."""
    return CALLERS[request.param]


def url(api: Api, path: str) -> str:
    """Give the URL of a path."""
    return f"{str(api.client.base_url).rstrip('/')}{path}"


def test_a_token_that_a_gateway_refuses_is_renewed(api: Api, call: Call) -> None:
    """However a kind of API says 401, an expired token is replaced, and the product is made."""
    tokens = Tokens([api.token(iat=1_000_000_000, exp=1_000_003_600), api.token()])
    made = call(tokens, "POST", url(api, "/products"), PRODUCT, headers=JSON)
    assert (made.status_code, len(tokens.renewals)) == (201, 1)


@pytest.mark.spec("RFC 6750", "3.1")
def test_a_scope_that_is_missing_is_named(api: Api, call: Call) -> None:
    """However a kind of API says insufficient_scope, the error names the one scope of the route."""
    tokens = Tokens([api.token(scope="products:read"), api.token()])
    with pytest.raises(InsufficientScopeError, match="the API needs products:write") as raised:
        call(tokens, "POST", url(api, "/products"), PRODUCT, headers=JSON)
    assert (raised.value.needed, tokens.renewals) == (("products:write",), [])


def test_a_gateways_own_refusal_names_all_scopes_of_the_api(
    stack: Stack, issuer: str, resource: Handler, call: Call
) -> None:
    """A REST API with a map of scopes to routes answers itself, by what it knows (docs/challenges.md)."""
    with serving_variant("rest_token", stack, issuer, resource, mapped=True) as api:
        tokens = Tokens([api.token(scope="products:read")])
        with pytest.raises(InsufficientScopeError) as raised:
            call(tokens, "POST", url(api, "/products"), PRODUCT, headers=JSON)
    assert set(raised.value.needed) == SCOPES


def test_an_http_apis_own_refusal_says_nothing(stack: Stack, issuer: str, resource: Handler, call: Call) -> None:
    """An HTTP API with a map says Forbidden and no more: the answer is the caller's."""
    with serving_variant("http_policy", stack, issuer, resource, mapped=True) as api:
        tokens = Tokens([api.token(scope="products:read"), api.token()])
        response = call(tokens, "POST", url(api, "/products"), PRODUCT, headers=JSON)
    assert (response.status_code, tokens.renewals) == (403, [])


@pytest.fixture(scope="module", params=["rest_request", "rest_call", "http_policy", "http_1_0"])
def proving(request: pytest.FixtureRequest, stack: Stack, issuer: str, resource: Handler) -> Iterator[Api]:
    """Serve a kind of API whose authorizer verifies proofs."""
    listener = socket.create_server(("127.0.0.1", 0))
    environ = {"API_ORIGIN": f"http://127.0.0.1:{listener.getsockname()[1]}"}
    with serving_variant(request.param, stack, issuer, resource, environ=environ, listener=listener) as served:
        yield served


@pytest.mark.spec("RFC 9449", "7.1")
def test_our_authorizer_takes_the_proofs(proving: Api, call: Call) -> None:
    """A token that is bound to the client's key opens every kind of API whose authorizer sees proofs."""
    key = DPoPKey.generate()
    tokens = Tokens([proving.token(cnf={"jkt": key.jkt})], "DPoP", key)
    assert call(tokens, "GET", url(proving, "/products?limit=1")).status_code == 200


def test_our_authorizer_takes_no_proof_of_another_key(proving: Api, call: Call) -> None:
    """With another key than the token's it is 401, after one renewal; with the right token it is taken then."""
    key = DPoPKey.generate()
    stolen, own = (proving.token(cnf={"jkt": jkt}) for jkt in (DPoPKey.generate().jkt, key.jkt))
    tokens = Tokens([stolen, own], "DPoP", key)
    assert call(tokens, "GET", url(proving, "/products")).status_code == 200
    assert call(Tokens([stolen, stolen], "DPoP", key), "GET", url(proving, "/products")).status_code == 401


@pytest.fixture(scope="module")
def local() -> Iterator[LocalStack]:
    """Give a stack where a revoked token is refused within seconds."""
    settings = {"REVOCATION_FEED_SECONDS": "1", "REVOCATIONS_POLL_SECONDS": "1"}
    addresses = Addresses(issuer_port=0, api_port=0, aws_port=0, web_port=0)
    with running(addresses, name="protected", parameters={"AuthorizerCacheSeconds": "1"}, settings=settings) as started:
        yield started


def client_of(local: LocalStack, **options: Any) -> TokenClient:
    """Make a client of the stack's server."""
    own: dict[str, Any] = {"client_id": "demo", "client_secret": local.client_secret, "resource": local.api}
    return TokenClient(local.issuer, **(own | options))


def revoke(local: LocalStack, token: str) -> None:
    """Revoke a token, and wait until the API refuses it."""
    auth = ("demo", local.client_secret)
    assert httpx.post(f"{local.issuer}/oauth/revoke", data={"token": token}, auth=auth).status_code == 200
    until = time.monotonic() + 20
    headers = {"Authorization": f"Bearer {token}"}
    while httpx.get(f"{local.api}/products", headers=headers).status_code != 401:
        assert time.monotonic() < until
        time.sleep(0.05)


def test_a_token_that_is_revoked_in_the_middle_is_replaced(local: LocalStack) -> None:
    """Calls go on with another token after a revocation, 50 of them at once, and with the same one."""
    with client_of(local, scope="products:read") as client, httpx.Client(auth=client.auth()) as http:
        assert http.get(f"{local.api}/products").status_code == 200
        first = client.token()
        revoke(local, first)
        with ThreadPoolExecutor(50) as pool:
            answers = list(pool.map(lambda _: http.get(f"{local.api}/products"), range(50)))
        assert {each.status_code for each in answers} == {200}
        assert {each.request.headers["Authorization"] for each in answers} == {f"Bearer {client.token()}"}
        assert client.token() != first


def test_the_stacks_api_names_the_scope(local: LocalStack) -> None:
    """The sample API is asked for more than the token permits."""
    with (
        client_of(local, scope="products:read") as client,
        httpx.Client(auth=client.auth()) as http,
        pytest.raises(InsufficientScopeError) as raised,
    ):
        http.post(f"{local.api}/products", content=PRODUCT, headers=JSON)
    assert (raised.value.granted, "products:write" in raised.value.needed) == (("products:read",), True)
