"""Clients that the local stack's server knows, and what it says of those that ask it."""

import time
from typing import Any

import boto3
import jwt

from auth_server.aws.dynamodb import DynamoDBClientStore
from auth_server.client_registration import check
from auth_server.clients import Client, ClientSecret, digest_secret
from infra.cloudformation import Stack
from token_client import TokenClient

# All that form-encoding changes, and what it must not change twice.
ODD = 'a b+c%20d:e&f=g/h?"\\ü☃'


def register(stack: dict[str, Any], client_id: str, *secrets: str, **changes: Any) -> None:
    """Register a client with these secrets, as an operator does; the one that is known already is replaced."""
    now = int(time.time())
    kept = tuple(ClientSecret(digest_secret(secret), now) for secret in secrets)
    members: dict[str, Any] = {"scopes": ("products:read",), "audiences": (stack["api"],), "secrets": kept}
    clients = DynamoDBClientStore(
        boto3.client("dynamodb", endpoint_url=stack["aws_endpoint_url"]), Stack().tables()["ClientsTable"].name
    )
    clients.delete(client_id)
    clients.create(check(Client(client_id, created_at=now, **{**members, **changes})))


def token_client(stack: dict[str, Any], credentials: Any, retries: int = 0) -> TokenClient:
    """Give a client of the local stack's server."""
    return TokenClient(stack["issuer"], credentials=credentials, retries=retries, retry_interval_ms=1)


def claims(stack: dict[str, Any], credentials: Any) -> dict[str, Any]:
    """Get a token with credentials, and read it; that it verifies is for the API's tests."""
    said: dict[str, Any] = jwt.decode(token_client(stack, credentials).token(), options={"verify_signature": False})
    return said
