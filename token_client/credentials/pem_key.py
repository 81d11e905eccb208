"""A private key in a PEM text, and how JWS signs with it (RFC 7518 3, RFC 8037 3.1)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from token_client.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

_MIN_RSA_BITS: Final = 2048  # RFC 7518 3.3
_P256_BYTES: Final = 32


def jws_ecdsa(der: bytes) -> bytes:
    """Write a signature on P-256 as JWS does: R and S, 32 bytes each (RFC 7518 3.4)."""
    r, s = decode_dss_signature(der)
    return r.to_bytes(_P256_BYTES, "big") + s.to_bytes(_P256_BYTES, "big")


_PSS: Final = padding.PSS(padding.MGF1(SHA256()), padding.PSS.DIGEST_LENGTH)
_SIGN: Final[Mapping[str, Callable[[Any, bytes], bytes]]] = {
    "RS256": lambda key, message: key.sign(message, padding.PKCS1v15(), SHA256()),
    "PS256": lambda key, message: key.sign(message, _PSS, SHA256()),
    "ES256": lambda key, message: jws_ecdsa(key.sign(message, ec.ECDSA(SHA256()))),
    "EdDSA": lambda key, message: key.sign(message),
}


class PEMKey:
    """A key that was read once: reading an RSA key takes as long as many signatures."""

    def __init__(self, text: str, algorithm: str | None = None) -> None:
        """Read the text; raises `ConfigurationError`, which quotes nothing of it."""
        try:
            self._key = load_pem_private_key(text.encode(), password=None)
        except (ValueError, TypeError, UnsupportedAlgorithm):
            # Without the cause, which may quote the text.
            raise ConfigurationError("the key is not a private key in PEM that is not encrypted") from None
        possible = _algorithms(self._key)
        if not possible:
            raise ConfigurationError("the key is none of: RSA of 2048 bits or more, P-256, Ed25519")
        if algorithm not in (None, *possible):
            raise ConfigurationError(f"a key of this kind signs {' or '.join(possible)}, not {algorithm}")
        self.algorithm = algorithm or possible[0]

    def sign(self, message: bytes) -> bytes:
        """Sign as JWS does it."""
        return _SIGN[self.algorithm](self._key, message)


def _algorithms(key: object) -> tuple[str, ...]:
    """Give the algorithms of a key, the usual one first."""
    match key:
        case rsa.RSAPrivateKey(key_size=bits) if bits >= _MIN_RSA_BITS:
            return ("RS256", "PS256")
        case ec.EllipticCurvePrivateKey(curve=ec.SECP256R1()):
            return ("ES256",)
        case ed25519.Ed25519PrivateKey():
            return ("EdDSA",)
        case _:
            return ()
