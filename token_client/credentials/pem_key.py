"""A private key in a PEM text, and how JWS signs with it (RFC 7518 3, RFC 8037 3.1)."""

from __future__ import annotations

from typing import Any, Final

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import load_pem_private_key
from joserfc.jwk import ECKey, OKPKey, RSAKey
from joserfc.jws import JWSRegistry

from token_client.errors import ConfigurationError

_MIN_RSA_BITS: Final = 2048  # RFC 7518 3.3


class PEMKey:
    """A key that was read once: reading an RSA key takes as long as many signatures."""

    def __init__(self, text: str, algorithm: str | None = None) -> None:
        """Read the text; raises `ConfigurationError`, which quotes nothing of it."""
        try:
            private_key = load_pem_private_key(text.encode(), password=None)
        except (ValueError, TypeError, UnsupportedAlgorithm):
            # Without the cause, which may quote the text.
            raise ConfigurationError("the key is not a private key in PEM that is not encrypted") from None
        self._key, possible = _kind(private_key)
        if algorithm not in (None, *possible):
            raise ConfigurationError(f"a key of this kind signs {' or '.join(possible)}, not {algorithm}")
        self.algorithm = algorithm or possible[0]

    def sign(self, message: bytes) -> bytes:
        """Sign as JWS does it."""
        return JWSRegistry.algorithms[self.algorithm].sign(message, self._key)


def _kind(private_key: object) -> tuple[Any, tuple[str, ...]]:
    """Give a key as joserfc has it, and its algorithms, the usual one first."""
    match private_key:
        case rsa.RSAPrivateKey(key_size=bits) if bits >= _MIN_RSA_BITS:
            return RSAKey.import_key(private_key), ("RS256", "PS256")
        case ec.EllipticCurvePrivateKey(curve=ec.SECP256R1()):
            return ECKey.import_key(private_key), ("ES256",)
        case ed25519.Ed25519PrivateKey():
            return OKPKey.import_key(private_key), ("EdDSA",)
        case _:
            raise ConfigurationError("the key is none of: RSA of 2048 bits or more, P-256, Ed25519")
