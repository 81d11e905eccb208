"""The same client code against Latchkey, node-oidc-provider and a server built on Authlib."""

import asyncio
import socket
import uuid
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import httpx
import pytest
import requests

from infra.cloudformation import Stack
from tests.contract.servers.running import FOREIGN, METHODS, Server, latchkey_command, local, pem
from tests.local.variants import AUDIENCE, resource_function, serving_variant
from tests.token_client.front import before, once, spoilt
from token_client import AsyncTokenClient, TokenClient
from token_client.credentials.private_key_jwt import PrivateKeyJWT
from token_client.errors import InsufficientScopeError, TokenRefusedError

HOWS = ("discovered", "told")


@pytest.fixture(scope="module", params=["latchkey", *FOREIGN])
def server(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """Give each server in turn; ours is the one that other tests of this worker use as well."""
    if request.param == "latchkey":
        yield local(request.getfixturevalue("local_stack"), tmp_path_factory.mktemp("keys"))
        return
    with FOREIGN[request.param]() as running:
        yield running


def where(server: Server, how: str) -> dict[str, Any]:
    """Give the arguments that say where the server is."""
    return {"issuer": server.issuer} if how == "discovered" else {"token_endpoint": server.token_endpoint}


def who(server: Server, method: str) -> dict[str, Any]:
    """Give the arguments that say who the client is."""
    if method == "private_key_jwt":
        return {"credentials": PrivateKeyJWT(server.key_client_id, pem())}
    client_id, secret = server.secrets[method]
    return {"client_id": client_id, "client_secret": secret, "auth_method": method}


def reader(server: Server, **more: Any) -> dict[str, Any]:
    """Give the arguments of a client with a secret that may read."""
    return where(server, "discovered") | who(server, METHODS[0]) | server.wanted | more


def bearer(token: str) -> dict[str, str]:
    """Give the header of a call (RFC 6750 2.1)."""
    return {"Authorization": f"Bearer {token}"}


@pytest.mark.spec("RFC 6749", "4.4")
@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("how", HOWS)
def test_a_token_by_each_method(server: Server, how: str, method: str) -> None:
    """By each way to authenticate, discovered or told where, a client gets a token that the server's API takes."""
    with TokenClient(**where(server, how), **who(server, method), **server.wanted) as client:
        token = client.access_token()
        assert httpx.get(server.api, headers=bearer(client.token())).status_code == 200
    assert (token.token_type, token.scope) == ("Bearer", (server.read,))
    assert token.expires_at > token.issued_at


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("how", HOWS)
def test_a_token_by_each_method_under_asyncio(server: Server, how: str, method: str) -> None:
    """So does the client of asyncio, and it puts the token into the calls of httpx."""

    async def call() -> int:
        async with (
            AsyncTokenClient(**where(server, how), **who(server, method), **server.wanted) as client,
            httpx.AsyncClient(auth=client.auth()) as api,
        ):
            return (await api.get(server.api)).status_code

    assert asyncio.run(call()) == 200


def get_by_httpx(client: TokenClient, url: str, method: str = "GET") -> int:
    """Call an API with httpx."""
    with httpx.Client(auth=client.auth()) as api:
        return api.request(method, url).status_code


def get_by_requests(client: TokenClient, url: str, method: str = "GET") -> int:
    """Call an API with requests."""
    with requests.Session() as api:
        api.auth = client.requests_auth()
        return api.request(method, url, timeout=30).status_code


def get_by_async_httpx(client: TokenClient, url: str, method: str = "GET") -> int:
    """Call an API with httpx's client of asyncio, and a client that is not."""

    async def call() -> int:
        async with httpx.AsyncClient(auth=client.auth()) as api:
            return (await api.request(method, url)).status_code

    return asyncio.run(call())


CALLS = {"httpx": get_by_httpx, "requests": get_by_requests, "httpx.AsyncClient": get_by_async_httpx}


@pytest.mark.parametrize("call", CALLS.values(), ids=CALLS)
def test_a_token_in_every_call(server: Server, call: Any) -> None:
    """Every HTTP library that has an adapter calls the API of every server."""
    with TokenClient(**reader(server)) as client:
        assert [call(client, server.api) for _ in range(2)] == [200, 200]


@pytest.fixture(scope="module")
def proving(server: Server, request: pytest.FixtureRequest) -> Iterator[Server]:
    """Give a server whose API takes bound tokens: of the local stack's, that is one whose authorizer sees proofs."""
    if not server.binds_tokens:
        pytest.skip(f"{server.name} knows no DPoP")
    if server.name != "latchkey":
        yield server
        return
    stack = Stack(parameters={"ApiUrl": AUDIENCE}, pseudo_parameters={"AWS::StackName": f"test-{uuid.uuid4()}"})
    resource = resource_function(stack, server.issuer, request.getfixturevalue("aws_endpoint"))
    create = ("clients", "create", "--scope", server.read, "--audience", AUDIENCE)
    made = latchkey_command(request.getfixturevalue("local_stack"), *create)
    listener = socket.create_server(("127.0.0.1", 0))
    origin = f"http://127.0.0.1:{listener.getsockname()[1]}"
    own: dict[str, Any] = {"environ": {"API_ORIGIN": origin}, "listener": listener}
    with serving_variant("rest_call", stack, server.issuer, resource, **own) as api:
        url = str(api.client.base_url).rstrip("/") + "/products"
        secrets = {METHODS[0]: (made["client_id"], made["client_secret"])}
        yield replace(server, api=url, resource=AUDIENCE, secrets=secrets)


@pytest.mark.spec("RFC 9449", "5")
@pytest.mark.parametrize("call", CALLS.values(), ids=CALLS)
def test_a_token_bound_to_a_key(proving: Server, call: Any) -> None:
    """Where the server binds tokens, they are bound, and calls proven, with the nonces that server and API ask for."""
    with TokenClient(**reader(proving, dpop=True)) as client:
        assert client.access_token().token_type == "DPoP"
        assert [call(client, proving.api) for _ in range(2)] == [200, 200]


@pytest.mark.spec("RFC 6750", "3.1")
@pytest.mark.parametrize("call", CALLS.values(), ids=CALLS)
def test_a_refused_token_is_renewed_once(server: Server, call: Any) -> None:
    """An API that takes a token no more gets another one, and the call is answered."""
    with before(server.token_endpoint) as front, front.failing(once(spoilt)):
        given = {"token_endpoint": front.url} | who(server, METHODS[0]) | server.wanted
        with TokenClient(**given) as client:
            assert call(client, server.api) == 200
        assert front.token_requests == 2


@pytest.mark.spec("RFC 6750", "3.1")
@pytest.mark.parametrize("call", CALLS.values(), ids=CALLS)
def test_a_scope_that_is_missing_is_named(server: Server, call: Any) -> None:
    """A good token that does not permit the call is an error that says what was granted, and renews nothing."""
    with before(server.token_endpoint) as front:
        given = {"token_endpoint": front.url} | who(server, METHODS[0]) | server.wanted
        with TokenClient(**given) as client, pytest.raises(InsufficientScopeError) as caught:
            call(client, server.api, "POST")
        assert front.token_requests == 1
    assert caught.value.granted == (server.read,)
    assert caught.value.needed == () if server.name == "authlib" else caught.value.needed[0].endswith(":write")


@pytest.mark.spec("RFC 6749", "5.2")
@pytest.mark.parametrize("method", METHODS[:2])
def test_a_wrong_secret_is_refused(server: Server, method: str) -> None:
    """Every server's refusal has its code, and no word of it is the secret."""
    wrong = who(server, method) | {"client_secret": "another-secret"}
    with (
        TokenClient(issuer=server.issuer, **wrong, **server.wanted) as client,
        pytest.raises(TokenRefusedError) as caught,
    ):
        client.token()
    assert (caught.value.error, caught.value.status) == ("invalid_client", 401)
    assert "another-secret" not in str(caught.value)


@pytest.mark.spec("RFC 6749", "5.2")
def test_a_scope_that_is_not_the_clients_is_not_had(server: Server) -> None:
    """What the server says to a scope that it does not grant is an error, or a token that tells what it lacks."""
    with TokenClient(**reader(server, scope=f"{server.read} of:others")) as client:
        try:
            granted = client.access_token().scope
        except TokenRefusedError as error:
            assert error.error == "invalid_scope"  # noqa: PT017 - a server may do either (RFC 6749 3.3)
        else:
            assert granted == (server.read,)
