"""Vended tokens in DynamoDB, encrypted by KMS: one table, one item for each caller and what it is given.

    id           S   the partition key: a digest of all that the token depends on (`token_cache.item_id`)
    token        B   the token, deflated, encrypted by KMS with the encryption context {issuer, id}
    expires_at   N   Unix time in seconds of the token's expiry; the table's TTL attribute

Whoever reads the table learns no token, nor whose they are. Whoever writes it can neither forge one nor move one to
another caller: KMS decrypts under the id that it was encrypted for, and no other.
"""

import zlib
from typing import Any, Final

from auth_server.aws import dependency
from auth_server.aws.table import call
from auth_server.vending.token_cache import Kept

MAX_TOKEN_BYTES: Final = 8_192
MAX_CIPHERTEXT_BYTES: Final = 6_144  # kms:Decrypt
# A token that was encrypted under another id, by another key, or not at all: there is none that can be read.
_UNREADABLE: Final = ("InvalidCiphertextException", "IncorrectKeyException")


class DynamoDBTokenCache:
    """A `TokenCache` over one table and one symmetric KMS key."""

    def __init__(self, dynamodb: Any, kms: Any, *, table: str, key_id: str, issuer: str) -> None:
        """`dynamodb` and `kms` are boto3 clients."""
        self._dynamodb, self._kms = dynamodb, kms
        self._table, self._key_id, self._issuer = table, key_id, issuer

    def find(self, item_id: str) -> Kept:
        """Read the item and decrypt its token. The read is consistent: a session's latest token is what counts."""
        with dependency("dynamodb:GetItem"):
            answer = call(
                self._dynamodb, "get_item", TableName=self._table, Key={"id": {"S": item_id}}, ConsistentRead=True
            )
            found = answer["Item"].get("token") if "Item" in answer else None
            ciphertext = b"" if found is None else bytes(found.get("B", b""))
        readable = 0 < len(ciphertext) <= MAX_CIPHERTEXT_BYTES
        return Kept(self._decrypt(item_id, ciphertext) if readable else None, found)

    def keep(self, item_id: str, token: str, *, expires_at: int, instead_of: Kept | None) -> bool:
        """Encrypt the token, and write the item if its token is the one that was found, or it still has none.

        Where the answer to a first try was lost, boto3 tries again, and finds another token than before: that one.
        """
        item = {
            "id": {"S": item_id},
            "token": {"B": self._encrypt(item_id, token)},
            "expires_at": {"N": str(expires_at)},
        }
        with dependency("dynamodb:PutItem"):
            try:
                call(self._dynamodb, "put_item", TableName=self._table, Item=item, **_condition(instead_of))
            except self._dynamodb.exceptions.ConditionalCheckFailedException:
                return False
            return True

    def _encrypt(self, item_id: str, token: str) -> bytes:
        # Deflated, because KMS takes 4,096 bytes: that is what it signs of a token, and the signature comes on top.
        plaintext = zlib.compress(token.encode("ascii"))
        with dependency("kms:Encrypt"):
            answer = self._kms.encrypt(
                KeyId=self._key_id, Plaintext=plaintext, EncryptionContext=self._context(item_id)
            )
            return bytes(answer["CiphertextBlob"])

    def _decrypt(self, item_id: str, ciphertext: bytes) -> str | None:
        with dependency("kms:Decrypt"):
            try:
                answer = self._kms.decrypt(
                    KeyId=self._key_id, CiphertextBlob=ciphertext, EncryptionContext=self._context(item_id)
                )
            except self._kms.exceptions.ClientError as error:
                if error.response.get("Error", {}).get("Code") in _UNREADABLE:
                    return None
                raise
            plaintext = bytes(answer["Plaintext"])
        return _inflate(plaintext)

    def _context(self, item_id: str) -> dict[str, str]:
        return {"issuer": self._issuer, "id": item_id}


def _inflate(plaintext: bytes) -> str | None:
    try:
        return zlib.decompressobj().decompress(plaintext, MAX_TOKEN_BYTES).decode("ascii")
    except (zlib.error, UnicodeDecodeError):
        return None


def _condition(instead_of: Kept | None) -> dict[str, Any]:
    if instead_of is None:
        return {}
    names = {"ExpressionAttributeNames": {"#token": "token"}}  # a reserved word
    if instead_of.as_found is None:
        return {"ConditionExpression": "attribute_not_exists(#token)", **names}
    values = {"ExpressionAttributeValues": {":found": instead_of.as_found}}
    return {"ConditionExpression": "#token = :found", **names, **values}
