"""The local AWS endpoint: what it does beyond moto's."""

import socket
import sys
import threading
import uuid
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import boto3
import pytest
from botocore.config import Config

from infra.local.aws_endpoint import aws_endpoint


@pytest.fixture(autouse=True)
def _often_interrupted() -> Iterator[None]:
    """Let threads take turns so often that a race shows."""
    usual = sys.getswitchinterval()
    sys.setswitchinterval(0.00001)
    yield
    sys.setswitchinterval(usual)


@pytest.fixture(scope="module")
def dynamodb() -> Iterator[Any]:
    """Give a boto3 client of an endpoint."""
    with socket.create_server(("127.0.0.1", 0)) as listener, aws_endpoint(listener):
        url = f"http://127.0.0.1:{listener.getsockname()[1]}"
        yield boto3.client("dynamodb", endpoint_url=url, config=Config(max_pool_connections=16))


def test_of_many_conditional_writes_one_is_done(dynamodb: Any) -> None:
    """As in DynamoDB, nothing comes between a condition and its write: of sixteen at once, one wins, each time."""
    table = f"races-{uuid.uuid4()}"
    dynamodb.create_table(
        TableName=table,
        KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
        BillingMode="PAY_PER_REQUEST",
    )
    barrier = threading.Barrier(16)

    def take(race: int) -> bool:
        barrier.wait()
        try:
            dynamodb.update_item(
                TableName=table,
                Key={"id": {"S": str(race)}},
                UpdateExpression="SET taken = :yes",
                ConditionExpression="attribute_not_exists(taken)",
                ExpressionAttributeValues={":yes": {"BOOL": True}},
            )
        except dynamodb.exceptions.ConditionalCheckFailedException:
            return False
        return True

    with ThreadPoolExecutor(16) as pool:
        assert [sum(pool.map(take, [race] * 16)) for race in range(20)] == [1] * 20
