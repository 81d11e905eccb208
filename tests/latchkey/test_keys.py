"""`latchkey keys`: what KMS says about the key that signs."""

import io
import json
import time
import uuid
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pytest

from auth_server import jwk
from auth_server.aws.keys_table import DynamoDBKeyTable
from auth_server.aws.kms import KmsKeySource
from auth_server.signing_keys.key_record import DATA_KEY, KMS, KeyRecord
from tests.auth_server.signing_keys.world import public_jwks
from tests.latchkey.command import Command

if TYPE_CHECKING:
    from mypy_boto3_kms import KMSClient


@pytest.fixture
def alias(kms: "KMSClient", key_arn: str) -> str:
    """Return an alias of the key."""
    name = f"alias/{uuid.uuid4()}"
    kms.create_alias(AliasName=name, TargetKeyId=key_arn)
    return name


def listed(latchkey: Command, key: str) -> Any:
    """Give what `keys list` prints about this key."""
    return latchkey.run("keys", "list", "--signing-key-id", key, "--json").json


def test_the_key_is_listed_with_its_life(latchkey: Command, kms: "KMSClient", key_arn: str, alias: str) -> None:
    """Each key: kid, state, signer, key_id (the ARN, whatever it was called), created, active_from, retires_at."""
    created = kms.describe_key(KeyId=key_arn)["KeyMetadata"]["CreationDate"]
    at = created.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    expected = {
        "kid": jwk.from_der(kms.get_public_key(KeyId=key_arn)["PublicKey"])["kid"],
        "state": "active",
        "signer": "kms",
        "key_id": key_arn,
        "created": at,
        "active_from": at,
        "retires_at": None,
    }
    assert listed(latchkey, key_arn) == [expected]
    assert listed(latchkey, alias) == [expected]
    assert datetime.fromisoformat(at) <= datetime.now(UTC)


def test_the_key_is_laid_out_for_people(latchkey: Command, key_arn: str) -> None:
    """Without --json the same is a table, with how long ago each date was."""
    printed = latchkey.run("keys", "list").stdout
    for text in (key_arn, "active", "kms", " UTC ("):
        assert text in printed


def test_a_key_that_is_not_there_is_not_found(latchkey: Command) -> None:
    """An alias that names no key is not found: status 1, and the option that sets it."""
    latchkey.run("keys", "list", "--signing-key-id", "alias/none").refused(1, "--signing-key-id")


def test_a_key_that_cannot_sign_tokens_is_refused(latchkey: Command, kms: "KMSClient") -> None:
    """A key of another kind is not the key of an issuer."""
    arn = kms.create_key(KeySpec="ECC_NIST_P256", KeyUsage="SIGN_VERIFY")["KeyMetadata"]["Arn"]
    latchkey.run("keys", "list", "--signing-key-id", arn).refused(3, "kms:GetPublicKey")


def test_a_disabled_key_is_not_called_active(latchkey: Command, kms: "KMSClient") -> None:
    """KMS signs nothing with a disabled key, so it is not listed as if it did."""
    key = kms.create_key(KeySpec="RSA_2048", KeyUsage="SIGN_VERIFY")["KeyMetadata"]
    kms.disable_key(KeyId=key["KeyId"])
    latchkey.run("keys", "list", "--signing-key-id", key["Arn"]).refused(1, key["Arn"], "Disabled")


def record(kms: "KMSClient", key_arn: str, number: int, active_from: int, **changes: Any) -> KeyRecord:
    """Give an endorsed record."""
    public = public_jwks()[number]
    members = {
        "kid": public["kid"],
        "issuer": "https://auth.example.com",
        "signer": KMS,
        "jwk": public,
        "key_id": "mrk-1",
        "encrypted_key": None,
        "announced_at": active_from - 100,
        "active_from": active_from,
        "expires_at": None,
        "overlap_seconds": 1_000,
    }
    return KeyRecord(**{**members, **changes}).endorsed_by(KmsKeySource(kms, key_arn).load())


def test_later_keys_are_listed_with_their_states(
    latchkey: Command, kms: "KMSClient", dynamodb: Any, keys_table: str, key_arn: str
) -> None:
    """One key after the other: what it is now, and until when it is published, as far as that is known."""
    now = int(time.time())
    of_data_key = {"signer": DATA_KEY, "key_id": None, "encrypted_key": b"x", "expires_at": now + 500}
    records = [
        record(kms, key_arn, 0, now - 5_000),
        record(kms, key_arn, 1, now - 3_000),
        record(kms, key_arn, 2, now - 500, **of_data_key),
        record(kms, key_arn, 3, now + 500),
    ]
    table, after = DynamoDBKeyTable(dynamodb, keys_table), None
    for each in records:
        assert table.announce(each, after=after)
        after = each.kid
    first, *later = listed(latchkey, key_arn)
    assert (first["state"], first["retires_at"]) == ("standby", None)
    assert [key["kid"] for key in later] == [each.kid for each in records]
    assert [key["state"] for key in later] == ["retired", "retiring", "active", "announced"]
    assert [key["signer"] for key in later] == [KMS, KMS, DATA_KEY, KMS]
    assert [key["key_id"] for key in later[1:3]] == [f"{key_arn.rpartition('/')[0]}/mrk-1", None]
    ends = [datetime.fromisoformat(key["retires_at"]).timestamp() for key in later[:3]]
    assert ends == [now - 3_000 + 1_000, now - 500 + 1_000, now + 500 + 1_000]
    assert later[3]["retires_at"] is None
    printed = latchkey.run("keys", "list").stdout
    assert "None" not in printed


def test_a_record_that_nobody_endorsed_is_told_of(
    latchkey: Command, kms: "KMSClient", dynamodb: Any, keys_table: str
) -> None:
    """What stands in the table and is no key is not listed, and the command fails, after the list."""
    other = kms.create_key(KeySpec="RSA_2048", KeyUsage="SIGN_VERIFY")["KeyMetadata"]["Arn"]
    table = DynamoDBKeyTable(dynamodb, keys_table)
    table.announce(record(kms, other, 0, int(time.time())), after=None)
    result = latchkey.run("keys", "list", "--json")
    assert [key["state"] for key in result.json] == ["active"]
    assert result.status == 1
    result.said("1 more", keys_table, "not endorsed")


def test_a_table_that_is_not_there_is_not_found(latchkey: Command) -> None:
    """A wrong name is told of, and the option that sets it."""
    latchkey.but(LATCHKEY_KEYS_TABLE="absent").run("keys", "list").refused(1, "no such table", "--keys-table")


class Lambda:
    """A Lambda that answers what the test wants: the local stack's own is in tests/local/test_rotation.py."""

    def __init__(self, answer: Any, **failed: str) -> None:
        """`failed` is FunctionError."""
        self.answer, self.failed = answer, failed

    def invoke(self, **_: Any) -> dict[str, Any]:
        """Answer."""
        return {"Payload": io.BytesIO(json.dumps(self.answer).encode()), **self.failed}


@pytest.mark.parametrize(
    ("function", "status", "said"),
    [
        (Lambda({"errorMessage": "kms:Sign: ThrottlingException"}, FunctionError="Unhandled"), 3, "kms:Sign"),
        (Lambda({"error": "there is no key of that name"}), 1, "no key of that name"),
        (Lambda("nonsense"), 3, "lambda:Invoke"),
    ],
)
def test_a_rotation_that_failed_is_told_of(
    latchkey: Command, monkeypatch: pytest.MonkeyPatch, function: Lambda, status: int, said: str
) -> None:
    """What the function says of its failure is the command's, and its status says who has to do something."""
    monkeypatch.setattr("latchkey.aws._connect", lambda *_: function)
    latchkey.run("keys", "rotate").refused(status, said)


def test_a_rotation_is_told_of(latchkey: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    """For people: which key, and when it signs."""
    step = {"outcome": "announced", "kid": "abc", "key_id": None, "active_from": int(time.time()) + 14_400}
    monkeypatch.setattr("latchkey.aws._connect", lambda *_: Lambda({"steps": [step]}))
    told = latchkey.run("keys", "rotate").stdout
    assert told.startswith("abc: announced, signs from ")
    assert "(in 3 h)" in told or "(in 4 h)" in told
