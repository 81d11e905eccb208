"""The client: what is registered about a machine that may ask for tokens, and where it is looked up."""

import hashlib
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

from auth_server.trusted_issuers import TrustedIssuer

MAX_LIVE_SECRETS = 2
MAX_CLIENT_ID_LENGTH = 255
SECRET_METHODS = ("client_secret_basic", "client_secret_post")
NO_AUTHENTICATION = "none"  # RFC 7591 2: a client in whose name tokens are vended, and which no request can be from
CLIENT_CREDENTIALS = "client_credentials"
TOKEN_EXCHANGE = "urn:ietf:params:oauth:grant-type:token-exchange"  # noqa: S105 - the grant's name (RFC 8693 2.1)
REGISTER_SCOPE = "clients:register"
# How the id of a client that was registered over HTTP begins: the one kind that the registration function may write.
REGISTERED_ID_PREFIX = "reg-"


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
class Registration:
    """How a client that was registered over HTTP came to be, and what proves its right to change it (RFC 7592).

    `registered_by` is the registrar's client id; `scopes` and `audiences` are all that it could grant at the time.
    `token_digest` is the SHA-256 digest (32 bytes) of the registration access token, never the token itself.
    """

    registered_by: str
    token_digest: bytes = field(repr=False)
    scopes: tuple[str, ...]
    audiences: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class TlsSubject:
    """What the certificate of a `tls_client_auth` client must name, in one of the five ways of RFC 8705 2.1.2.

    `parameter` is the way, such as `tls_client_auth_san_dns`, and `value` what is to be found there.
    """

    parameter: str
    value: str


@dataclass(frozen=True, slots=True)
class Client:
    """A registered client (RFC 6749 2). Empty `default_scopes` mean all of `scopes`.

    `audiences` are the `aud` values it may ask for, its default first; none means the server's own default.
    `token_lifetime` is in seconds, None for the server's default. `claims` are added to each of its tokens.
    `version` begins at random and grows by one with each change, so that two operators cannot overwrite each other
    unseen, not even where one of them deleted the client and created it anew.
    `registrable_scopes` and `registrable_audiences` are what it may grant to clients that it registers, whatever its
    own are. `registration` is None for a client that an operator made.
    `resource_identifiers` are the audiences that it is: as an API (RFC 9728 1.2), it may introspect tokens for them.
    `jwks`, a JWK Set, or `jwks_uri`, where there is one, are the public keys that it signs assertions with; not both.
    `trusted_issuers` are those whose tokens it may authenticate with instead.
    `dpop_bound_access_tokens` (RFC 9449 5.2) and `tls_client_certificate_bound_access_tokens` (RFC 8705 3.4): it gets
    no token that is not bound to its key, or certificate.
    `usage_identifier_key` is the API key whose usage plan its calls count for, None for no plan of its own (ADR 0030).
    `allow_from` are the networks that it may authenticate from, in CIDR notation; none means from anywhere.
    `tokens_per_hour` is its quota, None for none; one that is `quota_monitored` is counted, and never refuses.
    `token_reuse`: whether it gets an unexpired token again, None where the server says.
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
    registrable_scopes: tuple[str, ...] = ()
    registrable_audiences: tuple[str, ...] = ()
    registration: Registration | None = None
    resource_identifiers: tuple[str, ...] = ()
    jwks: Mapping[str, Any] | None = None
    jwks_uri: str | None = None
    trusted_issuers: tuple[TrustedIssuer, ...] = ()
    dpop_bound_access_tokens: bool = False
    tls_client_certificate_bound_access_tokens: bool = False
    tls_subject: TlsSubject | None = None
    usage_identifier_key: str | None = None
    allow_from: tuple[str, ...] = ()
    tokens_per_hour: int | None = None
    quota_monitored: bool = False
    token_reuse: bool | None = None


def may_have_been_issued(client: Client | None, issued_at: float) -> bool:
    """Whether a token of that Unix time can be this client's, and the client may use it.

    It is not one of a client that is disabled or gone, nor one of an earlier client of the same id.
    """
    return client is not None and client.enabled and issued_at >= client.created_at


class ClientStore(Protocol):
    """Where the token endpoint looks clients up."""

    def get(self, client_id: str) -> Client | None:
        """Give the client, None where there is none; raises `DependencyError` where the store does not answer."""
        ...


class ClientExistsError(Exception):
    """There is a client of this id already; it was left as it is."""


class ClientChangedError(Exception):
    """The client was changed or deleted by somebody else since it was read; nothing was written."""


class ClientRegistry(ClientStore, Protocol):
    """Where clients are written. Every method raises `DependencyError` where the store does not answer."""

    def create(self, client: Client) -> None:
        """Write a new client; raises `ClientExistsError`."""
        ...

    def update(self, client: Client, *, now: int) -> Client:
        """Write a client that was read, and give it with its new version; raises `ClientChangedError`."""
        ...

    def delete(self, client_id: str) -> bool:
        """Delete a client; False where there was none."""
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
