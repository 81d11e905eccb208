"""An authorizer's event, of whichever kind of API, read once into a frozen value.

| API and event | recognised by | the ARN in | the route in |
| --- | --- | --- | --- |
| REST API, TOKEN | type TOKEN | methodArn | nowhere |
| REST API, REQUEST | type REQUEST, no version | methodArn | httpMethod, resource |
| HTTP API, payload 1.0 | version 1.0 | methodArn | httpMethod, resource |
| HTTP API, payload 2.0 | version 2.0 | routeArn | routeKey |
| WebSocket API | type REQUEST, no version, an ARN that ends in $connect | methodArn | the ARN |

Sources, in the API Gateway developer guide: "Input to an API Gateway Lambda authorizer", "Control access to HTTP APIs
with AWS Lambda authorizers", "Control access to WebSocket APIs with AWS Lambda REQUEST authorizers".
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Final

from authorizer.errors import EventError

CONNECT: Final = "$connect"

# Every part is spelt out, so that no `*` or `?` of an ARN can widen the policy that is made from it.
_METHOD_ARN = re.compile(
    r"(?P<api_arn>arn:aws(?:-[a-z0-9]+)*:execute-api:[a-z0-9-]{1,32}:[0-9]{12}:(?P<api>[A-Za-z0-9_-]{1,64}))"
    r"/(?P<stage>[A-Za-z0-9_-]{1,128}|\$default)/(?:(?P<method>[A-Z]{1,32})(?P<path>/.*)?|(?P<connect>\$connect))",
    re.DOTALL | re.ASCII,
)
_ROUTE_KEY = re.compile(r"(?P<method>[A-Z]{1,32}) (?P<template>/.*)|(?P<default>\$default)", re.DOTALL | re.ASCII)


class Kind(StrEnum):
    """What asks, and so what the answer has to look like."""

    REST_TOKEN = "rest_token"  # noqa: S105 - a kind of event
    REST_REQUEST = "rest_request"
    HTTP_1 = "http_1"
    HTTP_2 = "http_2"
    WEBSOCKET = "websocket"


@dataclass(frozen=True, slots=True)
class MethodArn:
    """The ARN of the method that is called: `arn:{partition}:execute-api:{region}:{account}:{api}/{stage}/GET/...`.

    Of a WebSocket API, `method` is `$connect`, and there is no path.
    """

    api_arn: str
    api: str
    stage: str
    method: str
    path: str

    @classmethod
    def parse(cls, text: object) -> "MethodArn":
        """Take an ARN apart; raises `EventError`."""
        match = _METHOD_ARN.fullmatch(text) if isinstance(text, str) else None
        if match is None:
            raise EventError("methodArn is not the ARN of an API Gateway method")
        path = "" if match["connect"] else match["path"] or "/"
        return cls(match["api_arn"], match["api"], match["stage"], match["connect"] or match["method"], path)

    @property
    def stage_arn(self) -> str:
        """This API's stage, in the same partition, Region and account."""
        return f"{self.api_arn}/{self.stage}"

    @property
    def stage_resource(self) -> str:
        """Every method of the stage."""
        return f"{self.stage_arn}/*"

    @property
    def call_resource(self) -> str:
        """The one call. What its caller wrote into the path may be a wildcard."""
        return f"{self.stage_arn}/{self.method}{self.path}"


@dataclass(frozen=True, slots=True)
class Route:
    """The route that API Gateway has found for the call, as its developer wrote it: `GET` and `/products/{id}`.

    `method` is `ANY` where an HTTP API's route is for any; the route `$default` has that template and no method.
    """

    method: str
    template: str


@dataclass(frozen=True, slots=True)
class AuthorizerRequest:
    """The question to an authorizer: may whoever sent `authorization`, unread as yet, call `method_arn`.

    A TOKEN event says no more than that. `path` is what a client has in its URL. `proofs` are the values of the DPoP
    header. `certificate` is the client's, in PEM, which API Gateway has verified; None without mutual TLS.
    `identity_sources` are the values that an HTTP API keeps the answer by, None where the event does not say;
    `callers_words`, beside them, what the caller may have chosen of those: headers, query and cookies.
    """

    kind: Kind
    authorization: object = field(repr=False)
    method_arn: MethodArn
    route: Route | None = None
    path: str | None = None
    proofs: tuple[object, ...] = field(default=(), repr=False)
    certificate: object = field(default=None, repr=False)
    identity_sources: frozenset[str] | None = field(default=None, repr=False)
    callers_words: frozenset[str] = field(default=frozenset(), repr=False)


def parse(event: object) -> AuthorizerRequest:
    """Read an event; raises `EventError`. An absent token is the decision's business, not a malformed event."""
    members = _mapping(event)
    if members.get("type") == "TOKEN":
        return _token_request(members)
    version = members.get("version")
    reading = _READINGS.get(version) if version is None or isinstance(version, str) else None
    if members.get("type") != "REQUEST" or reading is None:
        raise EventError("not the event of an authorizer")
    method_arn = MethodArn.parse(members.get(reading.arn))
    if method_arn.method == CONNECT:
        return _connect_request(members, method_arn)
    return AuthorizerRequest(
        kind=reading.kind,
        authorization=_only(_header(members, "authorization")),
        method_arn=method_arn,
        route=reading.route(members),
        path=_text(_at(members, reading.path)),
        proofs=_header(members, "dpop"),
        certificate=_at(members, reading.certificate),
        identity_sources=reading.identity_sources(members),
        callers_words=_callers_words(members),
    )


def _token_request(members: Mapping[str, Any]) -> AuthorizerRequest:
    method_arn = MethodArn.parse(members.get("methodArn"))
    if method_arn.method == CONNECT:
        raise EventError("a WebSocket API has no TOKEN authorizer")
    return AuthorizerRequest(Kind.REST_TOKEN, members.get("authorizationToken"), method_arn)


def _connect_request(members: Mapping[str, Any], method_arn: MethodArn) -> AuthorizerRequest:
    if members.get("version") is not None:
        raise EventError("an HTTP API has no $connect")
    # Neither proofs nor certificates: RFC 9449 knows no WebSocket, and mutual TLS is not for WebSocket APIs.
    return AuthorizerRequest(Kind.WEBSOCKET, _only(_header(members, "authorization")), method_arn)


def _header(members: Mapping[str, Any], name: str) -> tuple[object, ...]:
    """Give every value of a header, whatever the case of its name."""
    several = [value for key, value in _mapping(members.get("multiValueHeaders")).items() if key.lower() == name]
    if several:
        return tuple(each for value in several for each in (value if isinstance(value, list) else [value]))
    return tuple(value for key, value in _mapping(members.get("headers")).items() if key.lower() == name)


def _only(values: tuple[object, ...]) -> object:
    """Give the one value, None for none, and for several what no header can be: which one counts is nobody's guess."""
    return values[0] if len(values) == 1 else values or None


def _mapping(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) and all(isinstance(name, str) for name in value) else {}


def _text(value: object) -> str | None:
    return value if isinstance(value, str) else None


def _at(members: Mapping[str, Any], names: tuple[str, ...]) -> Any:
    value: Any = members
    for name in names:
        value = _mapping(value).get(name)
    return value


def _resource_route(members: Mapping[str, Any]) -> Route | None:
    method, template = members.get("httpMethod"), members.get("resource")
    return Route(method, template) if isinstance(method, str) and isinstance(template, str) else None


def _key_route(members: Mapping[str, Any]) -> Route | None:
    key = members.get("routeKey")
    match = _ROUTE_KEY.fullmatch(key) if isinstance(key, str) else None
    if match is None:
        return None
    return Route("", match["default"]) if match["default"] else Route(match["method"], match["template"])


def _listed_sources(members: Mapping[str, Any]) -> frozenset[str]:
    """Read an array of texts, as payload 2.0 has it."""
    sources = members.get("identitySource")
    return frozenset(filter(None, map(_text, sources))) if isinstance(sources, list) else frozenset()


def _callers_words(members: Mapping[str, Any]) -> frozenset[str]:
    """Read what payload 2.0 has of the caller's own: one text for each name, one for each cookie."""
    cookies = members.get("cookies")
    named = (value for name in ("headers", "queryStringParameters") for value in _mapping(members.get(name)).values())
    return frozenset(filter(None, map(_text, (*named, *(cookies if isinstance(cookies, list) else ())))))


@dataclass(frozen=True, slots=True)
class _Reading:
    """Where an event has what. `path` is with the stage, where a client's URL has it too."""

    kind: Kind
    arn: str
    path: tuple[str, ...]
    certificate: tuple[str, ...]
    route: Callable[[Mapping[str, Any]], Route | None]
    identity_sources: Callable[[Mapping[str, Any]], frozenset[str] | None] = lambda _: None


_CONTEXT_PATH = ("requestContext", "path")
_IDENTITY_CERTIFICATE = ("requestContext", "identity", "clientCert", "clientCertPem")
_AUTHENTICATION_CERTIFICATE = ("requestContext", "authentication", "clientCert", "clientCertPem")

# By the event's `version`.
_READINGS: Final[Mapping[str | None, _Reading]] = {
    None: _Reading(Kind.REST_REQUEST, "methodArn", _CONTEXT_PATH, _IDENTITY_CERTIFICATE, _resource_route),
    # `path` is what AWS says has the API mapping ("Create AWS Lambda proxy integrations for HTTP APIs in API Gateway").
    "1.0": _Reading(Kind.HTTP_1, "methodArn", ("path",), _IDENTITY_CERTIFICATE, _resource_route),
    "2.0": _Reading(Kind.HTTP_2, "routeArn", ("rawPath",), _AUTHENTICATION_CERTIFICATE, _key_route, _listed_sources),
}
