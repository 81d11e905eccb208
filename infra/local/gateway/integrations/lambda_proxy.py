"""Lambda proxy integration, `type: aws_proxy`.

https://docs.aws.amazon.com/apigateway/latest/developerguide/set-up-lambda-proxy-integrations.html
"""

from __future__ import annotations

import base64
import binascii
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from infra.local.gateway.errors import DocumentError, GatewayError
from infra.local.gateway.events import is_binary, proxy_event
from infra.local.gateway.functions import EventTooLargeError
from infra.local.gateway.responses import STATUS_CODE, Response
from infra.local.lambda_runtime import FunctionError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from infra.local.gateway.functions import Function
    from infra.local.gateway.integrations.base import Setting
    from infra.local.gateway.request import Exchange

# "Quotas for configuring and running a REST API": 50 milliseconds to 29 seconds.
TIMEOUT_MILLISECONDS = range(50, 29_001)

RESULT_KEYS = frozenset({"statusCode", "headers", "multiValueHeaders", "body", "isBase64Encoded"})

# "Important notes" for REST APIs, the table of headers, column Response of a Lambda integration. Content-Length passes
# there; here it is always that of the body, and so a wrong one cannot break the connection.
REMAPPED = frozenset(
    {"authorization", "connection", "content-md5", "date", "max-forwards", "server", "user-agent", "www-authenticate"}
)
DROPPED = frozenset(
    {
        "content-length",
        "expect",
        "host",
        "proxy-authenticate",
        "te",
        "trailer",
        "transfer-encoding",
        "upgrade",
        "via",
    }
)

HEADER_NAME = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")  # RFC 9110 5.6.2, token
HEADER_VALUE = re.compile(r"[\t\x20-\x7e\x80-\xff]*")  # RFC 9110 5.5, what a field value may hold


class MalformedResultError(ValueError):
    """The function's result is not in the output format of a proxy integration."""


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


def parse_result(result: Any) -> tuple[Response, bool]:
    """Read a function's result, and whether its body is in base64. Raises MalformedResultError.

    Every key may be left out, and no other may be there.
    """
    if not isinstance(result, dict) or result.keys() - RESULT_KEYS:
        raise MalformedResultError(f"the result is not an object of {sorted(RESULT_KEYS)}")
    body = result.get("body")
    if body is not None and not isinstance(body, str):
        raise MalformedResultError("body is not a string")
    headers = _headers(_map(result.get("headers")), _map(result.get("multiValueHeaders")))
    response = Response(_status(result.get("statusCode", 200)), headers, (body or "").encode(errors="replace"))
    return response, result.get("isBase64Encoded") is True


def _status(value: Any) -> int:
    """Read a status code, a number or digits."""
    if not STATUS_CODE.fullmatch(str(value)):
        raise MalformedResultError("statusCode is not a status code")
    return int(value)


def _headers(headers: dict[str, Any], multi_value_headers: dict[str, Any]) -> list[tuple[str, str]]:
    """Merge both maps into one list, a pair that is in both once, and rename what API Gateway renames."""
    pairs = [(name, value) for name, values in multi_value_headers.items() for value in _list(values)]
    merged = [*pairs, *(pair for pair in headers.items() if pair not in pairs)]
    sent = [(_renamed(name), _value(value)) for name, value in merged if name.lower() not in DROPPED]
    # "Important notes": every integration response has a Content-Type, application/json by default.
    if not any(name.lower() == "content-type" for name, _ in sent):
        sent.append(("Content-Type", "application/json"))
    return sent


def _map(value: Any) -> dict[str, Any]:
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise MalformedResultError("headers and multiValueHeaders are objects")
    return value


def _list(values: Any) -> list[Any]:
    if not isinstance(values, list):
        raise MalformedResultError("a value of multiValueHeaders is not a list")
    return values


def _renamed(name: str) -> str:
    if not HEADER_NAME.fullmatch(name):
        raise MalformedResultError("the name of a header is not a token")
    return f"x-amzn-Remapped-{name}" if name.lower() in REMAPPED else name


def _value(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if not isinstance(value, str) or not HEADER_VALUE.fullmatch(value):
        raise MalformedResultError("the value of a header is not a string that a header can hold")
    return value


def compile_integration(integration: Mapping[str, Any], setting: Setting) -> LambdaProxy:
    """Compile the integration. Raises DocumentError."""
    if integration.get("httpMethod") != "POST":
        raise DocumentError("the httpMethod of a Lambda integration is POST, as the Invoke action of Lambda demands")
    timeout = integration.get("timeoutInMillis", TIMEOUT_MILLISECONDS[-1])
    if not isinstance(timeout, int) or timeout not in TIMEOUT_MILLISECONDS:
        raise DocumentError(f"timeoutInMillis is {TIMEOUT_MILLISECONDS[0]} to {TIMEOUT_MILLISECONDS[-1]}")
    return LambdaProxy(setting.functions.bind(integration.get("uri"), timeout / 1000), setting.binary_media_types)
