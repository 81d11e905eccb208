"""What a function behind a proxy integration returns: the output format of payload format 1.0.

https://docs.aws.amazon.com/apigateway/latest/developerguide/set-up-lambda-proxy-integrations.html
"""

from __future__ import annotations

import re
from typing import Any

from infra.local.gateway.responses import STATUS_CODE, Response

RESULT_KEYS = frozenset({"statusCode", "headers", "multiValueHeaders", "body", "isBase64Encoded"})

# "Important notes" for REST APIs, the table of headers, column Response of a Lambda integration. Content-Length passes
# there; here it is always that of the body, and so a wrong one cannot break the connection.
REMAPPED = frozenset(
    {"authorization", "connection", "content-md5", "date", "max-forwards", "server", "user-agent", "www-authenticate"}
)
DROPPED = frozenset(
    {
        "content-length",
        "expect",
        "host",
        "proxy-authenticate",
        "te",
        "trailer",
        "transfer-encoding",
        "upgrade",
        "via",
    }
)

HEADER_NAME = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")  # RFC 9110 5.6.2, token
HEADER_VALUE = re.compile(r"[\t\x20-\x7e\x80-\xff]*")  # RFC 9110 5.5, what a field value may hold


class MalformedResultError(ValueError):
    """The function's result is not in the output format of a proxy integration."""


def parse_result(result: Any) -> tuple[Response, bool]:
    """Read a function's result, and whether its body is in base64. Raises MalformedResultError.

    Every key may be left out, and no other may be there.
    """
    if not isinstance(result, dict) or result.keys() - RESULT_KEYS:
        raise MalformedResultError(f"the result is not an object of {sorted(RESULT_KEYS)}")
    body = result.get("body")
    if body is not None and not isinstance(body, str):
        raise MalformedResultError("body is not a string")
    headers = _headers(_map(result.get("headers")), _map(result.get("multiValueHeaders")))
    response = Response(_status(result.get("statusCode", 200)), headers, (body or "").encode(errors="replace"))
    return response, result.get("isBase64Encoded") is True


def _status(value: Any) -> int:
    """Read a status code, a number or digits."""
    if not STATUS_CODE.fullmatch(str(value)):
        raise MalformedResultError("statusCode is not a status code")
    return int(value)


def _headers(headers: dict[str, Any], multi_value_headers: dict[str, Any]) -> list[tuple[str, str]]:
    """Merge both maps into one list, a pair that is in both once, and rename what API Gateway renames."""
    pairs = [(name, value) for name, values in multi_value_headers.items() for value in _list(values)]
    merged = [*pairs, *(pair for pair in headers.items() if pair not in pairs)]
    sent = [(_renamed(name), _value(value)) for name, value in merged if name.lower() not in DROPPED]
    # "Important notes": every integration response has a Content-Type, application/json by default.
    if not any(name.lower() == "content-type" for name, _ in sent):
        sent.append(("Content-Type", "application/json"))
    return sent


def _map(value: Any) -> dict[str, Any]:
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise MalformedResultError("headers and multiValueHeaders are objects")
    return value


def _list(values: Any) -> list[Any]:
    if not isinstance(values, list):
        raise MalformedResultError("a value of multiValueHeaders is not a list")
    return values


def _renamed(name: str) -> str:
    if not HEADER_NAME.fullmatch(name):
        raise MalformedResultError("the name of a header is not a token")
    return f"x-amzn-Remapped-{name}" if name.lower() in REMAPPED else name


def _value(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if not isinstance(value, str) or not HEADER_VALUE.fullmatch(value):
        raise MalformedResultError("the value of a header is not a string that a header can hold")
    return value
