"""Who calls: the client that the Lambda authorizer let in, and what its token permits.

A REST API puts the authorizer's context at `requestContext.authorizer`; an HTTP API puts it at
`requestContext.authorizer.lambda` (payload format 2.0). Whatever is missing or of the wrong type permits nothing.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final


@dataclass(frozen=True, slots=True)
class Caller:
    """`client_id` is None where the authorizer named none; `permissions` holds scope tokens (RFC 6749 3.3)."""

    client_id: str | None
    permissions: frozenset[str]


NOBODY: Final = Caller(client_id=None, permissions=frozenset())


def caller_of(authorizer_context: Any) -> Caller:
    """Return the caller that an authorizer's context describes; `NOBODY` where there is none."""
    if not isinstance(authorizer_context, Mapping):
        return NOBODY
    return Caller(
        client_id=_client_id(authorizer_context),
        permissions=_permissions(authorizer_context.get("permissions")),
    )


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
