"""The decision: a request in, one of Allow, Deny and Unauthorized out."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from authorizer import bearer, policy
from authorizer.access_token import AccessToken
from authorizer.errors import InvalidTokenError, Reason, Refusal, RefusedError
from authorizer.event import TokenRequest
from authorizer.token_verifier import TokenVerifier


class InvalidTokenResult(StrEnum):
    """What an invalid or expired token leads to: 401, or an explicit Deny, which the gateway answers with 403."""

    UNAUTHORIZED = "unauthorized"
    DENY = "deny"


@dataclass(frozen=True, slots=True)
class Allow:
    """The token is good. `result` is what the gateway is to be told."""

    token: AccessToken
    result: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Deny:
    """The token is refused by a policy. `result` is what the gateway is to be told."""

    refusal: Refusal
    result: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Unauthorized:
    """There is no token that could be accepted: the gateway is to answer 401."""

    refusal: Refusal


Decision = Allow | Deny | Unauthorized

# A token refused for one of these may be good a moment later: once its key has been fetched, or its time has come. The
# gateway would keep a Deny for the whole cache time, so it is told nothing that it keeps.
_MAY_PASS = frozenset({Reason.KEY_UNKNOWN, Reason.NOT_YET_VALID, Reason.ISSUED_IN_THE_FUTURE})


def decide(request: TokenRequest, verifier: TokenVerifier, invalid_token_result: InvalidTokenResult) -> Decision:
    """Decide; raises `AuthorizerError` where neither yes nor no is known."""
    try:
        token = verifier.verify(bearer.token_of(request.authorization))
        return Allow(token, policy.allow(token, request.method_arn))
    except InvalidTokenError as error:
        if invalid_token_result is InvalidTokenResult.DENY and error.refusal.reason not in _MAY_PASS:
            return Deny(error.refusal, policy.deny(request.method_arn))
        return Unauthorized(error.refusal)
    except RefusedError as error:
        return Unauthorized(error.refusal)
