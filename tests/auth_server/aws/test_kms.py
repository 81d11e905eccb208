"""Signing with KMS. The local endpoint signs; what it does not refuse, botocore's Stubber refuses in AWS's shapes."""

from collections.abc import Callable
from typing import Any

import boto3
import pytest
from botocore.config import Config
from botocore.stub import Stubber
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_der_public_key

from auth_server.aws.kms import ALGORITHM, KmsKeySource
from auth_server.errors import DependencyError
from tests.simulator import PRIVATE_KEY

ARN = "arn:aws:kms:us-east-1:123456789012:key/11111111-2222-3333-4444-555555555555"
PUBLIC_KEY = PRIVATE_KEY.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
EC_PUBLIC_KEY = (
    ec.generate_private_key(ec.SECP256R1()).public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
)


@pytest.fixture(scope="module")
def kms(aws_endpoint: str) -> Any:
    """Give a boto3 client of the local endpoint."""
    return boto3.client("kms", endpoint_url=aws_endpoint)


def create_key(kms: Any) -> str:
    """Create a signing key, give its ARN."""
    arn: str = kms.create_key(KeySpec="RSA_2048", KeyUsage="SIGN_VERIFY")["KeyMetadata"]["Arn"]
    return arn


def test_a_signature_verifies_with_the_published_key(kms: Any) -> None:
    """What KMS signs verifies with the public key that KMS returned, as RS256."""
    arn = create_key(kms)
    key = KmsKeySource(kms, arn).load()
    public_key: Any = load_der_public_key(kms.get_public_key(KeyId=arn)["PublicKey"])
    public_key.verify(key.sign(b"x" * 4096), b"x" * 4096, padding.PKCS1v15(), hashes.SHA256())


def test_an_alias_that_moves_does_not_change_who_signs(kms: Any) -> None:
    """A key that was loaded through an alias goes on signing as itself after the alias was pointed elsewhere."""
    first, second = create_key(kms), create_key(kms)
    kms.create_alias(AliasName="alias/moving", TargetKeyId=first)
    source = KmsKeySource(kms, "alias/moving")
    loaded = source.load()
    kms.update_alias(AliasName="alias/moving", TargetKeyId=second)
    public_key: Any = load_der_public_key(kms.get_public_key(KeyId=first)["PublicKey"])
    public_key.verify(loaded.sign(b"message"), b"message", padding.PKCS1v15(), hashes.SHA256())
    assert source.load().kid != loaded.kid


def public_key_answer(**changes: Any) -> dict[str, Any]:
    """Give AWS's answer to GetPublicKey, with what the test changes about it."""
    usual = {"KeyId": ARN, "PublicKey": PUBLIC_KEY, "KeyUsage": "SIGN_VERIFY", "SigningAlgorithms": [ALGORITHM]}
    return {**usual, **changes}


Planted = Callable[[Stubber], None]
AT_LOADING: dict[str, tuple[Planted, str]] = {
    "disabled": (lambda stub: stub.add_client_error("get_public_key", "DisabledException"), "DisabledException"),
    "pending deletion": (
        lambda stub: stub.add_client_error("get_public_key", "KMSInvalidStateException"),
        "KMSInvalidStateException",
    ),
    "throttled": (lambda stub: stub.add_client_error("get_public_key", "ThrottlingException"), "ThrottlingException"),
    "a key for encryption": (
        lambda stub: stub.add_response("get_public_key", public_key_answer(KeyUsage="ENCRYPT_DECRYPT")),
        "ValueError",
    ),
    "another algorithm": (
        lambda stub: stub.add_response("get_public_key", public_key_answer(SigningAlgorithms=["ECDSA_SHA_256"])),
        "ValueError",
    ),
    "an elliptic-curve key": (
        lambda stub: stub.add_response("get_public_key", public_key_answer(PublicKey=EC_PUBLIC_KEY)),
        "ValueError",
    ),
    "garbage": (lambda stub: stub.add_response("get_public_key", public_key_answer(PublicKey=b"?")), "ValueError"),
    "an empty answer": (lambda stub: stub.add_response("get_public_key", {}), "KeyError"),
}
AT_SIGNING: dict[str, tuple[Planted, str]] = {
    "disabled": (lambda stub: stub.add_client_error("sign", "DisabledException"), "DisabledException"),
    "pending deletion": (
        lambda stub: stub.add_client_error("sign", "KMSInvalidStateException"),
        "KMSInvalidStateException",
    ),
    "throttled": (lambda stub: stub.add_client_error("sign", "ThrottlingException"), "ThrottlingException"),
    "an empty answer": (lambda stub: stub.add_response("sign", {}), "KeyError"),
}


def stubbed() -> tuple[Any, Stubber]:
    """Give a boto3 client that answers what is planted."""
    kms = boto3.client("kms", config=Config(retries={"total_max_attempts": 1}))
    return kms, Stubber(kms)


@pytest.mark.parametrize(("plant", "said"), AT_LOADING.values(), ids=AT_LOADING.keys())
def test_a_key_that_will_not_do_is_a_dependency_error(plant: Planted, said: str) -> None:
    """A key that is disabled, unreachable, or no RSA signing key at all never signs, and says so in one error."""
    kms, stub = stubbed()
    plant(stub)
    with stub, pytest.raises(DependencyError, match=f"^kms:GetPublicKey: {said}$"):
        KmsKeySource(kms, "alias/latchkey").load()


@pytest.mark.parametrize(("plant", "said"), AT_SIGNING.values(), ids=AT_SIGNING.keys())
def test_a_signature_that_fails_is_a_dependency_error(plant: Planted, said: str) -> None:
    """A key that was loaded and then fails to sign is the same kind of failure."""
    kms, stub = stubbed()
    stub.add_response("get_public_key", public_key_answer())
    plant(stub)
    with stub, pytest.raises(DependencyError, match=f"^kms:Sign: {said}$"):
        KmsKeySource(kms, "alias/latchkey").load().sign(b"message")


def test_the_request_to_kms_is_raw_and_to_the_pinned_key() -> None:
    """The whole signing input goes to KMS, to the ARN that the public key came from."""
    kms, stub = stubbed()
    stub.add_response("get_public_key", public_key_answer(), {"KeyId": "alias/latchkey"})
    asked = {"KeyId": ARN, "Message": b"message", "MessageType": "RAW", "SigningAlgorithm": ALGORITHM}
    stub.add_response("sign", {"KeyId": ARN, "Signature": b"signature"}, asked)
    with stub:
        assert KmsKeySource(kms, "alias/latchkey").load().sign(b"message") == b"signature"
        stub.assert_no_pending_responses()
