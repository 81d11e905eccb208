"""The client: what is registered about a machine that may ask for tokens, and where it is looked up."""

import hashlib
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

MAX_LIVE_SECRETS = 2
MAX_CLIENT_ID_LENGTH = 255
SECRET_METHODS = ("client_secret_basic", "client_secret_post")
CLIENT_CREDENTIALS = "client_credentials"


@dataclass(frozen=True, slots=True)
class ClientSecret:
    """A secret as it is kept: its SHA-256 digest (32 bytes), and Unix times in seconds. Never the secret itself."""

    digest: bytes = field(repr=False)
    created_at: int
    expires_at: int | None = None

    def is_live(self, now: int) -> bool:
        """Whether it may still be used at the Unix time `now`."""
        return self.expires_at is None or now < self.expires_at


@dataclass(frozen=True, slots=True)
class Client:
    """A registered client (RFC 6749 2). Empty `default_scopes` mean all of `scopes`.

    `audiences` are the `aud` values it may ask for, its default first; none means the server's own default.
    `token_lifetime` is in seconds, None for the server's default. `claims` are added to each of its tokens.
    `version` begins at random and grows by one with each change, so that two operators cannot overwrite each other
    unseen, not even where one of them deleted the client and created it anew.
    """

    client_id: str
    scopes: tuple[str, ...]
    created_at: int
    secrets: tuple[ClientSecret, ...] = field(default=(), repr=False)
    default_scopes: tuple[str, ...] = ()
    audiences: tuple[str, ...] = ()
    auth_methods: tuple[str, ...] = SECRET_METHODS
    grant_types: tuple[str, ...] = (CLIENT_CREDENTIALS,)
    token_lifetime: int | None = None
    claims: Mapping[str, Any] = field(default_factory=dict)
    name: str = ""
    enabled: bool = True
    updated_at: int = 0
    version: int = field(default_factory=lambda: secrets.randbits(40))


class ClientStore(Protocol):
    """Where the token endpoint looks clients up."""

    def get(self, client_id: str) -> Client | None:
        """Give the client, None where there is none; raises `DependencyError` where the store does not answer."""
        ...


def is_client_id(text: str) -> bool:
    """Whether `text` can be a client id: 1 to 255 printable ASCII characters (VSCHAR of RFC 6749 appendix A.1)."""
    return 0 < len(text) <= MAX_CLIENT_ID_LENGTH and text.isascii() and text.isprintable()


def generate_secret() -> str:
    """Make a client secret: 256 random bits in base64url, 43 characters."""
    return secrets.token_urlsafe(32)


def digest_secret(secret: str) -> bytes:
    """Digest a secret for keeping: SHA-256. A slow hash would add nothing to 256 random bits."""
    return hashlib.sha256(secret.encode("utf-8", "surrogatepass")).digest()
