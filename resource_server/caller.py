"""Who calls: the client that the Lambda authorizer let in, and what its token permits.

A REST API puts the authorizer's context at `requestContext.authorizer`; an HTTP API puts it at
`requestContext.authorizer.lambda` (payload format 2.0). Whatever is missing or of the wrong type permits nothing.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from math import isfinite
from typing import Any, Final

CLOCK_SKEW_SECONDS: Final = 60


@dataclass(frozen=True, slots=True)
class Caller:
    """`client_id` is None where the authorizer named none; `permissions` holds scope tokens (RFC 6749 3.3).

    `expires_at` is the token's `exp`, a Unix time in seconds. API Gateway keeps an authorizer's answer for as long as
    it is configured to, also past that time: so the API looks at it once more.
    """

    client_id: str | None
    permissions: frozenset[str]
    expires_at: float = 0

    def has_expired(self, now: float) -> bool:
        """Whether the token has expired at the time `now`, the authorizer's tolerance for clocks included."""
        return now >= self.expires_at + CLOCK_SKEW_SECONDS


NOBODY: Final = Caller(client_id=None, permissions=frozenset())


def caller_of(authorizer_context: Any) -> Caller:
    """Return the caller that an authorizer's context describes; `NOBODY` where there is none."""
    if not isinstance(authorizer_context, Mapping):
        return NOBODY
    return Caller(
        client_id=_client_id(authorizer_context),
        permissions=_permissions(authorizer_context.get("permissions")),
        expires_at=_expires_at(authorizer_context.get("exp")),
    )


def _expires_at(value: Any) -> float:
    """Read a number, or the string that a REST API makes of one; anything else has expired."""
    try:
        expires_at = float(value)
    except (TypeError, ValueError, OverflowError):
        return 0
    return expires_at if isfinite(expires_at) else 0


def _client_id(context: Mapping[str, Any]) -> str | None:
    # A REST API always adds the policy's `principalId`, which is the client's id as well.
    for name in ("client_id", "principalId"):
        value = context.get(name)
        if isinstance(value, str) and value:
            return value
    return None


def _permissions(value: Any) -> frozenset[str]:
    if not isinstance(value, str):
        return frozenset()
    # RFC 6749 3.3: a space, and nothing else, separates scope tokens.
    return frozenset(value.split(" ")) - {""}
