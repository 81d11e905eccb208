"""The signing keys of a deployment: the first one in KMS, and the later ones that it has endorsed."""

from collections.abc import Callable
from typing import Any, Final, Protocol

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_der_private_key

from auth_server import jwk
from auth_server.aws import dependency
from auth_server.aws.keys_table import DynamoDBKeyTable
from auth_server.aws.kms import UNUSABLE, KmsKeySource, signing_with, unusable
from auth_server.key_ring import KeyRing, KeyUnusableError, LaterKeys, SigningKey
from auth_server.signing_keys.key_record import DATA_KEY, KMS, SIGNERS, KeyRecord
from auth_server.signing_keys.rotation import KeyTable, endorsed
from auth_server.signing_keys.timeline import Timeline

# Of kms:Decrypt: what was encrypted by another key, or for another record.
_UNDECIPHERABLE: Final = UNUSABLE | {"InvalidCiphertextException", "IncorrectKeyException"}


class KeySettings(Protocol):
    """The rows of the settings that say where the keys are."""

    @property
    def issuer(self) -> str: ...  # noqa: D102 - as the row says
    @property
    def signing_key_id(self) -> str: ...  # noqa: D102 - as the row says
    @property
    def keys_table(self) -> str: ...  # noqa: D102 - as the row says
    @property
    def signer(self) -> str: ...  # noqa: D102 - as the row says
    @property
    def key_encryption_key_id(self) -> str: ...  # noqa: D102 - as the row says
    @property
    def key_cache_seconds(self) -> int: ...  # noqa: D102 - as the row says


def key_ring(settings: KeySettings, *, kms: Any, dynamodb: Any, clock: Callable[[], float]) -> KeyRing:
    """Give the keys; `kms` and `dynamodb` are boto3 clients. Without a table of keys the first one signs for ever."""
    later = None
    if settings.keys_table:
        later = EndorsedKeySource(
            kms,
            DynamoDBKeyTable(dynamodb, settings.keys_table),
            issuer=settings.issuer,
            signer=settings.signer,
            key_encryption_key_id=settings.key_encryption_key_id,
        )
    source = KmsKeySource(kms, settings.signing_key_id)
    return KeyRing(source, max_age=settings.key_cache_seconds, clock=clock, later=later)


class EndorsedKeySource:
    """The later keys, as the table has them and the first key vouches for them.

    A private key that was decrypted is kept for as long as its record is there.
    """

    def __init__(self, kms: Any, table: KeyTable, *, issuer: str, signer: str, key_encryption_key_id: str) -> None:
        """`signer` is the setting: a data key signs only where it says so."""
        self._kms, self._table, self._issuer = kms, table, issuer
        self._signers = SIGNERS if signer == DATA_KEY else (KMS,)
        self._key_encryption_key_id = key_encryption_key_id
        self._opened: dict[str, SigningKey] = {}

    def load(self, first: SigningKey) -> LaterKeys:
        """Read the table, and hold each record against its endorsement."""
        records = endorsed(self._table.read().records, self._issuer, first)
        kids = {record.kid for record in records}
        self._opened = {kid: key for kid, key in self._opened.items() if kid in kids}
        return _EndorsedKeys(Timeline(records, self._signers), self._key)

    def _key(self, record: KeyRecord) -> SigningKey:
        """Give the key of a record; raises `DependencyError`, and `KeyUnusableError` where it will go on failing."""
        if record.kid not in self._opened:
            self._opened[record.kid] = SigningKey(record.kid, dict(record.jwk), self._signing(record))
        return self._opened[record.kid]

    def _signing(self, record: KeyRecord) -> Callable[[bytes], bytes]:
        if record.key_id is not None:
            return signing_with(self._kms, record.key_id)
        private_key = self._decrypted(record)
        return lambda message: private_key.sign(message, padding.PKCS1v15(), hashes.SHA256())

    def _decrypted(self, record: KeyRecord) -> RSAPrivateKey:
        operation = "kms:Decrypt"
        with dependency(operation), unusable(operation, _UNDECIPHERABLE):
            answer = self._kms.decrypt(
                KeyId=self._key_encryption_key_id,
                CiphertextBlob=record.encrypted_key,
                EncryptionContext=encryption_context(self._issuer, record.kid),
            )
            private_key = load_der_private_key(bytes(answer["Plaintext"]), password=None)
            public = private_key.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
            if not isinstance(private_key, RSAPrivateKey) or jwk.from_der(public)["kid"] != record.kid:
                raise KeyUnusableError(f"{operation}: the private key is another one's")
        return private_key


class _EndorsedKeys:
    def __init__(self, timeline: Timeline, key_of: Callable[[KeyRecord], SigningKey]) -> None:
        self._timeline, self._key_of = timeline, key_of
        self._unusable: set[str] = set()

    def active(self, now: float) -> SigningKey | None:
        record = self._timeline.active(now)
        if record is None or record.kid in self._unusable:
            return None
        try:
            return self._key_of(record)
        except KeyUnusableError:
            self._unusable.add(record.kid)  # said once, and then the first key signs
            raise

    def published(self, now: float) -> list[dict[str, str]]:
        return [dict(record.jwk) for record in self._timeline.published(now)]


def encryption_context(issuer: str, kid: str) -> dict[str, str]:
    """Give what a private key is encrypted for, and cannot be decrypted without (AWS KMS, encryption context)."""
    return {"issuer": issuer, "kid": kid}
