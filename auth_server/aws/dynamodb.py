"""Clients in DynamoDB."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

from auth_server.aws import NONSENSE, dependency
from auth_server.aws.client_item import Item, from_item, to_item
from auth_server.aws.table import call
from auth_server.clients import Client, ClientChangedError, ClientExistsError

__all__ = ["ClientChangedError", "ClientExistsError", "DynamoDBClientStore", "UnreadableClient"]


@dataclass(frozen=True, slots=True)
class UnreadableClient:
    """An item of the table of clients that is no client: `reason` is for the log, and holds nothing of the item."""

    client_id: str
    reason: str


class DynamoDBClientStore:
    """The table of clients. The token endpoint only ever calls `get`; the rest is for operators.

    Every method raises `DependencyError` where DynamoDB does not answer.
    """

    def __init__(self, dynamodb: Any, table: str) -> None:
        """`dynamodb` is a boto3 client, `table` the table's name."""
        self._dynamodb, self._table = dynamodb, table

    def get(self, client_id: str) -> Client | None:
        """Read a client. The read is consistent: a disabled client is refused by the very next request."""
        with dependency("dynamodb:GetItem"):
            answer = call(
                self._dynamodb,
                "get_item",
                TableName=self._table,
                Key={"client_id": {"S": client_id}},
                ConsistentRead=True,
            )
            return from_item(answer["Item"]) if "Item" in answer else None

    def create(self, client: Client) -> None:
        """Write a new client; raises `ClientExistsError`."""
        if not self._put(client, ConditionExpression="attribute_not_exists(client_id)"):
            raise ClientExistsError(client.client_id)

    def update(self, client: Client, *, now: int) -> Client:
        """Write a client that was read as `client.version`, and give it with its new version and time.

        Raises `ClientChangedError` where that is no longer its version.
        """
        changed = replace(client, version=client.version + 1, updated_at=now)
        condition = {
            "ConditionExpression": "version = :read",
            "ExpressionAttributeValues": {":read": {"N": str(client.version)}},
        }
        if not self._put(changed, **condition):
            raise ClientChangedError(client.client_id)
        return changed

    def delete(self, client_id: str) -> bool:
        """Delete a client; False where there was none."""
        with dependency("dynamodb:DeleteItem"):
            answer = call(
                self._dynamodb,
                "delete_item",
                TableName=self._table,
                Key={"client_id": {"S": client_id}},
                ReturnValues="ALL_OLD",
            )
            return "Attributes" in answer

    def list(self) -> Iterator[Client | UnreadableClient]:
        """Read every client, page by page, in no order. One that is none hides no other."""
        with dependency("dynamodb:Scan"):
            for page in self._dynamodb.get_paginator("scan").paginate(TableName=self._table, ConsistentRead=True):
                yield from map(_read, page["Items"])

    def _put(self, client: Client, **condition: Any) -> bool:
        with dependency("dynamodb:PutItem"):
            try:
                call(self._dynamodb, "put_item", TableName=self._table, Item=to_item(client), **condition)
            except self._dynamodb.exceptions.ConditionalCheckFailedException:
                # Where the answer to a first try was lost, boto3 tries again, and finds what the first try wrote.
                return self.get(client.client_id) == client
            return True


def _read(item: Item) -> Client | UnreadableClient:
    try:
        return from_item(item)
    except NONSENSE as error:
        return UnreadableClient(item["client_id"]["S"], type(error).__name__)
