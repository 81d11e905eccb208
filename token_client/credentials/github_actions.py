"""The identity of a job of GitHub Actions: it needs `permissions: {id-token: write}`."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from http import HTTPStatus
from typing import Final
from urllib.parse import quote

from token_client import urls
from token_client.errors import ConfigurationError, CredentialsError, ServerUnavailableError
from token_client.transport import HttpRequest, send

_URL: Final = "ACTIONS_ID_TOKEN_REQUEST_URL"
_TOKEN: Final = "ACTIONS_ID_TOKEN_REQUEST_TOKEN"  # noqa: S105 - the name of a variable
_TIMEOUT_S: Final = 10.0


@dataclass(frozen=True, slots=True)
class GitHubActions:
    """The job that this process runs in, to `audience`: the authorization server's issuer."""

    audience: str

    def __post_init__(self) -> None:
        if not self.audience:
            raise ConfigurationError("a token needs an audience; it is empty")

    def __call__(self) -> str:
        """Ask the runner for a token, within 10 seconds and 64 KB, without following a redirect.

        Raises `CredentialsError`, and `ServerUnavailableError` where it is worth to ask again.
        """
        url, token = os.environ.get(_URL), os.environ.get(_TOKEN)
        if not url or not token:
            raise CredentialsError(f"there is no {_URL}: this is no job of GitHub Actions with id-token: write")
        if wrong := urls.problem(url, allow_http=False):
            raise CredentialsError(f"{_URL} {wrong}")
        audience = f"{'&' if '?' in url else '?'}audience={quote(self.audience, safe='')}"
        headers = {"Authorization": f"Bearer {token}", "Accept": "application/json", "Accept-Encoding": "identity"}
        answer = send(HttpRequest("GET", f"{url}{audience}", headers), _TIMEOUT_S)
        if answer.status >= HTTPStatus.INTERNAL_SERVER_ERROR:
            raise ServerUnavailableError(f"GitHub gives no token: status {answer.status}")
        if answer.status != HTTPStatus.OK:
            raise CredentialsError(f"GitHub gives no token: status {answer.status}")
        return _value(answer.body)


def _value(body: bytes) -> str:
    """Read the token out of `{"value": "..."}`."""
    try:
        return str(json.loads(body)["value"])
    except (LookupError, TypeError, ValueError, RecursionError):
        raise CredentialsError("GitHub gives no token: the answer is not its own") from None
