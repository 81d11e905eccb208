"""Authorizers of REST APIs: what stands before an integration."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol, TypeAlias

from infra.local.gateway.authorizers.cognito import cognito_authorizer
from infra.local.gateway.authorizers.request import request_authorizer
from infra.local.gateway.authorizers.token import token_authorizer
from infra.local.gateway.errors import DocumentError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from infra.local.gateway.functions import Functions
    from infra.local.gateway.request import Exchange

AuthorizerType: TypeAlias = (
    "Callable[[Mapping[str, Any], Mapping[str, Any], Functions, Callable[[], float]], Authorizer]"
)


class Authorizer(Protocol):
    """Lets a request pass, or does not."""

    async def authorize(self, exchange: Exchange, scopes: Sequence[str]) -> dict[str, Any]:
        """Return `requestContext.authorizer`, or raise GatewayError; `scopes` are the operation's."""


# One row for each `type` of `x-amazon-apigateway-authorizer` that is interpreted.
AUTHORIZER_TYPES: dict[str, AuthorizerType] = {
    "token": token_authorizer,
    "request": request_authorizer,
    "cognito_user_pools": cognito_authorizer,
}


def compile_authorizer(
    name: str, scheme: Mapping[str, Any], functions: Functions, clock: Callable[[], float]
) -> Authorizer:
    """Compile a security scheme of the document. Raises DocumentError."""
    settings = scheme.get("x-amazon-apigateway-authorizer") or {}
    compile_type = AUTHORIZER_TYPES.get(str(settings.get("type")).lower())
    if compile_type is None:
        raise DocumentError(f"security scheme {name}: only authorizers of {sorted(AUTHORIZER_TYPES)} are interpreted")
    if scheme.get("type") != "apiKey" or scheme.get("in") != "header":
        raise DocumentError(f"security scheme {name}: the scheme of an authorizer is of type apiKey, in a header")
    return compile_type(scheme, settings, functions, clock)
