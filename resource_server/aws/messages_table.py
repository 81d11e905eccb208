"""The messages table in DynamoDB: partition key `board`, sort key `id`, every attribute a string.

AWS actions: dynamodb:PutItem, dynamodb:Query.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from resource_server.aws.dynamodb import call, items, string
from resource_server.messages import LATEST, Message

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

WHAT: Final = "messages"
# The sample has one board.
BOARD: Final = "main"


@dataclass(frozen=True, slots=True)
class MessagesTable:
    """A `MessageBoard` over one DynamoDB table."""

    client: "DynamoDBClient"
    table: str

    def post(self, message: Message) -> None:
        """Keep the message; raises `TemporarilyUnavailable`.

        No condition, as for a product: an attempt whose answer was lost is written again as it was.
        """
        members = {"board": BOARD, **message.document()}
        item = {name: {"S": value} for name, value in members.items() if value is not None}
        call(WHAT, self.client.put_item, TableName=self.table, Item=item)

    def latest(self) -> tuple[Message, ...]:
        """Return the latest messages, newest first, by one Query; raises `TemporarilyUnavailable`.

        Consistent: who has posted sees it. A page of DynamoDB's (1 MB) holds far more than `LATEST` of the longest.
        """
        answer = call(
            WHAT,
            self.client.query,
            TableName=self.table,
            KeyConditionExpression="board = :board",
            ExpressionAttributeValues={":board": {"S": BOARD}},
            ScanIndexForward=False,
            ConsistentRead=True,
            Limit=LATEST,
        )
        return tuple(map(_message, items(WHAT, answer)))


def _message(item: Mapping[str, Any]) -> Message:
    return Message(
        id=string(WHAT, item, "id"),
        text=string(WHAT, item, "text"),
        author=string(WHAT, item, "author") if "author" in item else None,
        created_at=string(WHAT, item, "created_at"),
    )
