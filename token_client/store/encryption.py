"""How a token is kept from whoever reads the table: AES-256-GCM, under a key that the client's secret gives.

    version   1 byte    1
    nonce     12 bytes  random for each encryption
    the rest            ciphertext and tag (NIST SP 800-38D)

The associated data is the `TokenKey`'s: a ciphertext that was moved to another client's, server's or scope's item does
not decrypt there.
"""

from __future__ import annotations

import os
from typing import Final, Protocol

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

KEY_BYTES: Final = 32
NONCE_BYTES: Final = 12
TAG_BYTES: Final = 16
_VERSION: Final = b"\x01"
# Fixed, so that every process comes to the same key (RFC 5869 3.1); the secret has the entropy.
_SALT: Final = b"latchkey token store"
_INFO: Final = b"aes-256-gcm v1"


class Cipher(Protocol):
    """Encrypts what is kept in a store, and decrypts it. What KMS does for it may fail with `StoreError`."""

    def encrypt(self, plaintext: bytes, associated_data: bytes) -> bytes:
        """Encrypt; the same associated data are needed to decrypt."""
        ...

    def decrypt(self, data: bytes, associated_data: bytes) -> bytes | None:
        """Decrypt; None for what was not encrypted so, for this associated data, with this key."""
        ...


def derive_key(client_id: str, secret: bytes) -> bytes:
    """Derive the key, 32 bytes, from a client's id and secret (HKDF with SHA-256, RFC 5869).

    It is as hard to guess as the secret is: one of 256 random bits is; one that a person thought of is not, and whoever
    reads an item can try such secrets at leisure.
    """
    name = client_id.encode()
    material = len(name).to_bytes(4, "big") + name + secret
    return HKDF(SHA256(), KEY_BYTES, salt=_SALT, info=_INFO).derive(material)


def seal(key: bytes, plaintext: bytes, associated_data: bytes) -> bytes:
    """Encrypt under a key of 32 bytes: nonce, ciphertext, tag."""
    nonce = os.urandom(NONCE_BYTES)
    return nonce + AESGCM(key).encrypt(nonce, plaintext, associated_data)


def unseal(key: bytes, data: bytes, associated_data: bytes) -> bytes | None:
    """Decrypt what `seal` made; None for anything else."""
    if len(data) < NONCE_BYTES + TAG_BYTES:
        return None
    try:
        return AESGCM(key).decrypt(data[:NONCE_BYTES], data[NONCE_BYTES:], associated_data)
    except InvalidTag:
        return None


class SecretCipher:
    """Encrypts under the key that a client's id and secret give."""

    def __init__(self, client_id: str, secret: bytes) -> None:
        self._key = derive_key(client_id, secret)

    def encrypt(self, plaintext: bytes, associated_data: bytes) -> bytes:
        """Encrypt; never fails."""
        return _VERSION + seal(self._key, plaintext, _VERSION + associated_data)

    def decrypt(self, data: bytes, associated_data: bytes) -> bytes | None:
        """Decrypt; None where the secret is another by now, or the bytes are not those that were written."""
        if data[:1] != _VERSION:
            return None
        return unseal(self._key, data[1:], _VERSION + associated_data)
