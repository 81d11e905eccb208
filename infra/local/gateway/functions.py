"""The Lambda functions behind an API: found by the ARN in an integration's or authorizer's URI, run in threads."""

from __future__ import annotations

import json
import logging
import re
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar

from infra.local.gateway.errors import DocumentError
from infra.local.gateway.workers import Workers
from infra.local.lambda_runtime import MAX_PAYLOAD_BYTES, FunctionError, LambdaContext, invoke

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from infra.local.lambda_runtime import Handler

T = TypeVar("T")

# `uri` and `authorizerUri`:
# https://docs.aws.amazon.com/apigateway/latest/developerguide/api-gateway-swagger-extensions-authorizer.html
URI = re.compile(r"arn:aws[\w-]*:apigateway:[\w-]+:lambda:path/2015-03-31/functions/(arn:.+)/invocations")

# Lambda runs each concurrent request in an environment of its own; here that many run at once, the others wait.
THREADS = 64

# JSON writes a byte with at most 6 characters, so a smaller body cannot make an event that is over the limit.
BODY_WITHIN_LIMITS = MAX_PAYLOAD_BYTES // 8

log = logging.getLogger(__name__)


class EventTooLargeError(Exception):
    """The event is over Lambda's limit; the function was not called."""


@dataclass(frozen=True, slots=True)
class Function:
    """A function as one integration or authorizer calls it; `timeout` in seconds."""

    arn: str
    handler: Handler
    workers: Workers
    timeout: float

    async def invoke(self, event: Mapping[str, Any], request_id: str) -> tuple[Any, int]:
        """Return the function's result, after its passage through JSON, and its size in bytes.

        Raises FunctionError; EventTooLargeError; TimeoutError once the time is up. A thread cannot be killed, so a
        handler that takes too long runs on, and what it returns is dropped.
        """
        if len(event.get("body") or "") > BODY_WITHIN_LIMITS and len(json.dumps(event)) > MAX_PAYLOAD_BYTES:
            raise EventTooLargeError
        context = LambdaContext(request_id, self.arn, time.monotonic() + self.timeout)
        try:
            result: tuple[Any, int] = await self.workers.run(self.timeout, invoke, self.handler, event, context)
        except FunctionError as error:
            self.log_failure(error)
            raise
        except TimeoutError:
            log.error("%s timed out after %s s", self.arn, self.timeout)  # noqa: TRY400 - its traceback says nothing
            raise
        return result

    def log_failure(self, error: Exception) -> None:
        """Log what API Gateway and Lambda log of a failure, except for the word by which an authorizer says no."""
        if str(error) != "Unauthorized":
            log.error("%s failed", self.arn, exc_info=error)


class Functions:
    """All functions by ARN, and the threads that they run in; `cognito_url` is where Cognito answers, if not at AWS."""

    def __init__(self, handlers: Mapping[str, Handler], cognito_url: str = "") -> None:
        self._handlers = dict(handlers)
        self.cognito_url = cognito_url
        self._workers = Workers(THREADS)

    def bind(self, uri: Any, timeout: float) -> Function:
        """Find the function of a URI. Raises DocumentError."""
        match = URI.fullmatch(uri) if isinstance(uri, str) else None
        handler = self._handlers.get(match[1]) if match else None
        if match is None or handler is None:
            raise DocumentError(f"no function stands at {uri!r}")
        return Function(match[1], handler, self._workers, timeout)

    async def wait_for(self, seconds: float, call: Callable[..., T], *args: Any) -> T:
        """Run what is no function but waits as one does: for the network. Raises TimeoutError once the time is up."""
        result: T = await self._workers.run(seconds, call, *args)
        return result

    def close(self) -> None:
        """Let no further invocation begin."""
        self._workers.close()
