"""A real moto server for each worker, a table for each test, and the handler over it."""

import uuid
from collections.abc import Iterator
from typing import TYPE_CHECKING

import boto3
import pytest
from moto.server import ThreadedMotoServer

from tests.resource_server.api import Api, cold_start

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


@pytest.fixture
def table(dynamodb: "DynamoDBClient") -> Iterator[str]:
    """Yield the name of a fresh products table."""
    name = f"products-{uuid.uuid4()}"
    create_table(dynamodb, name)
    yield name
    dynamodb.delete_table(TableName=name)


@pytest.fixture
def api(monkeypatch: pytest.MonkeyPatch, moto_endpoint: str, table: str) -> Api:
    """Return the handler over the table."""
    return cold_start(monkeypatch, moto_endpoint, table)


def create_table(dynamodb: "DynamoDBClient", name: str) -> None:
    """Make a products table as the template describes it."""
    dynamodb.create_table(
        TableName=name,
        AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
        KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
        BillingMode="PAY_PER_REQUEST",
    )
