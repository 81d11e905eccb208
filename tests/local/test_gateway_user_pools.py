"""COGNITO_USER_POOLS authorizers, over real tokens of a user pool of moto's."""

import json
import re
import time
from collections.abc import Iterator
from typing import Any

import httpx
import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import rsa

from infra.local.gateway.errors import DocumentError
from tests.local.gateway_api import client_of, document, gateway, proxy
from tests.local.user_pool import UserPool, make_pool, user_pool

SCOPE = "aws.cognito.signin.user.admin"  # what an access token has that was not asked for by OAuth


@pytest.fixture(scope="module")
def pool() -> Iterator[UserPool]:
    """Give a user pool."""
    with user_pool() as made:
        yield made


@pytest.fixture(scope="module")
def alice(pool: UserPool) -> dict[str, str]:
    """Give the tokens of somebody in two groups."""
    return pool.tokens("alice", "readers", "writers")


def scheme(*arns: str, **settings: Any) -> dict[str, Any]:
    """Return a security scheme with a user pool's authorizer."""
    return {
        "type": "apiKey",
        "name": "Authorization",
        "in": "header",
        "x-amazon-apigateway-authtype": "cognito_user_pools",
        "x-amazon-apigateway-authorizer": {"type": "cognito_user_pools", "providerARNs": list(arns)} | settings,
    }


def described(*arns: str) -> dict[str, Any]:
    """Return a document: /who takes ID tokens, /scoped access tokens with one scope, /other with another."""
    paths = {
        "/who": {"get": proxy(security=[{"people": []}])},
        "/scoped": {"get": proxy(security=[{"people": ["x/y", SCOPE]}])},
        "/other": {"get": proxy(security=[{"people": ["products/read"]}])},
    }
    return document(paths, components={"securitySchemes": {"people": scheme(*arns)}})


@pytest.fixture
def api(pool: UserPool) -> Iterator[httpx.Client]:
    """Give a client of an API behind the pool."""
    with client_of(gateway(described(pool.arn), clock=time.time, cognito_url=pool.url)) as client:
        yield client


def ask(api: httpx.Client, path: str, authorization: str | None) -> httpx.Response:
    """Ask with this Authorization header."""
    return api.get(path, headers={"Authorization": authorization} if authorization else {})


@pytest.mark.parametrize("prefix", ["", "Bearer "])
def test_the_claims_of_an_id_token_reach_the_integration_as_strings(
    api: httpx.Client, alice: dict[str, str], prefix: str
) -> None:
    """An operation without scopes takes an ID token; groups come as `a,b`, and times as dates, but for auth_time."""
    answer = ask(api, "/who", prefix + alice["IdToken"])
    assert answer.status_code == 200
    own = jwt.decode(alice["IdToken"], options={"verify_signature": False})
    claims = answer.json()["requestContext"]["authorizer"]["claims"]
    assert claims.keys() == own.keys()
    assert all(isinstance(value, str) for value in claims.values())
    assert (claims["sub"], claims["cognito:groups"]) == (own["sub"], ",".join(own["cognito:groups"]))
    assert sorted(own["cognito:groups"]) == ["readers", "writers"]
    assert claims["auth_time"] == str(own["auth_time"])
    assert re.fullmatch(r"[A-Z][a-z]{2} [A-Z][a-z]{2} \d{2} \d{2}:\d{2}:\d{2} UTC \d{4}", claims["exp"])


def test_scopes_ask_for_an_access_token_that_has_one(api: httpx.Client, alice: dict[str, str]) -> None:
    """An operation with scopes takes an access token with any of them; an ID token, or other scopes, are 401."""
    access, identity = alice["AccessToken"], alice["IdToken"]
    assert ask(api, "/scoped", access).status_code == 200
    assert [ask(api, path, token).status_code for path, token in (("/scoped", identity), ("/other", access))] == [
        401
    ] * 2


def test_an_access_token_says_not_who_it_is(api: httpx.Client, alice: dict[str, str]) -> None:
    """An operation without scopes takes no access token."""
    assert ask(api, "/who", alice["AccessToken"]).status_code == 401


@pytest.mark.parametrize("authorization", [None, "", "Bearer", "a.b.c", "Bearer x.y.z", "Basic YTpi"])
def test_what_is_no_token_is_401(api: httpx.Client, authorization: str | None) -> None:
    """No token, and what is none, is API Gateway's own 401."""
    answer = ask(api, "/who", authorization)
    assert (answer.status_code, answer.json()) == (401, {"message": "Unauthorized"})


def test_the_token_of_another_pool_is_401(pool: UserPool, api: httpx.Client) -> None:
    """A pool that the authorizer does not name has no word here, though moto signs for all of them with one key."""
    stranger = make_pool(pool.url).tokens("mallory")
    assert ask(api, "/who", stranger["IdToken"]).status_code == 401


def test_a_token_that_somebody_else_signed_is_401(api: httpx.Client, alice: dict[str, str]) -> None:
    """The pool's own claims under another key, or under none, are nobody's."""
    claims = jwt.decode(alice["IdToken"], options={"verify_signature": False})
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    assert ask(api, "/who", jwt.encode(claims, key, "RS256", headers={"kid": "dummy"})).status_code == 401
    assert ask(api, "/who", jwt.encode(claims, "", "none", headers={"kid": "dummy"})).status_code == 401


def test_a_token_is_good_until_it_expires(pool: UserPool, alice: dict[str, str]) -> None:
    """After the token's `exp`, by the gateway's clock, it is 401."""
    expires = jwt.decode(alice["IdToken"], options={"verify_signature": False})["exp"]
    for now, status in ((expires - 1, 200), (expires, 401)):
        with client_of(gateway(described(pool.arn), clock=lambda now=now: now, cognito_url=pool.url)) as client:  # type: ignore[misc] # a default of a lambda
            assert ask(client, "/who", alice["IdToken"]).status_code == status


def test_no_token_passes_without_the_pools_keys(pool: UserPool, alice: dict[str, str]) -> None:
    """Where the keys cannot be had, nobody passes."""
    with client_of(gateway(described(pool.arn), clock=time.time, cognito_url="http://127.0.0.1:1")) as client:
        assert ask(client, "/who", alice["IdToken"]).status_code == 401


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"providerARNs": []}, "providerARNs"),
        ({"providerARNs": ["arn:aws:lambda:us-east-1:123456789012:function:f"]}, "providerARNs"),
        ({"identitySource": "method.request.querystring.token"}, "identity source"),
    ],
)
def test_a_document_that_says_no_pool_is_refused(pool: UserPool, settings: dict[str, Any], message: str) -> None:
    """What API Gateway would not import, the local gateway does not load."""
    paths = {"/who": {"get": proxy(security=[{"people": []}])}}
    with pytest.raises(DocumentError, match=message):
        gateway(document(paths, components={"securitySchemes": {"people": scheme(pool.arn, **settings)}}))


def test_the_endpoint_gives_programs_the_keys_and_pages_nothing(pool: UserPool) -> None:
    """The one thing to GET at the AWS endpoint is a pool's public keys, and no page of any origin reads them."""
    path = f"{pool.url}/{pool.pool_id}/.well-known/jwks.json"
    assert json.loads(httpx.get(path).text)["keys"]
    assert httpx.get(path, headers={"Origin": "https://evil.example"}).status_code == 403
    assert httpx.get(f"{pool.url}/{pool.pool_id}/.well-known/openid-configuration").status_code == 403
