"""The JSON object in a request's body (RFC 8259), read so that there is only one way to read it."""

from typing import Any

from auth_server.errors import InvalidRequestError
from auth_server.wire import Request
from authorizer import strict_json

CONTENT_TYPE = "application/json"


def parse(request: Request) -> dict[str, Any]:
    """Read the object; raises `InvalidRequestError`, which quotes nothing of it."""
    media_type = (request.header("content-type") or "").split(";", 1)[0].strip().lower()
    if media_type != CONTENT_TYPE:
        raise InvalidRequestError(f"The Content-Type must be {CONTENT_TYPE}.")
    try:
        return strict_json.parse_object(request.body)
    except ValueError:
        raise InvalidRequestError("The body is not a JSON object, or names a member twice.") from None
