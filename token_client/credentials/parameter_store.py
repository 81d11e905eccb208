"""Credentials in the Parameter Store of AWS Systems Manager (ssm:GetParameter)."""

from __future__ import annotations

from typing import Any

from token_client.aws import Connection, calling
from token_client.credentials.kept_secret import KeptSecret
from token_client.errors import CredentialsError


class ParameterStoreSecret(KeptSecret):
    """A SecureString of one of the forms of `kept_secret`; it is read as often as `SecretsManagerSecret` is."""

    def __init__(  # noqa: PLR0913 - each is a choice of the user's, most of them rare
        self,
        name: str,
        *,
        client_id: str | None = None,
        method: str | None = None,
        max_age_s: float = 300,
        region_name: str | None = None,
        endpoint_url: str | None = None,
        session: Any = None,
    ) -> None:
        self._name = name
        self._connection = Connection(region_name, endpoint_url, session)
        super().__init__(self._value, "the parameter", name, client_id=client_id, method=method, max_age_s=max_age_s)

    def _value(self) -> str:
        with calling(f"the parameter {self._name}: ssm:GetParameter", CredentialsError):
            answer = self._connection.client("ssm").get_parameter(Name=self._name, WithDecryption=True)
            return str(answer["Parameter"]["Value"])
