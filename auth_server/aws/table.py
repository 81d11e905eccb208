"""Calls of DynamoDB that can be believed."""

from typing import Any


def call(dynamodb: Any, operation: str, **arguments: Any) -> dict[str, Any]:
    """Call DynamoDB, and make sure that it was DynamoDB that answered; raises ValueError where it was not.

    boto3 makes an empty answer of a success whose body makes no sense, and an empty answer would mean that there is no
    such item, or that it was written. So the capacity is asked for, which every real answer then has.
    """
    answer: dict[str, Any] = getattr(dynamodb, operation)(ReturnConsumedCapacity="TOTAL", **arguments)
    if "ConsumedCapacity" not in answer:
        raise ValueError("the answer is not DynamoDB's")
    return answer
