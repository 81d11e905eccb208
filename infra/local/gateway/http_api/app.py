"""The gateway of an HTTP API.

A request goes through stage, route, authorizer and integration. What one of them refuses is answered with
{"message": ...}, of which a document can change nothing: HTTP APIs have no gateway responses.

Not enforced on one machine: throttling, mutual TLS, IAM authorization, and the quota on the size of headers.
"""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING, Any

from infra.local.gateway.asgi import Application
from infra.local.gateway.errors import HttpError
from infra.local.gateway.functions import Functions
from infra.local.gateway.http_api.cors import compile_cors
from infra.local.gateway.http_api.document import compile_document
from infra.local.gateway.request import Stage
from infra.local.gateway.responses import Response

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from infra.local.gateway.request import Exchange
    from infra.local.lambda_runtime import Handler


class HttpGateway(Application):
    """Serves one HTTP API of API Gateway, in the stage `$default` or in a named one, below its name.

    The arguments are those of `Gateway`. Raises DocumentError.
    """

    def __init__(  # noqa: PLR0913 - as Gateway's
        self,
        document: Mapping[str, Any],
        functions: Mapping[str, Handler],
        *,
        stage: str,
        region: str,
        account_id: str,
        api_id: str,
        stage_variables: Mapping[str, str] | None = None,
        clock: Callable[[], float] = time.time,
    ) -> None:
        bound = Functions(functions)
        super().__init__(Stage(stage, region, account_id, api_id, dict(stage_variables or {})), bound, clock)
        self._routes = compile_document(document, bound, clock)
        self._cors = compile_cors(document.get("x-amazon-apigateway-cors"))

    async def answer(self, exchange: Exchange, *, too_large: bool) -> Response:
        """Answer with what the route's integration says, or refuse."""
        try:
            if too_large:
                raise HttpError(413, "Request Entity Too Large")  # noqa: TRY301 - the one way to a refusal
            return await self._respond(exchange)
        except HttpError as error:
            return _refusal(error)

    def identifiers(self, exchange: Exchange) -> list[tuple[str, str]]:
        """Return the header that every answer of an HTTP API has."""
        return [("apigw-requestid", exchange.extended_request_id)]

    async def _respond(self, exchange: Exchange) -> Response:
        """Take the steps of the route that the request reaches."""
        route = self._routes.find(exchange)
        if route is None:
            if self._cors is not None and self._cors.is_preflight(exchange.request):
                return self._cors.dressed(Response(204, [], b""), exchange.request)
            raise HttpError(404, "Not Found")
        if route.authorizer is not None:
            exchange.authorizer = await route.authorizer.authorize(exchange, route.scopes)
        response = await route.integration.respond(exchange)
        return self._cors.dressed(response, exchange.request) if self._cors is not None else response


def _refusal(error: HttpError) -> Response:
    challenge = [("www-authenticate", error.challenge)] if error.challenge else []
    body = json.dumps({"message": error.message}, separators=(",", ":")).encode()
    return Response(error.status, [("content-type", "application/json"), *challenge], body)
