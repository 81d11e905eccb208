"""Signing with AWS KMS: the private key never leaves it."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, Final

from botocore.exceptions import ClientError

from auth_server import jwk
from auth_server.aws import dependency
from auth_server.key_ring import KeyUnusableError, SigningKey

ALGORITHM = "RSASSA_PKCS1_V1_5_SHA_256"  # RS256 (RFC 7518 3.3)
# AWS's answers about a key that will go on failing: disabled, pending deletion, gone, or not for this role.
UNUSABLE: Final = frozenset(
    {"AccessDeniedException", "DisabledException", "KMSInvalidStateException", "NotFoundException"}
)


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
        return SigningKey(kid=key["kid"], jwk=key, sign=signing_with(self._kms, arn))


def signing_with(kms: Any, key_id: str) -> Callable[[bytes], bytes]:
    """Give what signs with that key; it raises `DependencyError`, and `KeyUnusableError` where the key is to blame."""

    def sign(message: bytes) -> bytes:
        with dependency("kms:Sign"), unusable("kms:Sign"):
            answer = kms.sign(KeyId=key_id, Message=message, MessageType="RAW", SigningAlgorithm=ALGORITHM)
            signature: bytes = answer["Signature"]
        return signature

    return sign


@contextmanager
def unusable(operation: str, codes: frozenset[str] = UNUSABLE) -> Iterator[None]:
    """Turn these answers of AWS into a `KeyUnusableError`, which `dependency` lets pass."""
    try:
        yield
    except ClientError as error:
        code = error.response.get("Error", {}).get("Code")
        if code in codes:
            raise KeyUnusableError(f"{operation}: {code}") from error
        raise
