"""JWT access tokens (RFC 9068), signed RS256 (RFC 7515)."""

import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from auth_server import jws, scope
from auth_server.clients import Client
from auth_server.errors import InvalidScopeError
from auth_server.key_ring import SigningKey

# What the server itself says in a token, or of one; a client's own claims may not (RFC 9068 2.2, RFC 7519 4.1,
# RFC 7800 3.1, RFC 7662 2.2; ADR 0030 for the usage identifier key, ADR 0034 for the identity provider).
RESERVED_CLAIMS = frozenset(
    {"iss", "sub", "aud", "exp", "nbf", "iat", "jti", "client_id", "scope", "permissions", "token_type", "active"}
    | {"auth_time", "acr", "amr", "cnf", "act", "may_act", "usage_identifier_key", "identity_provider"}
)
# Said where the grant says it.
_OPTIONAL_CLAIMS = ("usage_identifier_key", "identity_provider", "auth_time")
MAX_LIFETIME_SECONDS = 86_400
TYPE = "at+jwt"  # RFC 9068 2.1


@dataclass(frozen=True, slots=True)
class Exchange:
    """Which token a grant was made out of (RFC 8693): whose it is, its `jti`, and its expiry in Unix seconds."""

    subject: str
    subject_jti: str
    not_after: int


@dataclass(frozen=True, slots=True)
class Grant:
    """What was decided: whose token, for what, for whom. `lifetime` is in seconds.

    `claims` are added to the server's own. Of a client's record they are `own_claims`; a token exchange adds `act`.
    `usage_identifier_key` is that of the client which holds the token (ADR 0030).

    `identity_provider` is set where the subject, `sub`, is no client, and says by whose word that is so. `auth_time`
    is the Unix time in seconds of a log-in (RFC 9068 2.2.1).

    `confirmation` holds the members of `cnf` (RFC 7800 3.1): the keys that the token is bound to, empty for none.
    """

    client_id: str
    scopes: tuple[str, ...]
    audience: tuple[str, ...]
    lifetime: int
    claims: Mapping[str, Any] = field(default_factory=dict)
    exchange: Exchange | None = None
    confirmation: Mapping[str, str] = field(default_factory=dict)
    usage_identifier_key: str | None = None
    sub: str | None = None
    identity_provider: str | None = None
    auth_time: int | None = None

    @property
    def subject(self) -> str:
        """Whose token it is: the client's own (RFC 9068 2.2), the subject token's (RFC 8693 1.1), or `sub`."""
        if self.exchange is not None:
            return self.exchange.subject
        return self.client_id if self.sub is None else self.sub

    def expires_at(self, now: int) -> int:
        """Give the Unix time at which a token minted at `now` ends: never after the one that it was made out of."""
        end = now + self.lifetime
        return end if self.exchange is None else min(end, self.exchange.not_after)


@dataclass(frozen=True, slots=True)
class UnsignedToken:
    """A token that lacks its signature alone: nothing about the request can stand in its way any more."""

    signing_input: bytes
    claims: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class AccessToken:
    """A signed token and what it says."""

    value: str = field(repr=False)
    claims: Mapping[str, Any]


def own_claims(client: Client) -> dict[str, Any]:
    """Give the claims of a client's record, less what is the server's own: no record past the rules says that."""
    return {name: value for name, value in client.claims.items() if name not in RESERVED_CLAIMS}


def mint(grant: Grant, *, issuer: str, key: SigningKey, now: int) -> AccessToken:
    """Sign a token of this grant at the Unix time `now`.

    Raises `InvalidScopeError` where it would be longer than KMS signs, `DependencyError` where the key does not answer.
    """
    return sign(compose(grant, issuer=issuer, kid=key.kid, now=now), key)


def compose(grant: Grant, *, issuer: str, kid: str, now: int) -> UnsignedToken:
    """Write down what a token will say; raises `InvalidScopeError` where it would be longer than KMS signs."""
    claims = _claims(grant, issuer, now)
    try:
        return UnsignedToken(jws.signing_input(claims, typ=TYPE, kid=kid), claims)
    except jws.TooLongToSignError:
        raise InvalidScopeError("The token would be too long: ask for fewer scopes or resources.") from None


def sign(unsigned: UnsignedToken, key: SigningKey) -> AccessToken:
    """Sign a token with the key that it names; raises `DependencyError` where the key does not answer."""
    return AccessToken(jws.sign_input(unsigned.signing_input, key), unsigned.claims)


def _claims(grant: Grant, issuer: str, now: int) -> dict[str, Any]:
    claims = {
        **grant.claims,  # first, so that none can take the place of one below
        "iss": issuer,
        "sub": grant.subject,
        "client_id": grant.client_id,
        "aud": grant.audience[0] if len(grant.audience) == 1 else list(grant.audience),
        "iat": now,
        "exp": grant.expires_at(now),
        "jti": secrets.token_urlsafe(16),
    }
    if grant.confirmation:
        claims["cnf"] = dict(grant.confirmation)
    claims |= {name: value for name in _OPTIONAL_CLAIMS if (value := getattr(grant, name)) is not None}
    return claims | {"scope": scope.render(grant.scopes)} if grant.scopes else claims  # RFC 9068 2.2.3
