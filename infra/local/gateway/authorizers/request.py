"""REQUEST authorizers: the whole request but its body is the event, and parts of it the identity.

https://docs.aws.amazon.com/apigateway/latest/developerguide/api-gateway-lambda-authorizer-input.html
https://docs.aws.amazon.com/apigateway/latest/api/API_Authorizer.html (identity source, TTL)
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, TypeAlias

from infra.local.gateway.authorizers.grant import TIMEOUT_SECONDS, Examiner, method_arn_of
from infra.local.gateway.authorizers.result_cache import ResultCache, time_to_live
from infra.local.gateway.errors import DocumentError, GatewayError
from infra.local.gateway.events import request_context, request_event

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from infra.local.gateway.functions import Functions
    from infra.local.gateway.request import Exchange

Read: TypeAlias = "Callable[[Exchange, str], str | None]"


def _context_value(exchange: Exchange, name: str) -> str | None:
    """Read `$context`, `identity.sourceIp` for example."""
    value: Any = request_context(exchange)
    for part in name.split("."):
        value = value.get(part) if isinstance(value, dict) else None
    return None if value is None else str(value)


# What an identity may be made of, by its prefix.
SOURCES: Final[dict[str, Read]] = {
    "method.request.header": lambda exchange, name: exchange.request.header(name),
    "method.request.querystring": lambda exchange, name: exchange.request.query.get(name, [""])[-1],
    "stageVariables": lambda exchange, name: exchange.stage.variables.get(name),
    "context": _context_value,
}
SOURCE = re.compile(rf"({'|'.join(map(re.escape, SOURCES))})\.([A-Za-z0-9_.-]+)")


@dataclass(frozen=True, slots=True)
class RequestAuthorizer:
    """A REQUEST authorizer; `identity` reads each of its sources."""

    examiner: Examiner
    identity: tuple[tuple[Read, str], ...]

    async def authorize(self, exchange: Exchange, _scopes: Sequence[str]) -> dict[str, Any]:
        """Let the request pass, or raise GatewayError: where an identity source is absent, UNAUTHORIZED."""
        values = [read(exchange, name) for read, name in self.identity]
        if not all(values):
            raise GatewayError("UNAUTHORIZED", "Unauthorized")
        # What is absent is null to an integration, and an empty object in the input that AWS documents here.
        request = {name: {} if value is None else value for name, value in request_event(exchange).items()}
        event = {"type": "REQUEST", "methodArn": method_arn_of(exchange), **request}
        return await self.examiner.admit(exchange, json.dumps(values), event)


def request_authorizer(
    scheme: Mapping[str, Any],  # noqa: ARG001 - where the identity is, the settings say
    settings: Mapping[str, Any],
    functions: Functions,
    clock: Callable[[], float],
) -> RequestAuthorizer:
    """Compile a security scheme whose authorizer is of type request. Raises DocumentError."""
    identity = tuple(
        _source(text.strip()) for text in (settings.get("identitySource") or "").split(",") if text.strip()
    )
    ttl = time_to_live(settings)
    if ttl and not identity:
        raise DocumentError("a request authorizer whose results are kept has an identitySource")
    function = functions.bind(settings.get("authorizerUri"), TIMEOUT_SECONDS)
    return RequestAuthorizer(Examiner(function, ResultCache(ttl, clock)), identity)


def _source(text: str) -> tuple[Read, str]:
    match = SOURCE.fullmatch(text)
    if match is None:
        raise DocumentError(f"an identity source is one of {sorted(SOURCES)}, not {text!r}")
    return SOURCES[match[1]], match[2]
