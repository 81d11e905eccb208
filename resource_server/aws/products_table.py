"""The products table in DynamoDB: partition key `id`, every attribute a string.

AWS actions: dynamodb:GetItem, dynamodb:PutItem, dynamodb:Scan.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import boto3.session
from botocore.config import Config
from botocore.exceptions import ClientError

from resource_server.errors import TemporarilyUnavailable
from resource_server.products import Page, Product

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


@dataclass(frozen=True, slots=True)
class ProductsTable:
    """A `ProductStore` over one DynamoDB table."""

    client: "DynamoDBClient"
    table: str

    def get(self, product_id: str) -> Product | None:
        """Return the product; raises `TemporarilyUnavailable`."""
        answer = _answer(self.client.get_item, TableName=self.table, Key={"id": {"S": product_id}})
        item = answer.get("Item")
        return None if item is None else _product(item)

    def put(self, product: Product) -> None:
        """Keep the product; raises `TemporarilyUnavailable`.

        No condition: where the first attempt arrived and its answer was lost, the second writes the same item again,
        and a condition would call that a failure. The id is random, so there is nothing else to overwrite.
        """
        item = {name: {"S": value} for name, value in product.document().items() if value is not None}
        _answer(self.client.put_item, TableName=self.table, Item=item)

    def page(self, limit: int, after_id: str | None) -> Page:
        """Return a page; raises `TemporarilyUnavailable`.

        A Scan in the order of the keys' hashes. That is right for a sample whose every reader may see every product;
        a shop that lists by name or category would Query an index made for it.
        """
        start = {} if after_id is None else {"ExclusiveStartKey": {"id": {"S": after_id}}}
        answer = _answer(self.client.scan, TableName=self.table, Limit=limit, **start)
        items, last = answer.get("Items"), answer.get("LastEvaluatedKey")
        if items is None:
            raise TemporarilyUnavailable("answer without Items")
        return Page(tuple(map(_product, items)), None if last is None else _string(last, "id"))


def _answer(operation: Callable[..., Any], **parameters: object) -> Mapping[str, Any]:
    try:
        answer: Mapping[str, Any] = operation(ReturnConsumedCapacity="TOTAL", **parameters)
    except ClientError as error:
        raise TemporarilyUnavailable(str(error.response["Error"]["Code"])) from error
    except Exception as error:
        # botocore's parser lets errors of any type through where an answer is garbage, and here only botocore runs.
        raise TemporarilyUnavailable(type(error).__name__) from error
    # botocore reads a body that is no JSON as an empty answer, which would pass for "no such product" or "kept". The
    # consumed capacity is in every true answer once it is asked for.
    if "ConsumedCapacity" not in answer:
        raise TemporarilyUnavailable("answer without ConsumedCapacity")
    return answer


def _product(item: Mapping[str, Any] | None) -> Product:
    if item is None:  # botocore hands on a null in a list
        raise TemporarilyUnavailable("answer with an item that is null")
    return Product(
        id=_string(item, "id"),
        name=_string(item, "name"),
        price=_string(item, "price"),
        created_by=_string(item, "created_by") if "created_by" in item else None,
        created_at=_string(item, "created_at"),
    )


def _string(item: Mapping[str, Any], name: str) -> str:
    value = (item.get(name) or {}).get("S")
    if not isinstance(value, str):
        raise TemporarilyUnavailable(f"item without the string {name}")
    return value
