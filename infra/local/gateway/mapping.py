"""Values that a document takes from a request: parameter mappings, and the templates of gateway responses.

https://docs.aws.amazon.com/apigateway/latest/developerguide/request-response-data-mappings.html
https://docs.aws.amazon.com/apigateway/latest/developerguide/api-gateway-gatewayResponse-definition.html
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, TypeAlias

from infra.local.gateway.errors import DocumentError
from infra.local.gateway.events import request_context

if TYPE_CHECKING:
    from collections.abc import Callable

    from infra.local.gateway.errors import GatewayError
    from infra.local.gateway.request import Exchange

    Variables: TypeAlias = Mapping[str, Any]
    Value: TypeAlias = Callable[[Variables], str | None]

# A template of a gateway response knows simple substitution only: it is not processed by the Velocity engine.
VARIABLE = re.compile(r"\$((?:context|stageVariables|method\.request)(?:\.[A-Za-z0-9_-]+)+)")

EXPRESSION = re.compile(
    r"(context(?:\.[A-Za-z0-9_-]+)+|stageVariables\.[A-Za-z0-9_]+"
    r"|method\.request\.(?:header|querystring|path)\.[A-Za-z0-9_$.-]+)"
)

CONTROL_CHARACTER = re.compile(r"[\x00-\x1f\x7f]")


def compile_mapping(expression: Any) -> Value:
    """Compile `'static text'`, `context.X`, `stageVariables.X` or `method.request.header|querystring|path.X`."""
    if isinstance(expression, str):
        if len(expression) > 1 and expression[0] == expression[-1] == "'":
            static = expression[1:-1]
            return lambda _: static
        if EXPRESSION.fullmatch(expression):
            return lambda variables: _header_value(lookup(variables, expression))
    raise DocumentError(f"not a parameter mapping: {expression!r}")


def compile_header_mappings(parameters: Mapping[str, Any], prefix: str) -> tuple[tuple[str, Value], ...]:
    """Compile `responseParameters` whose keys are `prefix` and a header name."""
    for name in parameters:
        if not name.startswith(prefix):
            raise DocumentError(f"{name}: a response parameter here is {prefix}NAME")
    return tuple((name.removeprefix(prefix), compile_mapping(value)) for name, value in parameters.items())


def mapped_headers(mappings: tuple[tuple[str, Value], ...], variables: Variables) -> list[tuple[str, str]]:
    """Evaluate header mappings; a value that the request lacks leaves its header out."""
    values = ((name, value(variables)) for name, value in mappings)
    return [(name, value) for name, value in values if value is not None]


def substitute(template: str, variables: Variables) -> str:
    """Fill a gateway response's template in; a variable that does not exist is empty."""
    return VARIABLE.sub(lambda match: _text(lookup(variables, match[1])), template)


def variables_of(exchange: Exchange, error: GatewayError | None = None) -> dict[str, Any]:
    """Collect everything that mappings and templates may name, by the first part of the name."""
    request = exchange.request
    context = request_context(exchange) | {"xrayTraceId": exchange.trace_id}
    if error is not None:
        context["error"] = {
            "message": error.message,
            "messageString": json.dumps(error.message),
            "responseType": error.response_type,
        }
    parameters = {
        "header": {name.lower(): value for name, value in request.headers.items()},
        "querystring": {name: values[-1] for name, values in request.query.items()},
        "path": exchange.path_parameters,
    }
    return {"context": context, "stageVariables": exchange.stage.variables, "method": {"request": parameters}}


def lookup(variables: Variables, name: str) -> Any:
    """Return what a dotted name stands for, or None; the names of headers are case-insensitive."""
    parts = name.split(".", 3) if name.startswith("method.") else name.split(".")
    if parts[:-1] == ["method", "request", "header"]:
        parts[-1] = parts[-1].lower()
    value: Any = variables
    for part in parts:
        value = value.get(part) if isinstance(value, Mapping) else None
    return value


def _text(value: Any) -> str:
    if value is None:
        return ""
    return value if isinstance(value, str) else json.dumps(value)


def _header_value(value: Any) -> str | None:
    """Return a value that may stand in a header; a decoded parameter can hold a line break, which may not."""
    text = _text(value)
    return text if text and not CONTROL_CHARACTER.search(text) else None
