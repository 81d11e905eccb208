"""The products table in DynamoDB: partition key `id`, every attribute a string.

AWS actions: dynamodb:GetItem, dynamodb:PutItem, dynamodb:Scan.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from resource_server.aws.dynamodb import call, items, string
from resource_server.products import Page, Product

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

WHAT: Final = "products"


@dataclass(frozen=True, slots=True)
class ProductsTable:
    """A `ProductStore` over one DynamoDB table."""

    client: "DynamoDBClient"
    table: str

    def get(self, product_id: str) -> Product | None:
        """Return the product; raises `TemporarilyUnavailable`."""
        answer = call(WHAT, self.client.get_item, TableName=self.table, Key={"id": {"S": product_id}})
        item = answer.get("Item")
        return None if item is None else _product(item)

    def put(self, product: Product) -> None:
        """Keep the product; raises `TemporarilyUnavailable`.

        No condition: where the first attempt arrived and its answer was lost, the second writes the same item again,
        and a condition would call that a failure. The id is random, so there is nothing else to overwrite.
        """
        item = {name: {"S": value} for name, value in product.document().items() if value is not None}
        call(WHAT, self.client.put_item, TableName=self.table, Item=item)

    def page(self, limit: int, after_id: str | None) -> Page:
        """Return a page; raises `TemporarilyUnavailable`.

        A Scan in the order of the keys' hashes. That is right for a sample whose every reader may see every product;
        a shop that lists by name or category would Query an index made for it.
        """
        start = {} if after_id is None else {"ExclusiveStartKey": {"id": {"S": after_id}}}
        answer = call(WHAT, self.client.scan, TableName=self.table, Limit=limit, **start)
        last = answer.get("LastEvaluatedKey")
        return Page(tuple(map(_product, items(WHAT, answer))), None if last is None else string(WHAT, last, "id"))


def _product(item: Mapping[str, Any]) -> Product:
    return Product(
        id=string(WHAT, item, "id"),
        name=string(WHAT, item, "name"),
        price=string(WHAT, item, "price"),
        created_by=string(WHAT, item, "created_by") if "created_by" in item else None,
        created_at=string(WHAT, item, "created_at"),
    )
