"""Encryption under a key of KMS, for clients without a secret, and for those whose secret is not to be a key.

    version   1 byte    2
    length    2 bytes   of what follows, big-endian
    wrapped             the data key, encrypted by KMS (kms:GenerateDataKey)
    nonce     12 bytes
    the rest            ciphertext and tag

KMS unwraps a data key only for the encryption context that it was made for: the item's id, the server and the client,
which CloudTrail shows for each call.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from token_client.aws import calling
from token_client.errors import StoreError
from token_client.store.encryption import seal, unseal

if TYPE_CHECKING:
    from token_client.store.protocol import TokenKey

_VERSION: Final = b"\x02"
_LENGTH_BYTES: Final = 2
_MAX_WRAPPED_BYTES: Final = 6_144  # kms:Decrypt
# A data key that another key wrapped, or for another context, or nobody: there is none that can be read.
_UNREADABLE: Final = ("InvalidCiphertextException", "IncorrectKeyException")


class KmsCipher:
    """Encrypts under a new data key each time: one call of KMS to encrypt, one to decrypt."""

    def __init__(self, kms: Any, key_id: str, key: TokenKey) -> None:
        """`kms` is a boto3 client, `key_id` a key's id, ARN or alias."""
        self._kms, self._key_id = kms, key_id
        self._context = {"id": key.id, "server": key.server, "client_id": key.client_id}

    def encrypt(self, plaintext: bytes, associated_data: bytes) -> bytes:
        """Encrypt; raises `StoreError` where KMS does not answer."""
        with calling("kms:GenerateDataKey", StoreError):
            made = self._kms.generate_data_key(KeyId=self._key_id, KeySpec="AES_256", EncryptionContext=self._context)
            key, wrapped = bytes(made["Plaintext"]), bytes(made["CiphertextBlob"])
        header = _VERSION + len(wrapped).to_bytes(_LENGTH_BYTES, "big") + wrapped
        return header + seal(key, plaintext, header + associated_data)

    def decrypt(self, data: bytes, associated_data: bytes) -> bytes | None:
        """Decrypt; raises `StoreError` where KMS does not answer."""
        start = 1 + _LENGTH_BYTES
        end = start + int.from_bytes(data[1:start], "big")
        if data[:1] != _VERSION or not start < end <= min(len(data), start + _MAX_WRAPPED_BYTES):
            return None
        key = self._unwrap(data[start:end])
        return None if key is None else unseal(key, data[end:], data[:end] + associated_data)

    def _unwrap(self, wrapped: bytes) -> bytes | None:
        with calling("kms:Decrypt", StoreError):
            try:
                answer = self._kms.decrypt(KeyId=self._key_id, CiphertextBlob=wrapped, EncryptionContext=self._context)
            except self._kms.exceptions.ClientError as error:
                if error.response.get("Error", {}).get("Code") in _UNREADABLE:
                    return None
                raise
            return bytes(answer["Plaintext"])
