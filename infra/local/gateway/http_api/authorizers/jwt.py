"""The JWT authorizer of HTTP APIs, which is API Gateway's own and no function: a stand-in for that check.

Developer guide, "Control access to HTTP APIs with JWT authorizers in API Gateway" and "Troubleshooting issues with HTTP
API JWT authorizers". Its steps: the token is read from the identity source, its key found by `kid` at the `jwks_uri` of
the issuer's openid-configuration, RSA alone; then `iss`, `aud` (or `client_id` where there is no `aud`), `exp`, `nbf`,
`iat`, and of the route's scopes at least one in `scope` or `scp`. Nothing else: no `typ`, no revocation, no binding to
a key.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final

import httpx
from jwt import PyJWKSet, PyJWTError, decode, get_unverified_header

from infra.local.gateway.errors import DocumentError, HttpError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from jwt.types import Options

    from infra.local.gateway.functions import Functions
    from infra.local.gateway.request import Exchange

ALGORITHMS: Final = ["RS256", "RS384", "RS512"]
DISCOVERY: Final = "/.well-known/openid-configuration"
# "Quotas for configuring and running an HTTP API": 1,500 ms for discovery and as much for the keys.
TIMEOUT_SECONDS: Final = 1.5
# The guide: public keys may be kept for two hours. Here they always are, so that a rotation that is too fast shows.
KEYS_KEPT_SECONDS: Final = 7200
# What PyJWT looks at and API Gateway does not, or by another clock.
UNCHECKED: Final[Options] = {
    "verify_aud": False,
    "verify_exp": False,
    "verify_iat": False,
    "verify_jti": False,
    "verify_nbf": False,
    "verify_sub": False,
}


class RefusedTokenError(Exception):
    """The token is not good; the text is the description in the challenge."""


class JwtAuthorizer:
    """Verifies tokens of one issuer for several audiences, by `clock`."""

    knows_scopes: Final = True

    def __init__(
        self, header: str, issuer: str, audiences: Sequence[str], functions: Functions, clock: Callable[[], float]
    ) -> None:
        self._header = header
        self._issuer = issuer
        self._audiences = frozenset(audiences)
        self._functions = functions
        self._clock = clock
        self._keys: PyJWKSet | None = None
        self._keys_expire = 0.0

    async def authorize(self, exchange: Exchange, scopes: Sequence[str]) -> dict[str, Any]:
        """Let the request pass, or raise HttpError: 401 without a good token, 403 without any of the scopes."""
        value = exchange.request.header(self._header)
        if not value:
            raise HttpError(401, "Unauthorized", "Bearer")
        try:
            claims = await self._functions.wait_for(4 * TIMEOUT_SECONDS, self._verify, value.removeprefix("Bearer "))
        except (RefusedTokenError, TimeoutError) as error:
            raise HttpError(401, "Unauthorized", _challenge("", "invalid_token", str(error))) from error
        granted = _scopes_of(claims)
        if scopes and granted.isdisjoint(scopes):
            raise HttpError(403, "Forbidden", _challenge(" ".join(scopes), "insufficient_scope", "a scope is missing"))
        told = {name: _text(value) for name, value in claims.items()}
        return {"jwt": {"claims": told, "scopes": sorted(granted) if scopes else None}}

    def _verify(self, token: str) -> Mapping[str, Any]:
        """Return the claims of a good token; raises RefusedTokenError."""
        try:
            key = self._key_set()[get_unverified_header(token).get("kid", "")]
            claims: Mapping[str, Any] = decode(token, key, ALGORITHMS, issuer=self._issuer, options=UNCHECKED)
        except (PyJWTError, KeyError) as error:
            raise RefusedTokenError("the token is not valid") from error
        if not self._audiences.intersection(_audience_of(claims)):
            raise RefusedTokenError("the token does not have a valid audience")
        if not _is_in_time(claims, self._clock()):
            raise RefusedTokenError("the token has expired or is not valid yet")
        return claims

    def _key_set(self) -> PyJWKSet:
        """Return the issuer's keys; raises RefusedTokenError."""
        if self._keys is None or self._clock() >= self._keys_expire:
            try:
                uri = _fetch(self._issuer + DISCOVERY)["jwks_uri"]
                self._keys = PyJWKSet.from_dict(_fetch(uri))
            except (httpx.HTTPError, httpx.InvalidURL, PyJWTError, ValueError, TypeError, KeyError) as error:
                raise RefusedTokenError("the issuer's keys cannot be had") from error
            self._keys_expire = self._clock() + KEYS_KEPT_SECONDS
        return self._keys


def _fetch(url: str) -> dict[str, Any]:
    document: dict[str, Any] = httpx.get(url, timeout=TIMEOUT_SECONDS).raise_for_status().json()
    return document


def _audience_of(claims: Mapping[str, Any]) -> list[Any]:
    audience = claims.get("aud", claims.get("client_id"))
    return audience if isinstance(audience, list) else [audience]


def _is_in_time(claims: Mapping[str, Any], now: float) -> bool:
    moments = [claims.get("exp"), claims.get("nbf", 0), claims.get("iat", 0)]
    if not all(isinstance(moment, int | float) for moment in moments):
        return False
    expires, *begins = moments
    return bool(now < expires and max(begins) <= now)


def _scopes_of(claims: Mapping[str, Any]) -> frozenset[str]:
    scope = claims.get("scope", claims.get("scp", ""))
    return frozenset(scope if isinstance(scope, list) else str(scope).split(" ")) - {""}


def _text(value: Any) -> str:
    """Write a claim as the event has it: a string, of a list `[a b]`."""
    if isinstance(value, list):
        return f"[{' '.join(map(_text, value))}]"
    return value if isinstance(value, str) else json.dumps(value)


def _challenge(scope: str, error: str, description: str) -> str:
    return f'Bearer scope="{scope}" error="{error}" error_description="{description}"'


def jwt_authorizer(
    scheme: Mapping[str, Any], settings: Mapping[str, Any], functions: Functions, clock: Callable[[], float]
) -> JwtAuthorizer:
    """Compile a security scheme whose authorizer is of type jwt. Raises DocumentError."""
    configuration = settings.get("jwtConfiguration") or {}
    issuer = configuration.get("issuer") or str(scheme.get("openIdConnectUrl", "")).removesuffix(DISCOVERY)
    if not issuer.startswith(("https://", "http://")) or not configuration.get("audience"):
        raise DocumentError("jwtConfiguration has an issuer (or openIdConnectUrl does) and audience")
    place, _, header = str(settings.get("identitySource")).rpartition(".")
    if place != "$request.header" or not header:
        raise DocumentError("the identitySource of a JWT authorizer is $request.header.NAME here")
    return JwtAuthorizer(header, issuer, configuration["audience"], functions, clock)
