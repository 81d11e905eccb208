"""State in DynamoDB: one table, one item for each thing to remember.

    kind         S   the partition key: "revoked_token", "revoked_client", or the kind of what is used once
    name         S   the sort key: a jti, a client id, or the name of what is used once
    expires_at   N   Unix time in seconds after which the item says nothing; the table's TTL attribute
    not_before   N   of a revoked client: the time up to which all that it was issued is revoked
    client_id    S   of a revoked token: whose it was; empty where its jti alone was known
    written_by   S   of what is used once: a random value of the one who used it
    count        N   of a counter: what it comes to
    seen_at      N   of what is seen from time to time: when that was

DynamoDB removes an item up to days after its TTL, so times are compared here, and removal is never relied on.
"""

import secrets
from collections.abc import Iterator
from typing import Any, Final

from auth_server.aws import dependency
from auth_server.aws.table import call
from auth_server.state import Revocations

TOKEN: Final = "revoked_token"  # noqa: S105 - a kind of item
CLIENT: Final = "revoked_client"


class DynamoDBStateStore:
    """A `StateStore` over one table."""

    def __init__(self, dynamodb: Any, table: str) -> None:
        """`dynamodb` is a boto3 client, `table` the table's name."""
        self._dynamodb, self._table = dynamodb, table

    def use_once(self, kind: str, name: str, *, until: int, now: int) -> bool:
        """Write an item unless there is one that has not expired.

        Where the answer to a first try was lost, boto3 tries again, and DynamoDB then shows the item of that first try.
        """
        written_by = {"S": secrets.token_urlsafe(16)}
        found = self._put(
            {**_key(kind, name), "expires_at": _number(until), "written_by": written_by},
            ConditionExpression="attribute_not_exists(kind) OR expires_at <= :now",
            ExpressionAttributeValues={":now": _number(now)},
            ReturnValuesOnConditionCheckFailure="ALL_OLD",
        )
        return found is None or found.get("written_by") == written_by

    def revoke_token(self, jti: str, *, client_id: str, expires_at: int) -> None:
        """Write the token's item; a second time changes nothing."""
        self._put({**_key(TOKEN, jti), "expires_at": _number(expires_at), "client_id": {"S": client_id}})

    def revoke_client(self, client_id: str, *, not_before: int, until: int) -> None:
        """Write the client's item unless it holds a later time already."""
        self._put(
            {**_key(CLIENT, client_id), "expires_at": _number(until), "not_before": _number(not_before)},
            ConditionExpression="attribute_not_exists(kind) OR not_before < :not_before",
            ExpressionAttributeValues={":not_before": _number(not_before)},
        )

    def count(self, kind: str, name: str, *, until: int, by: int = 1) -> int:
        """Add by one update, which makes the item where there is none."""
        with dependency("dynamodb:UpdateItem"):
            answer = call(
                self._dynamodb,
                "update_item",
                TableName=self._table,
                Key=_key(kind, name),
                UpdateExpression="SET expires_at = :until ADD #count :by",
                ExpressionAttributeNames={"#count": "count"},
                ExpressionAttributeValues={":until": _number(until), ":by": _number(by)},
                ReturnValues="UPDATED_NEW",
            )
            return int(answer["Attributes"]["count"]["N"])

    def counted(self, kind: str, name: str, *, now: int) -> int:
        """Read the counter's item."""
        item = self._get(kind, name)
        with dependency("dynamodb:GetItem"):
            return 0 if item is None or int(item["expires_at"]["N"]) <= now else int(item["count"]["N"])

    def see(self, kind: str, name: str, *, at: int, every: int, until: int) -> None:
        """Update the item, which makes it where there is none, unless it tells a time that is late enough."""
        with dependency("dynamodb:UpdateItem"):
            try:
                call(
                    self._dynamodb,
                    "update_item",
                    TableName=self._table,
                    Key=_key(kind, name),
                    UpdateExpression="SET seen_at = :at, expires_at = :until",
                    ConditionExpression="attribute_not_exists(seen_at) OR seen_at <= :before",
                    ExpressionAttributeValues={
                        ":at": _number(at),
                        ":until": _number(until),
                        ":before": _number(at - every),
                    },
                )
            except self._dynamodb.exceptions.ConditionalCheckFailedException:
                return  # another Lambda has told it within that time

    def seen(self, kind: str, name: str) -> int | None:
        """Read the item."""
        item = self._get(kind, name)
        with dependency("dynamodb:GetItem"):
            return None if item is None else int(item["seen_at"]["N"])

    def all_seen(self, kind: str) -> dict[str, int]:
        """Query the kind, page by page."""
        with dependency("dynamodb:Query"):
            return {item["name"]["S"]: int(item["seen_at"]["N"]) for item in self._query(kind, 0)}

    def is_revoked(self, *, jti: str, client_ids: tuple[str, ...], issued_at: int) -> bool:
        """Read the items that could say so."""
        if self._get(TOKEN, jti) is not None:
            return True
        return any(issued_at < self._not_before(client_id) for client_id in client_ids)

    def _not_before(self, client_id: str) -> int:
        item = self._get(CLIENT, client_id)
        with dependency("dynamodb:GetItem"):
            return 0 if item is None else int(item["not_before"]["N"])

    def revocations(self, now: int) -> Revocations:
        """Query both kinds, page by page."""
        with dependency("dynamodb:Query"):
            tokens = {item["name"]["S"]: int(item["expires_at"]["N"]) for item in self._query(TOKEN, now)}
            clients = {item["name"]["S"]: int(item["not_before"]["N"]) for item in self._query(CLIENT, now)}
            return Revocations(tokens, clients)

    def _get(self, kind: str, name: str) -> dict[str, Any] | None:
        with dependency("dynamodb:GetItem"):
            answer = call(self._dynamodb, "get_item", TableName=self._table, Key=_key(kind, name), ConsistentRead=True)
            return answer.get("Item")

    def _query(self, kind: str, now: int) -> Iterator[dict[str, Any]]:
        arguments: dict[str, Any] = {
            "TableName": self._table,
            "ConsistentRead": True,
            "KeyConditionExpression": "kind = :kind",
            "FilterExpression": "expires_at > :now",
            "ExpressionAttributeValues": {":kind": {"S": kind}, ":now": _number(now)},
        }
        while True:
            page = call(self._dynamodb, "query", **arguments)
            yield from page["Items"]
            if "LastEvaluatedKey" not in page:
                return
            arguments["ExclusiveStartKey"] = page["LastEvaluatedKey"]

    def _put(self, item: dict[str, Any], **condition: Any) -> dict[str, Any] | None:
        """Write an item; where the condition does not hold, give the item that is there, if that was asked for."""
        with dependency("dynamodb:PutItem"):
            try:
                call(self._dynamodb, "put_item", TableName=self._table, Item=item, **condition)
            except self._dynamodb.exceptions.ConditionalCheckFailedException as error:
                found: dict[str, Any] = error.response.get("Item", {})
                return found
            return None


def _key(kind: str, name: str) -> dict[str, Any]:
    return {"kind": {"S": kind}, "name": {"S": name}}


def _number(value: int) -> dict[str, str]:
    return {"N": str(value)}
