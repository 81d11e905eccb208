"""Mock integration, `type: mock`: an answer without a back end, as for CORS preflight requests.

https://docs.aws.amazon.com/apigateway/latest/developerguide/how-to-mock-integration.html
https://docs.aws.amazon.com/apigateway/latest/developerguide/integration-passthrough-behaviors.html

A request template names a status code, and the status code chooses the response. Templates must be plain text: the
Velocity language is not interpreted.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from infra.local.gateway.errors import DocumentError, GatewayError
from infra.local.gateway.mapping import compile_header_mappings, mapped_headers, variables_of
from infra.local.gateway.responses import Response, status_code

if TYPE_CHECKING:
    from collections.abc import Mapping

    from infra.local.gateway.integrations.base import Setting
    from infra.local.gateway.mapping import Value
    from infra.local.gateway.request import Exchange

PREFIX = "method.response.header."
MEDIA_TYPE = "application/json"
VELOCITY = re.compile(r"[$#]")


@dataclass(frozen=True, slots=True)
class MockResponse:
    """One integration response; `selection` None is the default one."""

    selection: re.Pattern[str] | None
    status: int
    headers: tuple[tuple[str, Value], ...]
    body: bytes


@dataclass(frozen=True, slots=True)
class Mock:
    """Answers with one of its responses; `statuses` is what the request template of each content type chooses."""

    statuses: Mapping[str, int]
    passthrough: str
    responses: tuple[MockResponse, ...]

    async def respond(self, exchange: Exchange) -> Response:
        """Answer, or raise GatewayError UNSUPPORTED_MEDIA_TYPE or API_CONFIGURATION_ERROR."""
        status = self.statuses.get(exchange.media_type)
        if status is None:
            status = self._passed_through(exchange)
        for response in self.responses:
            if response.selection is None or response.selection.fullmatch(str(status)):
                headers = [*mapped_headers(response.headers, variables_of(exchange)), ("Content-Type", MEDIA_TYPE)]
                return Response(response.status, headers, response.body)
        raise GatewayError("API_CONFIGURATION_ERROR", "Internal server error")

    def _passed_through(self, exchange: Exchange) -> int:
        """Take the status code from the body, if a content type without a template may pass at all."""
        if self.passthrough == "never" or (self.passthrough == "when_no_templates" and self.statuses):
            raise GatewayError("UNSUPPORTED_MEDIA_TYPE", "Unsupported Media Type")
        try:
            return _template_status(exchange.request.body.decode())
        except (ValueError, RecursionError) as error:
            raise GatewayError("API_CONFIGURATION_ERROR", "Internal server error") from error


def compile_integration(integration: Mapping[str, Any], setting: Setting) -> Mock:
    """Compile the integration. Raises DocumentError."""
    templates = integration.get("requestTemplates") or {}
    try:
        statuses = {media_type.lower(): _template_status(_plain(text)) for media_type, text in templates.items()}
    except ValueError as error:
        raise DocumentError(f"a mock's request template is an object with a statusCode: {error}") from error
    passthrough = str(integration.get("passthroughBehavior", "when_no_match")).lower()
    if passthrough not in ("when_no_match", "when_no_templates", "never"):
        raise DocumentError(f"passthroughBehavior {passthrough}")
    responses = integration.get("responses") or {}
    # The default response comes last: it is for what no other is chosen for.
    ordered = sorted(responses.items(), key=lambda item: item[0] == "default")
    return Mock(statuses, passthrough, tuple(_response(name, value, setting) for name, value in ordered))


def _response(name: str, settings: Mapping[str, Any], setting: Setting) -> MockResponse:
    status = status_code(settings.get("statusCode"), None)
    if status is None:
        raise DocumentError("an integration response has a statusCode")
    headers = compile_header_mappings(settings.get("responseParameters") or {}, PREFIX)
    _check_declared(setting.operation, status, [name for name, _ in headers])
    templates = settings.get("responseTemplates") or {}
    body = _plain(templates.get(MEDIA_TYPE) or "").encode()
    try:
        selection = None if name == "default" else re.compile(name)
    except re.error as error:
        raise DocumentError(f"the selection pattern {name}: {error}") from error
    return MockResponse(selection, status, headers, body)


def _check_declared(operation: Mapping[str, Any], status: int, names: list[str]) -> None:
    """Refuse headers that the operation's response does not declare: API Gateway would refuse to import them."""
    responses = {str(code): response for code, response in (operation.get("responses") or {}).items()}
    declared = {name.lower() for name in (responses.get(str(status)) or {}).get("headers") or {}}
    missing = [name for name in names if name.lower() not in declared]
    if missing:
        raise DocumentError(f"response {status} does not declare the headers {missing}")


def _plain(template: str) -> str:
    if VELOCITY.search(template):
        raise DocumentError("the templates of a mock integration are plain text here")
    return template


def _template_status(text: str) -> int:
    template = json.loads(text)
    status = template.get("statusCode") if isinstance(template, dict) else None
    if not isinstance(status, int):
        raise ValueError("no statusCode")  # noqa: TRY004 - the caller treats a wrong type and bad JSON alike
    return status
