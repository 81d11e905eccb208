"""Lambda proxy integration, `type: aws_proxy`.

https://docs.aws.amazon.com/apigateway/latest/developerguide/set-up-lambda-proxy-integrations.html
"""

from __future__ import annotations

import base64
import binascii
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from infra.local.gateway.errors import DocumentError, GatewayError
from infra.local.gateway.events import is_binary, proxy_event
from infra.local.gateway.functions import EventTooLargeError
from infra.local.gateway.integrations.proxy_result import MalformedResultError, parse_result
from infra.local.gateway.responses import Response
from infra.local.lambda_runtime import FunctionError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from infra.local.gateway.functions import Function
    from infra.local.gateway.integrations.base import Setting
    from infra.local.gateway.request import Exchange

# "Quotas for configuring and running a REST API": 50 milliseconds to 29 seconds.
TIMEOUT_MILLISECONDS = range(50, 29_001)


@dataclass(frozen=True, slots=True)
class LambdaProxy:
    """Passes a request to a function and its result back."""

    function: Function
    binary_media_types: frozenset[str]

    async def respond(self, exchange: Exchange) -> Response:
        """Answer with the function's result.

        A function that fails, or whose result is malformed, is 502 Internal server error; one that takes too long
        INTEGRATION_TIMEOUT; an event that is too large for Lambda REQUEST_TOO_LARGE.
        """
        event = proxy_event(exchange, self.binary_media_types)
        try:
            result, _ = await self.function.invoke(event, exchange.request_id)
            response, is_base64 = parse_result(result)
        except EventTooLargeError as error:
            raise GatewayError("REQUEST_TOO_LARGE", "Request Too Long") from error
        except TimeoutError as error:
            raise GatewayError("INTEGRATION_TIMEOUT", "Endpoint request timed out") from error
        except FunctionError as error:
            raise GatewayError("DEFAULT_5XX", "Internal server error", status=502) from error
        except MalformedResultError as error:
            self.function.log_failure(error)
            raise GatewayError("DEFAULT_5XX", "Internal server error", status=502) from error
        return self._decoded(response, exchange) if is_base64 else response

    def _decoded(self, response: Response, exchange: Exchange) -> Response:
        """Decode a base64 body if the API calls the first type in `Accept` binary; leave it as it is otherwise.

        https://docs.aws.amazon.com/apigateway/latest/developerguide/lambda-proxy-binary-media.html
        """
        accepted = (exchange.request.header("accept") or "").partition(",")[0].partition(";")[0].strip().lower()
        if not is_binary(accepted, self.binary_media_types):
            return response
        try:
            return Response(response.status, response.headers, base64.b64decode(response.body, validate=True))
        except binascii.Error as error:
            # The description of API_CONFIGURATION_ERROR names this very case.
            raise GatewayError("API_CONFIGURATION_ERROR", "Internal server error") from error


def compile_integration(integration: Mapping[str, Any], setting: Setting) -> LambdaProxy:
    """Compile the integration. Raises DocumentError."""
    if integration.get("httpMethod") != "POST":
        raise DocumentError("the httpMethod of a Lambda integration is POST, as the Invoke action of Lambda demands")
    timeout = integration.get("timeoutInMillis", TIMEOUT_MILLISECONDS[-1])
    if not isinstance(timeout, int) or timeout not in TIMEOUT_MILLISECONDS:
        raise DocumentError(f"timeoutInMillis is {TIMEOUT_MILLISECONDS[0]} to {TIMEOUT_MILLISECONDS[-1]}")
    return LambdaProxy(setting.functions.bind(integration.get("uri"), timeout / 1000), setting.binary_media_types)
