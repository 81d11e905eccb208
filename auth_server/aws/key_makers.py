"""Making signing keys: in KMS, with the first key's policy and in its Regions; or here, encrypted by KMS."""

import json
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat

from auth_server import jwk
from auth_server.aws import dependency
from auth_server.aws.kms import KmsKeySource
from auth_server.aws.signing_keys import encryption_context
from auth_server.errors import DependencyError
from auth_server.signing_keys.rotation import Anchor, MadeKey, RotationError

TAG: Final = "latchkey-keys-table"
KEY_SPEC: Final = "RSA_2048"
KEY_BITS: Final = 2_048
PUBLIC_EXPONENT: Final = 65_537
DELETION_DAYS: Final = 30  # as long as KMS waits at most, and can be told otherwise
# The statement of the first key's policy by which the rotation has it endorse keys, and what stands for it in a later
# key's: who endorses does not sign with later keys, and can do away with them alone.
ENDORSES, RETIRES = "KeysAreEndorsed", "KeysAreRetired"
RETIRING_ACTIONS: Final = ("kms:DisableKey", "kms:ReplicateKey", "kms:ScheduleKeyDeletion")
# A new key may be unknown for some seconds to the very service that made it (AWS KMS, eventual consistency).
TRIES, PAUSE_SECONDS = 20, 1.0
# About a key that is disabled for good already, or not there any more.
_DONE: Final = ("KMSInvalidStateException", "NotFoundException")


@dataclass(frozen=True, slots=True)
class FirstKey:
    """The first key as KMS describes it: `replicas` are the other Regions that it is in."""

    anchor: Anchor
    arn: str
    multi_region: bool
    replicas: tuple[str, ...]

    @property
    def key_id(self) -> str:
        """The id in its ARN, which its replicas share."""
        return self.arn.rpartition("/")[2]


def describe_first_key(kms: Any, key_id: str) -> FirstKey:
    """Ask KMS about the key behind an id, ARN or alias; raises `DependencyError`."""
    with dependency("kms:DescribeKey"):
        described = kms.describe_key(KeyId=key_id)["KeyMetadata"]
        arn, region = described["Arn"], described["Arn"].split(":")[3]
        configuration = described.get("MultiRegionConfiguration", {})
        everywhere = [configuration.get("PrimaryKey", {}), *configuration.get("ReplicaKeys", [])]
        replicas = sorted({each["Region"] for each in everywhere if each and each["Region"] != region})
        created_at, multi_region = int(described["CreationDate"].timestamp()), bool(described.get("MultiRegion"))
    return FirstKey(Anchor(KmsKeySource(kms, arn).load(), created_at), arn, multi_region, tuple(replicas))


class KmsKeyMaker:
    """A `KeyMaker` of KMS keys: multi-Region where the first key is, with a replica wherever it has one."""

    def __init__(
        self,
        first: FirstKey,
        kms_in: Callable[[str | None], Any],
        tagging: Any,
        *,
        keys_table: str,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        """`kms_in` gives a boto3 client of a Region, None being this one; `tagging` is of resourcegroupstaggingapi."""
        self._first, self._kms_in, self._tagging = first, kms_in, tagging
        self._keys_table, self._sleep = keys_table, sleep
        self._kms = kms_in(None)

    def make(self) -> MadeKey:
        """Create the key, wait until KMS knows it, replicate it; raises `RotationError` where nobody may endorse."""
        with dependency("kms:CreateKey"):
            made = self._kms.create_key(
                KeySpec=KEY_SPEC,
                KeyUsage="SIGN_VERIFY",
                MultiRegion=self._first.multi_region,
                **self._own(self._kms),
            )["KeyMetadata"]
            key_id: str = made["KeyId"]
        public = self._wait_for(key_id)
        for region in self._first.replicas:
            with dependency("kms:ReplicateKey"):
                policy_and_tags = self._own(self._kms_in(region))
                self._kms.replicate_key(KeyId=key_id, ReplicaRegion=region, **policy_and_tags)
        return MadeKey(public, key_id)

    def _own(self, kms: Any) -> dict[str, Any]:
        """Give what a new key has of its own in a Region: the first key's policy there, and its tag."""
        with dependency("kms:GetKeyPolicy"):
            policy = kms.get_key_policy(KeyId=self._first.key_id, PolicyName="default")["Policy"]
            document = json.loads(policy)
            statements = document["Statement"]
        return {
            "Policy": json.dumps({**document, "Statement": list(map(_of_later_key, _with_endorser(statements)))}),
            # Whoever rotates is to change no policy, and KMS would demand just that (CreateKey). The account still can.
            "BypassPolicyLockoutSafetyCheck": True,
            "Description": "Signs access tokens; made and retired by Latchkey's rotation",
            "Tags": [{"TagKey": TAG, "TagValue": self._keys_table}],
        }

    def _wait_for(self, key_id: str) -> dict[str, str]:
        for _ in range(TRIES - 1):
            try:
                return KmsKeySource(self._kms, key_id).load().jwk
            except DependencyError:
                self._sleep(PAUSE_SECONDS)
        return KmsKeySource(self._kms, key_id).load().jwk

    def discard(self, key_id: str | None) -> None:
        """Disable the key and have it deleted in a month, its replicas first: KMS keeps a primary key for them."""
        if key_id is not None:
            for region in (*self._first.replicas, None):
                kms = self._kms_in(region)
                _unless_done("kms:DisableKey", kms.disable_key, KeyId=key_id)
                _unless_done(
                    "kms:ScheduleKeyDeletion",
                    kms.schedule_key_deletion,
                    KeyId=key_id,
                    PendingWindowInDays=DELETION_DAYS,
                )

    def made_before(self, time: int) -> list[str]:
        """List the keys with the tag of this table of keys that are not about to be deleted."""
        with dependency("tag:GetResources"):
            pages = self._tagging.get_paginator("get_resources")
            tagged = pages.paginate(
                TagFilters=[{"Key": TAG, "Values": [self._keys_table]}], ResourceTypeFilters=["kms:key"]
            )
            arns = [each["ResourceARN"] for page in tagged for each in page["ResourceTagMappingList"]]
        return [key_id for key_id in (arn.rpartition("/")[2] for arn in arns) if self._is_left_over(key_id, time)]

    def _is_left_over(self, key_id: str, time: int) -> bool:
        with dependency("kms:DescribeKey"):
            described = self._kms.describe_key(KeyId=key_id)["KeyMetadata"]
            created_at, state = described["CreationDate"].timestamp(), described["KeyState"]
        return bool(created_at < time and state not in {"PendingDeletion", "PendingReplicaDeletion"})


def _with_endorser(statements: list[dict[str, Any]]) -> list[dict[str, Any]]:
    if not any(statement.get("Sid") == ENDORSES for statement in statements):
        raise RotationError(f"the policy of the first key has no statement {ENDORSES}, which says who rotates keys")
    return statements


def _of_later_key(statement: dict[str, Any]) -> dict[str, Any]:
    if statement.get("Sid") != ENDORSES:
        return statement
    kept = {name: value for name, value in statement.items() if name != "Condition"}
    return {**kept, "Sid": RETIRES, "Action": list(RETIRING_ACTIONS)}


def _unless_done(operation: str, act: Callable[..., Any], **arguments: Any) -> None:
    try:
        with dependency(operation):
            act(**arguments)
    except DependencyError as error:
        if str(error).rpartition(": ")[2] not in _DONE:
            raise


class DataKeyMaker:
    """A `KeyMaker` of key pairs that sign in process. The private key is nowhere but in memories, and encrypted."""

    def __init__(self, kms: Any, *, key_encryption_key_id: str, issuer: str) -> None:
        """`kms` is a boto3 client; the key that encrypts is symmetric."""
        self._kms, self._key_id, self._issuer = kms, key_encryption_key_id, issuer

    def make(self) -> MadeKey:
        """Make a key pair, and have its private half encrypted for this issuer and `kid`."""
        private_key = rsa.generate_private_key(public_exponent=PUBLIC_EXPONENT, key_size=KEY_BITS)
        public = private_key.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
        # About 1,220 bytes, of the 4,096 that kms:Encrypt takes.
        plaintext = private_key.private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption())
        members = jwk.from_der(public)
        with dependency("kms:Encrypt"):
            answer = self._kms.encrypt(
                KeyId=self._key_id,
                Plaintext=plaintext,
                EncryptionContext=encryption_context(self._issuer, members["kid"]),
            )
            return MadeKey(members, encrypted_key=bytes(answer["CiphertextBlob"]))

    def discard(self, key_id: str | None) -> None:
        """Have nothing to do: with its record, the key is gone."""

    def made_before(self, time: int) -> list[str]:  # noqa: ARG002 - the protocol's
        """Find none: nothing is left of a key that was not announced."""
        return []
