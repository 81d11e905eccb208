"""Token introspection (RFC 7662), in JSON or as a signed JWT (RFC 9701).

POST /oauth/introspect HTTP/1.1
Authorization: Basic YXBpOnNlY3JldA==
Content-Type: application/x-www-form-urlencoded

token=eyJ...

HTTP/1.1 200 OK
Content-Type: application/json
Cache-Control: no-store

{"iss": "https://auth.example.com", "sub": "demo", "client_id": "demo", "aud": "https://api.example.com",
 "iat": 1790000000, "exp": 1790003600, "jti": "...", "scope": "products:read", "token_type": "Bearer", "active": true}
"""

import re
from collections.abc import Mapping, Sequence
from typing import Any

from auth_server import form, jws, own_tokens, revocation
from auth_server.audit import Decision
from auth_server.client_authentication import authenticate
from auth_server.clients import Client
from auth_server.errors import NotAcceptableError
from auth_server.own_tokens import OwnToken
from auth_server.services import Services
from auth_server.wire import Request, Response
from authorizer.access_token import AccessToken

JWT_TYPE = "token-introspection+jwt"  # RFC 9701 5
JWT_MEDIA_TYPE = f"application/{JWT_TYPE}"
_JSON_RANGES = ("application/json", "application/*", "*/*")
_WEIGHT = re.compile(r"0(\.[0-9]{0,3})?|1(\.0{0,3})?")  # RFC 9110 12.4.2
CLOCK_SKEW_SECONDS = 5  # between two Lambdas: a token is active from the moment that it was issued


def respond(request: Request, services: Services, decision: Decision) -> Response:
    """Tell a client about a token of its own, or one for an audience that it is; raises `OAuthError`."""
    parameters = form.parse(request)
    client = authenticate(request, parameters, services, decision)  # RFC 7662 2.1: whoever asks authenticates
    text = parameters.required("token")  # token_type_hint is no help: there is one kind (RFC 7662 2.1)
    answer = _answer(text, client, services, decision)
    if _wants_jwt(request):  # RFC 9701 4
        return Response(200, _signed(answer, client, services, decision), {"Content-Type": JWT_MEDIA_TYPE})
    return Response(200, answer)


def _answer(text: str, client: Client, services: Services, decision: Decision) -> Mapping[str, Any]:
    """Give the members of RFC 7662 2.2; of a token that is not active, for whatever cause, nothing but that."""
    found = own_tokens.verify(
        text,
        keys=services.keys,
        issuer=services.settings.issuer,
        now=services.now(),
        clock_skew_s=CLOCK_SKEW_SECONDS,
    )
    decision.jti = found.token.jti if found else None
    decision.reason = _why_inactive(found, client, services)
    decision.outcome = "active" if decision.reason is None else "inactive"
    if found is None or decision.reason is not None:
        return {"active": False}
    return {**found.claims, "token_type": _token_type(found.claims), "active": True}


def _why_inactive(found: OwnToken | None, client: Client, services: Services) -> str | None:
    """Tell why, for the audit line; None where the token is active. What is not the caller's own business comes last.

    Raises `DependencyError` where it cannot be known.
    """
    if found is None or services.now() >= found.token.exp:
        return "no token of this server, or one that has expired"
    if not _is_business_of(client, found.token):  # RFC 7662 4
        return "neither the client's own token nor one for an audience that it is"
    return revocation.why_ended(found.token, client, services)


def _is_business_of(client: Client, token: AccessToken) -> bool:
    is_audience = not {client.client_id, *client.resource_identifiers}.isdisjoint(token.aud)
    return token.client_id == client.client_id or is_audience


def _token_type(claims: Mapping[str, Any]) -> str:
    return "DPoP" if "jkt" in (claims.get("cnf") or {}) else "Bearer"  # RFC 9449 6.2


def _wants_jwt(request: Request) -> bool:
    """Tell whether the signed answer is named, with a weight above 0, and JSON has no higher one by what is named."""
    weights: dict[str, float] = {}
    for media_range in ",".join(request.headers.get("accept", ())).split(","):
        name, *parameters = (part.strip().lower() for part in media_range.split(";"))
        weights[name] = max(_weight(parameters), weights.get(name, 0))
    # RFC 9110 12.5.1: the most specific range that matches takes precedence.
    json_weight = next((weights[name] for name in _JSON_RANGES if name in weights), 0)
    return 0 < weights.get(JWT_MEDIA_TYPE, 0) >= json_weight


def _weight(parameters: Sequence[str]) -> float:
    """Give the weight that the parameters of a media range name (RFC 9110 12.4.2): 1 without one, 0 for a bad one."""
    given = [value for name, _, value in (parameter.partition("=") for parameter in parameters) if name == "q"]
    return float(given[0]) if given and _WEIGHT.fullmatch(given[0]) else float(not given)


def _signed(answer: Mapping[str, Any], client: Client, services: Services, decision: Decision) -> str:
    """Sign the answer for this caller (RFC 9701 5). Without `sub` and `exp` it can pass for no other kind of JWT."""
    key = services.keys.active()
    claims = {
        "iss": services.settings.issuer,
        "aud": client.client_id,
        "iat": services.now(),
        "token_introspection": answer,
    }
    try:
        signed = jws.sign(claims, typ=JWT_TYPE, key=key)
    except jws.TooLongToSignError:
        raise NotAcceptableError("The answer is too long to be signed: ask for application/json.") from None
    decision.kid = key.kid
    return signed
