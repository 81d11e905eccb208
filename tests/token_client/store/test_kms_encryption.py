"""Tokens under a key of KMS, over the local AWS endpoint; and what a client needs permission for."""

import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import boto3
import botocore.handlers
import pytest

from infra.cloudformation import TOKEN_CACHE_EXAMPLE, Stack
from tests import aws_proxy
from tests.token_client.store.test_dynamodb import EMPTY, KEY, SECRET, keep, make_table, make_token, raw
from token_client.errors import StoreError
from token_client.store.dynamodb import DynamoDBTokenStore
from token_client.store.protocol import Reading, TokenKey

OTHER = TokenKey("https://auth.example.com", "other")


@pytest.fixture(scope="module")
def kms(aws_endpoint: str) -> Any:
    """Give a boto3 client of the test's own."""
    return boto3.client("kms", endpoint_url=aws_endpoint)


@pytest.fixture(scope="module")
def key_id(kms: Any) -> str:
    """Make a symmetric key, and give its id."""
    made: str = kms.create_key()["KeyMetadata"]["KeyId"]
    return made


@pytest.fixture
def dynamodb(aws_endpoint: str) -> Any:
    """Give a boto3 client of the test's own."""
    return boto3.client("dynamodb", endpoint_url=aws_endpoint)


@pytest.fixture
def store(aws_endpoint: str, dynamodb: Any, key_id: str) -> DynamoDBTokenStore:
    """Give a store over an empty table, and the key."""
    return DynamoDBTokenStore(make_table(dynamodb), kms_key_id=key_id, endpoint_url=aws_endpoint)


@pytest.mark.parametrize("secret", [None, SECRET])
def test_a_client_needs_no_secret(store: DynamoDBTokenStore, secret: bytes | None) -> None:
    """KMS has the key, for those that have a secret as well: it may be rotated, and the token stays."""
    token = make_token("x" * 6_000)  # more than KMS itself would encrypt
    slot = store.slot(KEY, secret)
    assert slot.acquire("one", 10)
    assert slot.write("one", token)
    assert store.slot(KEY, b"rotated").read() == Reading(token, None)


def test_the_key_may_be_called_by_its_alias(
    aws_endpoint: str, store: DynamoDBTokenStore, kms: Any, key_id: str
) -> None:
    """An alias is what a template knows."""
    alias = f"alias/{uuid.uuid4()}"
    kms.create_alias(AliasName=alias, TargetKeyId=key_id)
    keep(store, make_token())
    by_alias = DynamoDBTokenStore(store.table, kms_key_id=alias, endpoint_url=aws_endpoint)
    assert by_alias.slot(KEY, None).read().token is not None


@pytest.mark.parametrize("code", ["IncorrectKeyException", "InvalidCiphertextException"])
def test_a_token_that_kms_cannot_read_is_a_miss(
    aws_endpoint: str, store: DynamoDBTokenStore, key_id: str, code: str
) -> None:
    """Of another key, or none of KMS's: it is fetched anew. The local endpoint has other errors than AWS here."""
    keep(store, make_token())
    with aws_proxy.proxy_to(lambda: aws_endpoint) as faults:
        slot = DynamoDBTokenStore(store.table, kms_key_id=key_id, endpoint_url=faults.url).slot(KEY, None)
        faults.failing["kms"] = aws_proxy.error(400, code)
        assert slot.read() == EMPTY


def test_the_two_ways_do_not_read_each_others_tokens(aws_endpoint: str, store: DynamoDBTokenStore) -> None:
    """A client that goes over to KMS fetches anew, and back."""
    by_secret = DynamoDBTokenStore(store.table, endpoint_url=aws_endpoint)
    keep(store, make_token())
    assert by_secret.slot(KEY, SECRET).read() == EMPTY
    keep(by_secret, make_token())
    assert store.slot(KEY, SECRET).read() == EMPTY


def test_an_item_that_was_moved_is_a_miss(store: DynamoDBTokenStore, dynamodb: Any) -> None:
    """KMS unwraps the data key for the item that it was made for, and no other."""
    keep(store, make_token())
    dynamodb.put_item(TableName=store.table, Item={**raw(dynamodb, store.table), "id": {"S": OTHER.id}})
    assert store.slot(OTHER, None).read() == EMPTY


def test_any_byte_that_was_changed_is_a_miss(store: DynamoDBTokenStore, dynamodb: Any, key_id: str) -> None:
    """In the header, in the wrapped key, in the ciphertext.

    The wrapped key of the local endpoint begins with the key's id, by which it says that there is no such key.
    """
    keep(store, make_token("short"))
    item = raw(dynamodb, store.table)
    data = bytes(item["token"]["B"])
    for position in (0, 1, 2, *range(3 + len(key_id), len(data), 7)):
        changed = data[:position] + bytes([data[position] ^ 1]) + data[position + 1 :]
        dynamodb.put_item(TableName=store.table, Item={**item, "token": {"B": changed}})
        assert store.slot(KEY, None).read() == EMPTY


@pytest.mark.parametrize("code", ["AccessDeniedException", "KMSInvalidStateException", "ThrottlingException"])
def test_a_kms_that_does_not_decrypt_is_a_store_error(
    aws_endpoint: str, store: DynamoDBTokenStore, key_id: str, code: str
) -> None:
    """Disabled, throttled or not permitted: the client does without the store, and says so."""
    keep(store, make_token())
    with aws_proxy.proxy_to(lambda: aws_endpoint) as faults:
        slot = DynamoDBTokenStore(store.table, kms_key_id=key_id, endpoint_url=faults.url).slot(KEY, None)
        faults.failing["kms"] = aws_proxy.error(400, code)
        with pytest.raises(StoreError, match=rf"^kms:Decrypt: {code}$"):
            slot.read()
        assert slot.acquire("one", 10)
        with pytest.raises(StoreError, match=rf"^kms:GenerateDataKey: {code}$"):
            slot.write("one", make_token())


@dataclass(frozen=True, slots=True)
class Call:
    """One AWS call: its IAM action, and its parameters."""

    action: str
    parameters: Mapping[str, Any]


@pytest.fixture
def calls(monkeypatch: pytest.MonkeyPatch) -> list[Call]:
    """Give each call of every boto3 session that is made from now on."""
    made: list[Call] = []

    def record(params: Mapping[str, Any], model: Any, **_: Any) -> None:
        made.append(Call(f"{model.service_model.endpoint_prefix}:{model.name}", dict(params)))

    handlers = [*botocore.handlers.BUILTIN_HANDLERS, ("before-parameter-build.*", record)]
    monkeypatch.setattr(botocore.handlers, "BUILTIN_HANDLERS", handlers)
    return made


@pytest.mark.parametrize("with_key", [False, True])
def test_the_policy_permits_what_a_client_does_and_nothing_else(
    aws_endpoint: str, dynamodb: Any, key_id: str, calls: list[Call], *, with_key: bool
) -> None:
    """Each call is permitted, and each permission is used; the key's only where there is a key."""
    arn = f"arn:aws:kms:us-east-1:123456789012:key/{key_id}"
    stack = Stack(
        TOKEN_CACHE_EXAMPLE,
        parameters={"TableName": make_table(dynamodb), "TokenKeyArn": arn if with_key else ""},
    )
    table = stack.tables()["TokenCache"].name
    store = DynamoDBTokenStore(table, kms_key_id=arn if with_key else None, endpoint_url=aws_endpoint)
    keep(store, make_token())
    store.slot(KEY, SECRET).read()
    store.slot(KEY, SECRET).release("nobody")
    statements = stack.properties("TokenCachePolicy")["PolicyDocument"]["Statement"]
    assert {each["Effect"] for each in statements} == {"Allow"}
    permitted = {(action, each["Resource"]) for each in statements for action in each["Action"]}
    arns = {table: stack.resolve({"Fn::GetAtt": ["TokenCache", "Arn"]}), arn: arn}
    used = {(call.action, arns[call.parameters.get("TableName") or call.parameters["KeyId"]]) for call in calls}
    assert used == permitted


def test_the_policy_permits_the_key_for_tokens_alone(
    aws_endpoint: str, store: DynamoDBTokenStore, key_id: str, calls: list[Call]
) -> None:
    """Each call of KMS has the encryption context whose names the policy makes a condition."""
    stack = Stack(TOKEN_CACHE_EXAMPLE, parameters={"TokenKeyArn": f"arn:aws:kms:us-east-1:123456789012:key/{key_id}"})
    (statement,) = [
        each
        for each in stack.properties("TokenCachePolicy")["PolicyDocument"]["Statement"]
        if "kms:Decrypt" in each["Action"]
    ]
    recorded = DynamoDBTokenStore(store.table, kms_key_id=key_id, endpoint_url=aws_endpoint)
    keep(recorded, make_token())
    recorded.slot(KEY, None).read()
    contexts = [call.parameters["EncryptionContext"] for call in calls if call.action.startswith("kms:")]
    assert contexts == [{"id": KEY.id, "server": KEY.server, "client_id": KEY.client_id}] * 2
    # ForAllValues holds where there is no value: Null asks for one (IAM guide, "Multivalued context key examples").
    assert statement["Condition"] == {
        "ForAllValues:StringEquals": {"kms:EncryptionContextKeys": sorted(contexts[0])},
        "Null": {"kms:EncryptionContextKeys": "false"},
    }


def test_a_token_that_is_there_costs_one_read(aws_endpoint: str, dynamodb: Any, calls: list[Call]) -> None:
    """Cold, with a token in the store: one GetItem. To fetch one: the lease and the token besides."""
    store = DynamoDBTokenStore(make_table(dynamodb), endpoint_url=aws_endpoint)
    slot = store.slot(KEY, SECRET)
    slot.read()
    assert slot.acquire("one", 10)
    assert slot.write("one", make_token())
    assert [call.action for call in calls] == ["dynamodb:GetItem", "dynamodb:UpdateItem", "dynamodb:UpdateItem"]
    calls.clear()
    assert slot.read().token is not None
    (read,) = calls
    assert read.action == "dynamodb:GetItem"
    assert read.parameters["ConsistentRead"], "else the successor of a token that was just written would be fetched"
