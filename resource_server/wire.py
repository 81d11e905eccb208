"""API Gateway's events and answers: REST proxy (payload 1.0) and HTTP API payload 2.0, to and from values.

{"httpMethod": "GET", "path": "/products", "multiValueQueryStringParameters": {"limit": ["5"]}, "body": null,
 "isBase64Encoded": false, "requestContext": {"requestId": "...", "authorizer": {"permissions": "products:read"}}}

{"version": "2.0", "rawPath": "/products", "rawQueryString": "limit=5", "isBase64Encoded": false,
 "requestContext": {"requestId": "...", "stage": "$default", "http": {"method": "GET"},
                    "authorizer": {"lambda": {"permissions": "products:read"}}}}
"""

import base64
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final
from urllib.parse import parse_qsl

from resource_server.caller import Caller, caller_of

# No cookie and no other ambient credential reaches this API, since a token travels in a header: any origin may read.
# Preflight requests are answered by the gateway, which knows every route.
COMMON_HEADERS: Final = {
    "Access-Control-Allow-Origin": "*",
    "Access-Control-Expose-Headers": "Location, Retry-After, WWW-Authenticate",
    "Cache-Control": "no-store",
    "Content-Type": "application/json",
    "X-Content-Type-Options": "nosniff",
}


@dataclass(frozen=True, slots=True)
class Request:
    """One request, whichever way it came.

    `body` is None where the event's body cannot be bytes: base64 that is none, or text that UTF-8 cannot write.
    `query` holds decoded pairs in the order sent, repeated names included.
    """

    method: str
    path: str
    query: tuple[tuple[str, str], ...]
    body: bytes | None = field(repr=False)
    caller: Caller
    request_id: str | None


@dataclass(frozen=True, slots=True)
class Response:
    """One answer; `headers` are added to the common ones and win over them."""

    status: int
    document: Mapping[str, object]
    headers: Mapping[str, str] = field(default_factory=dict)


def request_of(event: Any, base_path: str) -> Request:
    """Return the request in an event of either payload format; whatever is missing is empty. Never raises.

    `base_path` is the path of this API's own URL, which a custom domain's mapping leaves in the event's path.
    """
    event = _mapping(event)
    read = _request_of_2_0 if event.get("version") == "2.0" else _request_of_1_0
    request_id = _mapping(event.get("requestContext")).get("requestId")
    method, path, query = read(event)
    return Request(
        method=method,
        path=_without_prefix(path, base_path),
        query=query,
        body=_body(event),
        caller=caller_of(event),
        request_id=request_id if isinstance(request_id, str) else None,
    )


def result_of(response: Response) -> dict[str, object]:
    """Return the answer in the shape that both payload formats take."""
    return {
        "statusCode": response.status,
        "headers": {**COMMON_HEADERS, **response.headers},
        "body": json.dumps(response.document, separators=(",", ":")),
        "isBase64Encoded": False,
    }


_Parts = tuple[str, str, tuple[tuple[str, str], ...]]


def _request_of_1_0(event: Mapping[str, Any]) -> _Parts:
    return _text(event.get("httpMethod")), _text(event.get("path")), tuple(_pairs(event))


def _request_of_2_0(event: Mapping[str, Any]) -> _Parts:
    context = _mapping(event.get("requestContext"))
    # The path of a named stage begins with the stage's name; `$default` has none.
    stage = _text(context.get("stage"))
    path = _without_prefix(_text(event.get("rawPath")), f"/{stage}" if stage not in ("", "$default") else "")
    # `queryStringParameters` joins repeated names with commas in this format, so only the raw query tells them apart.
    query = tuple(parse_qsl(_text(event.get("rawQueryString")), keep_blank_values=True))
    return _text(_mapping(context.get("http")).get("method")), path, query


def _pairs(event: Mapping[str, Any]) -> list[tuple[str, str]]:
    several = _mapping(event.get("multiValueQueryStringParameters"))
    if several:
        return [(name, _text(value)) for name, values in several.items() for value in _sequence(values)]
    return [(name, _text(value)) for name, value in _mapping(event.get("queryStringParameters")).items()]


def _body(event: Mapping[str, Any]) -> bytes | None:
    body = _text(event.get("body"))
    try:
        return base64.b64decode(body, validate=True) if event.get("isBase64Encoded") is True else body.encode()
    except ValueError:
        return None


def _without_prefix(path: str, prefix: str) -> str:
    return path.removeprefix(prefix) if path.startswith(f"{prefix}/") else path


def _mapping(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}


def _sequence(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []


def _text(value: Any) -> str:
    return value if isinstance(value, str) else ""
