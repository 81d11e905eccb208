"""The REST API event of a Lambda proxy integration (payload format 1.0), and the `$context` variables it shares.

https://docs.aws.amazon.com/apigateway/latest/developerguide/set-up-lambda-proxy-integrations.html
https://docs.aws.amazon.com/apigateway/latest/developerguide/api-gateway-mapping-template-reference.html

The API answers as behind a custom domain mapped to its root: no stage in the path, neither here nor in `path` of the
request context. `domainName` is the address that the server is bound to, never what the client wrote into `Host`.
"""

from __future__ import annotations

import base64
import hashlib
import time
from functools import lru_cache
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Container

    from infra.local.gateway.request import Exchange, Request

MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")

# "Important notes" for REST APIs, the table of headers, column Request of a Lambda integration: these are dropped.
# Transfer-Encoding is an exception there; bodies reach a function whole, so here it is dropped as well.
DROPPED = frozenset(
    {
        "Connection",
        "Content-MD5",
        "Expect",
        "Max-Forwards",
        "Proxy-Authenticate",
        "Server",
        "TE",
        "Trailer",
        "Transfer-Encoding",
        "Upgrade",
        "WWW-Authenticate",
    }
)

ALL_MEDIA_TYPES = "*/*"


def proxy_event(exchange: Exchange, binary_media_types: Container[str]) -> dict[str, Any]:
    """Build the event. What is absent from the request is null, as in API Gateway's."""
    body, is_base64 = _body(exchange, binary_media_types)
    return {**request_event(exchange), "body": body, "isBase64Encoded": is_base64}


def request_event(exchange: Exchange) -> dict[str, Any]:
    """Build what integrations and REQUEST authorizers are both told: everything but the body."""
    request = exchange.request
    headers, multi_value_headers = _headers(exchange)
    return {
        "resource": exchange.resource_path,
        "path": request.path,
        "httpMethod": request.method,
        "headers": headers,
        "multiValueHeaders": multi_value_headers,
        "queryStringParameters": {name: values[-1] for name, values in request.query.items()} or None,
        "multiValueQueryStringParameters": {name: list(values) for name, values in request.query.items()} or None,
        "pathParameters": dict(exchange.path_parameters) or None,
        "stageVariables": dict(exchange.stage.variables) or None,
        "requestContext": request_context(exchange),
    }


def request_context(exchange: Exchange) -> dict[str, Any]:
    """Build `requestContext`; `authorizer` is in it only where an authorizer let the request pass."""
    stage, request = exchange.stage, exchange.request
    context = {
        "accountId": stage.account_id,
        "apiId": stage.api_id,
        "domainName": request.server_name,
        "domainPrefix": request.server_name.partition(".")[0],
        "extendedRequestId": exchange.extended_request_id,
        "httpMethod": request.method,
        "identity": _identity(request),
        "path": request.path,
        "protocol": request.protocol,
        "requestId": exchange.request_id,
        "requestTime": common_log_time(int(exchange.epoch)),
        "requestTimeEpoch": int(exchange.epoch * 1000),
        "resourceId": _resource_id(exchange.resource_path),
        "resourcePath": exchange.resource_path,
        "stage": stage.name,
    }
    if exchange.authorizer is not None:
        context["authorizer"] = dict(exchange.authorizer)
    return context


def is_binary(media_type: str, binary_media_types: Container[str]) -> bool:
    """Whether the API treats this media type as binary; `*/*` stands for all, and is the only wildcard."""
    return ALL_MEDIA_TYPES in binary_media_types or media_type in binary_media_types


def _identity(request: Request) -> dict[str, str | None]:
    """Describe the caller; all but its address and user agent belong to IAM and Cognito, and are null here."""
    return {
        "accessKey": None,
        "accountId": None,
        "caller": None,
        "cognitoAuthenticationProvider": None,
        "cognitoAuthenticationType": None,
        "cognitoIdentityId": None,
        "cognitoIdentityPoolId": None,
        "principalOrgId": None,
        "sourceIp": request.source_ip,
        "user": None,
        "userAgent": request.headers.get("User-Agent"),
        "userArn": None,
    }


def _headers(exchange: Exchange) -> tuple[dict[str, str], dict[str, list[str]]]:
    request = exchange.request
    every = {name: list(values) for name, values in request.multi_value_headers.items() if name not in DROPPED}
    if every.get("Authorization", [""])[-1].startswith("AWS4-HMAC-SHA256"):
        del every["Authorization"]  # "Important notes": dropped if it holds a Signature Version 4
    for name, value in forwarding(exchange):
        every[name] = [value]
    return {name: values[-1] for name, values in every.items()}, every


def forwarding(exchange: Exchange) -> tuple[tuple[str, str], ...]:
    """Say where the request came from: the client's own X-Forwarded-For is appended to, the others are replaced.

    The example event of the page above has these headers.
    """
    request = exchange.request
    claimed = request.multi_value_headers.get("X-Forwarded-For", [])
    return (
        ("X-Amzn-Trace-Id", exchange.trace_id),
        ("X-Forwarded-For", ", ".join([*claimed, request.source_ip])),
        ("X-Forwarded-Port", request.server_port),
        ("X-Forwarded-Proto", "http"),
    )


def _body(exchange: Exchange, binary_media_types: Container[str]) -> tuple[str | None, bool]:
    """Return the body and whether it is in base64.

    "Binary media types for REST APIs": every type not listed is text in UTF-8. Bytes that are not UTF-8 are lost
    there (they arrive as U+FFFD), and so they are here.
    """
    body = exchange.request.body
    if not body:
        return None, False
    if is_binary(exchange.media_type, binary_media_types):
        return base64.b64encode(body).decode(), True
    return body.decode("utf-8", errors="replace"), False


@lru_cache(maxsize=1024)
def _resource_id(resource_path: str | None) -> str | None:
    """Give a resource an id that looks like API Gateway's and stays the same from run to run."""
    return hashlib.sha256(resource_path.encode()).hexdigest()[:6] if resource_path is not None else None


@lru_cache(maxsize=4)
def common_log_time(epoch: int) -> str:
    """Format as the Common Log Format does, in UTC and whatever the locale."""
    at = time.gmtime(epoch)
    return f"{at.tm_mday:02}/{MONTHS[at.tm_mon - 1]}/{at.tm_year}:{at.tm_hour:02}:{at.tm_min:02}:{at.tm_sec:02} +0000"
