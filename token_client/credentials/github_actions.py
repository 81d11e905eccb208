"""The identity of a job of GitHub Actions: it needs `permissions: {id-token: write}`."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from typing import Final

import httpx

from token_client.errors import CredentialsError

_URL: Final = "ACTIONS_ID_TOKEN_REQUEST_URL"
_TOKEN: Final = "ACTIONS_ID_TOKEN_REQUEST_TOKEN"  # noqa: S105 - the name of a variable
_TIMEOUT_S: Final = 10.0
_MAX_BYTES: Final = 65_536


@dataclass(frozen=True, slots=True)
class GitHubActions:
    """The job that this process runs in, to `audience`: the authorization server's issuer."""

    audience: str

    def __call__(self) -> str:
        """Ask the runner for a token. Raises `CredentialsError`."""
        url, token = os.environ.get(_URL), os.environ.get(_TOKEN)
        if not url or not token:
            raise CredentialsError(f"there is no {_URL}: this is no job of GitHub Actions with id-token: write")
        try:
            where = httpx.URL(url).copy_merge_params({"audience": self.audience})
            if where.scheme != "https" and where.host not in ("127.0.0.1", "localhost", "::1"):
                raise CredentialsError(f"{_URL} is not an https URL")
            return _value(where, token)
        except (httpx.HTTPError, httpx.InvalidURL, LookupError, TypeError, ValueError) as error:
            # Without the cause, whose text may have the URL in it, which is the job's alone.
            raise CredentialsError(f"GitHub gives no token: {type(error).__name__}") from None


def _value(url: httpx.URL, token: str) -> str:
    """Give the token out of `{"value": "..."}`; no redirect is followed."""
    with httpx.stream("GET", url, headers={"Authorization": f"Bearer {token}"}, timeout=_TIMEOUT_S) as answer:
        if answer.status_code != httpx.codes.OK:
            raise CredentialsError(f"GitHub gives no token: status {answer.status_code}")
        data = bytearray()
        for chunk in answer.iter_bytes():
            data += chunk
            if len(data) > _MAX_BYTES:
                raise CredentialsError("GitHub gives no token: the answer is too long")
    value = json.loads(data)["value"]
    if not isinstance(value, str) or not value:
        raise CredentialsError("GitHub gives no token: the answer has none")
    return value
