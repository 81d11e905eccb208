"""The decision: a request in, one of Allow, Deny and Unauthorized out."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any

from authorizer import authorization, policy
from authorizer.access_token import AccessToken
from authorizer.authorization import Scheme
from authorizer.errors import (
    EventError,
    ForbiddenError,
    InvalidTokenError,
    Reason,
    Refusal,
    RefusedError,
    ResultTooLargeError,
)
from authorizer.event import CONNECT, AuthorizerRequest, Kind
from authorizer.proof_of_possession import Possession, PossessionVerifier
from authorizer.route_map import RouteMap
from authorizer.token_verifier import TokenVerifier


class InvalidTokenResult(StrEnum):
    """What an invalid or expired token leads to: 401, or an explicit Deny, which the gateway answers with 403."""

    UNAUTHORIZED = "unauthorized"
    DENY = "deny"


class PolicyFor(StrEnum):
    """What a policy is for: every route of the stage, as a cache per token needs it, or the one call that was made."""

    STAGE = "stage"
    CALL = "call"


class HttpApiResponse(StrEnum):
    """What an HTTP API with payload 2.0 is answered: a policy, or a yes or no (`enableSimpleResponses`)."""

    POLICY = "policy"
    SIMPLE = "simple"


@dataclass(frozen=True, slots=True)
class Rules:
    """How this deployment decides. Without `routes`, each good token may call each route."""

    routes: RouteMap | None = None
    policy_for: PolicyFor = PolicyFor.STAGE
    http_api_response: HttpApiResponse = HttpApiResponse.POLICY
    invalid_token_result: InvalidTokenResult = InvalidTokenResult.UNAUTHORIZED


@dataclass(frozen=True, slots=True)
class Allow:
    """The token is good. `result` is what the gateway is to be told."""

    token: AccessToken
    result: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Deny:
    """The request is refused by a policy. `result` is what the gateway is to be told."""

    refusal: Refusal
    result: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Unauthorized:
    """There is no token that could be accepted: the gateway is to answer 401."""

    refusal: Refusal


Decision = Allow | Deny | Unauthorized

_WITH_USAGE_PLANS = frozenset({Kind.REST_TOKEN, Kind.REST_REQUEST})

# A token refused for one of these may be good a moment later: once its key has been fetched, its time has come, or its
# rightful holder sends it with a proof. The gateway would keep a Deny for the whole cache time, so it is told nothing
# that it keeps.
_MAY_PASS = frozenset(
    {
        Reason.KEY_UNKNOWN,
        Reason.NOT_YET_VALID,
        Reason.ISSUED_IN_THE_FUTURE,
        Reason.PROOF_UNSUPPORTED,
        Reason.PROOF_MISSING,
        Reason.PROOF_REFUSED,
        Reason.PROOF_REUSED,
    }
)


def decide(
    request: AuthorizerRequest, verifier: TokenVerifier, possessions: PossessionVerifier, rules: Rules
) -> Decision:
    """Decide; raises `AuthorizerError` where neither yes nor no is known."""
    try:
        token, possession = _presented(request, verifier, possessions)
        result = _result(_as_seen_by(request.kind, token), request, rules)
        possessions.use_up(possession)
        return Allow(token, result)
    except ForbiddenError as error:
        return _forbidden(error.refusal, request, rules)
    except InvalidTokenError as error:
        if rules.invalid_token_result is InvalidTokenResult.DENY and not _may_pass(request, error.refusal.reason):
            return Deny(error.refusal, _denial(request, rules, None))
        return Unauthorized(error.refusal)
    except RefusedError as error:
        return Unauthorized(error.refusal)


def _presented(
    request: AuthorizerRequest, verifier: TokenVerifier, possessions: PossessionVerifier
) -> tuple[AccessToken, Possession]:
    """Verify the token, and that whoever sends it holds the keys that it is bound to; raises `RefusedError`."""
    credentials = authorization.credentials_of(request.authorization)
    possession = possessions.verify(request, credentials)
    token = verifier.verify(credentials.token, possession.members)
    if credentials.scheme is Scheme.DPOP and not _is_dpop_bound(token):  # RFC 9449 7.1
        raise InvalidTokenError(Reason.KEY_NOT_PROVEN, kid=token.kid, token=token)
    return token, possession


def _as_seen_by(kind: Kind, token: AccessToken) -> AccessToken:
    """Leave out what an API of this kind would not know what to do with: only REST APIs have usage plans."""
    if token.usage_identifier_key is None or kind in _WITH_USAGE_PLANS:
        return token
    return replace(token, usage_identifier_key=None)


def _is_dpop_bound(token: AccessToken) -> bool:
    return "jkt" in (token.cnf or {})


def _may_pass(request: AuthorizerRequest, reason: Reason) -> bool:
    # A TOKEN authorizer never sees a proof, nor a certificate: there, a token that needs one is refused for good.
    return reason in _MAY_PASS or (reason is Reason.KEY_NOT_PROVEN and request.kind is not Kind.REST_TOKEN)


def _result(token: AccessToken, request: AuthorizerRequest, rules: Rules) -> dict[str, Any]:
    """Give what a good token is answered; raises `ForbiddenError`, `ResultTooLargeError` and `EventError`."""
    if _is_simple(request, rules):
        _require_safe_cache_key(token, request, rules)
        _require_scope(token, request, rules.routes)
        return policy.simple(is_authorized=True, token=token)
    # What is proven is proven for this call: the answer holds for no other, whatever the gateway keeps it by.
    if rules.policy_for is PolicyFor.CALL or token.cnf is not None or request.method_arn.method == CONNECT:
        if request.kind is Kind.REST_TOKEN:
            raise EventError(
                "a TOKEN authorizer is not told which route is called: POLICY_FOR=call needs a REQUEST one"
            )
        _require_scope(token, request, rules.routes)
        return policy.allow_call(token, request.method_arn)
    if rules.routes is None:
        return policy.allow_stage(token, request.method_arn)
    return policy.allow_routes(token, request.method_arn, rules.routes)


def _forbidden(refusal: Refusal, request: AuthorizerRequest, rules: Rules) -> Deny | Unauthorized:
    try:
        return Deny(refusal, _denial(request, rules, refusal.token))
    except ResultTooLargeError as error:  # a denial has the token's context too
        return Unauthorized(error.refusal)


def _denial(request: AuthorizerRequest, rules: Rules, token: AccessToken | None) -> dict[str, Any]:
    if _is_simple(request, rules):
        return policy.simple(is_authorized=False, token=token)
    return policy.deny(request.method_arn, token)


def _is_simple(request: AuthorizerRequest, rules: Rules) -> bool:
    return request.kind is Kind.HTTP_2 and rules.http_api_response is HttpApiResponse.SIMPLE


def _require_scope(token: AccessToken, request: AuthorizerRequest, routes: RouteMap | None) -> None:
    """Check that the token's scopes permit the route that is called; raises `ForbiddenError`."""
    if routes is None:
        return
    if request.method_arn.method == CONNECT:
        permitted = routes.permits_connect(token.scopes)
    else:
        route = request.route
        permitted = route is not None and routes.permits(route.method, route.template, token.scopes)
    if not permitted:
        raise ForbiddenError(Reason.INSUFFICIENT_SCOPE, kid=token.kid, token=token)


def _require_safe_cache_key(token: AccessToken, request: AuthorizerRequest, rules: Rules) -> None:
    """Check that a yes is kept by all that it depends on; raises `EventError`.

    A kept yes holds for every route, so whatever it depends on has to be an identity source of the authorizer.
    """
    sources = request.identity_sources or frozenset()
    for depends, what, holds in _DEPENDENCIES:
        if depends(token, rules) and not holds(request, sources):
            raise EventError(f"with simple responses, {what} has to be an identity source of the authorizer")


def _route_key(request: AuthorizerRequest) -> str:
    route = request.route
    return "" if route is None else f"{route.method} {route.template}".strip()


def _is_callers_word(value: str, request: AuthorizerRequest) -> bool:
    # The event has the sources' values without their names: one that the caller wrote itself could be any of them.
    return any(value in word for word in request.callers_words)


# When a yes depends on something; what that is to API Gateway; whether its value is among the identity sources.
_DEPENDENCIES: tuple[
    tuple[
        Callable[[AccessToken, Rules], bool],
        str,
        Callable[[AuthorizerRequest, frozenset[str]], bool],
    ],
    ...,
] = (
    (
        lambda token, rules: rules.routes is not None or token.cnf is not None,
        "$context.routeKey",
        lambda request, sources: _route_key(request) in sources and not _is_callers_word(_route_key(request), request),
    ),
    (
        lambda token, _: _is_dpop_bound(token),
        "$request.header.DPoP",
        lambda request, sources: sources.issuperset(request.proofs),
    ),
    (lambda token, _: _is_dpop_bound(token), "$context.path", lambda request, sources: request.path in sources),
    (
        lambda token, _: "x5t#S256" in (token.cnf or {}),
        "$context.identity.clientCert.clientCertPem",
        lambda request, sources: request.certificate in sources,
    ),
)
