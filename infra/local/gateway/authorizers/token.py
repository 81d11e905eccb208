"""TOKEN authorizers: one header is the identity.

https://docs.aws.amazon.com/apigateway/latest/developerguide/api-gateway-lambda-authorizer-input.html
https://docs.aws.amazon.com/apigateway/latest/api/API_Authorizer.html (identity source, validation expression, TTL)
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from infra.local.gateway.authorizers.grant import TIMEOUT_SECONDS, Examiner, method_arn_of
from infra.local.gateway.authorizers.result_cache import ResultCache, time_to_live
from infra.local.gateway.errors import DocumentError, GatewayError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from infra.local.gateway.functions import Functions
    from infra.local.gateway.request import Exchange

HEADER_SOURCE = re.compile(r"method\.request\.header\.([A-Za-z0-9_-]+)")


@dataclass(frozen=True, slots=True)
class TokenAuthorizer:
    """A TOKEN authorizer. The validation expression may match any part of the token."""

    examiner: Examiner
    header: str
    expression: re.Pattern[str]

    async def authorize(self, exchange: Exchange, _scopes: Sequence[str]) -> dict[str, Any]:
        """Let the request pass, or raise GatewayError."""
        method_arn = method_arn_of(exchange)
        token = exchange.request.header(self.header)
        if not token or not self.expression.search(token):
            raise GatewayError("UNAUTHORIZED", "Unauthorized")
        event = {"type": "TOKEN", "methodArn": method_arn, "authorizationToken": token}
        return await self.examiner.admit(exchange, token, event)


def token_authorizer(
    scheme: Mapping[str, Any], settings: Mapping[str, Any], functions: Functions, clock: Callable[[], float]
) -> TokenAuthorizer:
    """Compile a security scheme whose authorizer is of type token. Raises DocumentError."""
    source = settings.get("identitySource") or f"method.request.header.{scheme.get('name')}"
    header = HEADER_SOURCE.fullmatch(str(source))
    if header is None:
        raise DocumentError(f"the identity source of a token authorizer is a header, not {source!r}")
    try:
        expression = re.compile(settings.get("identityValidationExpression") or "")
    except re.error as error:
        raise DocumentError(f"identityValidationExpression: {error}") from error
    function = functions.bind(settings.get("authorizerUri"), TIMEOUT_SECONDS)
    examiner = Examiner(function, ResultCache(time_to_live(settings), clock))
    return TokenAuthorizer(examiner, header[1], expression)
