"""The sample API behind each kind of API of API Gateway, with the real authorizer and the real resource function.

| variant | API | authorizer | what it answers |
| --- | --- | --- | --- |
| rest_token | REST | Lambda, TOKEN | a policy |
| rest_request | REST | Lambda, REQUEST | a policy |
| rest_call | REST | Lambda, REQUEST, the call in its identity | a policy for the call |
| http_policy | HTTP, payload 2.0 | Lambda | a policy |
| http_simple | HTTP, payload 2.0 | Lambda, the route in its identity | yes or no |
| http_1_0 | HTTP, payload 1.0 | Lambda | a policy |
| http_jwt | HTTP, payload 2.0 | API Gateway's own, no Lambda | |
"""

from __future__ import annotations

import copy
import json
import time
import uuid
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import boto3.session
import httpx

from infra.cloudformation import TEMPLATE
from infra.local.gateway import Gateway, HttpGateway
from infra.local.gateway.server import serving
from infra.local.lambda_runtime import load_function
from infra.route_map import compile_routes
from infra.template_yaml import load
from tests.authorizer import feeds, jwks_server
from tests.authorizer import issuer as token_issuer
from tests.conftest import AWS_ENVIRON

if TYPE_CHECKING:
    import socket
    from collections.abc import Callable, Iterator, Mapping

    from infra.cloudformation import Stack
    from infra.local.lambda_runtime import Handler

HTTP_DOCUMENT = Path(TEMPLATE).parent / "openapi" / "resource_server_http.yaml"
AUDIENCE = token_issuer.AUDIENCE
REVOKED = "revoked"
ACCOUNT, API = "123456789012", "abcdef1234"

Document = dict[str, Any]


def rest_token(stack: Stack, _issuer: str) -> Document:
    """Give the document that is deployed."""
    return stack.api("ResourceApi")


def rest_request(stack: Stack, _issuer: str) -> Document:
    """Give it with a REQUEST authorizer."""
    document = copy.deepcopy(stack.api("ResourceApi"))
    authorizer_of(document).update(type="request", identitySource="method.request.header.Authorization")
    return document


def rest_call(stack: Stack, issuer: str) -> Document:
    """Give it with the call in the identity, as a policy for one call has to be kept."""
    document = rest_request(stack, issuer)
    sources = "method.request.header.Authorization, context.httpMethod, context.path"
    authorizer_of(document)["identitySource"] = sources
    return document


def http_policy(stack: Stack, _issuer: str) -> Document:
    """Give the document of the HTTP API."""
    document: Document = stack.resolve(load(HTTP_DOCUMENT))
    return document


def http_simple(stack: Stack, issuer: str) -> Document:
    """Give it with simple responses, which have to be kept by route."""
    document = http_policy(stack, issuer)
    sources = "$request.header.Authorization, $context.routeKey"
    authorizer_of(document).update(enableSimpleResponses=True, identitySource=sources)
    return document


def http_1_0(stack: Stack, issuer: str) -> Document:
    """Give it with payload format 1.0 for both functions."""
    document = http_policy(stack, issuer)
    authorizer_of(document)["authorizerPayloadFormatVersion"] = "1.0"
    document["components"]["x-amazon-apigateway-integrations"]["resource"]["payloadFormatVersion"] = "1.0"
    return document


def http_jwt(stack: Stack, issuer: str) -> Document:
    """Give it with API Gateway's own authorizer, and the scopes where that looks for them."""
    document = http_policy(stack, issuer)
    jwt = {"issuer": issuer, "audience": [AUDIENCE]}
    authorizer = {"type": "jwt", "identitySource": "$request.header.Authorization", "jwtConfiguration": jwt}
    scheme = {"type": "oauth2", "flows": {}, "x-amazon-apigateway-authorizer": authorizer}
    document["components"]["securitySchemes"] = {"accessToken": scheme}
    for item in document["paths"].values():
        for operation in item.values():
            if "security" in operation:
                operation["security"] = [{"accessToken": operation["x-latchkey-scopes"]}]
    return document


def authorizer_of(document: Document) -> Document:
    """Return the authorizer's settings in a document."""
    authorizer: Document = document["components"]["securitySchemes"]["accessToken"]["x-amazon-apigateway-authorizer"]
    return authorizer


@dataclass(frozen=True)
class Variant:
    """A kind of API: its document, what serves it, and the settings of its authorizer."""

    document: Callable[[Stack, str], Document]
    gateway: type[Gateway | HttpGateway]
    environ: Mapping[str, str] = field(default_factory=dict)


VARIANTS = {
    "rest_token": Variant(rest_token, Gateway),
    "rest_request": Variant(rest_request, Gateway),
    "rest_call": Variant(rest_call, Gateway, {"POLICY_FOR": "call"}),
    "http_policy": Variant(http_policy, HttpGateway),
    "http_simple": Variant(http_simple, HttpGateway, {"HTTP_API_RESPONSE": "simple"}),
    "http_1_0": Variant(http_1_0, HttpGateway),
    "http_jwt": Variant(http_jwt, HttpGateway),
}


@contextmanager
def issuing() -> Iterator[str]:
    """Serve an issuer's openid-configuration, keys, and feed, in which the token REVOKED is; give its URL."""
    with feeds.issuing() as issuer:
        now, discovery = time.time(), {"issuer": issuer.url, "jwks_uri": issuer.server.uri}
        issuer.answers["/.well-known/openid-configuration"] = jwks_server.document(json.dumps(discovery).encode())
        issuer.publish(feeds.revoking(REVOKED, now=now, until=now + 86_400, iss=issuer.url, exp=int(now) + 3_600))
        yield issuer.url


@dataclass
class Counter:
    """A function, and how often it was called."""

    handler: Handler
    calls: int = 0

    def __call__(self, event: Any, context: Any) -> Any:
        """Call it once more."""
        self.calls += 1
        return self.handler(event, context)


@dataclass(frozen=True)
class Api:
    """A served variant: a client of it, its issuer, and its authorizer."""

    client: httpx.Client
    issuer: str
    authorizer: Counter

    def token(self, header: Mapping[str, Any] | None = None, **claims: Any) -> str:
        """Sign a good token, another each time, with some of its header and claims changed; None takes one away."""
        members = token_issuer.claims(time.time(), **{"iss": self.issuer, "jti": str(uuid.uuid4()), **claims})
        return token_issuer.sign(token_issuer.header(**(header or {})), members)

    def call(self, method: str, path: str, token: str, **extra: Any) -> httpx.Response:
        """Send a request with a token."""
        return self.client.request(method, path, headers={"Authorization": f"Bearer {token}"}, **extra)


def resource_function(stack: Stack, issuer: str, endpoint: str) -> Handler:
    """Start the resource function cold, with tables of its own."""
    products, messages = (stack.tables()[name] for name in ("ProductsTable", "MessagesTable"))
    for table in (products, messages):
        boto3.session.Session().client("dynamodb", endpoint_url=endpoint).create_table(**table.definition)
    own = {"PRODUCTS_TABLE": products.name, "MESSAGES_TABLE": messages.name, "RESOURCE": AUDIENCE, "ISSUER": issuer}
    return load_function("resource_server.handler", AWS_ENVIRON | own | {"AWS_ENDPOINT_URL": endpoint})


@contextmanager
def serving_variant(  # noqa: PLR0913 - what is served, and with what
    name: str,
    stack: Stack,
    issuer: str,
    resource: Handler,
    *,
    mapped: bool = False,
    environ: Mapping[str, str] | None = None,
    listener: socket.socket | None = None,
) -> Iterator[Api]:
    """Serve a variant, its authorizer started cold with `environ` over the settings that it needs.

    `listener`: where to serve it, for settings that have to know.
    `mapped`: with the map from scopes to routes that its document compiles to, so that the gateway refuses what without
    one the sample API refuses itself.
    """
    variant = VARIANTS[name]
    described = variant.document(stack, issuer)
    routes = {"ROUTES": compile_routes(described).json} if mapped else {}
    own = {"ISSUER": issuer, "AUDIENCE": AUDIENCE, **variant.environ, **routes, **(environ or {})}
    authorizer = Counter(load_function("authorizer.handler", own))
    functions: dict[str, Handler] = {"AuthorizerFunction": authorizer, "ResourceFunction": resource}
    handlers = {stack.resolve({"Fn::GetAtt": [each, "Arn"]}): handler for each, handler in functions.items()}
    stage = "$default" if variant.gateway is HttpGateway else "v1"
    served = variant.gateway(described, handlers, stage=stage, region="us-east-1", account_id=ACCOUNT, api_id=API)
    with serving(served, listener) as url, httpx.Client(base_url=url) as client:
        yield Api(client, issuer, authorizer)
