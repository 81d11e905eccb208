"""A token in every call, fetched once: the client of Latchkey, and of any other OAuth 2.0 server."""

from importlib import import_module
from typing import TYPE_CHECKING

from token_client.access_token import AccessToken
from token_client.async_client import AsyncTokenClient
from token_client.client import TokenClient
from token_client.errors import (
    ConfigurationError,
    CredentialsError,
    DiscoveryError,
    InsufficientScopeError,
    ServerUnavailableError,
    StoreError,
    TokenClientError,
    TokenRefusedError,
    UnusableTokenError,
)

if TYPE_CHECKING:
    from token_client.credentials.aws_role import AwsRole
    from token_client.credentials.client_secret import ClientSecret
    from token_client.credentials.environment import EnvironmentSecret
    from token_client.credentials.federated_jwt import FederatedJWT
    from token_client.credentials.file import FileSecret
    from token_client.credentials.github_actions import GitHubActions
    from token_client.credentials.kms_key import KMSKey
    from token_client.credentials.parameter_store import ParameterStoreSecret
    from token_client.credentials.private_key_jwt import PrivateKeyJWT
    from token_client.credentials.secrets_manager import SecretsManagerSecret
    from token_client.credentials.token_file import TokenFile
    from token_client.dpop import DPoPKey
    from token_client.store.dynamodb import DynamoDBTokenStore
    from token_client.token_manager import (
        decrypt,
        encrypt,
        fetch_token,
        generate_encryption_key,
        get_secrets,
        load_token_from_dynamodb,
        refresh_token,
        retry_fetch_token,
        save_token_to_dynamodb,
    )

__all__ = [
    "AccessToken",
    "AsyncTokenClient",
    "AwsRole",
    "ClientSecret",
    "ConfigurationError",
    "CredentialsError",
    "DPoPKey",
    "DiscoveryError",
    "DynamoDBTokenStore",
    "EnvironmentSecret",
    "FederatedJWT",
    "FileSecret",
    "GitHubActions",
    "InsufficientScopeError",
    "KMSKey",
    "ParameterStoreSecret",
    "PrivateKeyJWT",
    "SecretsManagerSecret",
    "ServerUnavailableError",
    "StoreError",
    "TokenClient",
    "TokenClientError",
    "TokenFile",
    "TokenRefusedError",
    "UnusableTokenError",
    "decrypt",
    "encrypt",
    "fetch_token",
    "generate_encryption_key",
    "get_secrets",
    "load_token_from_dynamodb",
    "refresh_token",
    "retry_fetch_token",
    "save_token_to_dynamodb",
]

# Loaded when first named: a client with one kind of credentials and no store does not pay for the others.
_MODULES = {
    "AwsRole": "credentials.aws_role",
    "ClientSecret": "credentials.client_secret",
    "DPoPKey": "dpop",
    "DynamoDBTokenStore": "store.dynamodb",
    "EnvironmentSecret": "credentials.environment",
    "FederatedJWT": "credentials.federated_jwt",
    "FileSecret": "credentials.file",
    "GitHubActions": "credentials.github_actions",
    "KMSKey": "credentials.kms_key",
    "ParameterStoreSecret": "credentials.parameter_store",
    "PrivateKeyJWT": "credentials.private_key_jwt",
    "SecretsManagerSecret": "credentials.secrets_manager",
    "TokenFile": "credentials.token_file",
    "decrypt": "token_manager",
    "encrypt": "token_manager",
    "fetch_token": "token_manager",
    "generate_encryption_key": "token_manager",
    "get_secrets": "token_manager",
    "load_token_from_dynamodb": "token_manager",
    "refresh_token": "token_manager",
    "retry_fetch_token": "token_manager",
    "save_token_to_dynamodb": "token_manager",
}


if not TYPE_CHECKING:  # to a type checker it would say that every name exists

    def __getattr__(name: str) -> object:
        if name not in _MODULES:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        value = getattr(import_module(f"{__name__}.{_MODULES[name]}"), name)
        globals()[name] = value
        return value
