"""People in DynamoDB.

username       S     the partition key, normalised
password_hash  S     Argon2id in PHC form
groups         L of S
enabled BOOL, created_at N, updated_at N, version N
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

from auth_server.aws import NONSENSE, dependency
from auth_server.aws.table import call
from auth_server.people.password_hash import is_password_hash
from auth_server.people.people import Person, PersonChangedError, PersonExistsError

Item = dict[str, dict[str, Any]]


@dataclass(frozen=True, slots=True)
class UnreadablePerson:
    """An item of the table of people that is none: `reason` is for the log, and holds nothing of the item."""

    username: str
    reason: str


class DynamoDBPeopleStore:
    """The table of people.

    Every method raises `DependencyError` where DynamoDB does not answer.
    """

    def __init__(self, dynamodb: Any, table: str) -> None:
        """`dynamodb` is a boto3 client, `table` the table's name."""
        self._dynamodb, self._table = dynamodb, table

    def get(self, username: str) -> Person | None:
        """Read a person. The read is consistent: somebody who is disabled is refused by the very next request."""
        with dependency("dynamodb:GetItem"):
            answer = call(self._dynamodb, "get_item", TableName=self._table, Key=_key(username), ConsistentRead=True)
            return from_item(answer["Item"]) if "Item" in answer else None

    def create(self, person: Person) -> None:
        """Write a new person; raises `PersonExistsError`."""
        if not self._put(person, ConditionExpression="attribute_not_exists(username)"):
            raise PersonExistsError(person.username)

    def update(self, person: Person, *, now: int) -> Person:
        """Write a person who was read as `person.version`, and give them with their new version and time.

        Raises `PersonChangedError` where that is no longer their version.
        """
        changed = replace(person, version=person.version + 1, updated_at=now)
        condition = {
            "ConditionExpression": "version = :read",
            "ExpressionAttributeValues": {":read": {"N": str(person.version)}},
        }
        if not self._put(changed, **condition):
            raise PersonChangedError(person.username)
        return changed

    def delete(self, username: str) -> bool:
        """Delete a person; False where there was none."""
        with dependency("dynamodb:DeleteItem"):
            answer = call(
                self._dynamodb, "delete_item", TableName=self._table, Key=_key(username), ReturnValues="ALL_OLD"
            )
            return "Attributes" in answer

    def list(self) -> Iterator[Person | UnreadablePerson]:
        """Read everybody, page by page, in no order. An item that is nobody hides no other."""
        with dependency("dynamodb:Scan"):
            for page in self._dynamodb.get_paginator("scan").paginate(TableName=self._table, ConsistentRead=True):
                yield from map(_read, page["Items"])

    def _put(self, person: Person, **condition: Any) -> bool:
        with dependency("dynamodb:PutItem"):
            try:
                call(self._dynamodb, "put_item", TableName=self._table, Item=to_item(person), **condition)
            except self._dynamodb.exceptions.ConditionalCheckFailedException:
                # Where the answer to a first try was lost, boto3 tries again, and finds what the first try wrote. A
                # hash has a salt of its own, so that this is never somebody else's sign-up.
                return self.get(person.username) == person
            return True


def to_item(person: Person) -> Item:
    """Write a person in DynamoDB's attribute values."""
    return {
        "username": {"S": person.username},
        "password_hash": {"S": person.password_hash},
        "groups": {"L": [{"S": group} for group in person.groups]},
        "enabled": {"BOOL": person.enabled},
        "created_at": _number(person.created_at),
        "updated_at": _number(person.updated_at),
        "version": _number(person.version),
    }


def from_item(item: Item) -> Person:
    """Read a person; raises KeyError, TypeError or ValueError where the item is not one."""
    password_hash = item["password_hash"]["S"]
    if not is_password_hash(password_hash):
        raise ValueError("the password is not hashed with Argon2id")
    return Person(
        username=item["username"]["S"],
        password_hash=password_hash,
        groups=tuple(group["S"] for group in item["groups"]["L"]),
        enabled=item["enabled"]["BOOL"],
        created_at=int(item["created_at"]["N"]),
        updated_at=int(item["updated_at"]["N"]),
        version=int(item["version"]["N"]),
    )


def _read(item: Item) -> Person | UnreadablePerson:
    try:
        return from_item(item)
    except NONSENSE as error:
        return UnreadablePerson(item["username"]["S"], type(error).__name__)


def _key(username: str) -> Item:
    return {"username": {"S": username}}


def _number(value: int) -> dict[str, str]:
    return {"N": str(value)}
