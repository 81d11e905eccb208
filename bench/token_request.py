"""The request whose cost is measured: client credentials with HTTP Basic and one scope, as curl sends it."""

from typing import Any
from urllib.parse import urlencode

from tests import simulator

FORM = "application/x-www-form-urlencoded"
# What a regional REST API hands on of a plain request, besides what the client sent about its body.
HEADERS = {
    "Accept": "*/*",
    "Content-Type": FORM,
    "Host": "abc123.execute-api.us-east-1.amazonaws.com",
    "User-Agent": "curl/8.5.0",
    "X-Amzn-Trace-Id": "Root=1-68000000-0123456789abcdef01234567",
    "X-Forwarded-For": "203.0.113.7",
    "X-Forwarded-Port": "443",
    "X-Forwarded-Proto": "https",
}
METHOD_ARN = "arn:aws:execute-api:us-east-1:123456789012:abc123/prod/POST/oauth/token"


def event(client_id: str = "demo", scope: str = "products:read") -> dict[str, Any]:
    """Give the event of a REST API (payload 1.0)."""
    headers = {**HEADERS, **simulator.basic(client_id, simulator.SECRET)}
    return simulator.event("POST", "/oauth/token", body=_body(scope), headers=headers)


def authorizer_event(client_id: str = "demo") -> dict[str, Any]:
    """Give the event by which the gate before the endpoint is asked about the same request."""
    return {**event(client_id), "type": "REQUEST", "methodArn": METHOD_ARN}


def http(path: str, host: str, client_id: str = "demo") -> bytes:
    """Give the bytes of the request on a connection that is kept."""
    body = _body("products:read")
    headers = {
        "Host": host,
        "User-Agent": HEADERS["User-Agent"],
        "Accept": "*/*",
        "Content-Type": FORM,
        "Content-Length": str(len(body)),
        **simulator.basic(client_id, simulator.SECRET),
    }
    lines = [f"POST {path} HTTP/1.1", *(f"{name}: {value}" for name, value in headers.items())]
    return ("\r\n".join(lines) + f"\r\n\r\n{body}").encode("ascii")


def _body(scope: str) -> str:
    return urlencode({"grant_type": "client_credentials", "scope": scope})
