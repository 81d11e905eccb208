"""What API Gateway is told: an IAM policy, or a yes or no, and the context for the API behind it.

The gateway caches the result for the token and evaluates it against every route that the token is used on. A policy for
the one method that was called would therefore refuse the next one, and one for the whole stage would grant too much; so
it names the routes that the token's scopes permit, all of them and no other. Without a map of scopes to routes it names
the stage, and the resource Lambda reads the scopes.

Sources, in the API Gateway developer guide: "Output from an API Gateway Lambda authorizer", "Control access to HTTP
APIs with AWS Lambda authorizers".
"""

import json
from typing import Any, Final, Literal

from authorizer.access_token import AccessToken
from authorizer.errors import ForbiddenError, Reason, ResultTooLargeError
from authorizer.event import MethodArn

MAX_RESULT_BYTES = 8_192
MAX_RESOURCE_CHARACTERS = 512
# Nothing that an unverified token says names a principal.
UNKNOWN_PRINCIPAL: Final = "unknown"
EVERYTHING: Final = ("*",)
_WILDCARDS = ("*", "?", "${")

Result = dict[str, Any]
_Effect = Literal["Allow", "Deny"]


def allow(
    token: AccessToken, method_arn: MethodArn, allowed: tuple[str, ...] = EVERYTHING, denied: tuple[str, ...] = ()
) -> Result:
    """Allow routes of the stage to the token's client; raises `ResultTooLargeError` where that is more than it takes.

    `allowed` and `denied` are patterns of method and path. What is denied is so whatever is allowed.

    {"principalId": CLIENT_ID,
     "policyDocument": {"Version": "2012-10-17", "Statement": [
         {"Action": "execute-api:Invoke", "Effect": "Allow", "Resource": ["arn:aws:.../prod/GET/products"]}]},
     "context": {"permissions": "products:read", "scope": "products:read", "client_id": CLIENT_ID, "exp": 1790000000,
                 "sub": ..., "jti": ..., "iat": ..., "iss": ..., "aud": ...}}
    """
    statements = [_statement("Allow", method_arn, allowed)]
    if denied:
        statements.append(_statement("Deny", method_arn, denied))
    return _bounded(_policy(token.client_id, statements) | {"context": context(token)}, token)


def allow_call(token: AccessToken, method_arn: MethodArn) -> Result:
    """Allow this one call, and no other; raises `ForbiddenError` where no policy can say just that.

    A caller chooses the path, and what stands in it must not become a wildcard of the policy.
    """
    call = f"{method_arn.method}{method_arn.path}"
    is_literal = not any(wildcard in call for wildcard in _WILDCARDS)
    if not is_literal or len(method_arn.resource(call)) > MAX_RESOURCE_CHARACTERS:
        raise ForbiddenError(Reason.PATH_NOT_EXPRESSIBLE, kid=token.kid, token=token)
    return allow(token, method_arn, (call,))


def deny(method_arn: MethodArn, token: AccessToken | None = None) -> Result:
    """Deny the stage, for a token that was refused or permits nothing; the gateway answers 403 and may cache it.

    A `token` is one that was verified; its context tells the gateway's own responses about it.
    """
    statements = [_statement("Deny", method_arn, EVERYTHING)]
    if token is None:
        return _policy(UNKNOWN_PRINCIPAL, statements)
    return _bounded(_policy(token.client_id, statements) | {"context": context(token)}, token)


def simple(*, is_authorized: bool, token: AccessToken | None = None) -> Result:
    """Answer an HTTP API whose authorizer has simple responses: {"isAuthorized": true, "context": {...}}."""
    result: Result = {"isAuthorized": is_authorized}
    return result if token is None else _bounded(result | {"context": context(token)}, token)


def context(token: AccessToken) -> dict[str, str | int]:
    """Give what the API behind the gateway is told. Scalars only: the gateway takes neither arrays nor objects."""
    return {
        "permissions": token.scope,
        "scope": token.scope,
        "client_id": token.client_id,
        "sub": token.sub,
        "jti": token.jti,
        "exp": int(token.exp),
        "iat": int(token.iat),
        "iss": token.iss,
        "aud": " ".join(token.aud),
    }


def _policy(principal_id: str, statements: list[dict[str, Any]]) -> Result:
    return {"principalId": principal_id, "policyDocument": {"Version": "2012-10-17", "Statement": statements}}


def _statement(effect: _Effect, method_arn: MethodArn, patterns: tuple[str, ...]) -> dict[str, Any]:
    return {"Action": "execute-api:Invoke", "Effect": effect, "Resource": [*map(method_arn.resource, patterns)]}


def _bounded(result: Result, token: AccessToken) -> Result:
    # Escaped as ASCII, JSON is never shorter than what is sent.
    if len(json.dumps(result)) >= MAX_RESULT_BYTES:
        raise ResultTooLargeError(Reason.RESULT_TOO_LARGE, kid=token.kid, token=token)
    return result
