"""A private key in the place of a secret: it signs a short JWT for each request (`private_key_jwt`, RFC 7523 2.2)."""

from __future__ import annotations

import json
import logging
import secrets
from base64 import urlsafe_b64encode
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Protocol

from token_client.credentials import client_assertion
from token_client.credentials.client_secret import is_text
from token_client.credentials.file import read_text
from token_client.credentials.pem_key import PEMKey
from token_client.errors import ConfigurationError, CredentialsError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from token_client.credentials.protocol import Authenticated, Server

_MAX_LIFETIME_S: Final = 3_600
_logger = logging.getLogger("token_client")


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

    `key` is the text of a PEM file (PKCS #8 or older, not encrypted), the path of one, or a `KMSKey`. A file is read
    here, and again each time that a token is fetched. `algorithm` is RS256, PS256, ES256 or EdDSA; None is the usual
    one of the key's kind. `key_id` is the `kid` that the server knows it by, None for none. An assertion is good for
    `lifetime_s` seconds, and for one request.
    """

    client_id: str
    key: str | Path | SigningKey = field(repr=False)
    algorithm: str | None = None
    key_id: str | None = None
    lifetime_s: int = 60
    _text: str | None = field(init=False, repr=False)
    _signer: SigningKey = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        if not is_text(self.client_id):
            raise ConfigurationError("a client needs an id; it is empty, or no text")
        if not 0 < self.lifetime_s <= _MAX_LIFETIME_S:
            raise ConfigurationError(f"lifetime_s is from 1 to {_MAX_LIFETIME_S} seconds")
        text = _text(self.key)
        object.__setattr__(self, "_text", text)
        object.__setattr__(self, "_signer", PEMKey(text, self.algorithm) if text else _agreed(self.key, self.algorithm))

    @property
    def secret(self) -> None:
        """A client with a key has no secret; a store encrypts its tokens by KMS."""
        return

    def load(self, *, fresh: bool = False) -> PrivateKeyJWT:  # noqa: ARG002 - a file is read anew in any case
        """Give itself, or the same with the key that its file has got since."""
        try:
            return self if _text(self.key) == self._text else replace(self)
        except (CredentialsError, ConfigurationError) as error:
            _logger.warning("the key that was read first serves on: %s", error)
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


def _text(key: str | Path | SigningKey) -> str | None:
    """Give the text of a key that has one; raises `CredentialsError` for a file that cannot be read."""
    if isinstance(key, Path):
        return read_text(key)
    if not isinstance(key, str):
        return None
    if "-----BEGIN" in key:
        return key
    try:
        return read_text(Path(key))
    except (CredentialsError, ValueError):
        # Without its name, which may be a key that has lost its first line.
        raise CredentialsError("the key is neither the text of a PEM file nor the path of one to read") from None


def _agreed(key: Any, algorithm: str | None) -> SigningKey:
    if algorithm not in (None, key.algorithm):
        raise ConfigurationError(
            f"the key signs {key.algorithm}, and algorithm is {algorithm}: say it at the key alone"
        )
    signer: SigningKey = key
    return signer


def _segment(members: Mapping[str, Any]) -> str:
    known = {name: value for name, value in members.items() if value is not None}
    return _base64url(json.dumps(known, separators=(",", ":")).encode())


def _base64url(data: bytes) -> str:
    return urlsafe_b64encode(data).decode("ascii").rstrip("=")
