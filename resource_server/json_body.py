"""A JSON object out of a request's body, read strictly (RFC 8259)."""

import json
from typing import Any, Final, NoReturn

from resource_server.errors import InvalidRequest

MAXIMUM_BODY_BYTES: Final = 16 * 1024


def json_object(body: bytes | None) -> dict[str, Any]:
    """Return the members of the JSON object in `body`.

    Raises `InvalidRequest` for no body, one over 16 KB, bytes that are not UTF-8 (RFC 8259 8.1), bad JSON, a
    member sent twice (RFC 8259 4 leaves its meaning open), NaN or Infinity, and anything that is no object.
    """
    text = _text(body)
    try:
        document = json.loads(text, object_pairs_hook=_members, parse_constant=_refuse_constant)
    except (ValueError, RecursionError):
        raise InvalidRequest("The body is not JSON.") from None
    if not isinstance(document, dict):
        raise InvalidRequest("The body must be a JSON object.")
    return document


def _text(body: bytes | None) -> str:
    if body is None:
        raise InvalidRequest("The body cannot be decoded.")
    if not body:
        raise InvalidRequest("The request has no body; it must be a JSON object.")
    if len(body) > MAXIMUM_BODY_BYTES:
        raise InvalidRequest(f"The body is over {MAXIMUM_BODY_BYTES} bytes.")
    try:
        return body.decode()
    except UnicodeDecodeError:
        raise InvalidRequest("The body is not text in UTF-8.") from None


def _members(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    members = dict(pairs)
    if len(members) < len(pairs):
        raise InvalidRequest("A member of a JSON object is there twice.")
    return members


def _refuse_constant(name: str) -> NoReturn:
    raise InvalidRequest(f"{name} is not JSON.")
