"""What an OpenAPI document (3.0, 3.1) says of its routes and of the scopes that they need.

`security` is a list of alternatives; of each, all schemes are needed, with all their scopes (OpenAPI, "Security
Requirement Object"). Scopes stand in these lists, or in `x-latchkey-scopes` beside them, whose scopes are all needed as
well. `security: []`, or `{}` among the alternatives, is open to every token. Without `security`, an operation takes the
document's, which API Gateway does not read; without that, it is closed.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from authorizer.scope import is_scope
from infra.route_map.errors import RouteMapError
from infra.route_map.requirement import CLOSED, EVERY_TOKEN, smallest
from infra.route_map.routing import ANY, DEFAULT, METHODS, OTHER, Route, is_parameter

if TYPE_CHECKING:
    from collections.abc import Mapping

    from infra.route_map.requirement import Requirement

SCOPES: Final = "x-latchkey-scopes"
CONNECT_SCOPES: Final = "x-latchkey-connect-scopes"

_OPERATIONS: Final = {**{method.lower(): method for method in METHODS}, "x-amazon-apigateway-any-method": ANY}
_NOT_ROUTED: Final = frozenset({"trace", "query"})  # API Gateway has no such methods
_BESIDE: Final = frozenset({"parameters", "summary", "description", "servers"})
_VERSION: Final = re.compile(r"3\.[01](\..*)?")

# RFC 3986 3.3, without what is a wildcard or a variable to IAM, what is percent-encoded, and what JSON would escape.
_LITERAL: Final = re.compile(r"[A-Za-z0-9._~!$&'()+,;=:@-]+")
_PARAMETER: Final = re.compile(r"\{[^{}/+\s]+\+?\}")


@dataclass(frozen=True, slots=True)
class Api:
    """The routes of a document, what `$connect` needs, and what an author might not expect of it."""

    routes: tuple[Route, ...]
    connect: Requirement
    is_http: bool
    warnings: tuple[str, ...]


def read_document(document: Mapping[str, Any]) -> Api:
    """Read a document, whose YAML or JSON has been parsed. Raises RouteMapError."""
    if "swagger" in document:
        raise RouteMapError(
            "the document is Swagger 2.0: convert it to OpenAPI 3, or export the API as that "
            "(aws apigateway get-export --export-type oas30)"
        )
    if not _VERSION.fullmatch(str(document.get("openapi"))):
        raise RouteMapError("the document is not OpenAPI 3.0 or 3.1")
    reader = _Reader(document)
    paths = {path: item for path, item in reader.paths.items() if not path.startswith("x-")}
    routes = tuple(route for path, item in paths.items() for route in reader.routes(path, item))
    _check_shapes(routes)
    connect = reader.connect()
    if {connect, *(route.requirement for route in routes)} == {CLOSED}:
        reader.warnings.append("no operation has security: no token opens anything")
    return Api(routes, connect, _is_http(document, paths), tuple(reader.warnings))


class _Reader:
    """Reads the operations of one document, and collects the warnings."""

    def __init__(self, document: Mapping[str, Any]) -> None:
        self.paths = _mapping(document.get("paths") or {}, "paths")
        components = _mapping(document.get("components") or {}, "components")
        self._schemes = _mapping(components.get("securitySchemes") or {}, "components.securitySchemes")
        self._document = document
        _check_extensions(document, "the document", CONNECT_SCOPES)
        self.warnings: list[str] = []
        if document.get("security"):
            self.warnings.append(
                "API Gateway ignores security at the root of a document: operations that have none of their own are "
                "open there, unless something else gives them an authorizer"
            )

    def routes(self, path: str, item: Any) -> list[Route]:
        """Read the operations of one path."""
        template = _template(str(path))
        members = _mapping(item, str(path))
        _check_extensions(members, str(path))
        unknown = [
            name
            for name in members
            if not (name in _OPERATIONS or name in _BESIDE | _NOT_ROUTED or name.startswith("x-"))
        ]
        if unknown:
            raise RouteMapError(f"{path}: {unknown[0]} is not known here; write the operations out")
        self.warnings += [
            f"{name.upper()} {path} is not imported by API Gateway" for name in _NOT_ROUTED & members.keys()
        ]
        named = {method for name, method in _OPERATIONS.items() if name in members}
        return [
            self._route(
                method, template, members[name], (*sorted(set(METHODS) - named), OTHER) if method == ANY else (method,)
            )
            for name, method in _OPERATIONS.items()
            if name in members
        ]

    def _route(self, method: str, template: str, value: Any, methods: tuple[str, ...]) -> Route:
        where = template if template == DEFAULT else f"{method} {template}"
        operation = _mapping(value or {}, where)
        _check_extensions(operation, where, SCOPES)
        if template == DEFAULT and method != ANY:
            raise RouteMapError(f"{where}: the default route has any method (x-amazon-apigateway-any-method)")
        is_preflight = method == "OPTIONS" and "security" not in operation and _is_mock(operation)
        requirement = CLOSED if is_preflight else self._requirement(operation, where)
        return Route(method, template, methods, requirement, is_preflight)

    def _requirement(self, operation: Mapping[str, Any], where: str) -> Requirement:
        security = operation.get("security", self._document.get("security"))
        also = _scopes(operation.get(SCOPES, []), f"{where}: {SCOPES}")
        if security is None:
            if also:
                raise RouteMapError(f"{where}: {SCOPES} without security: API Gateway would ask no authorizer")
            return CLOSED
        if not isinstance(security, list):
            raise RouteMapError(f"{where}: security is not a list")
        alternatives = [self._alternative(each, where) for each in security] or [None]
        if None in alternatives:
            if also:
                raise RouteMapError(f"{where}: {SCOPES}, and security that is open to everybody")
            return EVERY_TOKEN
        requirement = smallest(frozenset(each | also for each in alternatives if each is not None))
        if requirement == EVERY_TOKEN:
            self.warnings.append(f"{where} names no scope: every good token may call it")
        return requirement

    def _alternative(self, value: Any, where: str) -> frozenset[str] | None:
        """Give the scopes of all schemes of one alternative, or None where it has no scheme."""
        schemes = _mapping(value, f"{where}: security")
        unknown = sorted(schemes.keys() - self._schemes.keys())
        if unknown:
            raise RouteMapError(f"{where}: there is no security scheme {unknown[0]}")
        scopes = (_scopes(needed, f"{where}: security {name}") for name, needed in schemes.items())
        return frozenset().union(*scopes) if schemes else None

    def connect(self) -> Requirement:
        """Read what a WebSocket API's $connect needs: scopes that are all needed, or alternatives of such lists."""
        value = self._document.get(CONNECT_SCOPES)
        if value is None:
            return CLOSED
        lists = value if isinstance(value, list) and value and isinstance(value[0], list) else [value]
        return smallest(frozenset(_scopes(each, CONNECT_SCOPES) for each in lists))


def _mapping(value: Any, where: str) -> Mapping[str, Any]:
    if not isinstance(value, dict) or not all(isinstance(name, str) for name in value):
        raise RouteMapError(f"{where}: not an object")
    function = next((name for name in value if name.startswith("Fn::") or name == "Ref"), None)
    if function is not None:
        raise RouteMapError(f"{where}: {function} is known when the stack is deployed, and not here; write it out")
    return value


def _check_extensions(members: Mapping[str, Any], where: str, *known: str) -> None:
    """Check that an extension of ours stands where it is read, and is not misspelt: nobody would notice."""
    stray = next((name for name in members if name.startswith("x-latchkey-") and name not in known), None)
    if stray is not None:
        raise RouteMapError(
            f"{where}: {stray} is not read here; {SCOPES} stands at operations, {CONNECT_SCOPES} at the root"
        )


def _scopes(value: Any, where: str) -> frozenset[str]:
    if not isinstance(value, list) or not all(isinstance(each, str) and is_scope(each) for each in value):
        raise RouteMapError(f"{where}: not a list of scopes (RFC 6749 3.3)")
    if any(" " in each for each in value):
        raise RouteMapError(f"{where}: each scope is an item of its own")
    return frozenset(value)


def _template(path: str) -> str:
    if path.removeprefix("/") == DEFAULT:
        return DEFAULT
    if not path.startswith("/"):
        raise RouteMapError(f"{path}: a path starts with a slash")
    if path != "/":
        *front, last = path.split("/")[1:]
        if not last:
            raise RouteMapError(f"{path}: a slash at the end, which API Gateway does not tell from none; leave it out")
        for segment in (*front, last):
            _check_segment(path, segment)
        if any(segment.endswith("+}") for segment in front):
            raise RouteMapError(f"{path}: a greedy parameter comes last")
    return path


def _check_segment(path: str, segment: str) -> None:
    if not segment:
        raise RouteMapError(f"{path}: a segment is empty")
    if "*" in segment or "?" in segment or "${" in segment:
        raise RouteMapError(f"{path}: *, ? and ${{ mean something else in an IAM policy; API Gateway has no such path")
    if not (_PARAMETER if is_parameter(segment) else _LITERAL).fullmatch(segment):
        raise RouteMapError(
            f"{path}: {segment} is neither plain text (letters, digits and ._~!$&'()+,;=:@-) nor {{one parameter}}"
        )


def _check_shapes(routes: tuple[Route, ...]) -> None:
    """Check that no two paths are one to API Gateway: names of parameters do not tell them apart."""
    seen: dict[tuple[object, ...], str] = {}
    for route in routes:
        shape = (route.rank, *(each for each in route.segments if not is_parameter(each)))
        if seen.setdefault(shape, route.path) != route.path:
            raise RouteMapError(f"{route.path}: the same path as {seen[shape]}, but for the names of parameters")


def _is_mock(operation: Mapping[str, Any]) -> bool:
    integration = operation.get("x-amazon-apigateway-integration")
    return isinstance(integration, dict) and str(integration.get("type")).lower() == "mock"


def _is_http(document: Mapping[str, Any], paths: Mapping[str, Any]) -> bool:
    """Whether a document is an HTTP API's, as far as it shows: a default route, or what REST APIs do not have."""
    operations = [
        operation
        for item in paths.values()
        for name, operation in item.items()
        if name in _OPERATIONS and isinstance(operation, dict)
    ]
    integrations = [operation.get("x-amazon-apigateway-integration") for operation in operations]
    return (
        "x-amazon-apigateway-cors" in document
        or any(path.removeprefix("/") == DEFAULT for path in paths)
        or any(isinstance(each, dict) and "payloadFormatVersion" in each for each in integrations)
    )
