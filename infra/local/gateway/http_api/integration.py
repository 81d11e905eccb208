"""Lambda proxy integration of an HTTP API, in either payload format.

Developer guide, "Create AWS Lambda proxy integrations for HTTP APIs in API Gateway". The guide says nothing of headers
that do not pass. The table for REST APIs ("Important notes") stands for both here, so that nobody counts on
WWW-Authenticate: REST APIs rename it, and there are reports that HTTP APIs and function URLs do.
"""

from __future__ import annotations

import base64
import binascii
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from infra.local.gateway.errors import DocumentError, HttpError
from infra.local.gateway.functions import EventTooLargeError
from infra.local.gateway.http_api.events import integration_event_1_0, integration_event_2_0
from infra.local.gateway.integrations.proxy_result import MalformedResultError, parse_result
from infra.local.gateway.responses import Response
from infra.local.lambda_runtime import FunctionError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from infra.local.gateway.functions import Function, Functions
    from infra.local.gateway.request import Exchange

# "Quotas for configuring and running an HTTP API": integration timeout 30 seconds at most.
TIMEOUT_MILLISECONDS = range(50, 30_001)

RESULT_KEYS_2_0: Final = frozenset({"statusCode", "headers", "cookies", "body", "isBase64Encoded"})


def parse_result_2_0(result: Any) -> tuple[Response, bool]:
    """Read a function's result; one without a statusCode is the body of a 200. Raises MalformedResultError."""
    if not isinstance(result, dict) or "statusCode" not in result:
        return parse_result({"body": result if isinstance(result, str) else json.dumps(result)})
    if result.keys() - RESULT_KEYS_2_0:
        raise MalformedResultError(f"the result is not an object of {sorted(RESULT_KEYS_2_0)}")
    cookies = {"multiValueHeaders": {"set-cookie": result.get("cookies") or []}}
    return parse_result({name: value for name, value in result.items() if name != "cookies"} | cookies)


# How a request is told and an answer read, by payloadFormatVersion.
FORMATS: Final[dict[str, tuple[Callable[[Exchange], dict[str, Any]], Callable[[Any], tuple[Response, bool]]]]] = {
    "1.0": (integration_event_1_0, parse_result),
    "2.0": (integration_event_2_0, parse_result_2_0),
}


@dataclass(frozen=True, slots=True)
class LambdaProxy:
    """Passes a request to a function and its result back; `version` is a key of FORMATS."""

    function: Function
    version: str

    async def respond(self, exchange: Exchange) -> Response:
        """Answer with the function's result; raises HttpError. The server writes names of headers in lower case.

        A function that fails, or whose result is malformed, is 500; one that takes too long 503; an event that is too
        large for Lambda 413.
        """
        event, parse = FORMATS[self.version]
        try:
            result, _ = await self.function.invoke(event(exchange), exchange.request_id)
            response, is_base64 = parse(result)
            body = base64.b64decode(response.body, validate=True) if is_base64 else response.body
        except EventTooLargeError as error:
            raise HttpError(413, "Request Entity Too Large") from error
        except TimeoutError as error:
            raise HttpError(503, "Service Unavailable") from error
        except FunctionError as error:
            raise HttpError(500, "Internal Server Error") from error
        except (MalformedResultError, binascii.Error) as error:
            self.function.log_failure(error)
            raise HttpError(500, "Internal Server Error") from error
        return Response(response.status, response.headers, body)


def compile_integration(integration: Mapping[str, Any], functions: Functions) -> LambdaProxy:
    """Compile an `x-amazon-apigateway-integration`. Raises DocumentError."""
    if str(integration.get("type")).lower() != "aws_proxy":
        raise DocumentError(f"an integration here is aws_proxy, not {integration.get('type')!r}")
    version = integration.get("payloadFormatVersion")
    if version not in FORMATS:
        raise DocumentError(f"payloadFormatVersion is one of {sorted(FORMATS)}, not {version!r}")
    timeout = integration.get("timeoutInMillis", TIMEOUT_MILLISECONDS[-1])
    if not isinstance(timeout, int) or timeout not in TIMEOUT_MILLISECONDS:
        raise DocumentError(f"timeoutInMillis is {TIMEOUT_MILLISECONDS[0]} to {TIMEOUT_MILLISECONDS[-1]}")
    if integration.get("httpMethod", "POST") != "POST":
        raise DocumentError("the httpMethod of a Lambda integration is POST, as the Invoke action of Lambda demands")
    return LambdaProxy(functions.bind(integration.get("uri"), timeout / 1000), version)
