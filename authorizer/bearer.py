"""The bearer token of an Authorization header (RFC 6750 2.1)."""

import re

from authorizer.errors import MalformedTokenError, Reason

MAX_AUTHORIZATION_BYTES = 8_192

# credentials = "Bearer" 1*SP b64token; b64token = 1*( ALPHA / DIGIT / "-" / "." / "_" / "~" / "+" / "/" ) *"="
# The scheme is case-insensitive (RFC 9110 11.1).
_CREDENTIALS = re.compile(r"(?i:bearer) +([A-Za-z0-9\-._~+/]+=*)", re.ASCII)


def token_of(authorization: object) -> str:
    """Take the one token out of the header's value, ASCII; raises `MalformedTokenError`."""
    if authorization is None or authorization == "":
        raise MalformedTokenError(Reason.TOKEN_MISSING)
    if not isinstance(authorization, str):
        raise MalformedTokenError(Reason.AUTHORIZATION_MALFORMED)
    # Bounded before anything reads it. Characters are bytes here: a value that is not ASCII is refused below.
    if len(authorization) > MAX_AUTHORIZATION_BYTES:
        raise MalformedTokenError(Reason.AUTHORIZATION_TOO_LONG)
    credentials = _CREDENTIALS.fullmatch(authorization)
    if credentials is None:
        raise MalformedTokenError(Reason.AUTHORIZATION_MALFORMED)
    return credentials[1]
