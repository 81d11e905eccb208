"""A DynamoDB table that clients share, over whatever endpoint, and hands that may do with it what they like."""

import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import boto3.session

from token_client.store.dynamodb import DynamoDBTokenStore

SESSION = boto3.session.Session()  # reads what AWS's APIs are like once for all tests


class SharedTable:
    """A table as `DynamoDBTokenStore` wants it: a key `id`, and nothing else."""

    def __init__(self, endpoint_url: str) -> None:
        """Create it."""
        self.endpoint_url = endpoint_url
        self.name = f"tokens-{uuid.uuid4()}"
        self.dynamodb: Any = SESSION.client("dynamodb", endpoint_url=endpoint_url)
        self.dynamodb.create_table(
            TableName=self.name,
            AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
            KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
            BillingMode="PAY_PER_REQUEST",
        )

    def items(self) -> dict[str, dict[str, Any]]:
        """Give every item by its id."""
        return {item["id"]["S"]: item for item in self.dynamodb.scan(TableName=self.name)["Items"]}

    def put(self, item: dict[str, Any]) -> None:
        """Write an item over whatever there is."""
        self.dynamodb.put_item(TableName=self.name, Item=item)

    def delete(self, item_id: str) -> None:
        """Delete an item."""
        self.dynamodb.delete_item(TableName=self.name, Key={"id": {"S": item_id}})

    def lease_owners(self) -> list[str]:
        """Give who holds a lease."""
        return [item["lease_owner"]["S"] for item in self.items().values() if "lease_owner" in item]


@contextmanager
def shared_table(endpoint_url: str) -> Iterator[SharedTable]:
    """Have a table for the time of a test."""
    table = SharedTable(endpoint_url)
    try:
        yield table
    finally:
        table.dynamodb.delete_table(TableName=table.name)


def store(table: SharedTable, *, endpoint_url: str | None = None) -> DynamoDBTokenStore:
    """Give a store over a table, as a process of its own would make it; at another endpoint, as a proxy is one."""
    return DynamoDBTokenStore(table.name, endpoint_url=endpoint_url or table.endpoint_url, session=SESSION)
