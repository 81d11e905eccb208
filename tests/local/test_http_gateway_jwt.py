"""The JWT authorizer of HTTP APIs, which is API Gateway's own."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from infra.local.gateway.errors import DocumentError
from tests.authorizer import issuer as token_issuer
from tests.authorizer import jwks_server
from tests.authorizer.proofs import EC_KEY, ec_jwk
from tests.local.gateway_api import client_of, document, http_gateway, http_proxy
from tests.local.test_gateway_authorizers import Clock
from tests.local.variants import issuing

if TYPE_CHECKING:
    from collections.abc import Iterator
    from http.server import BaseHTTPRequestHandler

    import httpx

NOW = 1_790_000_000
AUDIENCE = token_issuer.AUDIENCE


def protected(issuer: str, **settings: Any) -> dict[str, Any]:
    """Return a document with pets behind the authorizer, one route of which needs a scope."""
    authorizer = {
        "type": "jwt",
        "identitySource": "$request.header.Authorization",
        "jwtConfiguration": {"issuer": issuer, "audience": ["https://first.example.com", AUDIENCE]},
    }
    scheme = {"type": "oauth2", "flows": {}, "x-amazon-apigateway-authorizer": authorizer | settings}
    paths = {
        "/any": {"get": http_proxy(security=[{"jwt": []}])},
        "/pets": {"get": http_proxy(security=[{"jwt": ["pets:read", "admin"]}])},
        "/old": {"get": http_proxy(version="1.0", security=[{"jwt": []}])},
    }
    return document(paths, components={"securitySchemes": {"jwt": scheme}})


@pytest.fixture(scope="module")
def issuer() -> Iterator[str]:
    """Give the URL of an issuer."""
    with issuing() as url:
        yield url


@pytest.fixture(scope="module")
def client(issuer: str) -> Iterator[httpx.Client]:
    """Yield a client of the API."""
    with client_of(http_gateway(protected(issuer), clock=lambda: NOW)) as client:
        yield client


def get(client: httpx.Client, path: str, token: str, scheme: str = "Bearer ") -> httpx.Response:
    """Send a request with a token."""
    return client.get(path, headers={"Authorization": f"{scheme}{token}"})


def token(issuer: str, header: dict[str, Any] | None = None, **claims: Any) -> str:
    """Sign a good token with some claims changed."""
    members = token_issuer.claims(NOW, **{"iss": issuer, "scope": "pets:read other", **claims})
    return token_issuer.sign(token_issuer.header(**(header or {})), members)


def test_the_claims_reach_the_integration_as_strings(client: httpx.Client, issuer: str) -> None:
    """Each claim is a string, a list in brackets; the token's scopes are there where the route has any."""
    good = token(issuer, aud=["a", AUDIENCE], admin=True)
    told = get(client, "/pets", good).json()["requestContext"]["authorizer"]
    claims = told["jwt"]["claims"]
    assert (claims["aud"], claims["exp"], claims["admin"]) == (f"[a {AUDIENCE}]", str(NOW + 3600), "true")
    assert (claims["scope"], told["jwt"]["scopes"]) == ("pets:read other", ["other", "pets:read"])
    assert get(client, "/any", good).json()["requestContext"]["authorizer"]["jwt"]["scopes"] is None
    told = get(client, "/old", good).json()["requestContext"]["authorizer"]
    assert (told["claims"]["sub"], told["scopes"]) == ("client-1", None)


@pytest.mark.parametrize("scheme", ["Bearer ", ""])
def test_a_token_may_stand_alone(client: httpx.Client, issuer: str, scheme: str) -> None:
    """The identity source holds the token, with or without `Bearer ` before it."""
    assert get(client, "/pets", token(issuer), scheme).status_code == 200


@pytest.mark.parametrize(
    "claims",
    [
        {"aud": "https://first.example.com"},
        {"aud": None, "client_id": AUDIENCE},
        {"scope": None, "scp": "pets:read"},
        {"scope": None, "scp": ["admin"]},
        {"scope": "admin"},
        {"nbf": NOW, "iat": NOW},
        {"exp": NOW + 1},
        {"iat": None},
        {"sub": None},
    ],
)
def test_what_is_checked_may_be_said_in_several_ways(client: httpx.Client, issuer: str, claims: dict[str, Any]) -> None:
    """One audience of several, client_id in the place of aud, scp in that of scope, one scope of the route's."""
    assert get(client, "/pets", token(issuer, **claims)).status_code == 200


@pytest.mark.parametrize(
    "claims",
    [
        {"iss": "https://elsewhere.example.com"},
        {"aud": "https://elsewhere.example.com"},
        {"aud": "https://elsewhere.example.com", "client_id": AUDIENCE},
        {"aud": None},
        {"exp": NOW},
        {"exp": None},
        {"exp": "soon"},
        {"nbf": NOW + 1},
        {"iat": NOW + 1},
    ],
)
def test_a_token_that_is_not_good_is_401(client: httpx.Client, issuer: str, claims: dict[str, Any]) -> None:
    """One change suffices; the challenge says invalid_token, in the form that AWS shows."""
    response = get(client, "/pets", token(issuer, **claims))
    assert (response.status_code, response.json()) == (401, {"message": "Unauthorized"})
    assert response.headers["www-authenticate"].startswith('Bearer scope="" error="invalid_token" error_description="')


def test_the_challenge_of_a_wrong_audience_is_that_of_awss_example(client: httpx.Client, issuer: str) -> None:
    """The troubleshooting guide shows this one whole."""
    response = get(client, "/pets", token(issuer, aud="https://elsewhere.example.com"))
    description = "the token does not have a valid audience"
    expected = f'Bearer scope="" error="invalid_token" error_description="{description}"'
    assert response.headers["www-authenticate"] == expected


@pytest.mark.parametrize("value", ["nonsense", "a.b.c", "Bearer", "Basic eDp5", "bearer x"])
def test_what_is_no_token_is_401(client: httpx.Client, value: str) -> None:
    """Nothing that a client sends fails the authorizer."""
    response = client.get("/pets", headers={"Authorization": value})
    assert (response.status_code, response.json()) == (401, {"message": "Unauthorized"})


def test_no_token_is_401_with_a_bare_challenge(client: httpx.Client) -> None:
    """Without a token there is no error to name."""
    response = client.get("/pets")
    assert (response.status_code, response.headers["www-authenticate"]) == (401, "Bearer")


def test_a_token_without_any_scope_of_the_route_is_403(client: httpx.Client, issuer: str) -> None:
    """The challenge names the scopes of the route, of which one would do; another route asks for none."""
    narrow = token(issuer, scope="other")
    response = get(client, "/pets", narrow)
    assert (response.status_code, response.json()) == (403, {"message": "Forbidden"})
    assert 'scope="pets:read admin" error="insufficient_scope"' in response.headers["www-authenticate"]
    assert get(client, "/any", narrow).status_code == 200


@pytest.mark.parametrize(
    "forged",
    [
        lambda issuer: token_issuer.sign(
            token_claims=token_issuer.claims(NOW, iss=issuer), key=token_issuer.FOREIGN_KEY
        ),
        lambda issuer: token(issuer, {"kid": "another"}),
        lambda issuer: token(issuer, {"kid": None}),
        lambda issuer: token(issuer, {"alg": "HS256"}),
        lambda issuer: token(issuer, {"alg": "none"}),
        lambda issuer: token(issuer).rpartition(".")[0] + ".",
    ],
    ids=["another key", "unknown kid", "no kid", "HS256", "none", "no signature"],
)
def test_a_forged_token_is_401(client: httpx.Client, issuer: str, forged: Any) -> None:
    """A key of the issuer's, found by kid, has to have signed it, with RSA."""
    assert get(client, "/any", forged(issuer)).status_code == 401


def test_a_key_that_is_not_rsa_verifies_nothing() -> None:
    """AWS: only RSA-based algorithms are supported."""
    key_set = jwks_server.document(json.dumps({"keys": [{**ec_jwk(EC_KEY), "kid": token_issuer.KID}]}).encode())
    with jwks_server.serving(key_set) as keys:
        discovery = jwks_server.document(json.dumps({"jwks_uri": keys.uri}).encode())
        with jwks_server.serving(discovery) as found:
            issuer = found.uri.removesuffix("/.well-known/jwks.json")
            with client_of(http_gateway(protected(issuer))) as client:
                assert get(client, "/any", token(issuer, {"alg": "ES256"})).status_code == 401


@pytest.mark.parametrize(
    "answer",
    [
        jwks_server.document(b"", 500),
        jwks_server.document(b"not json"),
        jwks_server.document(b"{}"),
        jwks_server.document(b"[]"),
        jwks_server.document(b'{"jwks_uri": "http://127.0.0.1:1/keys"}'),
    ],
    ids=["500", "not JSON", "no jwks_uri", "no object", "keys out of reach"],
)
def test_keys_that_cannot_be_had_open_nothing(answer: Any) -> None:
    """An issuer that does not answer, or not with what it should, opens nothing: 401."""
    with jwks_server.serving(answer) as server:
        issuer = server.uri.removesuffix("/.well-known/jwks.json")
        with client_of(http_gateway(protected(issuer))) as client:
            assert get(client, "/any", token(issuer)).status_code == 401


def test_keys_are_kept_for_two_hours() -> None:
    """A key that the issuer publishes later is unknown until then: it has to be announced as long before it signs."""
    clock, documents = Clock(), dict[str, bytes]()

    def answer(asked: BaseHTTPRequestHandler) -> None:
        jwks_server.document(documents[asked.path])(asked)

    with jwks_server.serving(answer) as server:
        issuer = server.uri.removesuffix("/.well-known/jwks.json")
        documents["/.well-known/openid-configuration"] = json.dumps({"jwks_uri": server.uri}).encode()
        documents["/.well-known/jwks.json"] = token_issuer.jwks()
        with client_of(http_gateway(protected(issuer), clock=clock)) as client:
            assert get(client, "/any", token(issuer)).status_code == 200
            documents["/.well-known/jwks.json"] = token_issuer.jwks(token_issuer.jwk(kid="next"))
            for seconds, status in [(7199, 401), (7200, 200)]:
                clock.now = NOW + seconds
                assert get(client, "/any", token(issuer, {"kid": "next"}, exp=NOW + 9000)).status_code == status
    assert len(server.paths) == 4


def test_the_issuer_may_be_that_of_open_id_connect(issuer: str) -> None:
    """A scheme of type openIdConnect names the issuer by its openid-configuration."""
    described = protected(issuer, jwtConfiguration={"audience": [AUDIENCE]})
    scheme = described["components"]["securitySchemes"]["jwt"]
    scheme |= {"type": "openIdConnect", "openIdConnectUrl": f"{issuer}/.well-known/openid-configuration"}
    with client_of(http_gateway(described)) as client:
        assert get(client, "/any", token(issuer)).status_code == 200


@pytest.mark.parametrize(
    "change",
    [
        {"jwtConfiguration": {"audience": [AUDIENCE]}},
        {"jwtConfiguration": {"issuer": "file:///etc", "audience": [AUDIENCE]}},
        {"jwtConfiguration": {"issuer": "https://auth.example.com"}},
        {"jwtConfiguration": {"issuer": "https://auth.example.com", "audience": []}},
        {"identitySource": "$request.querystring.token"},
        {"identitySource": None},
    ],
)
def test_an_authorizer_that_cannot_work_is_refused(change: dict[str, Any]) -> None:
    """Without an issuer, an audience or a header to look into, the document is refused."""
    with pytest.raises(DocumentError):
        http_gateway(protected("https://auth.example.com", **change))
