"""Calls of DynamoDB: a client with short time-outs, and answers that are either whole or `TemporarilyUnavailable`."""

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, Final

import boto3.session
from botocore.config import Config
from botocore.exceptions import ClientError

from resource_server.errors import TemporarilyUnavailable

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

# At the worst 2 x (1 + 2) s and a pause of at most 1 s between: within the 29 s that API Gateway waits.
TIMEOUTS: Final = Config(
    connect_timeout=1,
    read_timeout=2,
    retries={"total_max_attempts": 2, "mode": "standard"},
)


def dynamodb_client() -> "DynamoDBClient":
    """Return a client of its own session, which reads the environment now and never again."""
    return boto3.session.Session().client("dynamodb", config=TIMEOUTS)


def call(what: str, operation: Callable[..., Any], **parameters: object) -> Mapping[str, Any]:
    """Return the answer; raises `TemporarilyUnavailable`, which tells the caller that `what` cannot be reached."""
    try:
        answer: Mapping[str, Any] = operation(ReturnConsumedCapacity="TOTAL", **parameters)
    except ClientError as error:
        raise TemporarilyUnavailable(str(error.response["Error"]["Code"]), what) from error
    except Exception as error:
        # botocore's parser lets errors of any type through where an answer is garbage, and here only botocore runs.
        raise TemporarilyUnavailable(type(error).__name__, what) from error
    # botocore reads a body that is no JSON as an empty answer, which would pass for "no such product" or "kept". The
    # consumed capacity is in every true answer once it is asked for.
    if "ConsumedCapacity" not in answer:
        raise TemporarilyUnavailable("answer without ConsumedCapacity", what)
    return answer


def items(what: str, answer: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """Return the items of a list; raises `TemporarilyUnavailable` where one is none."""
    found = answer.get("Items")
    if found is None:
        raise TemporarilyUnavailable("answer without Items", what)
    if None in found:  # botocore hands on a null in a list
        raise TemporarilyUnavailable("answer with an item that is null", what)
    return list(found)


def string(what: str, item: Mapping[str, Any], name: str) -> str:
    """Return an item's attribute; raises `TemporarilyUnavailable` where it is no string."""
    value = (item.get(name) or {}).get("S")
    if not isinstance(value, str):
        raise TemporarilyUnavailable(f"item without the string {name}", what)
    return value
