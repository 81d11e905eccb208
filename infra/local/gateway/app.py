"""The gateway of a REST API.

A request goes through the steps of a REST API's method, in API Gateway's order: route, authorizer, request validation,
integration; and whatever a step refuses is answered by a gateway response.

Not enforced on one machine: throttling, quotas and usage plans, API keys, resource policies, WAF, response caching, the
limit on the size of all headers, and the characters that API Gateway wants encoded in a query string.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from infra.local.gateway.asgi import Application
from infra.local.gateway.document import compile_document
from infra.local.gateway.errors import GatewayError
from infra.local.gateway.functions import Functions
from infra.local.gateway.request import Stage
from infra.local.gateway.responses import GatewayResponses, Response

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from infra.local.gateway.request import Exchange
    from infra.local.lambda_runtime import Handler


class Gateway(Application):
    """Serves one REST API of API Gateway.

    `document` is a parsed OpenAPI 3.0 document, intrinsic functions resolved; `functions` are the Lambda functions that
    it names, by ARN; the authorizers' caches go by `clock`; user pools are those at `cognito_url`, or else AWS's own.
    Raises DocumentError for a document that API Gateway would not deploy, or of which this gateway would leave
    something out.
    """

    def __init__(  # noqa: PLR0913 - an API is deployed somewhere: each of these is part of its ARN or of every event
        self,
        document: Mapping[str, Any],
        functions: Mapping[str, Handler],
        *,
        stage: str,
        region: str,
        account_id: str,
        api_id: str,
        stage_variables: Mapping[str, str] | None = None,
        cognito_url: str = "",
        clock: Callable[[], float] = time.time,
    ) -> None:
        bound = Functions(functions, cognito_url)
        super().__init__(Stage(stage, region, account_id, api_id, dict(stage_variables or {})), bound, clock)
        self._router = compile_document(document, bound, clock)
        self._gateway_responses = GatewayResponses(document.get("x-amazon-apigateway-gateway-responses") or {})

    async def answer(self, exchange: Exchange, *, too_large: bool) -> Response:
        """Answer with what stands at the method, or with a gateway response."""
        try:
            if too_large:
                raise GatewayError("REQUEST_TOO_LARGE", "Request Too Long")  # noqa: TRY301 - the one way to a gateway response
            return await self._respond(exchange)
        except GatewayError as error:
            return self._gateway_responses.render(error, exchange)

    def identifiers(self, exchange: Exchange) -> list[tuple[str, str]]:
        """Return the headers that every answer of a REST API has."""
        return [
            ("x-amzn-RequestId", exchange.request_id),
            ("x-amz-apigw-id", exchange.extended_request_id),
            ("X-Amzn-Trace-Id", exchange.trace_id),
        ]

    async def _respond(self, exchange: Exchange) -> Response:
        """Take the steps of the method that stands at the request's path."""
        found = self._router.find(exchange.request.method, exchange.request.path)
        if found is None:
            raise GatewayError("MISSING_AUTHENTICATION_TOKEN", "Missing Authentication Token")
        exchange.resource_path, operation, exchange.path_parameters = found
        if operation.authorizer is not None:
            exchange.authorizer = await operation.authorizer.authorize(exchange, operation.scopes)
        if operation.validator is not None:
            operation.validator.check(exchange)
        return await operation.integration.respond(exchange)
