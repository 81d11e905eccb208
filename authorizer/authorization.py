"""The credentials of an Authorization header: a bearer token (RFC 6750 2.1), or a DPoP-bound one (RFC 9449 7.1)."""

import re
from dataclasses import dataclass, field
from enum import StrEnum

from authorizer.errors import MalformedTokenError, Reason

MAX_AUTHORIZATION_BYTES = 8_192


class Scheme(StrEnum):
    """How a token is presented: by whoever bears it, or with a proof beside it."""

    BEARER = "bearer"
    DPOP = "dpop"


@dataclass(frozen=True, slots=True)
class Credentials:
    """A token as it was presented, ASCII. Nothing of it is verified."""

    scheme: Scheme
    token: str = field(repr=False)


# credentials = scheme 1*SP b64token; b64token = 1*( ALPHA / DIGIT / "-" / "." / "_" / "~" / "+" / "/" ) *"="
# RFC 9449 7.1 writes token68, which is the same. The scheme is case-insensitive (RFC 9110 11.1).
_CREDENTIALS = re.compile(rf"(?i:({'|'.join(Scheme)})) +([A-Za-z0-9\-._~+/]+=*)", re.ASCII)


def credentials_of(authorization: object) -> Credentials:
    """Take the one token out of the header's value; raises `MalformedTokenError`."""
    if authorization is None or authorization == "":
        raise MalformedTokenError(Reason.TOKEN_MISSING)
    if not isinstance(authorization, str):
        raise MalformedTokenError(Reason.AUTHORIZATION_MALFORMED)
    # Bounded before anything reads it. Characters are bytes here: a value that is not ASCII is refused below.
    if len(authorization) > MAX_AUTHORIZATION_BYTES:
        raise MalformedTokenError(Reason.AUTHORIZATION_TOO_LONG)
    match = _CREDENTIALS.fullmatch(authorization)
    if match is None:
        raise MalformedTokenError(Reason.AUTHORIZATION_MALFORMED)
    return Credentials(Scheme(match[1].lower()), match[2])


def token_of(authorization: object) -> str:
    """Take the one bearer token out of the header's value, ASCII; raises `MalformedTokenError`."""
    credentials = credentials_of(authorization)
    if credentials.scheme is not Scheme.BEARER:
        raise MalformedTokenError(Reason.AUTHORIZATION_MALFORMED)
    return credentials.token
