"""Credentials in AWS Secrets Manager (secretsmanager:GetSecretValue)."""

from __future__ import annotations

from typing import Any

from token_client.aws import Connection, calling
from token_client.credentials.kept_secret import KeptSecret
from token_client.errors import CredentialsError


class SecretsManagerSecret(KeptSecret):
    """The current version of a secret, of one of the forms of `kept_secret`.

    `secret_id` is its name or ARN. It is read once for each `max_age_s` seconds in which a token is fetched, and again
    where the server does not accept it: that is how a rotation is noticed.
    """

    def __init__(  # noqa: PLR0913 - each is a choice of the user's, most of them rare
        self,
        secret_id: str,
        *,
        client_id: str | None = None,
        method: str | None = None,
        max_age_s: float = 300,
        region_name: str | None = None,
        endpoint_url: str | None = None,
        session: Any = None,
    ) -> None:
        self._secret_id = secret_id
        self._connection = Connection(region_name, endpoint_url, session)
        super().__init__(self._value, "the secret", secret_id, client_id=client_id, method=method, max_age_s=max_age_s)

    def _value(self) -> str:
        with calling(f"the secret {self._secret_id}: secretsmanager:GetSecretValue", CredentialsError):
            answer = self._connection.client("secretsmanager").get_secret_value(SecretId=self._secret_id)
            # A secret that was made by hand may be binary, and hold the same text.
            return str(answer["SecretString"] if "SecretString" in answer else answer["SecretBinary"].decode())
