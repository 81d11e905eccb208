"""The Model Context Protocol's Python SDK: its machine-to-machine providers work unmodified against the sample API."""

import asyncio
import json
from pathlib import Path
from typing import Any

import httpx2
import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from mcp.client.auth.extensions.client_credentials import (
    ClientCredentialsOAuthProvider,
    PrivateKeyJWTOAuthProvider,
    SignedJWTParameters,
)
from mcp.shared.auth import OAuthClientInformationFull, OAuthToken

from tests.contract.test_node import create_client

Stack = dict[str, Any]


class Storage:
    """Keeps what a provider gets, for the length of a test."""

    tokens: OAuthToken | None = None
    client: OAuthClientInformationFull | None = None

    async def get_tokens(self) -> OAuthToken | None:
        """Give the tokens."""
        return self.tokens

    async def set_tokens(self, tokens: OAuthToken) -> None:
        """Keep the tokens."""
        self.tokens = tokens

    async def get_client_info(self) -> OAuthClientInformationFull | None:
        """Give the client."""
        return self.client

    async def set_client_info(self, client_info: OAuthClientInformationFull) -> None:
        """Keep the client."""
        self.client = client_info


def call(stack: Stack, provider: httpx2.Auth) -> int:
    """Call the sample API with nothing but the provider, which finds its way by the challenge; give the status."""

    async def send() -> int:
        async with httpx2.AsyncClient(auth=provider) as client:
            return (await client.get(f"{stack['api']}/products")).status_code

    return asyncio.run(send())


@pytest.mark.parametrize("method", ["client_secret_basic", "client_secret_post"])
def test_client_credentials_provider(local_stack: Stack, method: Any) -> None:
    """From a 401 the provider finds resource and server, and its token opens the API."""
    storage = Storage()
    provider = ClientCredentialsOAuthProvider(
        server_url=f"{local_stack['api']}/products",
        storage=storage,
        client_id=local_stack["client_id"],
        client_secret=local_stack["client_secret"],
        token_endpoint_auth_method=method,
        issuer=local_stack["issuer"],
    )
    assert call(local_stack, provider) == 200
    assert storage.tokens is not None


def test_private_key_jwt_provider(local_stack: Stack, tmp_path: Path) -> None:
    """So does the provider that signs an assertion with a key of its own."""
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    jwks = tmp_path / "jwks.json"
    public = json.loads(jwt.algorithms.RSAAlgorithm.to_jwk(key.public_key()))
    jwks.write_text(json.dumps({"keys": [public]}), encoding="utf-8")
    # It asks for the scope of the challenge, which is all that the API knows.
    scope = "products:read products:write messages:write"
    options = ("--scope", scope, "--auth-method", "private_key_jwt", "--jwks", str(jwks))
    client_id = create_client(local_stack, *options)["client_id"]
    pem = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()
    parameters = SignedJWTParameters(issuer=client_id, subject=client_id, signing_key=pem)
    provider = PrivateKeyJWTOAuthProvider(
        server_url=f"{local_stack['api']}/products",
        storage=Storage(),
        client_id=client_id,
        assertion_provider=parameters.create_assertion_provider(),
        issuer=local_stack["issuer"],
    )
    assert call(local_stack, provider) == 200
