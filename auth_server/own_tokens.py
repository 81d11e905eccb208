"""Access tokens of this very server, presented to it again: verified as an API would verify them (RFC 9068 4).

The rules are the authorizer's, so that a token means the same here and there.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from auth_server.key_ring import KeyRing
from authorizer import access_token, jws
from authorizer.access_token import AccessToken
from authorizer.errors import RefusedError
from authorizer.jwks import KeySet, parse_jwks

MAX_TOKEN_BYTES = 8_192


@dataclass(frozen=True, slots=True)
class OwnToken:
    """A verified token: what every token says, as a value, and all of its claims."""

    token: AccessToken
    claims: Mapping[str, Any]


def verify(text: str, *, keys: KeyRing, issuer: str, now: int, clock_skew_s: int = 0) -> OwnToken | None:
    """Verify a token of this issuer for whatever audience; None where it is not one, or has expired.

    Its times hold at `now`, give or take the skew (seconds). Whether it was revoked is another question. Raises
    `DependencyError` where the keys cannot be had.
    """
    key_set = parse_jwks(json.dumps(keys.jwks()).encode("ascii"))
    return verify_with(key_set, text, issuer=issuer, now=now, clock_skew_s=clock_skew_s)


def verify_with(key_set: KeySet, text: str, *, issuer: str, now: int, clock_skew_s: int) -> OwnToken | None:
    """Do the same with the issuer's keys at hand."""
    if not text.isascii() or len(text) > MAX_TOKEN_BYTES:
        return None
    try:
        unverified = jws.parse(text)
        key = key_set.find(access_token.kid_of(unverified.unverified_header))
        if key is None:
            return None
        claims = jws.verified_payload(unverified, key)
        token = access_token.from_claims(claims, key.kid)
        access_token.check_times(token, clock_skew_s, now)
    except RefusedError:
        return None
    return OwnToken(token, claims) if token.iss == issuer else None
