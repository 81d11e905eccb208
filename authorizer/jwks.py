"""The issuer's public keys: a JWK Set of RSA keys (RFC 7517 5, RFC 7518 6.3)."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, Protocol

from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey, RSAPublicNumbers

from authorizer import base64url, strict_json
from authorizer.errors import JwksError

MIN_KEY_BITS = 2_048  # RFC 7518 3.3
MAX_KEY_BITS = 8_192  # a verification grows with the square of it
MAX_EXPONENT_BITS = 32


@dataclass(frozen=True, slots=True)
class Key:
    """A public key that may verify tokens. Two are equal where name and numbers are."""

    kid: str
    modulus: int
    exponent: int
    public_key: RSAPublicKey = field(compare=False, repr=False)


class KeySource(Protocol):
    """Where keys come from: a `KeySet`, or a `JwksCache` that fetches one."""

    def find(self, kid: str) -> Key | None:
        """Return the key of that name, None where the issuer has none; raises `KeysUnavailableError`."""
        ...


@dataclass(frozen=True, slots=True)
class KeySet:
    """The usable keys of a JWK Set, by `kid`."""

    keys: Mapping[str, Key]

    def find(self, kid: str) -> Key | None:
        """Return the key of that name, or None."""
        return self.keys.get(kid)


def parse_jwks(document: bytes) -> KeySet:
    """Read a JWK Set; raises `JwksError`.

    Keys of other kinds and uses are passed over (RFC 7517 5). A document without any usable key is an error, and so is
    one in which two usable keys have one name: which of them verified would depend on their order, and an issuer
    that contradicts itself is not to be believed.
    """
    try:
        members = strict_json.parse_object(document).get("keys")
    except ValueError:
        raise JwksError("not a JSON object") from None
    if not isinstance(members, list):
        raise JwksError("no array of keys")
    keys = [key for member in members if (key := _usable_key(member)) is not None]
    by_kid = {key.kid: key for key in keys}
    if not keys:
        raise JwksError("no usable RSA key")
    if len(by_kid) != len(keys):
        raise JwksError("two keys have the same kid")
    return KeySet(MappingProxyType(by_kid))


def _usable_key(jwk: object) -> Key | None:
    if not isinstance(jwk, dict) or not _is_meant_for_rs256(jwk):
        return None
    try:
        modulus, exponent = _unsigned(jwk.get("n")), _unsigned(jwk.get("e"))
        if not MIN_KEY_BITS <= modulus.bit_length() <= MAX_KEY_BITS or exponent.bit_length() > MAX_EXPONENT_BITS:
            return None
        return Key(jwk["kid"], modulus, exponent, RSAPublicNumbers(exponent, modulus).public_key())
    except ValueError:
        return None


def _is_meant_for_rs256(jwk: Mapping[str, Any]) -> bool:
    """Whether the members about use allow it (RFC 7517 4), and the private key has not been published with it."""
    kid, operations = jwk.get("kid"), jwk.get("key_ops", ["verify"])
    return (
        jwk.get("kty") == "RSA"
        and jwk.get("use", "sig") == "sig"
        and jwk.get("alg", "RS256") == "RS256"
        and isinstance(operations, list)
        and "verify" in operations
        and isinstance(kid, str)
        and kid != ""
        and "d" not in jwk
    )


def _unsigned(text: object) -> int:
    """Base64urlUInt (RFC 7518 2); raises `ValueError`."""
    if not isinstance(text, str):
        raise ValueError("not a Base64urlUInt")  # noqa: TRY004 - a fault of the data, not of the caller's types
    return int.from_bytes(base64url.decode(text), "big")
