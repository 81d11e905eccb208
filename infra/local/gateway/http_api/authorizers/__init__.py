"""The authorizers of HTTP APIs: one file and one row each."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

from infra.local.gateway.errors import DocumentError
from infra.local.gateway.http_api.authorizers.jwt import jwt_authorizer
from infra.local.gateway.http_api.authorizers.request import request_authorizer

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from infra.local.gateway.functions import Functions
    from infra.local.gateway.request import Exchange


class Authorizer(Protocol):
    """Lets a request pass, or does not."""

    @property
    def knows_scopes(self) -> bool:
        """Whether a route may name scopes."""

    async def authorize(self, exchange: Exchange, scopes: Sequence[str]) -> dict[str, Any]:
        """Return `requestContext.authorizer` of format 2.0, or raise HttpError; `scopes` are the route's."""


# One row for each `type` of `x-amazon-apigateway-authorizer`, with the types of the schemes that it may stand in.
AUTHORIZER_TYPES: dict[
    str,
    tuple[
        Callable[[Mapping[str, Any], Mapping[str, Any], Functions, Callable[[], float]], Authorizer], tuple[str, ...]
    ],
] = {"request": (request_authorizer, ("apiKey",)), "jwt": (jwt_authorizer, ("oauth2", "openIdConnect"))}


def compile_authorizer(
    name: str, scheme: Mapping[str, Any], functions: Functions, clock: Callable[[], float]
) -> Authorizer:
    """Compile a security scheme of the document. Raises DocumentError."""
    settings = scheme.get("x-amazon-apigateway-authorizer") or {}
    kind = str(settings.get("type")).lower()
    if kind not in AUTHORIZER_TYPES:
        raise DocumentError(
            f"security scheme {name}: an authorizer of an HTTP API is one of {sorted(AUTHORIZER_TYPES)}"
        )
    compile_type, scheme_types = AUTHORIZER_TYPES[kind]
    if scheme.get("type") not in scheme_types:
        raise DocumentError(
            f"security scheme {name}: the type of a {kind} authorizer's scheme is one of {scheme_types}"
        )
    return compile_type(scheme, settings, functions, clock)
