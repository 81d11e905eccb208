"""API Gateway and function-URL events into a Request, a Response back into their shape.

Three event formats arrive here: REST API (payload 1.0), HTTP API (payload 2.0) and function URL (2.0 without routes).
Nothing past this file sees an event.
"""

import base64
import binascii
import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from auth_server.errors import InvalidRequestError

MAX_BODY_BYTES = 64 * 1024

Event = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Authorizer:
    """What an authorizer of API Gateway has said: a Lambda authorizer its context, a token's own authorizer the claims.

    Of the two, one that was not there said nothing. `has_lists_in_brackets` tells how the claims that were arrays are
    written: `[a b]` by an HTTP API, `a,b` by a REST API.
    """

    context: Mapping[str, Any] = field(default_factory=dict)
    claims: Mapping[str, Any] = field(default_factory=dict)
    has_lists_in_brackets: bool = False


NOBODY = Authorizer()


@dataclass(frozen=True, slots=True)
class Request:
    """One HTTP request. `headers` maps each lower-case name to all its values, in order.

    `client_certificate` is the one that API Gateway's mutual TLS verified, in PEM: never what a header says. Nor is
    `authorizer`, which is what an authorizer before this function has said of the caller.
    """

    method: str
    path: str
    headers: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    body: bytes = b""
    source_ip: str | None = None
    request_id: str | None = None
    client_certificate: str | None = None
    authorizer: Authorizer = field(default_factory=lambda: NOBODY)

    def header(self, name: str) -> str | None:
        """Give the value of a header that may be sent once; raises `InvalidRequestError` where it was sent twice."""
        values = self.headers.get(name, ())
        if len(values) > 1:
            raise InvalidRequestError(f"The {name.title()} header was sent more than once.")
        return values[0] if values else None


@dataclass(frozen=True, slots=True)
class Response:
    """One HTTP answer: a JSON document, or a text whose Content-Type is among the headers; its status and headers."""

    status: int
    document: Mapping[str, Any] | str
    headers: Mapping[str, str] = field(default_factory=dict)


def request_from_event(event: Event) -> Request:
    """Turn an event of any of the three formats into a Request.

    Raises `InvalidRequestError` for a body that cannot be decoded or is over 64 KB, and for what is no such event.
    """
    try:
        parse = _from_payload_2 if event.get("version") == "2.0" else _from_payload_1
        return parse(event)
    except (AttributeError, TypeError, ValueError):
        raise InvalidRequestError("This is not an event of API Gateway or a function URL.") from None


def _from_payload_1(event: Event) -> Request:
    context = event.get("requestContext") or {}
    identity = context.get("identity") or {}
    return Request(
        method=str(event.get("httpMethod") or "").upper(),
        path=_path_of_payload_1(event),
        headers=_headers_of_payload_1(event),
        body=_body(event),
        source_ip=identity.get("sourceIp"),
        request_id=context.get("requestId"),
        client_certificate=_client_certificate(identity),
        authorizer=_authorizer_of_payload_1(event, _mapping(context.get("authorizer"))),
    )


def _authorizer_of_payload_1(event: Event, said: Mapping[str, Any]) -> Authorizer:
    # A Cognito or JWT authorizer's claims stand in an object of their own. No Lambda authorizer of a REST API could put
    # it there: what it says is scalars alone. Of an HTTP API's, AWS does not say so: see docs/token-vending.md.
    claims = said.get("claims")
    if isinstance(claims, Mapping):
        return Authorizer(claims=claims, has_lists_in_brackets=event.get("version") == "1.0")
    return Authorizer(context=said)


def _mapping(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}


def _path_of_payload_1(event: Event) -> str:
    # `path` holds the base path of a custom domain, `resource` never does; its parameters are filled in.
    resource, given = str(event.get("resource") or ""), event.get("pathParameters") or {}
    names = re.findall(r"{(\w+)\+?}", resource)
    if not resource or not all(name in given for name in names):
        return str(event.get("path") or "/")
    return re.sub(r"{(\w+)\+?}", lambda match: str(given[match[1]]), resource)


def _headers_of_payload_1(event: Event) -> Mapping[str, tuple[str, ...]]:
    many = event.get("multiValueHeaders")
    if many:
        return _merge((name, value) for name, values in many.items() for value in values or ())
    return _merge((event.get("headers") or {}).items())


def _from_payload_2(event: Event) -> Request:
    context = event.get("requestContext") or {}
    http = context.get("http") or {}
    return Request(
        method=str(http.get("method") or "").upper(),
        path=_path_of_payload_2(event, context),
        headers=_merge((event.get("headers") or {}).items()),
        body=_body(event),
        source_ip=http.get("sourceIp"),
        request_id=context.get("requestId"),
        client_certificate=_client_certificate(context.get("authentication") or {}),
        authorizer=_authorizer_of_payload_2(_mapping(context.get("authorizer"))),
    )


def _authorizer_of_payload_2(said: Mapping[str, Any]) -> Authorizer:
    claims = _mapping(_mapping(said.get("jwt")).get("claims"))
    return Authorizer(context=_mapping(said.get("lambda")), claims=claims, has_lists_in_brackets=True)


def _path_of_payload_2(event: Event, context: Mapping[str, Any]) -> str:
    path = str(event.get("rawPath") or "/")
    # A named stage is part of `rawPath`; the stage `$default`, and a function URL, have none.
    stage = f"/{context.get('stage')}/"
    return path[len(stage) - 1 :] if path.startswith(stage) else path


def _client_certificate(authentication: Mapping[str, Any]) -> str | None:
    pem = (authentication.get("clientCert") or {}).get("clientCertPem")
    return None if pem is None else str(pem)


def _merge(pairs: Iterable[tuple[str, str]]) -> Mapping[str, tuple[str, ...]]:
    merged: dict[str, tuple[str, ...]] = {}
    for name, value in pairs:
        merged[name.lower()] = (*merged.get(name.lower(), ()), str(value))
    return merged


def _body(event: Event) -> bytes:
    body = event.get("body") or ""
    if event.get("isBase64Encoded"):
        try:
            decoded = base64.b64decode(body, validate=True)
        except (ValueError, binascii.Error):
            raise InvalidRequestError("The body is not valid base64.") from None
    else:
        # Surrogates stand for bytes that were no UTF-8: they come back as such, and the form parser refuses them.
        decoded = str(body).encode("utf-8", "surrogatepass")
    if len(decoded) > MAX_BODY_BYTES:
        raise InvalidRequestError(f"The body is larger than {MAX_BODY_BYTES} bytes.")
    return decoded


def response_to_event(response: Response) -> dict[str, Any]:
    """Give the Lambda's answer, in the one shape that all three formats share."""
    content = response.document
    return {
        "statusCode": response.status,
        "headers": {"Content-Type": "application/json", **response.headers},
        "body": content if isinstance(content, str) else json.dumps(content, separators=(",", ":")),
        "isBase64Encoded": False,
    }
