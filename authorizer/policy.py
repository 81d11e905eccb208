"""What API Gateway is told: an IAM policy, or a yes or no, and the context for the API behind it.

The gateway caches the result for the token and evaluates it against every route that the token is used on. A policy for
the one method that was called would therefore refuse the next one, and one for the whole stage would grant too much; so
it names the routes that the token's scopes permit, all of them and no other. Without a map of scopes to routes it names
the stage, and the resource Lambda reads the scopes.

Sources, in the API Gateway developer guide: "Output from an API Gateway Lambda authorizer", "Control access to HTTP
APIs with AWS Lambda authorizers".
"""

import json
from collections.abc import Mapping, Sequence
from typing import Any, Final, Literal

from authorizer.access_token import AccessToken
from authorizer.errors import ForbiddenError, Reason, ResultTooLargeError
from authorizer.event import MethodArn
from authorizer.route_map import RouteMap

MAX_RESULT_BYTES = 8_192
MAX_RESOURCE_CHARACTERS = 512
# Nothing that an unverified token says names a principal.
UNKNOWN_PRINCIPAL: Final = "unknown"
_WILDCARDS = ("*", "?", "${")

_NO_STATEMENTS: Final = {"Version": "2012-10-17", "Statement": []}

Result = dict[str, Any]
Statement = Mapping[str, Any]


def allow_stage(token: AccessToken, method_arn: MethodArn) -> Result:
    """Allow the whole stage to the token's client; raises `ResultTooLargeError` where the gateway would not take it.

    {"principalId": CLIENT_ID,
     "policyDocument": {"Version": "2012-10-17", "Statement": [
         {"Action": "execute-api:Invoke", "Effect": "Allow", "Resource": ["arn:aws:execute-api:.../prod/*"]}]},
     "context": {"permissions": "products:read", "scope": "products:read", "client_id": CLIENT_ID, "exp": 1790000000,
                 "sub": ..., "jti": ..., "iat": ..., "iss": ..., "aud": ...}}
    """
    return _verified(token, [_statement("Allow", method_arn.stage_resource)])


def allow_routes(token: AccessToken, method_arn: MethodArn, routes: RouteMap) -> Result:
    """Allow the routes that the token's scopes permit; raises `ForbiddenError` where that is none."""
    found = routes.statements_for(token.scopes, method_arn.stage_arn)
    if found.nothing_allowed:
        raise ForbiddenError(Reason.INSUFFICIENT_SCOPE, kid=token.kid, token=token)
    return _verified(token, found.statements, found.json_bytes)


def allow_call(token: AccessToken, method_arn: MethodArn) -> Result:
    """Allow this one call, and no other; raises `ForbiddenError` where no policy can say just that.

    A caller chooses the path, and what stands in it must not become a wildcard of the policy.
    """
    resource = method_arn.call_resource
    if any(wildcard in resource for wildcard in _WILDCARDS) or len(resource) > MAX_RESOURCE_CHARACTERS:
        raise ForbiddenError(Reason.PATH_NOT_EXPRESSIBLE, kid=token.kid, token=token)
    return _verified(token, [_statement("Allow", resource)])


def deny(method_arn: MethodArn, token: AccessToken | None = None) -> Result:
    """Deny the stage, for a token that was refused or permits nothing; the gateway answers 403 and may cache it.

    A `token` is one that was verified; its context tells the gateway's own responses about it.
    """
    statements = [_statement("Deny", method_arn.stage_resource)]
    return _policy(UNKNOWN_PRINCIPAL, statements) if token is None else _verified(token, statements)


def simple(*, is_authorized: bool, token: AccessToken | None = None) -> Result:
    """Answer an HTTP API whose authorizer has simple responses: {"isAuthorized": true, "context": {...}}."""
    result: Result = {"isAuthorized": is_authorized}
    return result if token is None else _with_context(result, token, 0)


def _verified(token: AccessToken, statements: Sequence[Statement], size: int | None = None) -> Result:
    """Give a policy for a verified token. `size` is that of the statements as JSON, where that is known already."""
    result = _policy(token.client_id, statements)
    if token.usage_identifier_key is not None:
        # The usage plan that the call counts for, in REST APIs whose key source is AUTHORIZER.
        result["usageIdentifierKey"] = token.usage_identifier_key
    return _with_context(result, token, len(json.dumps(statements)) if size is None else size)


def _policy(principal_id: str, statements: Sequence[Statement]) -> Result:
    return {"principalId": principal_id, "policyDocument": _NO_STATEMENTS | {"Statement": [*statements]}}


def _statement(effect: Literal["Allow", "Deny"], resource: str) -> Statement:
    return {"Action": "execute-api:Invoke", "Effect": effect, "Resource": [resource]}


def _with_context(result: Result, token: AccessToken, statements_size: int) -> Result:
    """Add the token's context; raises `ResultTooLargeError` where the gateway would not take the whole."""
    result = {**result, "context": _context(token)}
    # Escaped as ASCII, JSON is never shorter than what is sent. The statements' size is known, so they are left out.
    rest = json.dumps({**result, "policyDocument": _NO_STATEMENTS})
    if len(rest) - len("[]") + statements_size >= MAX_RESULT_BYTES:
        raise ResultTooLargeError(Reason.RESULT_TOO_LARGE, kid=token.kid, token=token)
    return result


def _context(token: AccessToken) -> dict[str, str | int]:
    """Give what the API behind the gateway is told. Scalars only: the gateway takes neither arrays nor objects."""
    provider = {} if token.identity_provider is None else {"identity_provider": token.identity_provider}
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
        **provider,  # `sub` is no client then
    }
