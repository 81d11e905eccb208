"""COGNITO_USER_POOLS authorizers, which are API Gateway's own and no function: a stand-in for that check.

"Control access to REST APIs using Amazon Cognito user pools as an authorizer" and "Integrate a REST API with an Amazon
Cognito user pool" in the developer guide; "Verifying JSON web tokens" in Cognito's. Where an operation has no scopes,
the token is an ID token; where it has some, an access token with at least one of them. Anything else is 401.

A reading, as AWS does not write it down: `Bearer ` before the token is taken off; a token with none of the scopes is
401 too; nothing is kept but the pool's keys, so that a token is good until it expires. Claims are written as people
show them (amazon-cognito-identity-js, issue 92), and take lists apart (aws/chalice, issue 783).
"""

from __future__ import annotations

import json
import re
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

import httpx
from jwt import PyJWKSet, PyJWTError, decode, get_unverified_header

from infra.local.gateway.errors import DocumentError, GatewayError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from jwt.types import Options

    from infra.local.gateway.functions import Functions
    from infra.local.gateway.request import Exchange

POOL_ARN: Final = re.compile(r"arn:aws[a-z-]*:cognito-idp:([a-z0-9-]+):\d{12}:userpool/([\w-]+_[0-9a-zA-Z]+)")
HEADER_SOURCE: Final = re.compile(r"method\.request\.header\.([A-Za-z0-9_-]+)")
TIMEOUT_SECONDS: Final = 3.0
KEYS_KEPT_SECONDS: Final = 300
# Its times are held against the gateway's clock, and a token is good for any client of the pool.
UNCHECKED: Final[Options] = {"verify_aud": False, "verify_exp": False, "verify_iat": False, "verify_nbf": False}
# These come as dates; `auth_time` does not.
DATES: Final = ("exp", "iat")


@dataclass(slots=True)
class UserPool:
    """A user pool: its issuer, and its keys, which are kept for a while. `endpoint` is where Cognito answers."""

    region: str
    pool_id: str
    endpoint: str
    clock: Callable[[], float]
    keys: PyJWKSet | None = None
    keys_expire: float = field(default=0.0)

    @property
    def host(self) -> str:
        """The name by which Cognito answers in the pool's Region."""
        return f"cognito-idp.{self.region}.amazonaws.com"

    @property
    def issuer(self) -> str:
        """`iss` of the pool's tokens."""
        return f"https://{self.host}/{self.pool_id}"

    def verify(self, token: str) -> dict[str, Any]:
        """Return the claims of a token of this pool; raises PyJWTError, KeyError or httpx.HTTPError."""
        key = self._key_set()[get_unverified_header(token).get("kid", "")]
        claims: dict[str, Any] = decode(token, key, ["RS256"], issuer=self.issuer, options=UNCHECKED)
        return claims

    def _key_set(self) -> PyJWKSet:
        if self.keys is None or self.clock() >= self.keys_expire:
            url = f"{self.endpoint or f'https://{self.host}'}/{self.pool_id}/.well-known/jwks.json"
            answer = httpx.get(url, headers={"Host": self.host}, timeout=TIMEOUT_SECONDS).raise_for_status()
            self.keys, self.keys_expire = PyJWKSet.from_dict(answer.json()), self.clock() + KEYS_KEPT_SECONDS
        return self.keys


@dataclass(frozen=True, slots=True)
class CognitoAuthorizer:
    """Lets tokens of these user pools pass, by `clock`; `header` is where they are."""

    header: str
    pools: Mapping[str, UserPool]
    functions: Functions
    clock: Callable[[], float]

    async def authorize(self, exchange: Exchange, scopes: Sequence[str]) -> dict[str, Any]:
        """Give the token's claims to the integration, or raise GatewayError UNAUTHORIZED."""
        token = (exchange.request.header(self.header) or "").removeprefix("Bearer ")
        try:
            claims = await self.functions.wait_for(2 * TIMEOUT_SECONDS, self._verify, token)
        except (PyJWTError, KeyError, ValueError, httpx.HTTPError, TimeoutError) as error:
            raise GatewayError("UNAUTHORIZED", "Unauthorized") from error
        if not _is_in_time(claims, self.clock()) or not _is_for(claims, scopes):
            raise GatewayError("UNAUTHORIZED", "Unauthorized")
        return {"claims": {name: _text(name, value) for name, value in claims.items()}}

    def _verify(self, token: str) -> dict[str, Any]:
        # Which pool's keys are to be asked is all that is taken from what nobody has verified yet.
        unverified = decode(token, options={"verify_signature": False})
        return self.pools[str(unverified.get("iss"))].verify(token)


def _is_in_time(claims: Mapping[str, Any], now: float) -> bool:
    expires = claims.get("exp")
    return isinstance(expires, int) and now < expires


def _is_for(claims: Mapping[str, Any], scopes: Sequence[str]) -> bool:
    """Whether the token is of the kind that an operation with these scopes takes, and has one of them."""
    if not scopes:
        return bool(claims.get("token_use") == "id")
    granted = str(claims.get("scope", "")).split(" ")
    return claims.get("token_use") == "access" and not frozenset(granted).isdisjoint(scopes)


def _text(name: str, value: Any) -> str:
    """Write a claim as the event has it: a string, of a list `a,b`, of a time `Fri Feb 23 21:36:46 UTC 2018`."""
    if name in DATES and isinstance(value, int):
        return time.strftime("%a %b %d %H:%M:%S UTC %Y", time.gmtime(value))
    if isinstance(value, list):
        return ",".join(_text("", item) for item in value)
    return value if isinstance(value, str) else json.dumps(value)


def cognito_authorizer(
    scheme: Mapping[str, Any], settings: Mapping[str, Any], functions: Functions, clock: Callable[[], float]
) -> CognitoAuthorizer:
    """Compile a security scheme whose authorizer is of type cognito_user_pools. Raises DocumentError."""
    if scheme.get("x-amazon-apigateway-authtype") != "cognito_user_pools":
        raise DocumentError("the x-amazon-apigateway-authtype of user pools is cognito_user_pools")
    source = settings.get("identitySource") or f"method.request.header.{scheme.get('name')}"
    header = HEADER_SOURCE.fullmatch(str(source))
    if header is None:
        raise DocumentError(f"the identity source of user pools is a header, not {source!r}")
    found = [POOL_ARN.fullmatch(str(arn)) for arn in settings.get("providerARNs") or []]
    if not found or None in found:
        raise DocumentError("providerARNs are the ARNs of user pools")
    pools = [UserPool(match[1], match[2], functions.cognito_url, clock) for match in found if match is not None]
    return CognitoAuthorizer(header[1], {pool.issuer: pool for pool in pools}, functions, clock)
