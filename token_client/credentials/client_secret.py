"""A client's id and secret (RFC 6749 2.3.1)."""

from __future__ import annotations

from base64 import b64encode
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, TypeGuard
from urllib.parse import quote_plus

from token_client.credentials.protocol import Authenticated
from token_client.errors import ConfigurationError

if TYPE_CHECKING:
    from token_client.credentials.protocol import Server

BASIC: Final = "client_secret_basic"
POST: Final = "client_secret_post"
_METHODS: Final = (None, BASIC, POST)


@dataclass(frozen=True, slots=True)
class ClientSecret:
    """An id and a secret, as they are.

    `method` is `client_secret_basic` or `client_secret_post`; None is the first of the two that the server's metadata
    has, and Basic where it is silent (RFC 8414 2).
    """

    client_id: str
    client_secret: str = field(repr=False)
    method: str | None = None

    def __post_init__(self) -> None:
        if not is_text(self.client_id) or not is_text(self.client_secret):
            raise ConfigurationError("a client needs an id and a secret; one of them is empty, or no text")
        check_method(self.method)

    @property
    def secret(self) -> bytes:
        """The secret, from which a store derives its key."""
        return self.client_secret.encode()

    def load(self, *, fresh: bool = False) -> ClientSecret:  # noqa: ARG002 - what is given does not change
        """Give itself."""
        return self

    def authenticate(self, server: Server, now: float) -> Authenticated:  # noqa: ARG002 - a secret has no time
        """Put id and secret into the Authorization header, or into the form."""
        if (self.method or _preferred(server)) == POST:
            return Authenticated(form={"client_id": self.client_id, "client_secret": self.client_secret})
        return Authenticated(headers={"Authorization": f"Basic {self._basic()}"})

    def _basic(self) -> str:
        # Form-encoded before they are joined, as RFC 6749 2.3.1 says, so that a colon in an id is no end of it.
        return b64encode(f"{quote_plus(self.client_id)}:{quote_plus(self.client_secret)}".encode()).decode()


def is_text(value: object) -> TypeGuard[str]:
    """Whether a value is text, and some: half a surrogate pair, as JSON and the environment can hold, is none."""
    return isinstance(value, str) and value != "" and not any("\ud800" <= character <= "\udfff" for character in value)


def check_method(method: str | None) -> None:
    """Raise `ConfigurationError` for what is no method of a client with a secret."""
    if method not in _METHODS:
        raise ConfigurationError(f"auth_method is {BASIC} or {POST}")


def _preferred(server: Server) -> str:
    offered = server.auth_methods
    return POST if offered is not None and BASIC not in offered and POST in offered else BASIC
