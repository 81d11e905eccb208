"""Compile the OpenAPI 3.0 document of an HTTP API.

Developer guide, "Use OpenAPI definitions for HTTP APIs in API Gateway"; "Create routes for HTTP APIs in API Gateway".
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import unquote

from infra.local.gateway.document import METHODS, required_scheme, security_schemes
from infra.local.gateway.errors import DocumentError
from infra.local.gateway.http_api.authorizers import compile_authorizer
from infra.local.gateway.http_api.events import path_in_stage
from infra.local.gateway.http_api.integration import compile_integration
from infra.local.gateway.routes import ANY, Router
from infra.local.gateway.validation import resolve

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from infra.local.gateway.functions import Functions
    from infra.local.gateway.http_api.authorizers import Authorizer
    from infra.local.gateway.http_api.integration import LambdaProxy
    from infra.local.gateway.request import Exchange

DEFAULT: Final = "$default"

# "Choose between REST APIs and HTTP APIs": what only REST APIs have. In the document of an HTTP API it does nothing.
REST_ONLY: Final = (
    "x-amazon-apigateway-gateway-responses",
    "x-amazon-apigateway-request-validator",
    "x-amazon-apigateway-request-validators",
    "x-amazon-apigateway-binary-media-types",
    "x-amazon-apigateway-policy",
)


@dataclass(frozen=True, slots=True)
class Route:
    """A route: its key ("GET /products/{id}", "ANY /{proxy+}", "$default"), and what stands behind it.

    `scopes` are those of which a token for the JWT authorizer needs one.
    """

    key: str
    resource_path: str
    authorizer: Authorizer | None
    scopes: tuple[str, ...]
    integration: LambdaProxy


@dataclass(slots=True)
class Routes:
    """The routes of an API."""

    router: Router[Route] = field(default_factory=Router)
    default: Route | None = None

    def find(self, exchange: Exchange) -> Route | None:
        """Find the route of a request, and note it there with the decoded path parameters.

        The guide's priorities: a full match of path and method, then one of a greedy path variable and the method, then
        `$default`. Unlike in a REST API, a path that lacks the method gives way to a less specific one.
        """
        path = path_in_stage(exchange)
        if path is None:
            return None
        matches = sorted(self.router.matches(path), key=lambda match: match[0].endswith("+}"))
        for _, methods, parameters in matches:
            route = methods.get(exchange.request.method) or methods.get(ANY)
            if route is not None:
                exchange.path_parameters = {name: unquote(text, errors="replace") for name, text in parameters.items()}
                return _noted(exchange, route)
        return _noted(exchange, self.default) if self.default is not None else None


def _noted(exchange: Exchange, route: Route) -> Route:
    exchange.resource_path, exchange.route_key = route.resource_path, route.key
    return route


def compile_document(document: Mapping[str, Any], functions: Functions, clock: Callable[[], float]) -> Routes:
    """Compile all paths of a document. Raises DocumentError, which names the operation."""
    schemes = security_schemes(document)
    _refuse_rest_only(document)
    authorizers = {name: compile_authorizer(name, scheme, functions, clock) for name, scheme in schemes.items()}
    routes = Routes()
    for path, item in (document.get("paths") or {}).items():
        methods = {}
        for key, method in METHODS.items():
            if key in item:
                try:
                    methods[method] = _route(method, path, item[key], document, functions, authorizers)
                except DocumentError as error:
                    raise DocumentError(f"{method} {path}: {error}") from error
        if path != f"/{DEFAULT}":
            routes.router.add(path, methods)
        elif methods.keys() == {ANY}:
            routes.default = methods[ANY]
        else:
            raise DocumentError(f"/{DEFAULT} has x-amazon-apigateway-any-method, and no method of its own")
    return routes


def _route(  # noqa: PLR0913, PLR0917 - where the route stands, what it is, and what surrounds it
    method: str,
    path: str,
    operation: Mapping[str, Any],
    document: Mapping[str, Any],
    functions: Functions,
    authorizers: Mapping[str, Authorizer],
) -> Route:
    integration = operation.get("x-amazon-apigateway-integration")
    if not integration:
        raise DocumentError("no integration: API Gateway would make no route of it")
    _refuse_rest_only(operation)
    name, scopes = required_scheme(operation, authorizers) or (None, [])
    authorizer = authorizers[name] if name is not None else None
    if authorizer is not None and scopes and not authorizer.knows_scopes:
        raise DocumentError("the scopes of a route are for a JWT authorizer alone")
    default = path == f"/{DEFAULT}"
    return Route(
        key=DEFAULT if default else f"{method} {path}",
        resource_path=DEFAULT if default else path,
        authorizer=authorizer,
        scopes=tuple(scopes),
        # "x-amazon-apigateway-integrations object": one that several routes share stands among the components.
        integration=compile_integration(resolve(document, integration), functions),
    )


def _refuse_rest_only(node: Mapping[str, Any]) -> None:
    for name in REST_ONLY:
        if name in node:
            raise DocumentError(f"{name} is for REST APIs; an HTTP API would ignore it")
