"""`latchkey keys`: what KMS says about the key that signs."""

import uuid
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pytest

from auth_server import jwk
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
