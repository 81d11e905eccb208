"""The Lambda as it starts and answers: its settings out of the environment, DynamoDB and KMS behind it."""

import importlib
import sys
import uuid
from collections.abc import Callable
from typing import Any

import boto3
import botocore.client
import pytest

from auth_server.aws.dynamodb import DynamoDBClientStore
from infra.cloudformation import Stack
from tests.auth_server.aws.test_vending_table import DEFINITION
from tests.auth_server.vending.simulator import BROWSER, ENVIRON, KINDS, said, tokens_event

Handler = Callable[[Any, Any], dict[str, Any]]
HIT = ["GetItem", "GetItem", "Decrypt", "GetPublicKey", "GetItem", "GetItem", "GetItem"]


@pytest.fixture
def start(aws_endpoint: str, monkeypatch: pytest.MonkeyPatch) -> Callable[[], Handler]:
    """Give what starts a Lambda over tables and keys of the test's own."""
    run, tables = uuid.uuid4(), Stack().tables()
    dynamodb = boto3.client("dynamodb", endpoint_url=aws_endpoint)
    kms = boto3.client("kms", endpoint_url=aws_endpoint)
    definitions: dict[str, Any] = {
        "CLIENTS_TABLE": tables["ClientsTable"].definition,
        "STATE_TABLE": tables["StateTable"].definition,
        "VENDING_TABLE": DEFINITION,
    }
    environ = {
        **ENVIRON,
        **{name: f"{name}-{run}" for name in definitions},
        "SIGNING_KEY_ID": kms.create_key(KeySpec="RSA_2048", KeyUsage="SIGN_VERIFY")["KeyMetadata"]["KeyId"],
        "VENDED_TOKEN_KEY_ID": kms.create_key()["KeyMetadata"]["KeyId"],
        "AWS_ENDPOINT_URL": aws_endpoint,
    }
    for name, definition in definitions.items():
        dynamodb.create_table(**{**definition, "TableName": environ[name]})
    for name, value in environ.items():
        monkeypatch.setenv(name, value)
    DynamoDBClientStore(dynamodb, environ["CLIENTS_TABLE"]).create(BROWSER)

    def lambda_handler() -> Handler:
        sys.modules.pop("auth_server.vending_handler", None)
        handler: Handler = importlib.import_module("auth_server.vending_handler").lambda_handler
        return handler

    return lambda_handler


@pytest.mark.parametrize("kind", KINDS)
def test_it_answers_each_kind_of_api(start: Callable[[], Handler], kind: str) -> None:
    """A token for the caller, the same from the next Lambda, and JSON for what is no such path."""
    first = said(start()(tokens_event(kind), None))
    assert said(start()(tokens_event(kind), None)) == first
    said(start()(tokens_event(kind, path="/other"), None), 404)


def test_a_call_costs_what_the_page_says(start: Callable[[], Handler], monkeypatch: pytest.MonkeyPatch) -> None:
    """Signed once; a cold Lambda reads and decrypts, and a warm one reads the client and what is revoked."""
    calls: list[str] = []
    client: Any = botocore.client.BaseClient
    make = client._make_api_call  # noqa: SLF001 - what every call goes through

    def counted(self: Any, operation: str, arguments: Any) -> Any:
        calls.append(operation)
        return make(self, operation, arguments)

    monkeypatch.setattr(client, "_make_api_call", counted)
    handler = start()
    said(handler(tokens_event(), None))
    assert calls == ["GetItem", "GetItem", "GetPublicKey", "Sign", "Encrypt", "PutItem"]
    calls.clear()
    said(handler(tokens_event(), None))
    assert calls == ["GetItem"] * 4
    calls.clear()
    said(start()(tokens_event(), None))
    assert calls == HIT
