"""A real moto server for each worker, fresh tables for each test, and one warm handler over it."""

import uuid
from collections.abc import Iterator
from typing import TYPE_CHECKING

import boto3
import pytest
from moto.server import ThreadedMotoServer

from tests.resource_server.api import Api, cold_start, messages_table_of

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient


@pytest.fixture(scope="session")
def moto_endpoint() -> Iterator[str]:
    """Yield the URL of a moto server on a free port."""
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    yield f"http://{host}:{port}"
    server.stop()


@pytest.fixture(scope="session")
def dynamodb(moto_endpoint: str) -> "DynamoDBClient":
    """Return a DynamoDB client of the test's own."""
    return boto3.session.Session().client(
        "dynamodb",
        endpoint_url=moto_endpoint,
        region_name="us-east-1",
        aws_access_key_id="testing",
        aws_secret_access_key="testing",
    )


@pytest.fixture(scope="session")
def table_name() -> str:
    """Return a name that no other test's table has: all of moto's servers in a process share one state."""
    return f"products-{uuid.uuid4()}"


@pytest.fixture
def table(dynamodb: "DynamoDBClient", table_name: str) -> Iterator[str]:
    """Yield the name of a fresh products table, which a fresh messages table goes with."""
    create_table(dynamodb, table_name)
    create_messages_table(dynamodb, messages_table_of(table_name))
    yield table_name
    dynamodb.delete_table(TableName=table_name)
    dynamodb.delete_table(TableName=messages_table_of(table_name))


@pytest.fixture(scope="session")
def warm_api(moto_endpoint: str, table_name: str) -> Api:
    """Return the handler, started once."""
    with pytest.MonkeyPatch.context() as monkeypatch:
        return cold_start(monkeypatch, moto_endpoint, table_name)


@pytest.fixture
def api(warm_api: Api, table: str) -> Api:
    """Return the handler over the fresh table."""
    assert table
    return warm_api


def create_table(dynamodb: "DynamoDBClient", name: str) -> None:
    """Make a products table as the template describes it."""
    dynamodb.create_table(
        TableName=name,
        AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
        KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
        BillingMode="PAY_PER_REQUEST",
    )


def create_messages_table(dynamodb: "DynamoDBClient", name: str) -> None:
    """Make a messages table as the template describes it."""
    dynamodb.create_table(
        TableName=name,
        AttributeDefinitions=[
            {"AttributeName": "board", "AttributeType": "S"},
            {"AttributeName": "id", "AttributeType": "S"},
        ],
        KeySchema=[{"AttributeName": "board", "KeyType": "HASH"}, {"AttributeName": "id", "KeyType": "RANGE"}],
        BillingMode="PAY_PER_REQUEST",
    )
