"""Lambda authorizers of HTTP APIs.

Developer guide, "Control access to HTTP APIs with AWS Lambda authorizers".

An answer is kept by the values of the identity sources, for all routes that use the authorizer. A policy is evaluated
for each of them; a Boolean of a simple response stands for them all, also for those that it was never asked about,
unless `$context.routeKey` is among the identity sources.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, TypeAlias

from infra.local.gateway.authorizers.result_cache import ResultCache, time_to_live
from infra.local.gateway.errors import DocumentError, HttpError
from infra.local.gateway.http_api.events import (
    CONTEXT_VARIABLES,
    authorizer_event_1_0,
    authorizer_event_2_0,
    headers_of,
    query_of,
    route_arn_of,
)
from infra.local.gateway.policy import Decision, PolicyError, parse_policy
from infra.local.lambda_runtime import FunctionError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from infra.local.gateway.functions import Function, Functions
    from infra.local.gateway.policy import Policy
    from infra.local.gateway.request import Exchange

    Event: TypeAlias = Callable[[Exchange, Sequence[str]], dict[str, Any]]

# "Quotas for configuring and running an HTTP API": timeout for Lambda authorizer response 10,000 ms.
TIMEOUT_SECONDS: Final = 10.0

EVENTS: Final[dict[str, Event]] = {"1.0": authorizer_event_1_0, "2.0": authorizer_event_2_0}

# The selection expressions of the guide's table, each with what reads it.
SOURCES: Final[dict[str, Callable[[Exchange, str], str | None]]] = {
    "$request.header": lambda exchange, name: headers_of(exchange).get(name.lower()),
    "$request.querystring": lambda exchange, name: query_of(exchange).get(name),
    "$stageVariables": lambda exchange, name: exchange.stage.variables.get(name),
    "$context": lambda exchange, name: CONTEXT_VARIABLES[name](exchange),
}
SOURCE: Final = re.compile(rf"({'|'.join(map(re.escape, SOURCES))})\.([A-Za-z0-9_.-]+)")


@dataclass(frozen=True, slots=True)
class Verdict:
    """What an authorizer answered: a policy, or a Boolean; and what integrations get."""

    allows: bool | Policy
    context: dict[str, Any]

    def allows_route(self, arn: str) -> bool:
        """Whether the route may be called."""
        return self.allows if isinstance(self.allows, bool) else self.allows.decide(arn) is Decision.ALLOW


@dataclass(frozen=True, slots=True)
class RequestAuthorizer:
    """A Lambda authorizer; `sources` reads its identity."""

    function: Function
    cache: ResultCache[Verdict]
    sources: tuple[tuple[str, str], ...]
    event: Event
    parse: Callable[[Any], Verdict]

    knows_scopes: Final = False

    async def authorize(self, exchange: Exchange, scopes: Sequence[str]) -> dict[str, Any]:  # noqa: ARG002 - it has none
        """Let the request pass, or raise HttpError: 401 where an identity source is absent, 403 where it is denied."""
        identity = [SOURCES[place](exchange, name) or "" for place, name in self.sources]
        if not all(identity):
            raise HttpError(401, "Unauthorized")
        key = json.dumps(identity)
        verdict = self.cache.get(key)
        if verdict is None:
            verdict = await self._ask(self.event(exchange, identity), exchange.request_id)
            self.cache.put(key, verdict)
        if not verdict.allows_route(route_arn_of(exchange)):
            raise HttpError(403, "Forbidden")
        return dict(verdict.context)

    async def _ask(self, event: Mapping[str, Any], request_id: str) -> Verdict:
        try:
            result, _ = await self.function.invoke(event, request_id)
            return self.parse(result)
        except FunctionError as error:
            # The guide is silent; the documentation of Powertools for AWS Lambda has this very answer for the word.
            if str(error) == "Unauthorized":
                raise HttpError(401, "Unauthorized") from error
            raise HttpError(500, "Internal Server Error") from error
        except PolicyError as error:
            self.function.log_failure(error)
            raise HttpError(500, "Internal Server Error") from error
        except TimeoutError as error:
            raise HttpError(500, "Internal Server Error") from error


def parse_simple(result: Any) -> Verdict:
    """Read a simple response. Raises PolicyError."""
    if not isinstance(result, dict) or not isinstance(result.get("isAuthorized"), bool):
        raise PolicyError("the authorizer's result has no isAuthorized")
    return Verdict(result["isAuthorized"], {"lambda": _context(result)})


def parse_with_policy(result: Any) -> Verdict:
    """Read an IAM policy and its context. Raises PolicyError."""
    if not isinstance(result, dict) or not isinstance(result.get("principalId"), str):
        raise PolicyError("the authorizer's result has no principalId")
    told = {"lambda": _context(result), "principalId": result["principalId"]}
    return Verdict(parse_policy(result.get("policyDocument")), told)


def _context(result: Mapping[str, Any]) -> dict[str, Any]:
    """Return the context, whose values may be of any type: the guide's example has a list and a map."""
    context = result.get("context")
    if context is None:
        return {}
    if not isinstance(context, dict):
        raise PolicyError("context is not an object")
    return context


def request_authorizer(
    scheme: Mapping[str, Any],  # noqa: ARG001 - where the identity is, the settings say
    settings: Mapping[str, Any],
    functions: Functions,
    clock: Callable[[], float],
) -> RequestAuthorizer:
    """Compile a security scheme whose authorizer is of type request. Raises DocumentError."""
    version, simple = settings.get("authorizerPayloadFormatVersion"), settings.get("enableSimpleResponses", False)
    if version not in EVENTS:
        raise DocumentError(f"authorizerPayloadFormatVersion is one of {sorted(EVENTS)}, not {version!r}")
    if simple and version != "2.0":
        raise DocumentError("simple responses are for authorizerPayloadFormatVersion 2.0")
    given = settings.get("identitySource") or []
    # A string with commas in the guide; a list where AWS SAM writes the document.
    texts = given if isinstance(given, list) else [text.strip() for text in given.split(",")]
    sources = tuple(_source(text) for text in texts if text)
    ttl = time_to_live(settings)
    if ttl and not sources:
        raise DocumentError("an authorizer whose results are kept has an identitySource")
    return RequestAuthorizer(
        functions.bind(settings.get("authorizerUri"), TIMEOUT_SECONDS),
        ResultCache(ttl, clock),
        sources,
        EVENTS[version],
        parse_simple if simple else parse_with_policy,
    )


def _source(text: str) -> tuple[str, str]:
    match = SOURCE.fullmatch(text)
    if match is None or (match[1] == "$context" and match[2] not in CONTEXT_VARIABLES):
        raise DocumentError(f"an identity source is one of {sorted(SOURCES)} and a name, not {text!r}")
    return match[1], match[2]
