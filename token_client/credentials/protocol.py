"""What every kind of credentials offers."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Protocol


@dataclass(frozen=True, slots=True)
class Server:
    """What client authentication has to know of the server.

    `issuer` is None where only the token endpoint is known. `auth_methods` are its
    `token_endpoint_auth_methods_supported`, None where its metadata is silent or there is none.
    """

    token_endpoint: str
    issuer: str | None = None
    auth_methods: tuple[str, ...] | None = None


@dataclass(frozen=True, slots=True)
class Authenticated:
    """What authenticates one token request: headers, and parameters of its form. Neither is ever logged."""

    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    form: Mapping[str, str] = field(default_factory=dict, repr=False)


class Identity(Protocol):
    """Credentials as they were read: a client, and what it proves itself with."""

    @property
    def client_id(self) -> str:
        """The client's id."""
        ...

    @property
    def secret(self) -> bytes | None:
        """The client's secret, from which a store derives its key; None for a client without one."""
        ...

    def authenticate(self, server: Server, now: float) -> Authenticated:
        """Make what authenticates one request; `now` is the server's time, in Unix seconds.

        May take time (a signature of KMS, a token of the platform). Raises `CredentialsError`, and where the platform
        may answer later, `ServerUnavailableError`.
        """
        ...


class Credentials(Protocol):
    """Where a client's credentials come from."""

    def load(self, *, fresh: bool = False) -> Identity:
        """Read them; `fresh` passes every cache, as after a rotation. Blocks, and raises `CredentialsError`."""
        ...
