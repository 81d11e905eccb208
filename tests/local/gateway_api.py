"""Small OpenAPI documents, and gateways that serve them over real HTTP."""

from __future__ import annotations

import json
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import httpx

from infra.local.gateway import Gateway, HttpGateway
from infra.local.gateway.server import serving

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from infra.local.gateway.asgi import Application
    from infra.local.lambda_runtime import Handler

ACCOUNT = "123456789012"
API = "abc123"
ARN = f"arn:aws:execute-api:us-east-1:{ACCOUNT}:{API}/prod"
HTTP_ARN = f"arn:aws:execute-api:us-east-1:{ACCOUNT}:{API}/$default"


def function_arn(name: str) -> str:
    """Return the ARN of a function."""
    return f"arn:aws:lambda:us-east-1:{ACCOUNT}:function:{name}"


def uri(name: str) -> str:
    """Return the URI by which an integration or an authorizer names a function."""
    return f"arn:aws:apigateway:us-east-1:lambda:path/2015-03-31/functions/{function_arn(name)}/invocations"


def proxy(name: str = "echo", **extra: Any) -> dict[str, Any]:
    """Return an operation with a Lambda proxy integration; `extra` goes into the operation."""
    integration = {"type": "aws_proxy", "httpMethod": "POST", "uri": uri(name)}
    return {"responses": {}, "x-amazon-apigateway-integration": integration} | extra


def token_scheme(name: str = "authorizer", **settings: Any) -> dict[str, Any]:
    """Return a security scheme with a TOKEN authorizer."""
    return {
        "type": "apiKey",
        "name": "Authorization",
        "in": "header",
        "x-amazon-apigateway-authtype": "custom",
        "x-amazon-apigateway-authorizer": {"type": "token", "authorizerUri": uri(name)} | settings,
    }


def http_proxy(name: str = "echo", version: str = "2.0", **extra: Any) -> dict[str, Any]:
    """Return the operation of an HTTP API with a Lambda proxy integration; `extra` goes into the operation."""
    integration = {"type": "aws_proxy", "httpMethod": "POST", "uri": uri(name), "payloadFormatVersion": version}
    return {"responses": {}, "x-amazon-apigateway-integration": integration} | extra


def http_scheme(name: str = "authorizer", **settings: Any) -> dict[str, Any]:
    """Return a security scheme with the Lambda authorizer of an HTTP API: format 2.0, by the header Authorization."""
    given = {
        "type": "request",
        "identitySource": "$request.header.Authorization",
        "authorizerPayloadFormatVersion": "2.0",
        "authorizerUri": uri(name),
    }
    return {
        "type": "apiKey",
        "name": "Authorization",
        "in": "header",
        "x-amazon-apigateway-authorizer": given | settings,
    }


def document(paths: Mapping[str, Any], **extra: Any) -> dict[str, Any]:
    """Return an OpenAPI document."""
    return {"openapi": "3.0.1", "info": {"title": "test", "version": "1"}, "paths": paths} | extra


def echo(event: Any, _context: Any) -> dict[str, Any]:
    """Answer with the event."""
    return {"statusCode": 200, "body": json.dumps(event)}


def gateway(
    described: Mapping[str, Any],
    functions: Mapping[str, Handler] | None = None,
    *,
    clock: Callable[[], float] = lambda: 1_790_000_000.25,
    **extra: Any,
) -> Gateway:
    """Make a gateway whose functions are `echo` and those given, by name."""
    given = {"stage": "prod", "region": "us-east-1", "account_id": ACCOUNT, "api_id": API} | extra
    return Gateway(described, by_arn(functions), clock=clock, **given)


def http_gateway(
    described: Mapping[str, Any],
    functions: Mapping[str, Handler] | None = None,
    *,
    clock: Callable[[], float] = lambda: 1_790_000_000.25,
    **extra: Any,
) -> HttpGateway:
    """Make the same for an HTTP API, in the stage `$default` unless told."""
    given = {"stage": "$default", "region": "us-east-1", "account_id": ACCOUNT, "api_id": API} | extra
    return HttpGateway(described, by_arn(functions), clock=clock, **given)


def by_arn(functions: Mapping[str, Handler] | None) -> dict[str, Handler]:
    """Return `echo` and these functions by their ARNs."""
    return {function_arn(name): handler for name, handler in ({"echo": echo} | dict(functions or {})).items()}


@contextmanager
def client_of(served: Application) -> Iterator[httpx.Client]:
    """Serve a gateway and yield a client of it."""
    with serving(served) as url, httpx.Client(base_url=url) as client:
        yield client
