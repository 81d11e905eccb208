"""Documents that are refused when they are loaded: nothing in a document is left out silently."""

from __future__ import annotations

from typing import Any

import pytest

from infra.local.gateway.errors import DocumentError
from tests.local.gateway_api import document, function_arn, gateway, proxy, token_scheme, uri


def integrated(**integration: Any) -> dict[str, Any]:
    """Return a document with one operation whose Lambda integration is changed."""
    operation = proxy()
    operation["x-amazon-apigateway-integration"] |= integration
    return document({"/a": {"get": operation}})


def secured(*security: dict[str, Any], **schemes: Any) -> dict[str, Any]:
    """Return a document with one operation behind this security."""
    return document({"/a": {"get": proxy(security=list(security))}}, components={"securitySchemes": schemes})


SCHEME = token_scheme("echo")


def test_a_good_document_is_loaded() -> None:
    """The documents that the refused ones are changed from are good."""
    gateway(integrated())
    gateway(integrated(type="AWS_PROXY", timeoutInMillis=29_000))
    gateway(secured({"auth": []}, auth=SCHEME))
    gateway(document({"/a": {"get": proxy(), "parameters": [], "summary": "a"}}))
    gateway(document({}, security=[]))


@pytest.mark.parametrize(
    ("described", "reason"),
    [
        ({}, r"OpenAPI 3\.0"),
        ({"swagger": "2.0", "paths": {}}, r"OpenAPI 3\.0"),
        (document({}, security=[{"auth": []}]), "root of a document"),
        (document({"/a": {"get": {"responses": {}}}}), "GET /a: no integration"),
        (integrated(type="http_proxy"), "an integration here is one of"),
        (integrated(type=None), "an integration here is one of"),
        (integrated(httpMethod="GET"), "is POST"),
        (integrated(uri=None), "no function stands at"),
        (integrated(uri=function_arn("echo")), "no function stands at"),
        (integrated(uri=uri("other")), "no function stands at"),
        (integrated(timeoutInMillis=49), "50 to 29000"),
        (integrated(timeoutInMillis=29_001), "50 to 29000"),
        (integrated(timeoutInMillis="1000"), "50 to 29000"),
        (secured({"auth": []}), "security is one authorizer"),
        (secured({"auth": [], "other": []}, auth=SCHEME, other=SCHEME), "security is one authorizer"),
        (secured({"auth": []}, {"other": []}, auth=SCHEME, other=SCHEME), "security is one authorizer"),
        (secured(auth={"type": "http", "scheme": "bearer"}), "only authorizers of"),
        (secured(auth={"type": "apiKey", "name": "x-api-key", "in": "header"}), "only authorizers of"),
        (secured(auth=SCHEME | {"type": "oauth2"}), "of type apiKey"),
        (secured(auth=SCHEME | {"in": "query"}), "of type apiKey"),
        (secured(auth=token_scheme("other")), "no function stands at"),
        (document({"/a{id}": {"get": proxy()}}), "segment of its own"),
    ],
)
def test_a_document_that_would_not_do_what_it_says_is_refused(described: dict[str, Any], reason: str) -> None:
    """What API Gateway refuses or ignores, and what is not interpreted here, stops the load with its reason."""
    with pytest.raises(DocumentError, match=reason):
        gateway(described)
