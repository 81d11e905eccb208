"""JWT assertions (RFC 7523 3, RFC 7521 5.2): taken apart, verified with keys of ours, and held against the clock.

Every refusal is an `InvalidClientError`: one text for the caller, the reason for the audit line.
"""

import hashlib
import math
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from auth_server import public_jwks
from auth_server.errors import InvalidClientError
from auth_server.public_jwks import Jwk
from authorizer import base64url, strict_json
from authorizer.public_key import ALGORITHMS

MAX_ASSERTION_BYTES: Final = 8_192
CLOCK_SKEW_SECONDS: Final = 60  # how far the clock of whoever signed may be off, either way
_SEGMENTS = 3
_MAX_NUMERIC_DATE = 253_402_300_799  # the end of the year 9999


@dataclass(frozen=True, slots=True)
class UnverifiedAssertion:
    """A JWT that has been read and nothing else. What it says serves to look things up, and is not believed."""

    unverified_header: Mapping[str, Any]
    unverified_claims: Mapping[str, Any]
    signing_input: bytes = field(repr=False)
    signature: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class Assertion:
    """A JWT under a signature that was verified. Times are Unix times in seconds (RFC 7519 2, NumericDate)."""

    iss: str
    sub: str
    aud: tuple[str, ...]
    exp: float
    iat: float | None
    nbf: float | None
    jti: str | None
    claims: Mapping[str, Any]
    fingerprint: str


def parse(text: str) -> UnverifiedAssertion:
    """Take apart a compact JWS of strict JSON (RFC 7515 5.2, steps 1 to 5); raises `InvalidClientError`."""
    segments = text.split(".", _SEGMENTS)
    if len(text) > MAX_ASSERTION_BYTES or len(segments) != _SEGMENTS:
        raise InvalidClientError(reason=f"the assertion is not one JWT of at most {MAX_ASSERTION_BYTES} bytes")
    try:
        header, payload, signature = map(base64url.decode, segments)
        unverified_header, unverified_claims = strict_json.parse_object(header), strict_json.parse_object(payload)
    except ValueError:
        raise InvalidClientError(reason="the assertion is not a signed JWT of strict JSON") from None
    signing_input = f"{segments[0]}.{segments[1]}".encode("ascii")
    return UnverifiedAssertion(unverified_header, unverified_claims, signing_input, signature)


def verify(
    unverified: UnverifiedAssertion, *, keys: Callable[[str | None], Iterable[Jwk]], types: frozenset[str]
) -> Assertion:
    """Verify the signature, and only then read the claims.

    `keys` gives the keys registered for whoever should have signed, once it is told the `kid`: never a key of the
    assertion's own header (RFC 8725 3.10). `types` are the values that `typ` may have, in lower case; it may be absent.
    """
    header = unverified.unverified_header
    _check_header(header, types)
    kid: str | None = header.get("kid")
    found = False
    for key in public_jwks.candidates(keys(kid), kid=kid, alg=header["alg"]):
        found = True
        if key.has_signed(unverified.signing_input, unverified.signature):
            return _from_claims(unverified.unverified_claims, unverified.signing_input)
    raise InvalidClientError(
        reason="the assertion's signature is not by a registered key"
        if found
        else "there is no registered key of the assertion's algorithm and kid"
    )


def check_times(assertion: Assertion, *, max_lifetime: int, now: int) -> None:
    """Check that it is valid now, and for no longer than `max_lifetime` seconds in all (RFC 7523 3, points 4 to 6)."""
    begin = now if assertion.iat is None else assertion.iat
    for holds, reason in (
        (now < assertion.exp + CLOCK_SKEW_SECONDS, "the assertion has expired"),
        (assertion.nbf is None or now >= assertion.nbf - CLOCK_SKEW_SECONDS, "the assertion is not valid yet"),
        (assertion.iat is None or now >= assertion.iat - CLOCK_SKEW_SECONDS, "the assertion is from the future"),
        (assertion.exp - begin <= max_lifetime, f"the assertion lives longer than {max_lifetime} seconds"),
    ):
        if not holds:
            raise InvalidClientError(reason=reason)


def forgotten_at(assertion: Assertion) -> int:
    """Give the Unix time from which on the assertion is refused by its age alone, and needs no memory."""
    return math.ceil(assertion.exp) + CLOCK_SKEW_SECONDS


def digest(text: str) -> str:
    """Digest a name that somebody else chose, for keeping: SHA-256 in hexadecimal, 64 characters."""
    return hashlib.sha256(text.encode("utf-8")).hexdigest()


def _check_header(unverified_header: Mapping[str, Any], types: frozenset[str]) -> None:
    typ, kid = unverified_header.get("typ", "jwt"), unverified_header.get("kid")
    for holds, reason in (
        # RFC 8725 3.1: the algorithms are ours, not the sender's to choose. Neither `none` nor a shared secret is one.
        (_is_algorithm(unverified_header.get("alg")), "the assertion's algorithm is none of " + ", ".join(ALGORITHMS)),
        (isinstance(typ, str) and typ.lower() in types, "the JWT is of another type (typ)"),
        # No extension is understood (RFC 7515 4.1.11), `b64` of RFC 7797 least of all.
        (unverified_header.keys().isdisjoint(("crit", "b64")), "the assertion has a critical header"),
        (kid is None or isinstance(kid, str), "the assertion's kid is no string"),
    ):
        if not holds:
            raise InvalidClientError(reason=reason)


def _from_claims(claims: Mapping[str, Any], signing_input: bytes) -> Assertion:
    for name, required, holds in _CLAIM_RULES:
        if name not in claims:
            if required:
                raise InvalidClientError(reason=f"the assertion has no {name}")
        elif not holds(claims[name]):
            raise InvalidClientError(reason=f"the assertion's {name} is malformed")
    aud = claims["aud"]
    return Assertion(
        iss=claims["iss"],
        sub=claims["sub"],
        aud=(aud,) if isinstance(aud, str) else tuple(aud),
        exp=claims["exp"],
        iat=claims.get("iat"),
        nbf=claims.get("nbf"),
        jti=claims.get("jti"),
        claims=claims,
        # Of what was signed, not of the signature: of ES256 there are two for everything that was signed.
        fingerprint=hashlib.sha256(signing_input).hexdigest(),
    )


def _is_algorithm(value: object) -> bool:
    return isinstance(value, str) and value in ALGORITHMS


def _is_text(value: object) -> bool:
    """Whether it is a string, not empty, without control characters or halves of surrogate pairs."""
    return isinstance(value, str) and value != "" and value.isprintable()


def _is_audience(value: object) -> bool:
    """Whether it is a string, or an array of them (RFC 7519 4.1.3)."""
    return _is_text(value) or (isinstance(value, list) and bool(value) and all(map(_is_text, value)))


def _is_numeric_date(value: object) -> bool:
    # A bool is an int in Python, and not a number in JSON.
    return isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value <= _MAX_NUMERIC_DATE


# Claim, whether RFC 7523 3 requires it, and its form. Whether `jti` is required is for each method to say.
_CLAIM_RULES: tuple[tuple[str, bool, Callable[[object], bool]], ...] = (
    ("iss", True, _is_text),
    ("sub", True, _is_text),
    ("aud", True, _is_audience),
    ("exp", True, _is_numeric_date),
    ("iat", False, _is_numeric_date),
    ("nbf", False, _is_numeric_date),
    ("jti", False, _is_text),
)
