"""Who calls: the client that API Gateway let in, and what its token permits.

One file to copy or to import: it needs the standard library alone.

    caller = caller_of(event)
    caller.require("products:write")  # raises CallerRefusedError: the 401 or 403 to answer with
    if caller.may("products:read"): ...

It reads what the authorizer left in an event of a REST API, a WebSocket API or an HTTP API, of Latchkey's Lambda
authorizer or of API Gateway's own JWT authorizer. Whatever is missing or of the wrong type permits nothing.

Source: API Gateway developer guide, "Set up Lambda proxy integrations", "Create AWS Lambda proxy integrations for HTTP
APIs", "Control access to HTTP APIs with JWT authorizers".
"""

import time
from collections.abc import Mapping
from dataclasses import dataclass
from math import isfinite
from typing import Any, Final

CLOCK_SKEW_SECONDS: Final = 60
REALM: Final = "api"

# Where it is below `requestContext.authorizer`, by payload format, and what the scopes are called there. The first
# place that is there counts, alone. The list `scopes` beside a JWT's claims is not read: AWS does not say whether it
# holds the token's scopes or the route's.
_PLACES_OF_2_0: Final = ((("lambda",), "permissions"), (("jwt", "claims"), "scope"))
_PLACES_OF_1_0: Final = ((("lambda",), "permissions"), (("claims",), "scope"), ((), "permissions"))


class CallerRefusedError(Exception):
    """A caller that may not do this, and the answer that tells it so (RFC 6750 3): `status`, `headers`, `body`.

    HTTP/1.1 403 Forbidden
    WWW-Authenticate: Bearer realm="api", error="insufficient_scope", scope="products:write"

    {"error": "insufficient_scope", "scope": "products:write", "error_description": "The access token does not ..."}

    A REST API renames that header of a Lambda's answer on its way out, so the body says the same.
    """

    def __init__(self, status: int, description: str, resource_metadata: str | None, **said: str) -> None:
        super().__init__(description)
        metadata = {} if resource_metadata is None else {"resource_metadata": resource_metadata}  # RFC 9728 5.1
        parameters = {"realm": REALM, **said, **metadata}
        challenge = ", ".join(f'{name}="{value}"' for name, value in parameters.items())
        self.status = status
        self.headers = {"WWW-Authenticate": f"Bearer {challenge}"}
        self.body = {**said, "error_description": description}


@dataclass(frozen=True, slots=True)
class Caller:
    """`client_id` is None where the authorizer named none; `permissions` holds scope tokens (RFC 6749 3.3).

    The other members are the token's claims: `sub`, `jti`, `aud`, `iss`, and `exp` and `iat` as Unix times in seconds.
    `identity_provider` says who vouches for `sub`; None where that is the client itself, or its subject's.
    """

    client_id: str | None
    permissions: frozenset[str]
    expires_at: float = 0
    sub: str | None = None
    jti: str | None = None
    audience: tuple[str, ...] = ()
    issuer: str | None = None
    issued_at: float = 0
    identity_provider: str | None = None

    def may(self, scope: str) -> bool:
        """Whether the token carries the scope."""
        return scope in self.permissions

    def has_expired(self, now: float) -> bool:
        """Whether the token has expired at the Unix time `now`, the authorizer's tolerance for clocks included.

        API Gateway keeps an authorizer's answer for as long as it is configured to, also past that time.
        """
        return now >= self.expires_at + CLOCK_SKEW_SECONDS

    def require(self, *scopes: str, now: float | None = None, resource_metadata: str | None = None) -> None:
        """Demand a token that has not expired and carries all the scopes; raises `CallerRefusedError`.

        `now` is the Unix time in seconds, by default the clock's; `resource_metadata` a URL to put into the challenge.
        """
        if self == NOBODY:  # RFC 6750 3.1: no error code where there was no token
            raise CallerRefusedError(401, "There is no access token.", resource_metadata)
        if self.has_expired(time.time() if now is None else now):
            raise CallerRefusedError(401, "The access token has expired.", resource_metadata, error="invalid_token")
        if not all(map(self.may, scopes)):
            scope = " ".join(scopes)
            lacking = f"The access token does not carry the scope {scope}."
            raise CallerRefusedError(403, lacking, resource_metadata, error="insufficient_scope", scope=scope)


NOBODY: Final = Caller(client_id=None, permissions=frozenset())


def caller_of(event: Any) -> Caller:
    """Return the caller that an event of API Gateway names; `NOBODY` where it names none. Never raises."""
    authorizer = _inside(event, "requestContext", "authorizer")
    version = event.get("version") if isinstance(event, Mapping) else None
    for path, scopes in _PLACES_OF_2_0 if version == "2.0" else _PLACES_OF_1_0:
        found = _inside(authorizer, *path)
        if found is not None:
            return _caller(found, scopes)
    return NOBODY


def _caller(said: Mapping[str, Any], scopes: str) -> Caller:
    return Caller(
        # A REST API always adds the policy's `principalId`, which is the client's id as well.
        client_id=_text(said.get("client_id")) or _text(said.get("principalId")),
        permissions=frozenset(_words(said.get(scopes))),
        expires_at=_time(said.get("exp")),
        sub=_text(said.get("sub")),
        jti=_text(said.get("jti")),
        audience=_audience(said.get("aud")),
        issuer=_text(said.get("iss")),
        issued_at=_time(said.get("iat")),
        identity_provider=_text(said.get("identity_provider")),
    )


def _inside(value: Any, *path: str) -> Mapping[str, Any] | None:
    for name in path:
        value = value.get(name) if isinstance(value, Mapping) else None
    return value if isinstance(value, Mapping) else None


def _text(value: Any) -> str | None:
    return value if isinstance(value, str) and value else None


def _words(value: Any) -> tuple[str, ...]:
    """Split at spaces: nothing else separates scope tokens (RFC 6749 3.3)."""
    return tuple(filter(None, value.split(" "))) if isinstance(value, str) else ()


def _audience(value: Any) -> tuple[str, ...]:
    # The JWT authorizer writes an array as the text "[a b]"; no URI has brackets around it (RFC 3986 3.1).
    text = value[1:-1] if isinstance(value, str) and value.startswith("[") and value.endswith("]") else value
    return _words(text)


def _time(value: Any) -> float:
    """Read a number, or the string that a REST API makes of one; anything else is long past."""
    try:
        seconds = float(value)
    except (TypeError, ValueError, OverflowError):
        return 0
    return seconds if isfinite(seconds) else 0
