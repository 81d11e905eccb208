"""Token exchange (RFC 8693): a token of this server for a narrower one.

Nothing ever grows. The new token has no scope and no audience that the subject token lacks, nor any that the client
could not be given for itself; it ends when the subject token ends, at the latest. Its subject stays the same, and so
do the claims about that subject: to lose one may widen as much as to gain one. `act` says who acts now, and for whom
it acted before.

grant_type=urn:ietf:params:oauth:grant-type:token-exchange&subject_token=eyJ...
&subject_token_type=urn:ietf:params:oauth:token-type:access_token&scope=products:read
"""

from collections.abc import Mapping
from typing import Any

from auth_server import own_tokens, resource_indicators, revocation, scope
from auth_server.access_token import RESERVED_CLAIMS, Exchange, Grant
from auth_server.clients import Client
from auth_server.errors import InvalidRequestError, InvalidScopeError, InvalidTargetError
from auth_server.form import Form
from auth_server.own_tokens import OwnToken
from auth_server.services import Services

# RFC 8693 3. An access token of this server is a JWT, and may be called either.
ACCESS_TOKEN_TYPE = "urn:ietf:params:oauth:token-type:access_token"  # noqa: S105 - the name of a type
JWT_TYPE = "urn:ietf:params:oauth:token-type:jwt"
MAX_ACTORS = 4  # a longer chain of delegation is a loop, and would end where a token no longer fits KMS


def grant(client: Client, form: Form, services: Services) -> Grant:
    """Decide what the new token is good for.

    Raises `InvalidRequestError` for whatever is wrong with either token (RFC 8693 2.2.2), `InvalidScopeError` or
    `InvalidTargetError` for what would be more than there was, `DependencyError`.
    """
    _require_access_token_requested(form)
    subject = _presented("subject", client, form, services)
    actor = _actor(client, form, services)
    _require_may_act(subject.claims, actor)
    return Grant(
        client_id=client.client_id,
        scopes=_scopes(subject, client, form.one("scope")),
        audience=_audience(subject, client, form, services.settings.audience),
        lifetime=client.token_lifetime or services.settings.token_lifetime_seconds,
        claims=_claims(subject.claims, actor),
        exchange=Exchange(subject.token.sub, subject.token.jti, int(subject.token.exp)),
        identity_provider=subject.token.identity_provider,
        auth_time=subject.claims.get("auth_time"),
    )


def _require_access_token_requested(form: Form) -> None:
    if form.one("requested_token_type") not in (None, ACCESS_TOKEN_TYPE):
        raise InvalidRequestError("Only access tokens are issued: leave requested_token_type out.")


def _presented(role: str, client: Client, form: Form, services: Services) -> OwnToken:
    """Give the verified subject or actor token; raises `InvalidRequestError` (RFC 8693 2.1)."""
    text, token_type = form.one(f"{role}_token"), form.one(f"{role}_token_type")
    if text is None or token_type is None:
        raise InvalidRequestError(f"Send {role}_token and {role}_token_type, both.")
    if token_type not in (ACCESS_TOKEN_TYPE, JWT_TYPE):
        raise InvalidRequestError(f"The {role}_token_type must be {ACCESS_TOKEN_TYPE}.")
    own = own_tokens.verify(text, keys=services.keys, issuer=services.settings.issuer, now=services.now())
    if own is None:
        raise _unacceptable(role, "not a token of this server, or expired")
    _require_exchangeable(role, own, client, services)
    return own


def _require_exchangeable(role: str, own: OwnToken, client: Client, services: Services) -> None:
    token = own.token
    # Whose the token is, or whom it was sent to, may exchange it: anybody else has it by accident or theft.
    is_its_api = not {client.client_id, *client.resource_identifiers}.isdisjoint(token.aud)
    if client.client_id != token.client_id and not is_its_api:
        raise _unacceptable(role, "neither issued to this client nor meant for it")
    if "cnf" in own.claims:
        # RFC 7800 3: only the holder of the key may use it. What is issued here would have shed the binding.
        raise _unacceptable(role, "bound to a key")
    if (ended := revocation.why_ended(token, client, services)) is not None:
        raise _unacceptable(role, ended)


def _unacceptable(role: str, reason: str) -> InvalidRequestError:
    # One text for every cause: whoever holds a token of somebody else's learns nothing about it.
    return InvalidRequestError(f"The {role}_token cannot be exchanged.", reason=f"{role} token: {reason}")


def _actor(client: Client, form: Form, services: Services) -> dict[str, str]:
    """Give the claims that tell the acting party: that of the actor token, else the client itself (RFC 8693 4.1)."""
    if form.one("actor_token") is None:
        if form.one("actor_token_type") is not None:
            raise InvalidRequestError("There is an actor_token_type without an actor_token.")  # RFC 8693 2.1: MUST NOT
        return {"sub": client.client_id, "client_id": client.client_id}
    actor = _presented("actor", client, form, services)
    if actor.token.client_id != client.client_id:
        raise _unacceptable("actor", "another client's")  # nobody is named as acting who does not ask
    if "act" in actor.claims:
        raise _unacceptable("actor", "itself acted for")  # `act` has no place for a second chain
    return {"sub": actor.token.sub, "client_id": actor.token.client_id}


def _require_may_act(claims: Mapping[str, Any], actor: Mapping[str, str]) -> None:
    """Hold the actor against `may_act` of the subject token, where there is one (RFC 8693 4.4)."""
    if "may_act" not in claims:
        return
    permitted = claims["may_act"]
    if not isinstance(permitted, dict) or not permitted:
        raise _unacceptable("subject", "its may_act names nobody")
    known = {**actor, "iss": claims["iss"]}
    if any(known.get(name) != value for name, value in permitted.items()):
        raise _unacceptable("subject", "its may_act names somebody else")


def _scopes(subject: OwnToken, client: Client, asked: str | None) -> tuple[str, ...]:
    had = subject.token.scope.split()
    shared = tuple(name for name in had if name in client.scopes)
    if asked is None:
        if had and not shared:
            raise InvalidScopeError("The client may have none of the subject token's scopes.")
        return shared
    scopes = scope.parse(asked)
    if not set(scopes) <= set(shared):  # nothing is narrowed silently
        raise InvalidScopeError("The subject token lacks this scope, or the client may not have it.")
    return scopes


def _audience(subject: OwnToken, client: Client, form: Form, default: str) -> tuple[str, ...]:
    permitted = client.audiences or (default,)
    shared = tuple(name for name in subject.token.aud if name in permitted)
    if not shared:
        raise InvalidTargetError("The client may have none of the subject token's audiences.")
    resources, audiences = form.many("resource"), form.many("audience")
    if not resources and not audiences:
        return shared
    return resource_indicators.choose_audience(
        resources=resources, audiences=audiences, allowed=shared, default=shared[0]
    )


def _claims(claims: Mapping[str, Any], actor: Mapping[str, str]) -> dict[str, Any]:
    """Give the subject's own claims, `may_act` as it was, and `act` around the one before it (RFC 8693 4.1)."""
    kept = {name: value for name, value in claims.items() if name not in RESERVED_CLAIMS or name == "may_act"}
    return {**kept, "act": _chain(actor, claims.get("act"))}


def _chain(actor: Mapping[str, str], before: Any) -> dict[str, Any]:
    if before is None:
        return dict(actor)
    if {name: value for name, value in before.items() if name != "act"} == actor:
        return dict(before)  # the same party acts on: nothing is delegated anew
    links, link = 1, before
    while link is not None:
        links, link = links + 1, link.get("act")
    if links > MAX_ACTORS:
        raise InvalidRequestError(f"The token was delegated {MAX_ACTORS} times already.")
    return {**actor, "act": before}
