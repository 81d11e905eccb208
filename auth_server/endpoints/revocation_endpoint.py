"""Token revocation (RFC 7009).

POST /oauth/revoke HTTP/1.1
Authorization: Basic ZGVtbzpzZWNyZXQ=
Content-Type: application/x-www-form-urlencoded

token=eyJ...

HTTP/1.1 200 OK
Content-Type: application/json
Cache-Control: no-store

{}

A client revokes its own tokens. RFC 7009 2.1 would have it told that a token is another's; here that is answered like a
token that does not exist (2.2), so that nobody can find out about others' tokens.
"""

from auth_server import form, own_tokens, revocation
from auth_server.audit import Decision
from auth_server.client_authentication import authenticate
from auth_server.clients import Client
from auth_server.services import Services
from auth_server.wire import Request, Response


def respond(request: Request, services: Services, decision: Decision) -> Response:
    """Revoke a token of the client; raises an `OAuthError`, and `DependencyError` where nothing was revoked."""
    parameters = form.parse(request)
    client = authenticate(request, parameters, services, decision)
    text = parameters.required("token")  # token_type_hint is no help: there is one kind (RFC 7009 2.1)
    decision.outcome, decision.reason = _revoke(text, client, services, decision)
    return Response(200, {})


def _revoke(text: str, client: Client, services: Services, decision: Decision) -> tuple[str, str | None]:
    """Revoke the token where there is one to revoke, and give the outcome, with its reason, for the audit line."""
    found = own_tokens.verify(
        text,
        keys=services.keys,
        issuer=services.settings.issuer,
        now=services.now(),
        clock_skew_s=revocation.MAX_CLOCK_SKEW_SECONDS,  # as long as any authorizer might accept it
    )
    if found is None:
        return "ignored", "no token of this server, or one that has expired"
    decision.jti = found.token.jti
    if found.token.client_id != client.client_id:
        return "ignored", "another client's token"
    services.reuse.forget(found.token.jti)  # here, at once; other Lambdas find out before they give it again
    if revocation.revoke_own_token(services.state, found.token, now=services.now()):
        return "revoked", None
    return "revoked", "with all that the client was issued: it revoked too many tokens one by one"
