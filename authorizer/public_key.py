"""Public keys that a sender brings along as a JWK, and what they signed (RFC 7517 4, RFC 7518 3 and 6, RFC 8037).

A key is read for one algorithm, and each algorithm has one kind of key, so that neither can be taken for another.
"""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from hashlib import sha256
from typing import Any, Final

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric import ec, padding
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey, RSAPublicNumbers
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature
from cryptography.hazmat.primitives.hashes import SHA256

from authorizer import base64url

MIN_RSA_BITS, MAX_RSA_BITS = 2_048, 8_192  # RFC 7518 3.3; a verification grows with the square of it
MAX_EXPONENT_BITS = 32
COORDINATE_BYTES = 32  # of P-256 (RFC 7518 6.2.1.2), and of r and s (3.4)
PRIVATE_MEMBERS: Final = frozenset({"d", "p", "q", "dp", "dq", "qi", "oth", "k"})  # RFC 7518 6

# The members that make a key, all of them required: those of its thumbprint (RFC 7638 3.2, RFC 8037 2).
_MEMBERS: Final = {"EC": ("crv", "kty", "x", "y"), "OKP": ("crv", "kty", "x"), "RSA": ("e", "kty", "n")}


@dataclass(frozen=True, slots=True)
class PublicKey:
    """A key for one algorithm. `thumbprint` is that of RFC 7638, in base64url."""

    thumbprint: str
    _check: Callable[[bytes, bytes], None]

    def has_signed(self, message: bytes, signature: bytes) -> bool:
        """Whether this is the key's signature of the message."""
        try:
            self._check(message, signature)
        except (InvalidSignature, ValueError):
            return False
        return True


def from_jwk(jwk: object, alg: str) -> PublicKey:
    """Read a public JWK for the algorithm; raises ValueError for every other key, a private one above all."""
    if alg not in ALGORITHMS:
        raise ValueError("the algorithm is none of " + ", ".join(ALGORITHMS))
    if not isinstance(jwk, dict) or PRIVATE_MEMBERS & jwk.keys():
        raise ValueError("not a public JWK")
    kty, crv, check_with = ALGORITHMS[alg]
    if jwk.get("kty") != kty or (crv is not None and jwk.get("crv") != crv):
        raise ValueError(f"not a key for {alg}")
    return PublicKey(thumbprint(jwk), check_with(jwk))


def thumbprint(jwk: Mapping[str, Any]) -> str:
    """Digest the required members in lexicographic order, without white space (RFC 7638 3); raises ValueError."""
    kty = jwk.get("kty")
    members = {name: jwk.get(name) for name in _MEMBERS.get(kty, ())} if isinstance(kty, str) else {}
    if not members or not all(isinstance(value, str) for value in members.values()):
        raise ValueError("a required member of the JWK is missing")
    return base64url.encode(sha256(json.dumps(members, separators=(",", ":")).encode("ascii")).digest())


def _rsa(jwk: Mapping[str, Any]) -> RSAPublicKey:
    modulus, exponent = _unsigned(jwk.get("n")), _unsigned(jwk.get("e"))
    if not MIN_RSA_BITS <= modulus.bit_length() <= MAX_RSA_BITS or exponent.bit_length() > MAX_EXPONENT_BITS:
        raise ValueError("an RSA key of another size")
    return RSAPublicNumbers(exponent, modulus).public_key()


def _rs256(jwk: Mapping[str, Any]) -> Callable[[bytes, bytes], None]:
    key = _rsa(jwk)
    return lambda message, signature: key.verify(signature, message, padding.PKCS1v15(), SHA256())


def _ps256(jwk: Mapping[str, Any]) -> Callable[[bytes, bytes], None]:
    key = _rsa(jwk)
    # RFC 7518 3.5: the salt is as long as the hash.
    pss = padding.PSS(padding.MGF1(SHA256()), salt_length=SHA256.digest_size)
    return lambda message, signature: key.verify(signature, message, pss, SHA256())


def _es256(jwk: Mapping[str, Any]) -> Callable[[bytes, bytes], None]:
    x, y = (int.from_bytes(_octets(jwk.get(name), COORDINATE_BYTES), "big") for name in ("x", "y"))
    key = ec.EllipticCurvePublicNumbers(x, y, ec.SECP256R1()).public_key()  # ValueError where it is not on the curve

    def check(message: bytes, signature: bytes) -> None:
        if len(signature) != 2 * COORDINATE_BYTES:  # RFC 7518 3.4: r and s, not DER
            raise InvalidSignature
        r, s = (int.from_bytes(half, "big") for half in (signature[:COORDINATE_BYTES], signature[COORDINATE_BYTES:]))
        key.verify(encode_dss_signature(r, s), message, ec.ECDSA(SHA256()))

    return check


def _eddsa(jwk: Mapping[str, Any]) -> Callable[[bytes, bytes], None]:
    key = Ed25519PublicKey.from_public_bytes(_octets(jwk.get("x"), COORDINATE_BYTES))
    return lambda message, signature: key.verify(signature, message)


def _octets(text: object, length: int) -> bytes:
    decoded = base64url.decode(text) if isinstance(text, str) else b""
    if len(decoded) != length:
        raise ValueError("a coordinate of another length")
    return decoded


def _unsigned(text: object) -> int:
    """Read a Base64urlUInt: the fewest octets (RFC 7518 2), so that one key has one thumbprint."""
    decoded = base64url.decode(text) if isinstance(text, str) else b""
    if not decoded or decoded[0] == 0:
        raise ValueError("not a Base64urlUInt")
    return int.from_bytes(decoded, "big")


_CheckWith = Callable[[Mapping[str, Any]], Callable[[bytes, bytes], None]]
# Algorithm, its kind of key, its curve. Nothing symmetric, and no `none`.
ALGORITHMS: Final[Mapping[str, tuple[str, str | None, _CheckWith]]] = {
    "ES256": ("EC", "P-256", _es256),
    "RS256": ("RSA", None, _rs256),
    "PS256": ("RSA", None, _ps256),
    "EdDSA": ("OKP", "Ed25519", _eddsa),
}
