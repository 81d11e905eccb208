"""An API with Powertools for AWS Lambda, behind the authorizer.

For an HTTP API write APIGatewayHttpResolver instead of APIGatewayRestResolver; nothing else changes.
"""

import json
from typing import Any

from aws_lambda_powertools.event_handler import APIGatewayRestResolver, Response, content_types
from aws_lambda_powertools.utilities.typing import LambdaContext

from resource_server.caller import Caller, CallerRefusedError, caller_of

app = APIGatewayRestResolver()


def caller(*scopes: str) -> Caller:
    """Return the caller of this request; raises `CallerRefusedError` where its token lacks one of the scopes."""
    found = caller_of(app.current_event.raw_event)
    found.require(*scopes)
    return found


@app.exception_handler(CallerRefusedError)
def refuse(refused: CallerRefusedError) -> Response[str]:
    """Answer 401 or 403 with the challenge."""
    return Response(refused.status, content_types.APPLICATION_JSON, json.dumps(refused.body), refused.headers)


@app.get("/products")
def list_products() -> dict[str, Any]:
    """List the products."""
    return {"products": [], "may_write": caller("products:read").may("products:write")}


@app.post("/products")
def create_product() -> tuple[dict[str, Any], int]:
    """Add a product."""
    creator = caller("products:write")
    return {"name": app.current_event.json_body["name"], "created_by": creator.client_id}, 201


def lambda_handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    """Answer an event."""
    return app.resolve(event, context)
