"""The ways to be known (`VENDING_MODE`): who asks, by whose word, and what configuration gives them.

Of a request a mode reads what says who it is, and no more. Scope, audience and lifetime are configuration's: no header,
parameter, path or body chooses them.
"""

import hashlib
from collections.abc import Callable, Mapping
from ipaddress import IPv6Address, ip_address, ip_network
from typing import Any, Final

from auth_server.errors import AccessDeniedError, InvalidTokenError, VendingError
from auth_server.jwk import base64url
from auth_server.vending import session
from auth_server.vending.known import Known, identity
from auth_server.vending.services import VendingServices
from auth_server.wire import Request

Mode = Callable[[Request, VendingServices], Known]
_DIGEST_LENGTH: Final = 22  # 128 bits
_IPV6_SITE_BITS: Final = 64  # what one household or machine has, whose addresses change by the day
# What a Lambda authorizer calls whom it let in, most telling first. Latchkey's own says `sub`; a REST API always adds
# the policy's `principalId`, which for Latchkey's is the client's id.
_NAMES: Final = ("sub", "principalId", "client_id")


def by_address(request: Request, services: VendingServices) -> Known:
    """Know anybody (`open`) by the address that API Gateway saw. What a header says of it is not believed."""
    try:
        address = ip_address(request.source_ip or "")
    except ValueError:
        raise VendingError(reason="the event has no source address") from None
    if isinstance(address, IPv6Address):
        address = address.ipv4_mapped or ip_network((address, _IPV6_SITE_BITS), strict=False).network_address
    digest = hashlib.sha256(f"{services.settings.issuer} {address}".encode()).digest()
    return Known(identity("open", base64url(digest)[:_DIGEST_LENGTH]), services.settings.vending_scope)


def by_authorizer(request: Request, services: VendingServices) -> Known:
    """Know whomever a Lambda authorizer before this function let in, by the name that it gave them.

    Whoever comes with what was vended by this issuer gets no other token for it: that would outlive all that ends it,
    one after another without end.
    """
    context = request.authorizer.context
    name = next(filter(None, (_text(context.get(each)) for each in _NAMES)), None)
    if name is None:
        raise InvalidTokenError(reason="no Lambda authorizer has said who this is", presented=False)
    if context.get("iss") == services.settings.issuer and "identity_provider" in context:
        raise AccessDeniedError("A token that was vended gets no other.", reason="let in with a vended token")
    return Known(identity("authorizer", name), services.settings.vending_scope)


def by_user_pool(request: Request, services: VendingServices) -> Known:
    """Know whomever a user pool's authorizer let in, and give them the scopes of their groups."""
    claims = request.authorizer.claims
    sub = _text(claims.get("sub"))
    if sub is None:
        raise InvalidTokenError(reason="no user pool's authorizer has said who this is", presented=False)
    groups = _groups(claims, has_brackets=request.authorizer.has_lists_in_brackets)
    return Known(identity("cognito", sub), services.settings.scopes_of(groups))


def _groups(claims: Mapping[str, Any], *, has_brackets: bool) -> tuple[str, ...]:
    """Read the text that API Gateway makes of the array `cognito:groups`: `[a b]` in an HTTP API, `a,b` in a REST API.

    No name of a Cognito group holds white space. One may hold a comma, so that in a REST API two groups `a` and `b`
    look like a group `a,b`: whoever names groups in a user pool decides about its people's scopes anyhow.
    """
    said = _text(claims.get("cognito:groups")) or ""
    if has_brackets:
        return tuple(said[1:-1].split(" ")) if said.startswith("[") and said.endswith("]") else ()
    return tuple(said.split(","))


def _text(value: Any) -> str | None:
    return value if isinstance(value, str) and value else None


MODES: Final[Mapping[str, Mode]] = {
    "open": by_address,
    "authorizer": by_authorizer,
    "cognito": by_user_pool,
    "login": session.by_token,
}
