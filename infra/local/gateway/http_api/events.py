"""The events of HTTP APIs, in payload formats 1.0 and 2.0.

Developer guide, "Create AWS Lambda proxy integrations for HTTP APIs in API Gateway" and "Control access to HTTP APIs
with AWS Lambda authorizers". In format 2.0 what a request lacks is left out; header names are in lower case, several
values of one name joined with commas, and cookies apart. Format 1.0 is the event of a REST API with a version.
"""

from __future__ import annotations

import base64
import re
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import parse_qsl

from infra.local.gateway import events as rest
from infra.local.gateway.routes import canonical

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from infra.local.gateway.request import Exchange

# Bodies of these types are text, all others base64; the guide does not list them.
TEXT: Final = re.compile(r"text/.*|application/(.*\+)?(json|xml)|application/javascript")


def path_in_stage(exchange: Exchange) -> str | None:
    """Return the path without the stage's name; None for one of another stage.

    Developer guide, "Stages for HTTP APIs in API Gateway": `$default` is served from the base of the API's URL.
    """
    path, stage = exchange.request.path, exchange.stage.name
    if stage == "$default":
        return path
    return path.removeprefix(f"/{stage}") or "/" if f"{path}/".startswith(f"/{stage}/") else None


def route_arn_of(exchange: Exchange) -> str:
    """Return the ARN of the route for this request, with the path as sent."""
    path = path_in_stage(exchange) or "/"
    return f"{exchange.stage.arn}/{exchange.request.method}{canonical(path) or '/'}"


def integration_event_2_0(exchange: Exchange) -> dict[str, Any]:
    """Build the event of an integration."""
    body = exchange.request.body
    is_text = TEXT.fullmatch(exchange.media_type) is not None
    text = body.decode("utf-8", errors="replace") if is_text else base64.b64encode(body).decode()
    return {
        "version": "2.0",
        **_request_2_0(exchange),
        **({"body": text} if body else {}),
        "isBase64Encoded": bool(body) and not is_text,
    }


def integration_event_1_0(exchange: Exchange) -> dict[str, Any]:
    """Build the event of an integration in REST's format."""
    is_text = TEXT.fullmatch(exchange.media_type) is not None
    event = rest.proxy_event(exchange, () if is_text else (rest.ALL_MEDIA_TYPES,))
    return {"version": "1.0", **event, "requestContext": _context_1_0(exchange, event["requestContext"])}


def authorizer_event_2_0(exchange: Exchange, identity: Sequence[str]) -> dict[str, Any]:
    """Build the event of a Lambda authorizer; `identity` are the values of its identity sources."""
    arn = {"routeArn": route_arn_of(exchange), "identitySource": list(identity)}
    return {"version": "2.0", "type": "REQUEST", **arn, **_request_2_0(exchange)}


def authorizer_event_1_0(exchange: Exchange, identity: Sequence[str]) -> dict[str, Any]:
    """Build the event of a Lambda authorizer in REST's format, with the identity in two members, as documented."""
    event = rest.request_event(exchange)
    event = {name: {} if value is None else value for name, value in event.items() if "multiValue" not in name}
    context = _context_1_0(exchange, event["requestContext"])
    joined = ",".join(identity)
    arn = {"methodArn": route_arn_of(exchange), "identitySource": joined, "authorizationToken": joined}
    return {"version": "1.0", "type": "REQUEST", **arn, **event, "requestContext": context}


def _request_2_0(exchange: Exchange) -> dict[str, Any]:
    request = exchange.request
    given = {
        "cookies": [
            cookie.strip() for text in request.multi_value_headers.get("Cookie", []) for cookie in text.split(";")
        ],
        "queryStringParameters": query_of(exchange),
        "pathParameters": dict(exchange.path_parameters),
        "stageVariables": dict(exchange.stage.variables),
    }
    return {
        "routeKey": exchange.route_key,
        "rawPath": request.path,
        "rawQueryString": request.raw_query,
        "headers": headers_of(exchange),
        "requestContext": _context_2_0(exchange),
        **{name: value for name, value in given.items() if value},
    }


def headers_of(exchange: Exchange) -> dict[str, str]:
    """Return the headers by lower-cased name, several values joined, and those that say where the request came from."""
    every = exchange.request.multi_value_headers.items()
    sent = {name.lower(): ",".join(values) for name, values in every if name != "Cookie"}
    return sent | {name.lower(): value for name, value in rest.forwarding(exchange)}


def query_of(exchange: Exchange) -> dict[str, str]:
    """Return the decoded query, several values of one name joined."""
    joined: dict[str, str] = {}
    for name, value in parse_qsl(exchange.request.raw_query, keep_blank_values=True, errors="replace"):
        joined[name] = f"{joined[name]},{value}" if name in joined else value
    return joined


def _context_2_0(exchange: Exchange) -> dict[str, Any]:
    stage, request = exchange.stage, exchange.request
    context = {
        "accountId": stage.account_id,
        "apiId": stage.api_id,
        "domainName": request.server_name,
        "domainPrefix": request.server_name.partition(".")[0],
        "http": {
            "method": request.method,
            "path": request.path,
            "protocol": request.protocol,
            "sourceIp": request.source_ip,
            "userAgent": request.header("user-agent") or "",
        },
        "requestId": exchange.extended_request_id,
        "routeKey": exchange.route_key,
        "stage": stage.name,
        "time": rest.common_log_time(int(exchange.epoch)),
        "timeEpoch": int(exchange.epoch * 1000),
    }
    if exchange.authorizer is not None:
        # For whom a policy is, format 1.0 alone tells.
        context["authorizer"] = {name: value for name, value in exchange.authorizer.items() if name != "principalId"}
    return context


def _context_1_0(exchange: Exchange, context: Mapping[str, Any]) -> dict[str, Any]:
    told = exchange.authorizer or {}
    jwt = told.get("jwt", {"claims": None, "scopes": None})
    principal = {"principalId": told["principalId"]} if "principalId" in told else {}
    authorizer = {**jwt, **told.get("lambda", {}), **principal}
    return {**context, "resourceId": None, "authorizer": authorizer, "requestId": exchange.extended_request_id}


# "Customize HTTP API access logs": the variables that an identity may be made of.
CONTEXT_VARIABLES: Final[dict[str, Callable[[Exchange], str | None]]] = {
    "accountId": lambda exchange: exchange.stage.account_id,
    "apiId": lambda exchange: exchange.stage.api_id,
    "domainName": lambda exchange: exchange.request.server_name,
    "httpMethod": lambda exchange: exchange.request.method,
    "identity.sourceIp": lambda exchange: exchange.request.source_ip,
    "identity.userAgent": lambda exchange: exchange.request.header("user-agent"),
    "path": lambda exchange: exchange.request.path,
    "protocol": lambda exchange: exchange.request.protocol,
    "routeKey": lambda exchange: exchange.route_key,
    "stage": lambda exchange: exchange.stage.name,
}
