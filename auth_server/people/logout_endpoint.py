"""Logging out: the token that is presented is revoked, and no token of its session is renewed any more.

POST /logout HTTP/1.1
Authorization: Bearer eyJ...

HTTP/1.1 200 OK
Content-Type: application/json
Cache-Control: no-store

{}

200 also without a token, and for one that has expired or is none of a log-in: there is nothing to be ended then. 503
where it could not be revoked: it is still good, and whoever wants it ended asks again.
"""

from auth_server import bearer_token, own_tokens, revocation
from auth_server.audit import Decision
from auth_server.errors import InvalidTokenError
from auth_server.own_tokens import OwnToken
from auth_server.people.services import PeopleServices
from auth_server.wire import Request, Response

PROVIDER = "login"


def respond(request: Request, services: PeopleServices, decision: Decision) -> Response:
    """Revoke the token; raises `DependencyError` where that failed."""
    own = _presented(request, services)
    if own is None or own.token.identity_provider != PROVIDER:
        decision.outcome, decision.reason = "ignored", "no token of a log-in, or one that has expired"
        return Response(200, {})
    decision.outcome, decision.jti, decision.subject = "revoked", own.token.jti, own.token.sub
    _end_session(own, services)
    if not revocation.revoke_own_token(services.vending.state, own.token, now=services.vending.now()):
        decision.reason = "with all that the person was issued: too many tokens were revoked one by one"
    return Response(200, {})


def _end_session(own: OwnToken, services: PeopleServices) -> None:
    # The token that is presented need not be the session's latest: that one may be somebody else's, who had this one.
    # What an API got for it by an exchange also says when the log-in was, and ends no more than itself.
    vending, auth_time = services.vending, own.claims.get("auth_time")
    if isinstance(auth_time, int) and own.token.client_id == vending.terms.client_id:
        revocation.end_session(vending.state, own.token.sub, auth_time, now=vending.now())


def _presented(request: Request, services: PeopleServices) -> OwnToken | None:
    """Give the token where it is one of this server that any authorizer might accept still."""
    try:
        text = bearer_token.of(request)
    except InvalidTokenError:
        return None
    vending = services.vending
    skew = revocation.MAX_CLOCK_SKEW_SECONDS
    return own_tokens.verify(text, keys=vending.keys, issuer=vending.terms.issuer, now=vending.now(), clock_skew_s=skew)
