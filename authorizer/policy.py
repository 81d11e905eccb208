"""What API Gateway is told: an IAM policy for the whole stage, and the context for the API behind it.

The gateway caches the result for the token and evaluates it against every route that the token is used on. A
policy for the one method that was called would therefore refuse the next one; so it names the stage, and the resource
Lambda reads the scopes.

Source: API Gateway developer guide, "Output from an API Gateway Lambda authorizer".
"""

import json
from typing import Any, Final, Literal

from authorizer.access_token import AccessToken
from authorizer.errors import Reason, ResultTooLargeError
from authorizer.event import MethodArn

MAX_RESULT_BYTES = 8_192
# Nothing that an unverified token says names a principal.
UNKNOWN_PRINCIPAL: Final = "unknown"


def allow(token: AccessToken, method_arn: MethodArn) -> dict[str, Any]:
    """Allow the stage to the token's client; raises `ResultTooLargeError` where the gateway would not take it.

    {"principalId": CLIENT_ID,
     "policyDocument": {"Version": "2012-10-17", "Statement": [
         {"Action": "execute-api:Invoke", "Effect": "Allow", "Resource": ["arn:aws:execute-api:.../prod/*"]}]},
     "context": {"permissions": "products:read", "scope": "products:read", "client_id": CLIENT_ID, "exp": 1790000000,
                 "sub": ..., "jti": ..., "iat": ..., "iss": ..., "aud": ...}}
    """
    result = _result(token.client_id, "Allow", method_arn)
    result["context"] = _context(token)
    # Escaped as ASCII, JSON is never shorter than what is sent.
    if len(json.dumps(result)) >= MAX_RESULT_BYTES:
        raise ResultTooLargeError(Reason.RESULT_TOO_LARGE, kid=token.kid, token=token)
    return result


def deny(method_arn: MethodArn) -> dict[str, Any]:
    """Deny the stage to the bearer of a token that was refused; the gateway answers 403 and may cache it."""
    return _result(UNKNOWN_PRINCIPAL, "Deny", method_arn)


def _result(principal_id: str, effect: Literal["Allow", "Deny"], method_arn: MethodArn) -> dict[str, Any]:
    statement = {"Action": "execute-api:Invoke", "Effect": effect, "Resource": [method_arn.stage_resource]}
    return {"principalId": principal_id, "policyDocument": {"Version": "2012-10-17", "Statement": [statement]}}


def _context(token: AccessToken) -> dict[str, str | int]:
    """Scalars only: the gateway takes neither arrays nor objects."""
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
