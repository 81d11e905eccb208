"""The public documents: key set and metadata."""

import base64
import hashlib
import json

import jwt
import pytest

from tests.simulator import ENVIRON, ISSUER, LocalKeySource, Simulator, document, event

METHODS = ["client_secret_basic", "client_secret_post", "private_key_jwt"]
PUBLIC = ("/.well-known/jwks.json", "/.well-known/oauth-authorization-server", "/.well-known/openid-configuration")


@pytest.mark.spec("RFC 7517", "5")
def test_the_key_set_verifies_tokens() -> None:
    """The key set holds the key that a token's header names, and nothing of its private half."""
    server = Simulator()
    keys = document(server.send(event("GET", PUBLIC[0])))["keys"]
    assert [set(key) for key in keys] == [{"kty", "n", "e", "alg", "use", "kid"}]
    token = document(server.token())["access_token"]
    found = {key.key_id: key for key in jwt.PyJWKSet.from_dict({"keys": keys}).keys}
    options = {"verify_aud": False, "verify_iat": False, "verify_exp": False}
    jwt.decode(token, found[jwt.get_unverified_header(token)["kid"]], algorithms=["RS256"], options=options)  # type: ignore[arg-type] # PyJWT types options as a closed TypedDict


@pytest.mark.spec("RFC 7638", "3")
def test_a_kid_is_the_keys_thumbprint() -> None:
    """The thumbprint is the SHA-256 of the required members in order, as any other implementation computes it."""
    key = LocalKeySource().load().jwk
    canonical = f'{{"e":"{key["e"]}","kty":"RSA","n":"{key["n"]}"}}'
    digest = hashlib.sha256(canonical.encode()).digest()
    assert key["kid"] == base64.urlsafe_b64encode(digest).decode().rstrip("=")


@pytest.mark.parametrize("path", PUBLIC)
def test_public_documents_may_be_cached_and_read_from_anywhere(path: str) -> None:
    """Verifiers, browsers among them, may read and keep the public documents for minutes."""
    headers = Simulator().send(event("GET", path))["headers"]
    assert headers["Cache-Control"] == "public, max-age=300"
    assert "Pragma" not in headers
    assert headers["Access-Control-Allow-Origin"] == "*"


@pytest.mark.spec("RFC 8414", "2")
@pytest.mark.parametrize(
    "issuer", [ISSUER, "https://abc.execute-api.eu-west-1.amazonaws.com/prod", "http://127.0.0.1:8080"]
)
@pytest.mark.parametrize("path", PUBLIC[1:])
def test_the_metadata_states_what_is_true(issuer: str, path: str) -> None:
    """The metadata names the issuer exactly, and endpoints below it, for a custom domain and for a stage alike."""
    server = Simulator(environ={**ENVIRON, "ISSUER": issuer, "SCOPES_SUPPORTED": "products:read products:write"})
    assert document(server.send(event("GET", path))) == {
        "issuer": issuer,
        "authorization_endpoint": f"{issuer}/oauth/authorize",
        "token_endpoint": f"{issuer}/oauth/token",
        "jwks_uri": f"{issuer}/.well-known/jwks.json",
        "response_types_supported": [],
        "grant_types_supported": ["client_credentials", "urn:ietf:params:oauth:grant-type:token-exchange"],
        "token_endpoint_auth_methods_supported": METHODS,
        "token_endpoint_auth_signing_alg_values_supported": ["ES256", "RS256", "PS256", "EdDSA"],
        "registration_endpoint": f"{issuer}/oauth/register",
        "introspection_endpoint": f"{issuer}/oauth/introspect",
        "introspection_endpoint_auth_methods_supported": METHODS,
        "introspection_endpoint_auth_signing_alg_values_supported": ["ES256", "RS256", "PS256", "EdDSA"],
        "introspection_signing_alg_values_supported": ["RS256"],
        "revocation_endpoint": f"{issuer}/oauth/revoke",
        "revocation_endpoint_auth_methods_supported": METHODS,
        "revocation_endpoint_auth_signing_alg_values_supported": ["ES256", "RS256", "PS256", "EdDSA"],
        "dpop_signing_alg_values_supported": ["ES256", "RS256", "PS256", "EdDSA"],
        "scopes_supported": ["products:read", "products:write"],
    }


def test_the_metadata_is_silent_about_unknown_scopes() -> None:
    """Scopes are stated where they are configured, and left out where they are not."""
    assert "scopes_supported" not in document(Simulator().send(event("GET", PUBLIC[1])))


@pytest.mark.parametrize("path", PUBLIC)
def test_public_documents_take_get_and_head_alone(path: str) -> None:
    """Another method is answered 405 with Allow (RFC 9110 15.5.6)."""
    server = Simulator()
    assert server.send(event("HEAD", path))["statusCode"] == 200
    response = server.send(event("POST", path))
    assert (response["statusCode"], response["headers"]["Allow"]) == (405, "GET")


def test_an_unknown_path_is_404() -> None:
    """There is nothing beside the routes, and the answer is JSON."""
    response = Simulator().send(event("GET", "/oauth/nothing"))
    assert (response["statusCode"], document(response)["error"]) == (404, "not_found")


def test_the_public_key_is_fetched_once_and_pinned() -> None:
    """A warm server asks for the key once in KEY_CACHE_SECONDS; a key behind a moved alias takes over after that."""
    server = Simulator()
    for _ in range(3):
        server.token()
        server.send(event("GET", PUBLIC[0]))
    assert server.keys.loads == 1
    server.now += 300
    server.token()
    assert server.keys.loads == 2


def test_an_unavailable_key_set_is_503() -> None:
    """A key that cannot be fetched is answered 503, and is served again once it can be."""
    server = Simulator()
    server.keys.failing = True
    response = server.send(event("GET", PUBLIC[0]))
    assert (response["statusCode"], response["headers"]["Retry-After"]) == (503, "1")
    assert response["headers"]["Cache-Control"] == "no-store"
    server.keys.failing = False
    assert json.loads(server.send(event("GET", PUBLIC[0]))["body"])["keys"]
