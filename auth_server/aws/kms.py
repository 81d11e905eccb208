"""Signing with AWS KMS: the private key never leaves it."""

from typing import Any

from auth_server import jwk
from auth_server.aws import dependency
from auth_server.key_ring import SigningKey

ALGORITHM = "RSASSA_PKCS1_V1_5_SHA_256"  # RS256 (RFC 7518 3.3)


class KmsKeySource:
    """The KMS key behind a key id, ARN or alias."""

    def __init__(self, kms: Any, key_id: str) -> None:
        """`kms` is a boto3 client."""
        self._kms, self._key_id = kms, key_id

    def load(self) -> SigningKey:
        """Fetch the public key (`kms:GetPublicKey`), and pin signing to the ARN that it came from.

        An alias may be pointed at another key at any moment; the ARN says which key this one is.
        """
        with dependency("kms:GetPublicKey"):
            answer = self._kms.get_public_key(KeyId=self._key_id)
            if answer["KeyUsage"] != "SIGN_VERIFY" or ALGORITHM not in answer["SigningAlgorithms"]:
                raise ValueError(f"the key does not sign {ALGORITHM}")
            key, arn = jwk.from_der(answer["PublicKey"]), answer["KeyId"]
        return SigningKey(kid=key["kid"], jwk=key, sign=lambda message: self._sign(arn, message))

    def _sign(self, arn: str, message: bytes) -> bytes:
        with dependency("kms:Sign"):
            answer = self._kms.sign(KeyId=arn, Message=message, MessageType="RAW", SigningAlgorithm=ALGORITHM)
            signature: bytes = answer["Signature"]
        return signature
