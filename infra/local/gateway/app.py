"""The gateway as an ASGI application.

A request goes through the steps of a REST API's method, in API Gateway's order: route, authorizer, request validation,
integration; and whatever a step refuses is answered by a gateway response.

Not enforced on one machine: throttling, quotas and usage plans, API keys, resource policies, WAF, response caching, the
limit on the size of all headers, and the characters that API Gateway wants encoded in a query string.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from infra.local.gateway.document import compile_document
from infra.local.gateway.errors import GatewayError
from infra.local.gateway.functions import Functions
from infra.local.gateway.request import Stage, begin, parse_request
from infra.local.gateway.responses import GatewayResponses, Response

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from starlette.types import Receive, Scope, Send

    from infra.local.gateway.request import Exchange
    from infra.local.lambda_runtime import Handler

# "Quotas for configuring and running a REST API": payload size 10 MB.
MAX_BODY_BYTES = 10 * 1024 * 1024

WITHOUT_BODY = (204, 304)  # RFC 9110 6.4.1


class Gateway:
    """Serves one API of API Gateway.

    `document` is a parsed OpenAPI 3.0 document, intrinsic functions resolved; `functions` are the Lambda functions that
    it names, by ARN; `clock` returns the time in seconds since the epoch, and the authorizers' caches go by it. Raises
    DocumentError for a document that API Gateway would not deploy, or of which this gateway would leave something out.
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
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._stage = Stage(stage, region, account_id, api_id, dict(stage_variables or {}))
        self._clock = clock
        self._functions = Functions(functions)
        self._router = compile_document(document, self._functions, clock)
        self._gateway_responses = GatewayResponses(document.get("x-amazon-apigateway-gateway-responses") or {})

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one ASGI connection; a WebSocket is refused."""
        if scope["type"] == "http":
            await self._serve(scope, receive, send)
        elif scope["type"] == "lifespan":
            await self._live(receive, send)
        else:
            await send({"type": "websocket.close"})

    async def _live(self, receive: Receive, send: Send) -> None:
        """Answer the server's start and stop."""
        while True:
            event = (await receive())["type"]
            if event == "lifespan.shutdown":
                self._functions.close()
            await send({"type": f"{event}.complete"})
            if event == "lifespan.shutdown":
                return

    async def _serve(self, scope: Scope, receive: Receive, send: Send) -> None:
        body = await _read_body(receive)
        if body is None:
            return
        exchange = begin(self._stage, parse_request(scope, body[:MAX_BODY_BYTES]), self._clock())
        try:
            if len(body) > MAX_BODY_BYTES:
                raise GatewayError("REQUEST_TOO_LARGE", "Request Too Long")  # noqa: TRY301 - the one way to a gateway response
            response = await self._respond(exchange)
        except GatewayError as error:
            response = self._gateway_responses.render(error, exchange)
        await _send(send, exchange, response)

    async def _respond(self, exchange: Exchange) -> Response:
        """Take the steps of the method that stands at the request's path."""
        found = self._router.find(exchange.request.method, exchange.request.path)
        if found is None:
            raise GatewayError("MISSING_AUTHENTICATION_TOKEN", "Missing Authentication Token")
        exchange.resource_path, operation, exchange.path_parameters = found
        if operation.authorizer is not None:
            exchange.authorizer = await operation.authorizer.authorize(exchange)
        if operation.validator is not None:
            operation.validator.check(exchange)
        return await operation.integration.respond(exchange)


async def _read_body(receive: Receive) -> bytes | None:
    """Read a body to its end, None if the client left; past the limit the rest is read and thrown away.

    A client that still writes would not read an answer that came earlier.
    """
    chunks: list[bytes] = []
    size = 0
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            return None
        chunk = message.get("body", b"")
        if chunk and size <= MAX_BODY_BYTES:
            chunks.append(chunk)
        size += len(chunk)
        if not message.get("more_body", False):
            return b"".join(chunks)


async def _send(send: Send, exchange: Exchange, response: Response) -> None:
    """Send a response with the headers that every answer of API Gateway has."""
    headers = [
        (name.encode("latin-1", "replace"), value.encode("latin-1", "replace")) for name, value in response.headers
    ]
    headers += [
        (b"x-amzn-RequestId", exchange.request_id.encode()),
        (b"x-amz-apigw-id", exchange.extended_request_id.encode()),
        (b"X-Amzn-Trace-Id", exchange.trace_id.encode("latin-1", "replace")),
    ]
    body = b"" if response.status in WITHOUT_BODY else response.body
    if response.status not in WITHOUT_BODY:
        headers.append((b"content-length", str(len(body)).encode()))
    await send({"type": "http.response.start", "status": response.status, "headers": headers})
    await send({"type": "http.response.body", "body": body})  # of which the server sends nothing for HEAD
