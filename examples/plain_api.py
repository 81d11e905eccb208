"""A Lambda behind the authorizer without any framework."""

import json
from typing import Any

from resource_server.caller import CallerRefusedError, caller_of

NEEDED = {"GET /products": "products:read", "POST /products": "products:write"}


def lambda_handler(event: dict[str, Any], _context: object) -> dict[str, Any]:
    """Answer an event of a REST API or an HTTP API."""
    route = event.get("routeKey") or f"{event['httpMethod']} {event['resource']}"
    caller = caller_of(event)
    try:
        caller.require(NEEDED[route])
    except CallerRefusedError as refused:
        return _answer(refused.status, refused.body, refused.headers)
    if route == "POST /products":
        name = json.loads(event["body"])["name"]
        return _answer(201, {"name": name, "created_by": caller.client_id})
    return _answer(200, {"products": [], "may_write": caller.may("products:write")})


def _answer(status: int, body: dict[str, Any], headers: dict[str, str] | None = None) -> dict[str, Any]:
    headers = {"Content-Type": "application/json", **(headers or {})}
    return {"statusCode": status, "headers": headers, "body": json.dumps(body)}
