"""A private key in the place of a secret: it signs a short JWT for each request (`private_key_jwt`, RFC 7523 2.2)."""

from __future__ import annotations

import json
import secrets
from base64 import urlsafe_b64encode
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Protocol

from token_client.credentials import client_assertion
from token_client.credentials.file import read_text
from token_client.credentials.pem_key import PEMKey
from token_client.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from token_client.credentials.protocol import Authenticated, Server

_MAX_LIFETIME_S: Final = 3_600


class SigningKey(Protocol):
    """A private key, wherever it is."""

    @property
    def algorithm(self) -> str:
        """The JWS algorithm that it signs with (RFC 7518 3.1)."""
        ...

    def sign(self, message: bytes) -> bytes:
        """Sign as JWS does it. Raises `CredentialsError`."""
        ...


@dataclass(frozen=True, slots=True)
class PrivateKeyJWT:
    """A client id, and the key whose public half the server knows for it.

    `key` is the text of a PEM file (PKCS #8 or older, not encrypted), the path of one, or a `KMSKey`. `algorithm` is
    RS256, PS256, ES256 or EdDSA; None is the usual one of the key's kind. `key_id` is the `kid` that the server knows
    it by, None for none. An assertion is good for `lifetime_s` seconds, and for one request.
    """

    client_id: str
    key: str | Path | SigningKey = field(repr=False)
    algorithm: str | None = None
    key_id: str | None = None
    lifetime_s: int = 60
    _signer: SigningKey = field(init=False, repr=False)

    def __post_init__(self) -> None:
        if not self.client_id:
            raise ConfigurationError("a client needs an id; it is empty")
        if not 0 < self.lifetime_s <= _MAX_LIFETIME_S:
            raise ConfigurationError(f"lifetime_s is from 1 to {_MAX_LIFETIME_S} seconds")
        object.__setattr__(self, "_signer", _signer(self.key, self.algorithm))

    @property
    def secret(self) -> None:
        """A client with a key has no secret; a store encrypts its tokens by KMS."""
        return

    def load(self, *, fresh: bool = False) -> PrivateKeyJWT:  # noqa: ARG002 - what is given does not change
        """Give itself."""
        return self

    def authenticate(self, server: Server, now: float) -> Authenticated:
        """Sign an assertion for one request. Raises `CredentialsError` where KMS has the key, and does not sign."""
        issued_at = int(now)
        header = {"alg": self._signer.algorithm, "typ": "JWT", "kid": self.key_id}
        claims = {
            "iss": self.client_id,
            "sub": self.client_id,
            # The issuer alone where it is known: an assertion for it is for nobody else (RFC 7523 3, as updated).
            "aud": server.issuer or server.token_endpoint,
            "jti": secrets.token_urlsafe(16),
            "iat": issued_at,
            "exp": issued_at + self.lifetime_s,
        }
        signing_input = f"{_segment(header)}.{_segment(claims)}"
        signature = _base64url(self._signer.sign(signing_input.encode("ascii")))
        return client_assertion.authenticated(self.client_id, f"{signing_input}.{signature}")


def _signer(key: str | Path | SigningKey, algorithm: str | None) -> SigningKey:
    if not isinstance(key, str | Path):
        if algorithm not in (None, key.algorithm):
            raise ConfigurationError(f"the key signs {key.algorithm}, and algorithm is {algorithm}")
        return key
    return PEMKey(key if isinstance(key, str) and "-----BEGIN" in key else read_text(Path(key)), algorithm)


def _segment(members: Mapping[str, Any]) -> str:
    known = {name: value for name, value in members.items() if value is not None}
    return _base64url(json.dumps(known, separators=(",", ":")).encode())


def _base64url(data: bytes) -> str:
    return urlsafe_b64encode(data).decode("ascii").rstrip("=")
