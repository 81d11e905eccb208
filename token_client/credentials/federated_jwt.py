"""No secret at all: the token of the platform that a workload runs on is its credential (RFC 7523 2.2)."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from token_client.credentials import client_assertion
from token_client.credentials.client_secret import is_text
from token_client.errors import ConfigurationError, CredentialsError

if TYPE_CHECKING:
    from collections.abc import Callable

    from token_client.credentials.protocol import Authenticated, Server

_JWT: Final = re.compile(r"[\w-]+\.[\w-]+\.[\w-]+", re.ASCII)  # RFC 7515 7.1


@dataclass(frozen=True, slots=True)
class FederatedJWT:
    """A client id, and what gives the platform's token each time that one is needed.

    `source` is an `AwsRole`, `GitHubActions`, a `TokenFile`, or anything that is called without arguments, gives a JWT,
    and raises `CredentialsError` where it has none.
    """

    client_id: str
    source: Callable[[], str] = field(repr=False)

    def __post_init__(self) -> None:
        if not is_text(self.client_id):
            raise ConfigurationError("a client needs an id; it is empty, or no text")

    @property
    def secret(self) -> None:
        """A workload has no secret; a store encrypts its tokens by KMS."""
        return

    def load(self, *, fresh: bool = False) -> FederatedJWT:  # noqa: ARG002 - the source is asked for each request
        """Give itself."""
        return self

    def authenticate(self, server: Server, now: float) -> Authenticated:  # noqa: ARG002 - the token says whom it is for
        """Ask for the platform's token, and send that."""
        token = str(self.source())
        if not _JWT.fullmatch(token):
            raise CredentialsError(f"what {type(self.source).__name__} gives is no signed JWT")
        return client_assertion.authenticated(self.client_id, token)
