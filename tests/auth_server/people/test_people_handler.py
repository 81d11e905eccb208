"""The people function as Lambda starts it, over the local AWS endpoint."""

import importlib
import json
import sys
import uuid
from collections.abc import Callable, Iterator
from typing import Any

import boto3
import pytest

from auth_server.aws.dynamodb import DynamoDBClientStore
from auth_server.settings import SettingsError
from tests.auth_server.people.simulator import BROWSER, ENVIRON, ORIGIN, PASSWORD
from tests.simulator import event

MODULE = "auth_server.people_handler"
# Each table and its keys; the second, where there is one, sorts.
TABLES = {
    "CLIENTS_TABLE": ("client_id",),
    "STATE_TABLE": ("kind", "name"),
    "VENDING_TABLE": ("id",),
    "PEOPLE_TABLE": ("username",),
}
Handler = Callable[[dict[str, Any], Any], dict[str, Any]]


def make_table(dynamodb: Any, keys: tuple[str, ...]) -> str:
    """Make a table, and give its name."""
    name = f"people-handler-{uuid.uuid4()}"
    dynamodb.create_table(
        TableName=name,
        AttributeDefinitions=[{"AttributeName": key, "AttributeType": "S"} for key in keys],
        KeySchema=[{"AttributeName": key, "KeyType": kind} for key, kind in zip(keys, ("HASH", "RANGE"), strict=False)],
        BillingMode="PAY_PER_REQUEST",
    )
    return name


@pytest.fixture
def handler(aws_endpoint: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Handler]:
    """Start the function with tables and keys of its own."""
    dynamodb = boto3.client("dynamodb", endpoint_url=aws_endpoint)
    kms = boto3.client("kms", endpoint_url=aws_endpoint)
    environ = {**ENVIRON, "AWS_ENDPOINT_URL": aws_endpoint}
    environ |= {name: make_table(dynamodb, keys) for name, keys in TABLES.items()}
    rsa, symmetric = kms.create_key(KeySpec="RSA_2048", KeyUsage="SIGN_VERIFY"), kms.create_key()
    environ |= {"SIGNING_KEY_ID": rsa["KeyMetadata"]["Arn"], "VENDED_TOKEN_KEY_ID": symmetric["KeyMetadata"]["Arn"]}
    DynamoDBClientStore(dynamodb, environ["CLIENTS_TABLE"]).create(BROWSER)
    for name, value in environ.items():
        monkeypatch.setenv(name, value)
    monkeypatch.delitem(sys.modules, MODULE, raising=False)
    yield importlib.import_module(MODULE).lambda_handler
    sys.modules.pop(MODULE, None)


def send(handler: Handler, path: str, body: Any = None, **headers: str) -> dict[str, Any]:
    """Post a JSON document."""
    sent = {"Content-Type": "application/json", "Origin": ORIGIN, **headers}
    return handler(event("POST", path, body=None if body is None else json.dumps(body), headers=sent), None)


def test_a_person_comes_and_goes(handler: Handler) -> None:
    """Sign-up, a wrong password, log-in and log-out, with DynamoDB and KMS behind them."""
    alice = {"username": "alice", "password": PASSWORD}
    assert send(handler, "/signup", alice)["statusCode"] == 201
    assert send(handler, "/signup", alice)["statusCode"] == 409
    assert send(handler, "/login", {**alice, "password": PASSWORD + "."})["statusCode"] == 401
    response = send(handler, "/login", alice)
    assert response["statusCode"] == 200, response
    token = json.loads(response["body"])["token"]
    for _ in range(2):
        assert send(handler, "/logout", Authorization=f"Bearer {token}")["statusCode"] == 200


def test_a_bad_setting_stops_the_cold_start(monkeypatch: pytest.MonkeyPatch) -> None:
    """The error names the variable."""
    for name, value in {**ENVIRON, "SIGNUP": "maybe"}.items():
        monkeypatch.setenv(name, value)
    monkeypatch.delitem(sys.modules, MODULE, raising=False)
    with pytest.raises(SettingsError, match=r"^SIGNUP must be one of on, off$"):
        importlib.import_module(MODULE)
