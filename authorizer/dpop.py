"""DPoP proofs: a JWT by which a sender shows that it holds a private key, for one request (RFC 9449 4).

Pure: whether a proof was used before is for the caller to find out, last of all, by `Proof.jkt` and `Proof.jti`.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from hashlib import sha256
from typing import Any, Final
from urllib.parse import urlsplit

from authorizer import base64url, public_key, strict_json
from authorizer.public_key import ALGORITHMS, PublicKey

MAX_PROOF_BYTES = 8_192
_SEGMENTS = 3
_MAX_NUMERIC_DATE = 253_402_300_799  # the end of the year 9999
_DEFAULT_PORTS: Final = {"http": 80, "https": 443}
_UNRESERVED = re.compile(r"[A-Za-z0-9._~-]")  # RFC 3986 2.3


class ProofError(Exception):
    """The proof is refused. `str(error)` says which rule it breaks and quotes nothing of it: a caller may be told."""


@dataclass(frozen=True, slots=True)
class Proof:
    """A verified proof. `jkt` is its key's thumbprint (RFC 7638), `iat` Unix time in seconds, `jti` any text."""

    jkt: str
    jti: str
    iat: float


@dataclass(frozen=True, slots=True)
class Expectation:
    """The request that a proof is to be for. `url` comes from settings, never from a Host header.

    `max_age_s` is how far `iat` may be from now, in seconds, either way.
    """

    method: str
    url: str
    max_age_s: int


def verify(text: str, expected: Expectation, *, now: float, access_token: str | None) -> Proof:
    """Follow RFC 9449 4.3 but for its first step, and for the nonce, which is not asked for here.

    `text` is the value of the one DPoP header. With an `access_token`, as at an API, the proof must name it (`ath`);
    that the token is bound to `Proof.jkt` is then the caller's to check. Raises `ProofError`.
    """
    signing_input, unverified_header, unverified_payload, signature = _parse(text)
    for rule, header_holds in _HEADER_RULES:
        _require(header_holds(unverified_header), rule)
    key = _key(unverified_header)
    _require(key.has_signed(signing_input, signature), "was not signed by the key in its header")
    claims = _object(unverified_payload)  # verified from here on
    for rule, claims_hold in _CLAIM_RULES:
        _require(claims_hold(claims), rule)
    _require(claims["htm"] == expected.method, "is for another method (htm)")
    _require(_is_same_url(claims["htu"], expected.url), "is for another URL (htu)")
    _require(abs(now - claims["iat"]) <= expected.max_age_s, f"is not of the last {expected.max_age_s} seconds (iat)")
    _require(access_token is None or claims.get("ath") == ath(access_token), "is for another access token (ath)")
    return Proof(key.thumbprint, claims["jti"], claims["iat"])


def ath(access_token: str) -> str:
    """Digest an access token as a proof names it (RFC 9449 4.2)."""
    return base64url.encode(sha256(access_token.encode("ascii")).digest())


def _require(holds: object, rule: str) -> None:
    if not holds:
        raise ProofError(f"The DPoP proof {rule}.")


def _parse(text: str) -> tuple[bytes, Mapping[str, Any], bytes, bytes]:
    """Give signing input, unverified header, unverified payload and signature of a compact JWS (RFC 7515 5.2)."""
    _require(len(text) <= MAX_PROOF_BYTES, f"is longer than {MAX_PROOF_BYTES} bytes")
    segments = text.split(".", _SEGMENTS)
    _require(text.isascii() and len(segments) == _SEGMENTS, "is not a signed JWT")
    try:
        header, payload, signature = map(base64url.decode, segments)
    except ValueError:
        raise ProofError("The DPoP proof is not a signed JWT.") from None
    return text.rpartition(".")[0].encode("ascii"), _object(header), payload, signature


def _object(data: bytes) -> Mapping[str, Any]:
    try:
        return strict_json.parse_object(data)
    except ValueError:
        raise ProofError("The DPoP proof is not a signed JWT.") from None


def _key(unverified_header: Mapping[str, Any]) -> PublicKey:
    try:
        return public_key.from_jwk(unverified_header.get("jwk"), unverified_header["alg"])
    except ValueError:
        raise ProofError("The DPoP proof has no public key for its algorithm in its header (jwk).") from None


def _is_same_url(htu: str, url: str) -> bool:
    try:
        return _normal(htu) == _normal(url)
    except ValueError:
        return False


def _normal(url: str) -> tuple[str, str, int | None, str]:
    """Normalise a URL (RFC 3986 6.2.2 and 6.2.3) without its query and fragment (RFC 9449 4.3); raises ValueError."""
    parts = urlsplit(url)
    # urlsplit drops line breaks and tabs; nothing that it would drop is let through to it unseen.
    if not url.isascii() or not url.isprintable() or " " in url or "@" in parts.netloc or not parts.hostname:
        raise ValueError("not a URL to compare")
    port = parts.port if parts.port is not None else _DEFAULT_PORTS.get(parts.scheme)
    path = re.sub(r"%[0-9A-Fa-f]{2}", lambda encoded: _normal_octet(encoded[0]), parts.path)
    return parts.scheme, parts.hostname, port, path or "/"


def _normal_octet(encoded: str) -> str:
    character = chr(int(encoded[1:], 16))
    return character if _UNRESERVED.fullmatch(character) else encoded.upper()


def _is_numeric_date(value: object) -> bool:
    # A bool is an int in Python, and not a number in JSON.
    return isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value <= _MAX_NUMERIC_DATE


_Rule = tuple[str, Callable[[Mapping[str, Any]], bool]]

_HEADER_RULES: tuple[_Rule, ...] = (
    ("has another type than dpop+jwt (typ)", lambda header: header.get("typ") == "dpop+jwt"),
    (
        "has another algorithm than " + ", ".join(ALGORITHMS) + " (alg)",
        lambda header: isinstance(alg := header.get("alg"), str) and alg in ALGORITHMS,
    ),
    # No extension is understood (RFC 7515 4.1.11), `b64` of RFC 7797 least of all.
    ("has an extension that is not understood (crit)", lambda header: "crit" not in header and "b64" not in header),
)

# RFC 9449 4.2: what a proof must say, and in which form.
_CLAIM_RULES: tuple[_Rule, ...] = (
    ("has no jti", lambda claims: isinstance(jti := claims.get("jti"), str) and jti != ""),
    ("has no htm", lambda claims: isinstance(claims.get("htm"), str)),
    ("has no htu", lambda claims: isinstance(claims.get("htu"), str)),
    ("has no iat", lambda claims: _is_numeric_date(claims.get("iat"))),
)
