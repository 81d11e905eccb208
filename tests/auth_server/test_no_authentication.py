"""A client whose method is `none` (RFC 7591 2): tokens are vended in its name, and no request can be from it."""

import json
from dataclasses import replace
from typing import Any
from urllib.parse import urlencode

import pytest

from auth_server.access_token import Grant, mint
from auth_server.audit import AuditLog
from auth_server.challenge import Gate
from auth_server.client_registration import check
from auth_server.clients import CLIENT_CREDENTIALS, REGISTER_SCOPE, TOKEN_EXCHANGE, ClientSecret, digest_secret
from auth_server.grants.token_exchange import ACCESS_TOKEN_TYPE
from auth_server.throttle import Throttle
from tests.auth_server.assertions import P256, SIGN, claims, jwk, jwks, sign
from tests.auth_server.test_registration_endpoint import GOOD, PATH
from tests.auth_server.vending.simulator import BROWSER
from tests.simulator import (
    AUDIENCE,
    ISSUER,
    NOW,
    SECRET,
    MemoryClientStore,
    MemoryStateStore,
    Response,
    Simulator,
    basic,
    client,
    document,
    event,
)

# What its record may not hold, and a table may all the same: whatever it holds, it authenticates nobody.
FORGED = replace(
    BROWSER,
    secrets=(ClientSecret(digest_secret(SECRET), NOW - 1000), ClientSecret(digest_secret(""), NOW - 1000)),
    grant_types=(CLIENT_CREDENTIALS, TOKEN_EXCHANGE),
    jwks=jwks(jwk(P256, kid="k1")),
    resource_identifiers=(AUDIENCE,),
)
API = client(client_id="api", resource_identifiers=(AUDIENCE,), grant_types=(CLIENT_CREDENTIALS, TOKEN_EXCHANGE))
API = replace(API, audiences=(AUDIENCE,))


def server(**changes: Any) -> Simulator:
    """Give a server that knows the client and an API."""
    return Simulator(clients=MemoryClientStore(replace(FORGED, **changes), API))


def token(simulator: Simulator, **changes: Any) -> str:
    """Sign a token as it is vended, with what the test changes about it."""
    usual = Grant(
        "browser",
        ("products:read",),
        (AUDIENCE,),
        600,
        sub="person:alice",
        identity_provider="login",
        auth_time=NOW - 5,
    )
    grant = replace(usual, **changes)
    return mint(grant, issuer=ISSUER, key=simulator.keys.load(), now=int(simulator.now)).value


CREDENTIALS: dict[str, tuple[dict[str, str], dict[str, str]]] = {
    "its id alone": ({}, {"client_id": "browser"}),
    "Basic without a secret": (basic("browser", ""), {}),
    "Basic with a secret": (basic("browser", SECRET), {}),
    "an empty secret": ({}, {"client_id": "browser", "client_secret": ""}),
    "a secret": ({}, {"client_id": "browser", "client_secret": SECRET}),
    "an assertion": (
        {},
        {
            "client_assertion_type": "urn:ietf:params:oauth:client-assertion-type:jwt-bearer",
            "client_assertion": sign(
                {**claims(), "iss": "browser", "sub": "browser"}, {"alg": "ES256", "kid": "k1"}, SIGN["ES256"]
            ),
        },
    ),
}
ENDPOINTS = {
    "/oauth/token": {"grant_type": CLIENT_CREDENTIALS},
    "/oauth/introspect": {"token": "x"},
    "/oauth/revoke": {"token": "x"},
}


def post(simulator: Simulator, path: str, form: dict[str, str], headers: dict[str, str]) -> Response:
    """Post a form."""
    return simulator.send(event("POST", path, body=urlencode(form), headers=headers))


@pytest.mark.spec("RFC 7591", "2")
@pytest.mark.parametrize("way", CREDENTIALS)
@pytest.mark.parametrize("path", ENDPOINTS)
def test_it_authenticates_nowhere(path: str, way: str) -> None:
    """By no credentials, and at no endpoint that asks for them, even where its record held some: 401."""
    headers, form = CREDENTIALS[way]
    response = post(server(), path, {**ENDPOINTS[path], **form}, headers)
    assert (response["statusCode"], document(response)["error"]) == (401, "invalid_client"), response
    able = server(auth_methods=("client_secret_basic", "client_secret_post", "private_key_jwt"))
    if way in {"Basic with a secret", "a secret", "an assertion"}:  # the very same request, of a client that may
        assert post(able, path, {**ENDPOINTS[path], **form}, headers)["statusCode"] == 200


def test_the_gate_lets_it_through_to_nothing() -> None:
    """The gate before the token endpoint refuses it as well."""
    throttle = Throttle(MemoryStateStore(), lambda: NOW)
    gate = Gate(MemoryClientStore(FORGED), throttle, AuditLog("ERROR"), clock=lambda: NOW)
    request = {**event("POST", "/oauth/token", headers=basic("browser", SECRET)), "methodArn": "arn"}
    assert gate.answer(request) is None


def test_no_metadata_names_the_method() -> None:
    """Whoever reads the metadata is offered nothing that is refused."""
    for path in ("/.well-known/oauth-authorization-server", "/.well-known/openid-configuration"):
        assert '"none"' not in server().send(event("GET", path))["body"]


def test_its_record_may_be_registered() -> None:
    """With no secret, no other method and nothing bound, it is a good record."""
    check(BROWSER)


def test_what_was_vended_registers_no_client() -> None:
    """Registering takes a client's own token, whatever the scope of one that was vended in its name."""
    registrar = server(scopes=(REGISTER_SCOPE,), registrable_scopes=("products:read",))
    text = token(registrar, scopes=(REGISTER_SCOPE,), audience=(ISSUER,))
    headers = {"Authorization": f"Bearer {text}", "Content-Type": "application/json"}
    response = registrar.send(event("POST", PATH, body=json.dumps(GOOD), headers=headers))
    assert (response["statusCode"], document(response)["error"]) == (401, "invalid_token")


def introspected(simulator: Simulator, text: str) -> dict[str, Any]:
    """Have the API ask about a token."""
    return document(post(simulator, "/oauth/introspect", {"token": text}, basic("api", SECRET)))


def test_an_api_is_told_whose_a_vended_token_is() -> None:
    """Introspection of a token whose subject is no client: active, with all that it says."""
    simulator = server()
    answer = introspected(simulator, token(simulator))
    assert answer["active"]
    assert (answer["sub"], answer["identity_provider"], answer["auth_time"]) == ("person:alice", "login", NOW - 5)


def test_without_the_claim_a_subject_is_a_client() -> None:
    """The same token without `identity_provider` is of a client that is gone."""
    simulator = server()
    assert introspected(simulator, token(simulator, identity_provider=None)) == {"active": False}


@pytest.mark.parametrize("revoked", ["person:alice", "browser"])
def test_a_vended_token_ends_with_its_person_and_with_its_client(revoked: str) -> None:
    """Revoking all that either was issued ends it; so does disabling the client."""
    simulator = server()
    text = token(simulator)
    simulator.state.revoke_client(revoked, not_before=NOW + 1, until=NOW + 90_000)
    assert introspected(simulator, text) == {"active": False}
    simulator.state.clients.clear()
    assert introspected(simulator, text)["active"]
    simulator.clients.clients["browser"] = replace(FORGED, enabled=False)
    assert introspected(simulator, text) == {"active": False}


def test_an_exchanged_token_is_still_the_persons() -> None:
    """An API acts for the person: `sub`, provider and time of the log-in stay, and end with them."""
    simulator = server()
    form = {"grant_type": TOKEN_EXCHANGE, "subject_token": token(simulator), "subject_token_type": ACCESS_TOKEN_TYPE}
    text = document(post(simulator, "/oauth/token", form, basic("api", SECRET)))["access_token"]
    answer = introspected(simulator, text)
    assert (answer["sub"], answer["identity_provider"], answer["auth_time"]) == ("person:alice", "login", NOW - 5)
    assert (answer["client_id"], answer["act"]) == ("api", {"sub": "api", "client_id": "api"})
    simulator.state.revoke_client("person:alice", not_before=NOW + 1, until=NOW + 90_000)
    assert introspected(simulator, text) == {"active": False}
