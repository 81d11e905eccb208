"""JSON Web Signature, compact serialization, RS256 (RFC 7515, RFC 7518 3.3)."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from jwt.algorithms import RSAAlgorithm

from authorizer import base64url, strict_json
from authorizer.errors import InvalidTokenError, MalformedTokenError, Reason
from authorizer.jwks import Key

_RS256 = RSAAlgorithm(RSAAlgorithm.SHA256)
_SEGMENTS = 3


@dataclass(frozen=True, slots=True)
class UnverifiedJws:
    """A JWS whose header has been read and nothing else. Nothing of it may be believed."""

    unverified_header: Mapping[str, Any]
    unverified_payload: str
    signing_input: bytes
    signature: str


def parse(text: str) -> UnverifiedJws:
    """Take apart an ASCII text of three segments (RFC 7515 5.2, steps 1 to 5); raises `MalformedTokenError`."""
    # Three segments: neither a JWE (five) nor, for want of dots, a JSON serialization.
    segments = text.split(".", _SEGMENTS)
    if len(segments) != _SEGMENTS:
        raise MalformedTokenError(Reason.NOT_A_JWT)
    header, payload, signature = segments
    try:
        unverified_header = strict_json.parse_object(base64url.decode(header))
    except ValueError:
        raise MalformedTokenError(Reason.NOT_A_JWT) from None
    return UnverifiedJws(unverified_header, payload, f"{header}.{payload}".encode("ascii"), signature)


def verified_payload(jws: UnverifiedJws, key: Key) -> Mapping[str, Any]:
    """Verify the signature with a key of ours, and only then read the payload; raises `InvalidTokenError`.

    Reading strictly is this package's own work: PyJWT's reader takes padded segments and duplicate names, and costs
    more than the signature. What was verified and what is read are therefore the same bytes, read once.
    """
    try:
        signature = base64url.decode(jws.signature)
    except ValueError:
        raise InvalidTokenError(Reason.SIGNATURE_INVALID, kid=key.kid) from None
    if not _RS256.verify(jws.signing_input, key.public_key, signature):
        raise InvalidTokenError(Reason.SIGNATURE_INVALID, kid=key.kid)
    try:
        return strict_json.parse_object(base64url.decode(jws.unverified_payload))
    except ValueError:
        raise InvalidTokenError(Reason.CLAIMS_MALFORMED, kid=key.kid) from None
