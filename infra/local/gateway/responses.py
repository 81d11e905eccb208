"""Gateway responses: what the gateway answers itself.

https://docs.aws.amazon.com/apigateway/latest/developerguide/supported-gateway-response-types.html
https://docs.aws.amazon.com/apigateway/latest/developerguide/api-gateway-gatewayResponse-definition.html

A type that the document does not set follows its DEFAULT_4XX or DEFAULT_5XX; one that it sets inherits nothing of them.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from infra.local.gateway.errors import DocumentError
from infra.local.gateway.mapping import compile_header_mappings, mapped_headers, substitute, variables_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from infra.local.gateway.errors import GatewayError
    from infra.local.gateway.mapping import Value
    from infra.local.gateway.request import Exchange

# The types and their default status codes. The two fallbacks have none: theirs is that of the error.
STATUS = {
    "ACCESS_DENIED": 403,
    "API_CONFIGURATION_ERROR": 500,
    "AUTHORIZER_CONFIGURATION_ERROR": 500,
    "AUTHORIZER_FAILURE": 500,
    "BAD_REQUEST_BODY": 400,
    "BAD_REQUEST_PARAMETERS": 400,
    "DEFAULT_4XX": 400,
    "DEFAULT_5XX": 500,
    "EXPIRED_TOKEN": 403,
    "INTEGRATION_FAILURE": 504,
    "INTEGRATION_TIMEOUT": 504,
    "INVALID_API_KEY": 403,
    "INVALID_SIGNATURE": 403,
    "MISSING_AUTHENTICATION_TOKEN": 403,
    "QUOTA_EXCEEDED": 429,
    "REQUEST_TOO_LARGE": 413,
    "RESOURCE_NOT_FOUND": 404,
    "THROTTLED": 429,
    "UNAUTHORIZED": 401,
    "UNSUPPORTED_MEDIA_TYPE": 415,
    "WAF_FILTERED": 403,
}

SERVER_ERROR = 500
STATUS_CODE = re.compile(r"[2-5][0-9]{2}")  # an interim one (1xx) answers nothing

DEFAULT_TEMPLATES = {"application/json": '{"message":$context.error.messageString}'}


@dataclass(frozen=True, slots=True)
class Response:
    """An HTTP response, before the headers that every answer has."""

    status: int
    headers: list[tuple[str, str]]
    body: bytes


@dataclass(frozen=True, slots=True)
class GatewayResponse:
    """How one type is answered; `status` None keeps that of the error."""

    status: int | None
    headers: tuple[tuple[str, Value], ...]
    media_type: str
    template: str


class GatewayResponses:
    """Renders errors as `x-amazon-apigateway-gateway-responses` says. Raises DocumentError when it is made."""

    def __init__(self, settings: Mapping[str, Any]) -> None:
        self._unset = _compile({}, None)
        for name in settings:
            if name not in STATUS:
                raise DocumentError(f"there is no gateway response type {name}")
        # "Important notes": customizing the response of REQUEST_TOO_LARGE is not supported.
        self._by_type = {"REQUEST_TOO_LARGE": self._unset} | {
            name: _compile(setting or {}, None if name.startswith("DEFAULT_") else STATUS[name])
            for name, setting in settings.items()
            if name != "REQUEST_TOO_LARGE"
        }

    def render(self, error: GatewayError, exchange: Exchange) -> Response:
        """Answer a request with the gateway response of an error."""
        status = error.status or STATUS[error.response_type]
        fallback = "DEFAULT_5XX" if status >= SERVER_ERROR else "DEFAULT_4XX"
        by_type = self._by_type
        chosen = by_type.get(error.response_type) or by_type.get(fallback) or self._unset
        variables = variables_of(exchange, error)
        return Response(
            chosen.status or status,
            [("Content-Type", chosen.media_type), *mapped_headers(chosen.headers, variables)],
            substitute(chosen.template, variables).encode(errors="replace"),
        )


def _compile(setting: Mapping[str, Any], status: int | None) -> GatewayResponse:
    headers = compile_header_mappings(setting.get("responseParameters") or {}, "gatewayresponse.header.")
    templates = setting.get("responseTemplates") or DEFAULT_TEMPLATES
    media_type = next(iter(templates)) if "application/json" not in templates else "application/json"
    return GatewayResponse(status_code(setting.get("statusCode"), status), headers, media_type, templates[media_type])


def status_code(value: Any, default: int | None) -> int | None:
    """Read the status code of a response in the document, a number or digits."""
    if value is None:
        return default
    if STATUS_CODE.fullmatch(str(value)):
        return int(value)
    raise DocumentError(f"not a status code: {value!r}")
