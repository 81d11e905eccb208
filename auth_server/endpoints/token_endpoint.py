"""Token endpoint (RFC 6749 3.2).

POST /oauth/token HTTP/1.1
Authorization: Basic ZGVtbzpzZWNyZXQ=
Content-Type: application/x-www-form-urlencoded

grant_type=client_credentials&scope=products%3Aread

HTTP/1.1 200 OK
Content-Type: application/json
Cache-Control: no-store

{"access_token": "eyJ...", "token_type": "Bearer", "expires_in": 3600, "scope": "products:read"}
"""

from dataclasses import replace
from typing import Any

from auth_server import access_token, dpop, form, scope
from auth_server.access_token import AccessToken, Grant
from auth_server.audit import Decision
from auth_server.client_authentication import authenticate
from auth_server.clients import Client
from auth_server.confirmation import Confirmation, confirm
from auth_server.errors import InvalidRequestError, UnauthorizedClientError, UnsupportedGrantTypeError
from auth_server.form import Form
from auth_server.grants import GRANTS
from auth_server.grants.token_exchange import ACCESS_TOKEN_TYPE
from auth_server.services import Services
from auth_server.wire import Request, Response


def respond(request: Request, services: Services, decision: Decision) -> Response:
    """Issue a token; raises an `OAuthError` or `DependencyError` for whatever stands in the way."""
    parameters = form.parse(request)
    grant_type = _require_grant_type(parameters)
    client = authenticate(request, parameters, services, decision)
    _require_permitted_grant(client, grant_type, decision)
    grant = GRANTS[grant_type](client, parameters, services)
    confirmation = confirm(request, parameters, client, services)
    grant = replace(grant, confirmation=confirmation.members, usage_identifier_key=client.usage_identifier_key)
    key = services.keys.active()
    reused = services.reuse.find(client, grant, key.kid)
    if reused is not None:
        _use_up(confirmation, services)
        _record("reused", decision, reused, grant, key.kid)
        return Response(200, _document(reused, grant, since=services.now()))
    unsigned = access_token.compose(grant, issuer=services.settings.issuer, kid=key.kid, now=services.now())
    headers = services.quota.spend(client, decision)
    _use_up(confirmation, services)
    token = access_token.sign(unsigned, key)
    services.reuse.keep(token, client, grant, key.kid)
    _record("issued", decision, token, grant, key.kid)
    return Response(200, _document(token, grant, since=token.claims["iat"]), headers)


def _use_up(confirmation: Confirmation, services: Services) -> None:
    """Use the proof, once nothing else can refuse: it is good once."""
    if confirmation.proof is not None:
        dpop.use(confirmation.proof, services)


def _require_grant_type(parameters: Form) -> str:
    grant_type = parameters.one("grant_type")
    if grant_type is None:
        raise InvalidRequestError("The grant_type is missing.")
    return grant_type


def _require_permitted_grant(client: Client, grant_type: str, decision: Decision) -> None:
    if grant_type not in GRANTS:
        raise UnsupportedGrantTypeError("This grant type is not supported.")
    decision.grant_type = grant_type
    if grant_type not in client.grant_types:
        raise UnauthorizedClientError("The client may not use this grant type.")


def _record(outcome: str, decision: Decision, token: AccessToken, grant: Grant, kid: str) -> None:
    decision.outcome = outcome
    decision.scope = scope.render(grant.scopes)
    decision.audience = grant.audience
    if grant.exchange is not None:
        decision.subject, decision.subject_jti = grant.exchange.subject, grant.exchange.subject_jti
    decision.jti = token.claims["jti"]
    decision.kid = kid


def _document(token: AccessToken, grant: Grant, *, since: int) -> dict[str, Any]:
    """Give the members of RFC 6749 5.1, as of the Unix time `since`; no refresh token (4.4.3)."""
    left = token.claims["exp"] - since
    document = {"access_token": token.value, "token_type": _token_type(grant), "expires_in": left}
    if grant.exchange is not None:
        document["issued_token_type"] = ACCESS_TOKEN_TYPE  # RFC 8693 2.2.1
    return document | {"scope": scope.render(grant.scopes)} if grant.scopes else document


def _token_type(grant: Grant) -> str:
    return "DPoP" if "jkt" in grant.confirmation else "Bearer"  # RFC 9449 5; RFC 8705 3 leaves it Bearer
