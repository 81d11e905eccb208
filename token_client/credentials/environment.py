"""Credentials in environment variables."""

from __future__ import annotations

import os
from dataclasses import dataclass

from token_client.credentials.client_secret import ClientSecret, check_method, is_text
from token_client.errors import CredentialsError


@dataclass(frozen=True, slots=True)
class EnvironmentSecret:
    """Two variables, for the id and the secret. They are read each time that a token is fetched."""

    id_variable: str = "CLIENT_ID"
    secret_variable: str = "CLIENT_SECRET"  # noqa: S105 - the name of a variable
    method: str | None = None

    def __post_init__(self) -> None:
        check_method(self.method)

    def load(self, *, fresh: bool = False) -> ClientSecret:  # noqa: ARG002 - nothing is kept
        """Read them. Raises `CredentialsError`, which names the one that is missing."""
        return ClientSecret(_value(self.id_variable), _value(self.secret_variable), self.method)


def _value(variable: str) -> str:
    value = os.environ.get(variable)
    if not value:
        raise CredentialsError(f"the environment variable {variable} is not set")
    if not is_text(value):
        raise CredentialsError(f"the environment variable {variable} is not UTF-8 text")
    return value
