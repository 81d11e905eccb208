"""An authorizer's result: asked for, checked, kept, and held against a method.

https://docs.aws.amazon.com/apigateway/latest/developerguide/apigateway-use-lambda-authorizer.html
https://docs.aws.amazon.com/apigateway/latest/developerguide/api-gateway-lambda-authorizer-output.html
"""

from __future__ import annotations

import json
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from infra.local.gateway.errors import GatewayError
from infra.local.gateway.policy import Decision, Policy, PolicyError, parse_policy
from infra.local.gateway.routes import canonical
from infra.local.lambda_runtime import FunctionError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from infra.local.gateway.authorizers.result_cache import ResultCache
    from infra.local.gateway.functions import Function
    from infra.local.gateway.request import Exchange

# "Quotas for configuring and running a REST API": integration timeout 29 s at most, authorizer result 8 KB, ARN of a
# method with authorization 1,600 bytes.
TIMEOUT_SECONDS = 29.0
MAX_RESULT_BYTES = 8 * 1024
MAX_ARN_BYTES = 1600

# The texts of a 403: https://repost.aws/knowledge-center/api-gateway-403-error-lambda-authorizer
DENIED = "User is not authorized to access this resource"
DENIALS = {Decision.EXPLICIT_DENY: f"{DENIED} with an explicit deny", Decision.IMPLICIT_DENY: DENIED}


@dataclass(frozen=True, slots=True)
class Grant:
    """An authorizer's result: for whom, what, and the strings that integrations get."""

    principal_id: str
    policy: Policy
    context: dict[str, str]


@dataclass(frozen=True, slots=True)
class Examiner:
    """Asks the authorizer's function, keeps what it says, and holds it against the method.

    A result is cached whole, a denying one too, and its policy is evaluated for each method anew. A raised
    `Unauthorized` and a failure are not cached.
    """

    function: Function
    cache: ResultCache[Grant]

    async def admit(self, exchange: Exchange, identity: str, event: Mapping[str, Any]) -> dict[str, Any]:
        """Return `requestContext.authorizer`; raises GatewayError: UNAUTHORIZED, ACCESS_DENIED, or a failure.

        `identity` is what the result is kept by.
        """
        grant, latency = self.cache.get(identity), 0
        if grant is None:
            begun = time.perf_counter()
            grant = await self._ask(event, exchange.request_id)
            latency = int((time.perf_counter() - begun) * 1000)
            self.cache.put(identity, grant)
        context = {**grant.context, "principalId": grant.principal_id, "integrationLatency": latency}
        decision = grant.policy.decide(event["methodArn"])
        if decision is not Decision.ALLOW:
            exchange.authorizer = context
            raise GatewayError("ACCESS_DENIED", DENIALS[decision])
        return context

    async def _ask(self, event: Mapping[str, Any], request_id: str) -> Grant:
        try:
            return parse_result(*await self.function.invoke(event, request_id))
        except FunctionError as error:
            if str(error) == "Unauthorized":
                raise GatewayError("UNAUTHORIZED", "Unauthorized") from error
            raise GatewayError("AUTHORIZER_CONFIGURATION_ERROR", None) from error
        except PolicyError as error:
            self.function.log_failure(error)
            raise GatewayError("AUTHORIZER_CONFIGURATION_ERROR", None) from error
        except TimeoutError as error:
            raise GatewayError("AUTHORIZER_FAILURE", None) from error


def method_arn_of(exchange: Exchange) -> str:
    """Return the ARN of the method asked for, with the path as sent. Raises GatewayError if it is too long."""
    request = exchange.request
    arn = f"{exchange.stage.arn}/{request.method}{canonical(request.path) or '/'}"
    if len(arn) > MAX_ARN_BYTES:
        raise GatewayError("DEFAULT_4XX", "Request URI too long", status=414)
    return arn


def parse_result(result: Any, size: int) -> Grant:
    """Check an authorizer's result, of `size` bytes as JSON. Raises PolicyError, without a word of the result in it."""
    if size > MAX_RESULT_BYTES:
        raise PolicyError(f"the authorizer's result is {size} bytes, over {MAX_RESULT_BYTES}")
    if not isinstance(result, dict):
        raise PolicyError("the authorizer's result is not an object")
    principal_id, context = result.get("principalId"), result.get("context")
    if not isinstance(principal_id, str) or not principal_id:
        raise PolicyError("the authorizer's result has no principalId")
    context = {} if context is None else context
    if not isinstance(context, dict) or not all(isinstance(v, str | int | float) for v in context.values()):
        raise PolicyError("a value of context is neither a string, a number nor a boolean")
    return Grant(principal_id, parse_policy(result.get("policyDocument")), {k: _text(v) for k, v in context.items()})


def _text(value: str | float) -> str:
    """Write a value of the context as a string: 1 as 1, true as true."""
    return value if isinstance(value, str) else json.dumps(value)
