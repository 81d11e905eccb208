"""The bearer token of a request (RFC 6750 2.1), read as an API reads it. Never from a body or a URL."""

from auth_server.errors import InvalidTokenError
from auth_server.wire import Request
from authorizer import authorization
from authorizer.errors import MalformedTokenError


def of(request: Request) -> str:
    """Give the token; raises `InvalidTokenError`, or `InvalidRequestError` for two Authorization headers."""
    header = request.header("authorization")
    if not header:
        raise InvalidTokenError(reason="no access token", presented=False)
    try:
        return authorization.token_of(header)
    except MalformedTokenError:
        raise InvalidTokenError(reason="the Authorization header holds no bearer token") from None
