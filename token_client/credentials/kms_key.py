"""A private key in AWS KMS (kms:Sign): it never leaves there."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature

from token_client.aws import Connection, calling
from token_client.errors import ConfigurationError, CredentialsError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

_P256_BYTES: Final = 32


def _jws_ecdsa(der: bytes) -> bytes:
    """Write a signature on P-256 as JWS does: R and S, 32 bytes each (RFC 7518 3.4)."""
    r, s = decode_dss_signature(der)
    return r.to_bytes(_P256_BYTES, "big") + s.to_bytes(_P256_BYTES, "big")


# What KMS calls each algorithm, and what makes JWS's signature out of KMS's.
_ALGORITHMS: Final[Mapping[str, tuple[str, Callable[[bytes], bytes]]]] = {
    "RS256": ("RSASSA_PKCS1_V1_5_SHA_256", bytes),
    "PS256": ("RSASSA_PSS_SHA_256", bytes),
    "ES256": ("ECDSA_SHA_256", _jws_ecdsa),
}


@dataclass(frozen=True, slots=True)
class KMSKey:
    """A key of KMS for SIGN_VERIFY, by id, ARN or alias: RSA for RS256 and PS256, ECC_NIST_P256 for ES256.

    Each token that is fetched costs one signature.
    """

    key_id: str
    algorithm: str = "RS256"
    region_name: str | None = None
    endpoint_url: str | None = None
    session: Any = field(default=None, repr=False)
    _connection: Connection = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        if not self.key_id:
            raise ConfigurationError("a key of KMS needs an id; it is empty")
        if self.algorithm not in _ALGORITHMS:
            raise ConfigurationError(f"the algorithm of a key in KMS is {', '.join(_ALGORITHMS)}")
        object.__setattr__(self, "_connection", Connection(self.region_name, self.endpoint_url, self.session))

    def sign(self, message: bytes) -> bytes:
        """Sign as JWS does it; at most 4,096 bytes. Raises `CredentialsError`."""
        name, as_jws = _ALGORITHMS[self.algorithm]
        with calling(f"the key {self.key_id}: kms:Sign", CredentialsError):
            answer = self._connection.client("kms").sign(
                KeyId=self.key_id, Message=message, MessageType="RAW", SigningAlgorithm=name
            )
            return as_jws(bytes(answer["Signature"]))
