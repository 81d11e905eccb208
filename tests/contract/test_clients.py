"""Clients that anyone may use get tokens from the local stack, and verify them, without knowing it is ours."""

import asyncio
import os
from typing import Any

import httpx
import jwt
import pytest
import requests
from authlib.integrations.httpx_client import AsyncOAuth2Client, OAuth2Client
from authlib.integrations.requests_client import OAuth2Session as AuthlibSession
from oauthlib.oauth2 import BackendApplicationClient
from requests_oauthlib import OAuth2Session

Stack = dict[str, Any]
SCOPE = "products:read"


@pytest.fixture(autouse=True)
def _http_is_for_loopback(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let oauthlib, which insists on https, talk to this machine."""
    monkeypatch.setitem(os.environ, "OAUTHLIB_INSECURE_TRANSPORT", "1")


def metadata(stack: Stack) -> dict[str, Any]:
    """Give the metadata document, as a client discovers it."""
    document: dict[str, Any] = httpx.get(f"{stack['issuer']}/.well-known/oauth-authorization-server").json()
    return document


def products(stack: Stack, token: str) -> int:
    """Call the protected API, give the status."""
    return httpx.get(f"{stack['api']}/products", headers={"Authorization": f"Bearer {token}"}).status_code


@pytest.mark.parametrize("method", ["client_secret_basic", "client_secret_post"])
def test_authlib_with_httpx(local_stack: Stack, method: str) -> None:
    """Authlib's httpx client fetches a token by either method, and calls the API with it."""
    with OAuth2Client(
        local_stack["client_id"], local_stack["client_secret"], token_endpoint_auth_method=method, scope=SCOPE
    ) as client:
        token = client.fetch_token(metadata(local_stack)["token_endpoint"], grant_type="client_credentials")
        assert token["scope"] == SCOPE
        assert client.get(f"{local_stack['api']}/products").status_code == 200


def test_authlib_async(local_stack: Stack) -> None:
    """So does its asynchronous client."""

    async def call() -> int:
        async with AsyncOAuth2Client(local_stack["client_id"], local_stack["client_secret"], scope=SCOPE) as client:
            await client.fetch_token(metadata(local_stack)["token_endpoint"], grant_type="client_credentials")
            status: int = (await client.get(f"{local_stack['api']}/products")).status_code
            return status

    assert asyncio.run(call()) == 200


def test_authlib_with_requests(local_stack: Stack) -> None:
    """Authlib's requests client asks for a resource (RFC 8707) by an extra parameter."""
    with AuthlibSession(local_stack["client_id"], local_stack["client_secret"], scope=SCOPE) as client:
        url = metadata(local_stack)["token_endpoint"]
        client.fetch_token(url, grant_type="client_credentials", resource=local_stack["audience"])
        assert client.get(f"{local_stack['api']}/products").status_code == 200


@pytest.mark.parametrize("include_client_id", [None, True])
def test_requests_oauthlib(local_stack: Stack, include_client_id: bool | None) -> None:
    """requests-oauthlib's backend application flow works with Basic, and with the secret in the body."""
    client_id, secret = local_stack["client_id"], local_stack["client_secret"]
    with OAuth2Session(client=BackendApplicationClient(client_id=client_id, scope=[SCOPE])) as session:
        given: dict[str, Any] = {"client_secret": secret} if include_client_id else {"auth": (client_id, secret)}
        session.fetch_token(metadata(local_stack)["token_endpoint"], include_client_id=include_client_id, **given)
        assert session.get(f"{local_stack['api']}/products").status_code == 200


def test_plain_httpx_and_requests(local_stack: Stack) -> None:
    """Nothing but an HTTP client and HTTP Basic is needed."""
    form = {"grant_type": "client_credentials"}
    auth = (local_stack["client_id"], local_stack["client_secret"])
    url = metadata(local_stack)["token_endpoint"]
    for post in (httpx.post, requests.post):
        answer = post(url, data=form, auth=auth, timeout=10)
        assert products(local_stack, answer.json()["access_token"]) == 200


def test_pyjwt_verifies_a_token_by_discovery(local_stack: Stack) -> None:
    """PyJWT's key client finds the key at the metadata's jwks_uri, and the claims hold."""
    document = metadata(local_stack)
    auth = (local_stack["client_id"], local_stack["client_secret"])
    answer = httpx.post(document["token_endpoint"], data={"grant_type": "client_credentials"}, auth=auth).json()
    key = jwt.PyJWKClient(document["jwks_uri"]).get_signing_key_from_jwt(answer["access_token"])
    claims = jwt.decode(
        answer["access_token"],
        key,
        algorithms=["RS256"],
        audience=local_stack["audience"],
        issuer=document["issuer"],
        options={"require": ["iss", "exp", "aud", "sub", "client_id", "iat", "jti"]},
    )
    assert claims["client_id"] == local_stack["client_id"]
