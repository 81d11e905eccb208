"""The later keys of a deployment, with KMS and DynamoDB behind them, and in the face of whoever can write the table."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import boto3
import pytest
from botocore.config import Config
from botocore.stub import Stubber
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat

from auth_server import access_token, jwk, own_tokens
from auth_server.access_token import Grant
from auth_server.aws.key_makers import DataKeyMaker, KmsKeyMaker, describe_first_key
from auth_server.aws.keys_table import LATEST, DynamoDBKeyTable, to_item
from auth_server.aws.kms import KmsKeySource
from auth_server.aws.signing_keys import EndorsedKeySource, encryption_context
from auth_server.errors import DependencyError
from auth_server.key_ring import KeyRing, KeyUnusableError, SigningKey
from auth_server.signing_keys.key_record import DATA_KEY, KMS, KeyRecord
from auth_server.signing_keys.rotation import Anchor, KeyMaker, Rotation, RotationRules
from authorizer import base64url
from tests.infra.deployed import ISSUER, deploy

NOW = 1_790_000_000
LEAD, OVERLAP, DAY = 14_400, 93_600, 86_400
ATTACKER = rsa.generate_private_key(public_exponent=65537, key_size=2048)
ATTACKERS_JWK = jwk.from_der(ATTACKER.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo))
GRANT = Grant("demo", ("products:read",), ("https://api.example.com",), lifetime=3600)


def sign_as_attacker(message: bytes) -> bytes:
    """Sign with the attacker's key."""
    return ATTACKER.sign(message, padding.PKCS1v15(), hashes.SHA256())


@dataclass
class Deployment:
    """The table and the keys as they are deployed, and a clock."""

    kms: Any
    dynamodb: Any
    tagging: Any
    table: str
    first: str
    encrypting: str
    issuer: str = ISSUER
    now: int = NOW

    def rotation(self, signer: str) -> Rotation:
        """Give the rotation, as its function builds it."""
        first = describe_first_key(self.kms, self.first)
        data = DataKeyMaker(self.kms, key_encryption_key_id=self.encrypting, issuer=self.issuer)
        of_kms = KmsKeyMaker(first, lambda _: self.kms, self.tagging, keys_table=self.table)
        makers: dict[str, KeyMaker] = {KMS: of_kms, DATA_KEY: data}
        rules = RotationRules(self.issuer, signer, DAY, LEAD, OVERLAP)
        anchor = Anchor(first.anchor.key, NOW)
        return Rotation(rules, anchor, DynamoDBKeyTable(self.dynamodb, self.table), makers, lambda: self.now)

    def ring(self, signer: str = DATA_KEY, kms: Any = None) -> KeyRing:
        """Give the keys, as a function that starts cold has them; `kms` is for the later ones."""
        table = DynamoDBKeyTable(self.dynamodb, self.table)
        arguments = {"issuer": self.issuer, "signer": signer, "key_encryption_key_id": self.encrypting}
        later = EndorsedKeySource(kms or self.kms, table, **arguments)
        source = describe_first_key(self.kms, self.first)
        return KeyRing(_Given(source.anchor.key), max_age=300, clock=lambda: self.now, later=later)

    def put(self, item: dict[str, Any]) -> None:
        """Write to the table."""
        self.dynamodb.put_item(TableName=self.table, Item=item)


@dataclass
class _Given:
    key: SigningKey

    def load(self) -> SigningKey:
        return self.key


@pytest.fixture
def deployment(aws_endpoint: str) -> Deployment:
    """Deploy the template's table and keys."""
    stack = deploy(aws_endpoint, Signer="data_key")
    environ = stack.functions()["RotationFunction"].environment
    return Deployment(
        boto3.client("kms", endpoint_url=aws_endpoint),
        boto3.client("dynamodb", endpoint_url=aws_endpoint),
        boto3.client("resourcegroupstaggingapi", endpoint_url=aws_endpoint),
        environ["KEYS_TABLE"],
        environ["SIGNING_KEY_ID"],
        environ["KEY_ENCRYPTION_KEY_ID"],
    )


def token_of(key: SigningKey, now: int) -> str:
    """Give an access token."""
    return access_token.mint(GRANT, issuer=ISSUER, key=key, now=now).value


@pytest.mark.parametrize("signer", [KMS, DATA_KEY])
def test_a_later_key_signs_when_it_is_time_and_its_tokens_are_good(deployment: Deployment, signer: str) -> None:
    """Before, at and after its time: the first key's tokens and the later one's are verified by the one key set."""
    (step,) = deployment.rotation(signer).rotate()
    keys, tokens = deployment.ring(), []
    for now, is_later in ((NOW + LEAD - 1, False), (NOW + LEAD, True)):
        deployment.now = now
        active = keys.active()
        assert (active.kid == step.kid) == is_later
        tokens.append(token_of(active, now))
    for token in tokens:
        assert own_tokens.verify(token, keys=keys, issuer=ISSUER, now=deployment.now) is not None


def test_a_data_key_is_decrypted_once(deployment: Deployment) -> None:
    """A warm function asks KMS for the private key once, however often the records are read and tokens are signed."""
    deployment.rotation(DATA_KEY).rotate(at_once=True)
    keys, asked = deployment.ring(), []
    deployment.kms.meta.events.register("before-call.kms.Decrypt", lambda **_: asked.append(1))
    for _ in range(3):
        token_of(keys.active(), deployment.now)
        deployment.now += 301
    assert len(asked) == 1


def test_a_data_key_signs_nothing_where_kms_is_to_sign(deployment: Deployment) -> None:
    """SIGNER kms takes every data key out of use at once; what they have signed is verified as before."""
    (step,) = deployment.rotation(DATA_KEY).rotate(at_once=True)
    token = token_of(deployment.ring().active(), NOW)
    keys = deployment.ring(KMS)
    assert keys.active().kid != step.kid
    assert own_tokens.verify(token, keys=keys, issuer=ISSUER, now=NOW) is not None


def test_a_data_key_ends_at_its_hour_whatever_happens(deployment: Deployment) -> None:
    """Where no rotation succeeds any more, a data key signs for two periods; then the first key does."""
    (step,) = deployment.rotation(DATA_KEY).rotate(at_once=True)
    keys, end = deployment.ring(), NOW + 2 * DAY
    for now, kids in ((end - 1, {step.kid}), (end, set()), (end + OVERLAP, set())):
        deployment.now = now
        assert ({keys.active().kid} == kids) == bool(kids)
    assert len(keys.jwks()["keys"]) == 1


Change = Callable[[KeyRecord, KeyRecord], KeyRecord]


def signed_by_attacker(record: KeyRecord) -> KeyRecord:
    """Endorse with the attacker's own key."""
    return record.endorsed_by(SigningKey("", {}, sign_as_attacker))


# Of the records of a KMS key and a data key that are there, what the attacker makes.
CHANGES: dict[str, Change] = {
    "a key of his own, endorsed by itself": lambda kms, _: signed_by_attacker(
        replace(kms, kid=ATTACKERS_JWK["kid"], jwk=ATTACKERS_JWK)
    ),
    "a key of his own under an endorsement that is there": lambda kms, _: replace(
        kms, kid=ATTACKERS_JWK["kid"], jwk=ATTACKERS_JWK
    ),
    "a key of his own under the name of another": lambda kms, _: replace(kms, jwk=ATTACKERS_JWK),
    "a key of his own, not endorsed": lambda kms, _: replace(
        kms, kid=ATTACKERS_JWK["kid"], jwk=ATTACKERS_JWK, endorsement=b""
    ),
    "a data key's record with another private key": lambda _, data: replace(data, encrypted_key=b"ciphertext"),
    "a data key's record without one": lambda _, data: replace(data, encrypted_key=None),
    "a data key for ever": lambda _, data: replace(data, expires_at=None),
    "a data key for longer": lambda _, data: replace(data, expires_at=(data.expires_at or 0) + 1),
    "a key that comes later": lambda kms, _: replace(kms, active_from=kms.active_from + 1),
    "a key that comes earlier": lambda kms, _: replace(kms, active_from=kms.active_from - 1),
    "a key announced earlier": lambda kms, _: replace(kms, announced_at=kms.announced_at - 1),
    "a key that stays longer": lambda kms, _: replace(kms, overlap_seconds=kms.overlap_seconds + 1),
    "another KMS key": lambda kms, _: replace(kms, key_id="99999999-2222-3333-4444-555555555555"),
    "another signer": lambda kms, _: replace(kms, signer=DATA_KEY),
    "another issuer": lambda kms, _: replace(kms, issuer="https://evil.example.com"),
    "another name": lambda kms, _: replace(kms, kid="other"),
    "one record's endorsement at another": lambda kms, data: replace(kms, endorsement=data.endorsement),
}


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES.keys())
def test_who_writes_the_table_makes_no_key(deployment: Deployment, change: Change) -> None:
    """No record that is not just as it was endorsed is published, or signs; what the attacker signs is refused."""
    deployment.rotation(KMS).rotate(at_once=True)
    deployment.now += 1
    deployment.rotation(DATA_KEY).rotate(at_once=True)
    table = DynamoDBKeyTable(deployment.dynamodb, deployment.table)
    kms, data = sorted(table.read().records, key=lambda record: record.active_from)
    before = {key["kid"]: key for key in deployment.ring().jwks()["keys"]}
    forged = change(kms, data)
    assert forged not in (kms, data)
    deployment.put(to_item(forged))
    keys = deployment.ring()
    published = {key["kid"]: key for key in keys.jwks()["keys"]}
    assert published.items() <= before.items()
    assert keys.active().kid in before
    for kid in (ATTACKERS_JWK["kid"], forged.kid, kms.kid, data.kid, keys.active().kid):
        token = token_of(SigningKey(kid, ATTACKERS_JWK, sign_as_attacker), deployment.now)
        assert own_tokens.verify(token, keys=keys, issuer=ISSUER, now=deployment.now) is None


def test_the_latest_of_the_table_is_no_key(deployment: Deployment) -> None:
    """Whatever stands in the item that says which key is the latest, it is none itself."""
    deployment.put({"kid": {"S": LATEST}, "latest": {"S": ATTACKERS_JWK["kid"]}, "jwk": {"S": str(ATTACKERS_JWK)}})
    assert len(deployment.ring().jwks()["keys"]) == 1
    assert deployment.rotation(KMS).rotate()[0].outcome == "announced"


def test_no_signature_of_a_token_is_an_endorsement(deployment: Deployment) -> None:
    """The first key signs tokens as well, whose text a client chooses in part: none of it endorses a key."""
    (step,) = deployment.rotation(KMS).rotate()
    table = DynamoDBKeyTable(deployment.dynamodb, deployment.table)
    (record,) = table.read().records
    token = token_of(deployment.ring().active(), NOW)
    signature = base64url.decode(token.rpartition(".")[2])
    deployment.put(to_item(replace(record, endorsement=signature)))
    assert step.kid not in {key["kid"] for key in deployment.ring().jwks()["keys"]}


def test_a_record_that_is_put_back_brings_back_nothing_that_ended(deployment: Deployment) -> None:
    """A data key's record of long ago is endorsed as ever, and neither signs nor is published."""
    deployment.rotation(DATA_KEY).rotate(at_once=True)
    (record,) = DynamoDBKeyTable(deployment.dynamodb, deployment.table).read().records
    deployment.now = NOW + 2 * DAY + OVERLAP
    assert [step.outcome for step in deployment.rotation(DATA_KEY).run()] == ["announced", "retired"]
    deployment.put(to_item(record))
    keys = deployment.ring()
    assert keys.active().kid != record.kid
    assert record.kid not in {key["kid"] for key in keys.jwks()["keys"]}


def test_a_kms_key_that_is_gone_costs_one_answer(deployment: Deployment) -> None:
    """Where a record names a key that KMS does not have any more, one signature fails, and then the first key signs."""
    (step,) = deployment.rotation(KMS).rotate(at_once=True)
    kms = boto3.client("kms", config=Config(retries={"total_max_attempts": 1}))
    stub = Stubber(kms)  # the local endpoint signs with a disabled key
    stub.add_client_error("sign", "KMSInvalidStateException")
    keys = deployment.ring(kms=kms)
    with stub, pytest.raises(KeyUnusableError, match=r"^kms:Sign: KMSInvalidStateException$"):
        keys.active().sign(b"message")
    assert step.kid != keys.active().kid
    assert keys.active().sign(b"message")


@pytest.mark.parametrize("code", ["InvalidCiphertextException", "IncorrectKeyException", "DisabledException"])
def test_a_data_key_that_kms_does_not_decrypt_costs_one_answer(deployment: Deployment, code: str) -> None:
    """Neither a wrong key for the keys nor a disabled one stops the first key from signing."""
    deployment.rotation(DATA_KEY).rotate(at_once=True)
    kms = boto3.client("kms", config=Config(retries={"total_max_attempts": 1}))
    stub = Stubber(kms)  # the local endpoint decrypts with a disabled key
    stub.add_client_error("decrypt", code)
    keys = deployment.ring(kms=kms)
    with stub, pytest.raises(KeyUnusableError, match=f"^kms:Decrypt: {code}$"):
        keys.active()
    assert keys.active().sign(b"message")


def test_a_data_key_with_another_ones_private_half_signs_nothing(deployment: Deployment) -> None:
    """Even where it is endorsed: nobody could verify what it signs."""
    deployment.rotation(DATA_KEY).rotate(at_once=True)
    table = DynamoDBKeyTable(deployment.dynamodb, deployment.table)
    (record,) = table.read().records
    context = encryption_context(ISSUER, record.kid)
    plaintext = ATTACKER.private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption())
    encrypted = deployment.kms.encrypt(KeyId=deployment.encrypting, Plaintext=plaintext, EncryptionContext=context)
    first = KmsKeySource(deployment.kms, deployment.first).load()
    deployment.put(to_item(replace(record, encrypted_key=encrypted["CiphertextBlob"]).endorsed_by(first)))
    keys = deployment.ring()
    with pytest.raises(KeyUnusableError, match="another one's"):
        keys.active()
    assert keys.active().kid == first.kid


def test_an_outage_of_kms_is_no_reason_to_change_keys(deployment: Deployment) -> None:
    """Where KMS is throttled, a data key is not decrypted now, and is asked for again the next time."""
    deployment.rotation(DATA_KEY).rotate(at_once=True)
    kms = boto3.client("kms", config=Config(retries={"total_max_attempts": 1}))
    stub = Stubber(kms)  # the local endpoint is never throttled
    stub.add_client_error("decrypt", "ThrottlingException")
    stub.add_client_error("decrypt", "DisabledException")
    keys = deployment.ring(kms=kms)
    with stub:
        for said in ("ThrottlingException", "DisabledException"):
            with pytest.raises(DependencyError, match=f"^kms:Decrypt: {said}$"):
                keys.active()  # so it was asked again
