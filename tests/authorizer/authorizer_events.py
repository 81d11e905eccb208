"""Events of every kind of authorizer, as API Gateway sends them, with a token and whatever else is sent in them."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from authorizer.event import Kind

RECORDED = Path(__file__).parents[1] / "events"
FILES = {
    Kind.REST_TOKEN: "token_authorizer",
    Kind.REST_REQUEST: "request_authorizer_rest",
    Kind.HTTP_1: "request_authorizer_http_api_1",
    Kind.HTTP_2: "request_authorizer_http_api_2",
    Kind.WEBSOCKET: "request_authorizer_websocket",
}
# Where the event says which certificate the client has.
CERTIFICATE_AT = {Kind.REST_REQUEST: "identity", Kind.HTTP_1: "identity", Kind.HTTP_2: "authentication"}


def recorded(kind: Kind) -> dict[str, Any]:
    """Give the event as it was recorded, for GET /products/kettle where it is for a route."""
    event: dict[str, Any] = json.loads((RECORDED / f"{FILES[kind]}.json").read_text("utf-8"))
    return event


def event_of(kind: Kind, authorization: str | None, headers: Mapping[str, str] | None = None) -> dict[str, Any]:
    """Give an event with this Authorization header, None for none, and further headers."""
    event = recorded(kind)
    if kind is Kind.REST_TOKEN:
        assert not headers, "a TOKEN event has no other header"
        return event | {"authorizationToken": authorization}
    sent = {name: value for name, value in event["headers"].items() if name.lower() != "authorization"}
    sent |= {"Authorization": authorization} if authorization is not None else {}
    sent |= headers or {}
    if kind is Kind.HTTP_2:
        sent = {name.lower(): value for name, value in sent.items()}
        return event | {"headers": sent, "identitySource": [authorization] if authorization else []}
    return event | {"headers": sent, "multiValueHeaders": {name: [value] for name, value in sent.items()}}


def with_certificate(kind: Kind, event: Mapping[str, Any], pem: str) -> dict[str, Any]:
    """Give the event of a client that connected with a certificate."""
    context, where = event["requestContext"], CERTIFICATE_AT[kind]
    identity = {**context.get(where, {}), "clientCert": {"clientCertPem": pem}}
    return {**event, "requestContext": {**context, where: identity}}
