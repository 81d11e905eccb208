"""JSON Web Key of an RSA public key (RFC 7517, RFC 7518 6.3), and its thumbprint (RFC 7638)."""

import base64
import hashlib
import json

from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.hazmat.primitives.serialization import load_der_public_key

MIN_MODULUS_BITS = 2048  # RFC 7518 3.3


def base64url(data: bytes) -> str:
    """Encode without padding (RFC 7515 2)."""
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode("ascii")


def from_der(der: bytes) -> dict[str, str]:
    """Make the public JWK, `kid` included, of a DER SubjectPublicKeyInfo as `kms:GetPublicKey` returns it.

    Raises ValueError where it is not an RSA key of at least 2048 bits.
    """
    key = load_der_public_key(der)
    if not isinstance(key, RSAPublicKey) or key.key_size < MIN_MODULUS_BITS:
        raise ValueError(f"RS256 needs an RSA key of at least {MIN_MODULUS_BITS} bits")
    numbers = key.public_numbers()
    members = {"e": _unsigned(numbers.e), "kty": "RSA", "n": _unsigned(numbers.n)}
    return {**members, "alg": "RS256", "use": "sig", "kid": thumbprint(members)}


def thumbprint(members: dict[str, str]) -> str:
    """Digest the required members, in lexicographic order and without white space (RFC 7638 3)."""
    required = {name: members[name] for name in ("e", "kty", "n")}
    return base64url(hashlib.sha256(json.dumps(required, separators=(",", ":")).encode("ascii")).digest())


def _unsigned(number: int) -> str:
    return base64url(number.to_bytes((number.bit_length() + 7) // 8, "big"))
