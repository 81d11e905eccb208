"""JWT access tokens (RFC 9068), signed RS256 (RFC 7515)."""

import json
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

from auth_server import scope
from auth_server.errors import InvalidScopeError
from auth_server.jwk import base64url
from auth_server.key_ring import SigningKey

# What the server itself says in a token; a client's own claims may not (RFC 9068 2.2, RFC 7519 4.1, RFC 7800 3.1).
RESERVED_CLAIMS = frozenset(
    {"iss", "sub", "aud", "exp", "nbf", "iat", "jti", "client_id", "scope", "permissions", "token_type"}
    | {"auth_time", "acr", "amr", "cnf", "act", "may_act"}
)
MAX_LIFETIME_SECONDS = 86_400
MAX_SIGNING_INPUT_BYTES = 4096  # kms:Sign, Message with MessageType RAW


@dataclass(frozen=True, slots=True)
class Grant:
    """What was decided: whose token, for what, for whom. `lifetime` is in seconds, `claims` are the client's own."""

    client_id: str
    scopes: tuple[str, ...]
    audience: tuple[str, ...]
    lifetime: int
    claims: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class AccessToken:
    """A signed token and what it says."""

    value: str = field(repr=False)
    claims: Mapping[str, Any]


def mint(grant: Grant, *, issuer: str, key: SigningKey, now: int) -> AccessToken:
    """Sign a token of this grant at the Unix time `now`.

    Raises `InvalidScopeError` where it would be longer than KMS signs, `DependencyError` where the key does not answer.
    """
    claims = _claims(grant, issuer, now)
    signing_input = f"{_header(key.kid)}.{_segment(claims)}".encode("ascii")
    if len(signing_input) > MAX_SIGNING_INPUT_BYTES:
        raise InvalidScopeError("The token would be too long: ask for fewer scopes or resources.")
    return AccessToken(f"{signing_input.decode('ascii')}.{base64url(key.sign(signing_input))}", claims)


def _claims(grant: Grant, issuer: str, now: int) -> dict[str, Any]:
    claims = {
        # A record that was written past the registration rules says nothing in the server's name either.
        **{name: value for name, value in grant.claims.items() if name not in RESERVED_CLAIMS},
        "iss": issuer,
        "sub": grant.client_id,  # RFC 9068 2.2: no resource owner, so the client itself
        "client_id": grant.client_id,
        "aud": grant.audience[0] if len(grant.audience) == 1 else list(grant.audience),
        "iat": now,
        "exp": now + grant.lifetime,
        "jti": secrets.token_urlsafe(16),
    }
    return claims | {"scope": scope.render(grant.scopes)} if grant.scopes else claims  # RFC 9068 2.2.3


@lru_cache(maxsize=8)
def _header(kid: str) -> str:
    return _segment({"alg": "RS256", "typ": "at+jwt", "kid": kid})  # RFC 9068 2.1


def _segment(document: Mapping[str, Any]) -> str:
    return base64url(json.dumps(document, separators=(",", ":")).encode("utf-8"))
