"""The issuer's signed feed of what is revoked, verified (RFC 8725 3): which tokens, and what of which clients.

A verifier that holds the feed knows of revoked tokens without asking about each token. It makes no use of a feed that
does not verify, and knows from `expires_at` for how long one that does can be taken for news. What was revoked once
stays revoked: an older feed takes nothing back.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from hashlib import sha256
from typing import Any

from authorizer import base64url, jws, strict_json
from authorizer.access_token import AccessToken
from authorizer.errors import RefusedError, RevocationFeedError
from authorizer.jwks import KeySource

MAX_FEED_BYTES = 6 * 1024 * 1024  # what a Lambda can answer
_MAX_NUMERIC_DATE = 253_402_300_799  # the end of the year 9999
# One kind of JWT, so that no other of the same issuer passes for a feed (RFC 8725 3.11).
_TYPES = frozenset({"revocations+jwt", "application/revocations+jwt"})


@dataclass(frozen=True, slots=True)
class RevocationFeed:
    """What is revoked. Times are seconds since the epoch.

    `revoked` maps the `jti` of a token to the time after which it need not be remembered; `not_before` maps a client id
    to the time before which everything issued to it is revoked. `expires_at` is when the feed stops being news.
    """

    revoked: Mapping[str, float]
    not_before: Mapping[str, float]
    expires_at: float

    def is_revoked(self, token: AccessToken) -> bool:
        """Whether a verified token is revoked, by itself or with all that one of its parties was issued."""
        return token.jti in self.revoked or any(token.iat < self.not_before.get(each, 0) for each in token.parties)


def verify(document: bytes, *, keys: KeySource, issuer: str, clock_skew_s: float, now: float) -> RevocationFeed:
    """Verify a feed at the time `now`, give or take the skew (seconds), and only then read what it says.

    Raises `RevocationFeedError`, and `KeysUnavailableError` where the issuer's keys cannot be had.
    """
    content, signature = _texts(document)
    claims = _verified_claims(signature, keys)
    if claims.get("iss") != issuer:
        raise RevocationFeedError("another issuer's")
    issued_at, expires_at = _time(claims.get("iat")), _time(claims.get("exp"))
    if now < issued_at - clock_skew_s or now >= expires_at + clock_skew_s:  # RFC 7519 4.1.4: on or after
        raise RevocationFeedError("not of this time")
    if claims.get("sha256") != _digest(content):
        raise RevocationFeedError("the content is not what was signed")
    revoked, not_before = _members(content)
    return RevocationFeed(revoked, not_before, expires_at)


def _texts(document: bytes) -> tuple[bytes, str]:
    if len(document) > MAX_FEED_BYTES:
        raise RevocationFeedError("too long")
    try:
        members = strict_json.parse_object(document)
    except ValueError:
        raise RevocationFeedError("not a JSON object") from None
    content, signature = members.get("content"), members.get("signature")
    if not isinstance(content, str) or not isinstance(signature, str):
        raise RevocationFeedError("no content or no signature")
    if not content.isascii() or not signature.isascii():
        raise RevocationFeedError("not ASCII")
    return content.encode("ascii"), signature


def _verified_claims(signature: str, keys: KeySource) -> Mapping[str, Any]:
    try:
        unverified = jws.parse(signature)
        for what, holds in _HEADER_RULES:
            if not holds(unverified.unverified_header):
                raise RevocationFeedError(f"the header's {what}")
        key = keys.find(unverified.unverified_header["kid"])
        if key is None:
            raise RevocationFeedError("signed with a key that the issuer does not have")
        return jws.verified_payload(unverified, key)
    except RefusedError as error:
        raise RevocationFeedError(error.refusal.reason.value) from None


_HEADER_RULES: tuple[tuple[str, Callable[[Mapping[str, Any]], bool]], ...] = (
    ("alg", lambda header: header.get("alg") == "RS256"),  # RFC 8725 3.1: fixed here, not chosen by the feed
    ("typ", lambda header: isinstance(typ := header.get("typ"), str) and typ.lower() in _TYPES),
    ("crit", lambda header: "crit" not in header and "b64" not in header),  # RFC 7515 4.1.11, RFC 7797 7
    ("kid", lambda header: isinstance(header.get("kid"), str)),
)


def _digest(content: bytes) -> str:
    return base64url.encode(sha256(content).digest())


def _members(content: bytes) -> tuple[Mapping[str, float], Mapping[str, float]]:
    try:
        members = strict_json.parse_object(content)
    except ValueError:
        raise RevocationFeedError("the content is not a JSON object") from None
    # A member that is not known might revoke something: passing over it could let that through.
    if members.keys() != {"revoked", "not_before"}:
        raise RevocationFeedError("the content has other members than revoked and not_before")
    return _times(members["revoked"]), _times(members["not_before"])


def _times(value: object) -> Mapping[str, float]:
    if not isinstance(value, dict):
        raise RevocationFeedError("names without times")
    return {name: _time(at) for name, at in value.items()}


def _time(value: object) -> float:
    if not isinstance(value, int | float) or isinstance(value, bool) or not 0 <= value <= _MAX_NUMERIC_DATE:
        raise RevocationFeedError("a time that is none")
    return value
