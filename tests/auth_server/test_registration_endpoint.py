"""Dynamic client registration (RFC 7591) and management (RFC 7592): who may, what may be, and what may never be."""

import base64
import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from hypothesis import given, settings
from hypothesis import strategies as st
from jwt.algorithms import ECAlgorithm

from auth_server.access_token import Grant, mint
from auth_server.client_registration import check
from auth_server.clients import (
    CLIENT_CREDENTIALS,
    REGISTER_SCOPE,
    TOKEN_EXCHANGE,
    Client,
    ClientChangedError,
    digest_secret,
)
from auth_server.wire import MAX_BODY_BYTES
from tests.simulator import (
    AUDIENCE,
    ENVIRON,
    ISSUER,
    NOW,
    SECRET,
    MemoryClientStore,
    Simulator,
    client,
    document,
    event,
)

PATH = "/oauth/register"
OTHER = "https://other.example.com"
REGISTRAR = client(
    client_id="registrar",
    scopes=(REGISTER_SCOPE, "own:thing"),
    audiences=(ISSUER,),
    registrable_scopes=("products:read", "products:write"),
    registrable_audiences=(AUDIENCE, OTHER),
)
ANY_METADATA = "invalid_client_metadata"
GOOD: dict[str, Any] = {"client_name": "Reporting", "scope": "products:read", "audience": [OTHER]}
Response = dict[str, Any]


@pytest.fixture
def server() -> Simulator:
    """Give a server that knows one client, which may register others."""
    return Simulator(clients=MemoryClientStore(REGISTRAR))


def initial_token(server: Simulator, **changes: Any) -> str:
    """Mint a good initial access token, with what the test changes about it."""
    usual: dict[str, Any] = {
        "client_id": "registrar",
        "scopes": (REGISTER_SCOPE,),
        "audience": (ISSUER,),
        "lifetime": 600,
    }
    issuer, at = changes.pop("issuer", ISSUER), changes.pop("at", NOW)
    return mint(Grant(**{**usual, **changes}), issuer=issuer, key=server.keys.load(), now=at).value


def send(server: Simulator, method: str, path: str, token: str | None, body: Any = None, **headers: Any) -> Response:
    """Send a JSON document (or a text) with a bearer token."""
    text = body if isinstance(body, str) or body is None else json.dumps(body)
    sent = {"Content-Type": "application/json", "Authorization": f"Bearer {token}" if token else None, **headers}
    return server.send(event(method, path, body=text, headers=sent))


def register(server: Simulator, body: Any = None, **changes: Any) -> Response:
    """Register a good client, with what the test changes about its metadata."""
    return send(server, "POST", PATH, initial_token(server), {**GOOD, **changes} if body is None else body)


def registered(server: Simulator, **changes: Any) -> dict[str, Any]:
    """Register a client, and give what was answered."""
    response = register(server, **changes)
    assert response["statusCode"] == 201, response
    return document(response)


def manage(server: Simulator, method: str, answer: dict[str, Any], body: Any = None) -> Response:
    """Use the client configuration endpoint as the answer of a registration tells."""
    path = answer["registration_client_uri"].removeprefix(ISSUER)
    return send(server, method, path, answer["registration_access_token"], body)


def refused(response: Response, status: int, error: str) -> str:
    """Check that this is a refusal, in JSON and never cached, and give its description."""
    assert (response["statusCode"], document(response)["error"]) == (status, error), response
    assert response["headers"]["Content-Type"] == "application/json"
    assert response["headers"]["Cache-Control"] == "no-store"
    return str(document(response)["error_description"])


def stored(server: Simulator, answer: dict[str, Any]) -> Client:
    """Give the record that was written."""
    return server.clients.clients[answer["client_id"]]


@pytest.mark.spec("RFC 7591", "3.2.1")
def test_a_client_is_registered(server: Simulator) -> None:
    """The answer is 201, never cached, and holds the credentials and all metadata as they were registered."""
    response = register(server)
    answer = document(response)
    assert response["statusCode"] == 201
    assert (response["headers"]["Cache-Control"], response["headers"]["Pragma"]) == ("no-store", "no-cache")
    client_id = answer.pop("client_id")
    assert client_id.startswith("reg-")
    assert len(answer.pop("client_secret")) == len(answer.pop("registration_access_token")) == 43
    assert answer == {
        "client_id_issued_at": NOW,
        "client_secret_expires_at": 0,
        "client_name": "Reporting",
        "grant_types": [CLIENT_CREDENTIALS],
        "response_types": [],
        "token_endpoint_auth_method": "client_secret_basic",
        "scope": "products:read",
        "audience": [OTHER],
        "dpop_bound_access_tokens": False,
        "tls_client_certificate_bound_access_tokens": False,
        "registration_client_uri": f"{ISSUER}{PATH}/{client_id}",
    }


def test_a_usage_plan_is_for_operators_to_give(server: Simulator) -> None:
    """A client that was registered over HTTP counts for no plan, whatever its registrar says."""
    answer = registered(server, usage_identifier_key="k" * 20, claims={"usage_identifier_key": "k" * 20})
    assert stored(server, answer).usage_identifier_key is None
    assert stored(server, registered(server, allow_from=["0.0.0.0/0"])).allow_from == ()
    assert stored(server, registered(server, tokens_per_hour=5)).tokens_per_hour is None
    assert stored(server, registered(server, token_reuse=True)).token_reuse is None
    assert stored(server, answer).claims == {}


def test_a_registered_client_gets_a_token(server: Simulator) -> None:
    """The credentials work at once, for what was registered and nothing else."""
    answer = registered(server)
    claims = server.claims(server.token(answer["client_id"], answer["client_secret"]))
    assert (claims["client_id"], claims["scope"], claims["aud"]) == (answer["client_id"], "products:read", OTHER)
    assert server.token(answer["client_id"], answer["client_secret"], scope="products:write")["statusCode"] == 400
    assert server.token(answer["client_id"], answer["client_secret"], audience=AUDIENCE)["statusCode"] == 400


def test_no_secret_is_stored(server: Simulator) -> None:
    """Of secret and registration access token the digests are kept, and neither is shown in the record."""
    answer = registered(server)
    kept = stored(server, answer)
    assert kept.registration is not None
    assert kept.registration.token_digest == digest_secret(answer["registration_access_token"])
    assert [secret.digest for secret in kept.secrets] == [digest_secret(answer["client_secret"])]
    assert kept.registration.registered_by == "registrar"
    for hidden in (answer["registration_access_token"], answer["client_secret"], repr(kept.registration.token_digest)):
        assert hidden not in repr(kept)


@pytest.mark.spec("RFC 7591", "2")
def test_little_needs_to_be_said(server: Simulator) -> None:
    """Without metadata: client_secret_basic, client credentials, no scope, and the registrar's first audience."""
    answer = document(register(server, {}))
    assert answer["audience"] == [AUDIENCE]
    assert answer["grant_types"] == [CLIENT_CREDENTIALS]
    assert answer["token_endpoint_auth_method"] == "client_secret_basic"
    assert "scope" not in answer
    assert stored(server, answer).scopes == ()


@pytest.mark.spec("RFC 7591", "2")
def test_unknown_members_are_ignored(server: Simulator) -> None:
    """Metadata that the server does not understand is ignored, and so cannot set what registration may not set."""
    reaching = {
        "claims": {"admin": True},
        "token_lifetime": 86_400,
        "registrable_scopes": ["products:read"],
        "registrable_audiences": [AUDIENCE],
        "resource_identifiers": [AUDIENCE],
        "client_id": "chosen",
        "client_secret": "chosen-by-the-client-itself",
        "client_name#de": "Bericht",
        "software_statement": "eyJ...",
    }
    answer = registered(server, **reaching)
    kept = stored(server, answer)
    assert answer["client_id"] != "chosen"
    assert answer["client_secret"] != "chosen-by-the-client-itself"
    assert not reaching.keys() - {"client_id", "client_secret"} & answer.keys()
    assert (kept.claims, kept.token_lifetime, kept.resource_identifiers) == ({}, None, ())
    assert (kept.registrable_scopes, kept.registrable_audiences) == ((), ())


def test_null_counts_as_absent(server: Simulator) -> None:
    """A member that is null, or an empty list of redirections, is as good as none."""
    names = ("client_name", "grant_types", "token_endpoint_auth_method", "scope", "redirect_uris", "response_types")
    answer = document(
        register(server, {**dict.fromkeys((*names, *BINDINGS)), "audience": [], "jwks": None, "jwks_uri": None})
    )
    assert answer["audience"] == [AUDIENCE]
    assert document(register(server, {"redirect_uris": [], "response_types": []}))["response_types"] == []


def public_jwks() -> dict[str, Any]:
    """Give a JWK Set of one public key."""
    jwk: dict[str, Any] = json.loads(ECAlgorithm.to_jwk(ec.generate_private_key(ec.SECP256R1()).public_key()))
    return {"keys": [{**jwk, "kid": "k1"}]}


@pytest.mark.spec("RFC 7591", "2")
def test_a_client_with_keys_gets_no_secret(server: Simulator) -> None:
    """A client of private_key_jwt registers its public keys, or where they are, and has no secret."""
    jwks = public_jwks()
    answer = registered(server, token_endpoint_auth_method="private_key_jwt", jwks=jwks)
    assert answer["jwks"] == jwks
    assert not {"client_secret", "client_secret_expires_at"} & answer.keys()
    assert stored(server, answer).secrets == ()
    uri = "https://client.example.com/keys"
    assert registered(server, token_endpoint_auth_method="private_key_jwt", jwks_uri=uri)["jwks_uri"] == uri


BINDINGS = ("dpop_bound_access_tokens", "tls_client_certificate_bound_access_tokens")


@pytest.mark.spec("RFC 9449", "5.2")
@pytest.mark.spec("RFC 8705", "3.4")
@pytest.mark.parametrize("binding", BINDINGS)
def test_a_client_may_want_bound_tokens_alone(binding: str) -> None:
    """What binds a client's tokens is metadata like any other: registered, shown, changed, and obeyed at once."""
    server = Simulator(clients=MemoryClientStore(REGISTRAR), environ={**ENVIRON, "MTLS": "on"})
    answer = registered(server, **{binding: True})
    assert [answer[name] for name in BINDINGS] == [name == binding for name in BINDINGS]
    assert document(manage(server, "GET", answer))[binding] is True
    assert server.token(answer["client_id"], answer["client_secret"])["statusCode"] == 400
    body = {**GOOD, "client_id": answer["client_id"]}
    kept = document(manage(server, "PUT", answer, {**body, binding: True}))
    assert kept[binding] is True
    assert server.token(answer["client_id"], answer["client_secret"])["statusCode"] == 400
    assert document(manage(server, "PUT", kept, body))[binding] is False
    assert server.token(answer["client_id"], answer["client_secret"])["statusCode"] == 200


@pytest.mark.spec("RFC 8705", "3.4")
def test_no_binding_is_promised_that_would_not_be_kept(server: Simulator) -> None:
    """Without mutual TLS a client is not registered, or changed, as one whose tokens are bound to its certificate."""
    answer = registered(server, tls_client_certificate_bound_access_tokens=False)
    body = {**GOOD, "client_id": answer["client_id"], "tls_client_certificate_bound_access_tokens": True}
    assert "mutual TLS" in refused(manage(server, "PUT", answer, body), 400, ANY_METADATA)


UNAUTHENTIC: dict[str, Callable[[Simulator], str | None]] = {
    "no token": lambda _: None,
    "no JWT": lambda _: "abc",
    "expired": lambda s: initial_token(s, at=NOW - 600),
    "of another issuer": lambda s: initial_token(s, issuer="https://evil.example.com"),
    "changed": lambda s: initial_token(s)[:-8] + "AAAAAAAA",
    "for an API": lambda s: initial_token(s, audience=(AUDIENCE,)),
    "of a client that is gone": lambda s: initial_token(s, client_id="gone"),
    "bound to a key": lambda s: initial_token(s, claims={"cnf": {"jkt": "abc"}}),
}


@pytest.mark.spec("RFC 6750", "3.1")
@pytest.mark.parametrize("token_of", UNAUTHENTIC.values(), ids=UNAUTHENTIC.keys())
def test_a_bad_initial_access_token_is_401(server: Simulator, token_of: Callable[[Simulator], str | None]) -> None:
    """Without a good token of this server for this server: 401 invalid_token with a Bearer challenge."""
    token = token_of(server)
    response = send(server, "POST", PATH, token, GOOD)
    refused(response, 401, "invalid_token")
    challenge = response["headers"]["WWW-Authenticate"]
    assert challenge.startswith('Bearer realm="oauth"')
    assert ("error=" in challenge) == (token is not None)
    assert list(server.clients.clients) == ["registrar"]


def test_another_scheme_is_401(server: Simulator) -> None:
    """Basic credentials are no bearer token."""
    refused(send(server, "POST", PATH, None, GOOD, Authorization="Basic abc"), 401, "invalid_token")


def test_two_authorization_headers_are_refused(server: Simulator) -> None:
    """A request that names two tokens is malformed."""
    twice = [f"Bearer {initial_token(server)}"] * 2
    refused(send(server, "POST", PATH, None, GOOD, Authorization=twice), 400, "invalid_request")


def test_a_revoked_token_registers_nothing(server: Simulator) -> None:
    """A token that was revoked, by itself or with all of the registrar's, is 401 at once."""
    token = initial_token(server)
    server.state.revoke_client("registrar", not_before=NOW + 1, until=NOW + 9_999)
    refused(send(server, "POST", PATH, token, GOOD), 401, "invalid_token")


def test_a_disabled_registrar_registers_nothing(server: Simulator) -> None:
    """A registrar that was disabled is refused, although its token lives on."""
    server.clients.clients["registrar"] = replace(REGISTRAR, enabled=False)
    refused(register(server), 401, "invalid_token")


@pytest.mark.spec("RFC 6750", "3.1")
def test_a_token_without_the_scope_is_403(server: Simulator) -> None:
    """A good token that lacks clients:register, or whose client lacks it by now: 403 insufficient_scope."""
    response = send(server, "POST", PATH, initial_token(server, scopes=("own:thing",)), GOOD)
    refused(response, 403, "insufficient_scope")
    assert 'error="insufficient_scope", scope="clients:register"' in response["headers"]["WWW-Authenticate"]
    server.clients.clients["registrar"] = replace(REGISTRAR, scopes=("own:thing",))
    refused(register(server), 403, "insufficient_scope")


# One member of otherwise good metadata.
BAD_METADATA: dict[str, tuple[dict[str, Any], str]] = {
    "a redirect URI": ({"redirect_uris": ["https://client.example.com/cb"]}, "invalid_redirect_uri"),
    "redirect URIs that are no list": ({"redirect_uris": "https://client.example.com/cb"}, "invalid_client_metadata"),
    "a response type": ({"response_types": ["code"]}, "invalid_client_metadata"),
    "a grant that redirects": ({"grant_types": ["authorization_code"]}, "invalid_client_metadata"),
    "a grant beside a good one": ({"grant_types": [CLIENT_CREDENTIALS, "password"]}, "invalid_client_metadata"),
    "grants that are no list": ({"grant_types": CLIENT_CREDENTIALS}, "invalid_client_metadata"),
    "no authentication": ({"token_endpoint_auth_method": "none"}, "invalid_client_metadata"),
    "a method that is for operators": ({"token_endpoint_auth_method": "federated_jwt"}, "invalid_client_metadata"),
    "a method without a name": ({"token_endpoint_auth_method": ""}, "invalid_client_metadata"),
    "a method that is a list": ({"token_endpoint_auth_method": ["client_secret_basic"]}, "invalid_client_metadata"),
    "keys without any": ({"token_endpoint_auth_method": "private_key_jwt"}, "invalid_client_metadata"),
    "a binding that is no boolean": ({"dpop_bound_access_tokens": "true"}, "invalid_client_metadata"),
    "a binding that is a number": (
        {"tls_client_certificate_bound_access_tokens": 0},
        "invalid_client_metadata",
    ),
    "certificates where there are none": (
        {"tls_client_certificate_bound_access_tokens": True},
        "invalid_client_metadata",
    ),
    "keys that are no object": ({"jwks": []}, "invalid_client_metadata"),
    "keys that are none": ({"jwks": {"keys": []}}, "invalid_client_metadata"),
    "keys in two ways": (
        {"jwks": public_jwks(), "jwks_uri": "https://client.example.com/keys"},
        "invalid_client_metadata",
    ),
    "keys over http": ({"jwks_uri": "http://client.example.com/keys"}, "invalid_client_metadata"),
    "keys on the server's own machine": ({"jwks_uri": "http://127.0.0.1/keys"}, "invalid_client_metadata"),
    "a name that is none": ({"client_name": 5}, "invalid_client_metadata"),
    "a name of two lines": ({"client_name": "two\nlines"}, "invalid_client_metadata"),
    "a name that is too long": ({"client_name": "x" * 201}, "invalid_client_metadata"),
    "a malformed scope": ({"scope": "products:read  products:write"}, "invalid_client_metadata"),
    "a scope that is a list": ({"scope": ["products:read"]}, "invalid_client_metadata"),
    "a scope too many": ({"scope": "products:read admin"}, "invalid_client_metadata"),
    "the registrar's own scope": ({"scope": "own:thing"}, "invalid_client_metadata"),
    "the scope that registers": ({"scope": REGISTER_SCOPE}, "invalid_client_metadata"),
    "an audience too many": ({"audience": [OTHER, "https://third.example.com"]}, "invalid_client_metadata"),
    "the registrar's own audience": ({"audience": [ISSUER]}, "invalid_client_metadata"),
    "an audience that is no list": ({"audience": OTHER}, "invalid_client_metadata"),
    "an audience that is no string": ({"audience": [5]}, "invalid_client_metadata"),
}


@pytest.mark.spec("RFC 7591", "3.2.2")
@pytest.mark.parametrize(("changes", "error"), BAD_METADATA.values(), ids=BAD_METADATA.keys())
def test_bad_metadata_is_refused(server: Simulator, changes: dict[str, Any], error: str) -> None:
    """What will not do, or is more than the registrar may grant, is refused, and nothing is registered."""
    refused(register(server, **changes), 400, error)
    assert list(server.clients.clients) == ["registrar"]


def test_the_scope_that_registers_is_never_granted(server: Simulator) -> None:
    """Not even a record that says so, which no operator's tool would write, makes it registrable."""
    rogue = replace(REGISTRAR, registrable_scopes=(REGISTER_SCOPE,))
    server.clients.clients["registrar"] = rogue
    refused(register(server, scope=REGISTER_SCOPE), 400, "invalid_client_metadata")
    with pytest.raises(ValueError, match="for operators to give"):
        check(rogue)


def test_a_registrar_without_audiences_registers_nothing(server: Simulator) -> None:
    """A client without an audience could ask for the server's default, which nobody granted."""
    server.clients.clients["registrar"] = replace(REGISTRAR, registrable_audiences=())
    refused(register(server, {"scope": "products:read"}), 400, "invalid_client_metadata")


MALFORMED: dict[str, tuple[str | None, dict[str, Any]]] = {
    "no body": (None, {}),
    "no JSON": ("scope=products%3Aread", {}),
    "an array": ("[]", {}),
    "a member twice": ('{"scope": "products:read", "scope": "products:write"}', {}),
    "a member twice, deep": ('{"jwks": {"keys": [], "keys": []}}', {}),
    "NaN": ('{"x": NaN}', {}),
    "something after it": ("{} {}", {}),
    "nested without end": ("[" * 30_000, {}),
    "over 64 KB": (json.dumps({"x": "x" * MAX_BODY_BYTES}), {}),
    "a form": ("{}", {"Content-Type": "application/x-www-form-urlencoded"}),
    "no content type": ("{}", {"Content-Type": None}),
}


@pytest.mark.spec("RFC 7591", "3.1")
@pytest.mark.parametrize(("body", "headers"), MALFORMED.values(), ids=MALFORMED.keys())
def test_a_malformed_body_is_invalid_request(server: Simulator, body: str | None, headers: dict[str, Any]) -> None:
    """The request is one JSON object of at most 64 KB, without duplicate names, as application/json."""
    assert send(server, "POST", PATH, initial_token(server), "{}")["statusCode"] == 201
    refused(send(server, "POST", PATH, initial_token(server), body, **headers), 400, "invalid_request")


def test_invalid_utf8_is_refused(server: Simulator) -> None:
    """A body that is no UTF-8 is no JSON."""
    body = base64.b64encode(b'{"client_name": "\xff"}').decode()
    sent = {"Content-Type": "application/json", "Authorization": f"Bearer {initial_token(server)}"}
    response = server.send(event("POST", PATH, body=body, headers=sent, isBase64Encoded=True))
    refused(response, 400, "invalid_request")


@pytest.mark.spec("RFC 7592", "3")
@pytest.mark.spec("RFC 7592", "2.1")
def test_a_client_reads_its_registration(server: Simulator) -> None:
    """The answer is the client information, with the registration access token; never again with the secret."""
    answer = registered(server)
    response = manage(server, "GET", answer)
    assert response["statusCode"] == 200
    assert response["headers"]["Cache-Control"] == "no-store"
    answer.pop("client_secret")
    assert document(response) == answer


@pytest.mark.spec("RFC 7592", "2.2")
def test_an_update_replaces_all_metadata(server: Simulator) -> None:
    """Members that are left out are deleted; the id and the secret stay."""
    answer = registered(server, grant_types=[CLIENT_CREDENTIALS, TOKEN_EXCHANGE])
    server.now += 60
    body = {"client_id": answer["client_id"], "scope": "products:write"}
    response = manage(server, "PUT", answer, body)
    assert response["statusCode"] == 200
    changed = document(response)
    assert (changed["scope"], changed["audience"]) == ("products:write", [AUDIENCE])
    assert "client_name" not in changed
    assert "client_secret" not in changed
    assert changed["grant_types"] == [CLIENT_CREDENTIALS]
    assert (changed["client_id"], changed["client_id_issued_at"]) == (answer["client_id"], NOW)
    assert server.token(answer["client_id"], answer["client_secret"])["statusCode"] == 200


@pytest.mark.spec("RFC 7592", "2.2")
def test_an_update_gives_a_new_registration_access_token(server: Simulator) -> None:
    """The token is a new one after an update, and the old one is worth nothing."""
    answer = registered(server)
    changed = document(manage(server, "PUT", answer, {"client_id": answer["client_id"]}))
    assert changed["registration_access_token"] != answer["registration_access_token"]
    refused(manage(server, "GET", answer), 401, "invalid_token")
    assert manage(server, "GET", changed)["statusCode"] == 200


def test_an_update_keeps_what_operators_set(server: Simulator) -> None:
    """Claims, lifetime and the like are not the client's to change, nor to lose; default scopes shrink with its own."""
    answer = registered(server, scope="products:read products:write")
    server.clients.clients[answer["client_id"]] = replace(
        stored(server, answer), claims={"tier": "gold"}, token_lifetime=90, default_scopes=("products:write",)
    )
    server.clients.clients[answer["client_id"]] = replace(
        stored(server, answer), usage_identifier_key="k" * 20, allow_from=("203.0.113.0/24",), tokens_per_hour=5
    )
    body = {"client_id": answer["client_id"], "scope": "products:read", "claims": {"tier": "x"}}
    body["usage_identifier_key"] = "x" * 20
    assert manage(server, "PUT", answer, body)["statusCode"] == 200
    kept = stored(server, answer)
    assert (kept.usage_identifier_key, kept.allow_from) == ("k" * 20, ("203.0.113.0/24",))
    assert kept.tokens_per_hour == 5
    assert (kept.claims, kept.token_lifetime, kept.default_scopes) == ({"tier": "gold"}, 90, ())


def test_a_change_of_method_changes_the_credentials(server: Simulator) -> None:
    """A client that moves to keys loses its secret, and gets a new one where it moves back."""
    answer = registered(server)
    body = {"client_id": answer["client_id"], "token_endpoint_auth_method": "private_key_jwt", "jwks": public_jwks()}
    with_keys = document(manage(server, "PUT", answer, body))
    assert stored(server, answer).secrets == ()
    assert server.token(answer["client_id"], answer["client_secret"])["statusCode"] == 401
    back = document(manage(server, "PUT", with_keys, {"client_id": answer["client_id"]}))
    assert back["client_secret"] != answer["client_secret"]
    assert server.token(answer["client_id"], back["client_secret"])["statusCode"] == 200


BAD_UPDATES: dict[str, dict[str, Any]] = {
    "no client_id": {"client_id": None},
    "another client_id": {"client_id": "registrar"},
    "another secret": {"client_secret": SECRET},
    "a secret that is none": {"client_secret": 5},
    "the registration access token": {"registration_access_token": "x"},
    "the URI": {"registration_client_uri": "x"},
    "the expiry of the secret": {"client_secret_expires_at": 0},
    "the time of issue": {"client_id_issued_at": NOW},
    "a scope too many": {"scope": "products:read admin"},
    "the scope that registers": {"scope": REGISTER_SCOPE},
    "an audience too many": {"audience": [ISSUER]},
    "an authentication method too many": {"token_endpoint_auth_method": "none"},
}


@pytest.mark.spec("RFC 7592", "2.2")
@pytest.mark.parametrize("changes", BAD_UPDATES.values(), ids=BAD_UPDATES.keys())
def test_a_bad_update_changes_nothing(server: Simulator, changes: dict[str, Any]) -> None:
    """An update names the client's own id, its own secret if any, nothing that is the server's, and nothing more."""
    answer = registered(server)
    before = stored(server, answer)
    good = {**GOOD, "client_id": answer["client_id"], "client_secret": answer["client_secret"]}
    refused(manage(server, "PUT", answer, {**good, **changes}), 400, "invalid_client_metadata")
    assert stored(server, answer) == before
    assert manage(server, "PUT", answer, good)["statusCode"] == 200


REGISTRARS_END: dict[str, Callable[[Client], Client | None]] = {
    "gone": lambda _: None,
    "disabled": lambda registrar: replace(registrar, enabled=False),
    "without the scope": lambda registrar: replace(registrar, scopes=("own:thing",)),
    "another of the same id": lambda registrar: replace(registrar, created_at=NOW + 1),
}


@pytest.mark.spec("RFC 7592", "2.2")
@pytest.mark.parametrize("end", REGISTRARS_END.values(), ids=REGISTRARS_END.keys())
def test_an_update_needs_its_registrar(server: Simulator, end: Callable[[Client], Client | None]) -> None:
    """Where the registrar could register nothing now, its clients cannot be changed; they can be read and deleted."""
    answer = registered(server)
    left = end(REGISTRAR)
    if left is None:
        del server.clients.clients["registrar"]
    else:
        server.clients.clients["registrar"] = left
    body = {"client_id": answer["client_id"], "scope": "products:read"}
    refused(manage(server, "PUT", answer, body), 403, "access_denied")
    assert manage(server, "GET", answer)["statusCode"] == 200
    assert manage(server, "DELETE", answer)["statusCode"] == 204


def test_an_update_is_bound_by_then_and_by_now(server: Simulator) -> None:
    """A registrar that may grant more since does not lift its clients, and one that may grant less binds them."""
    answer = registered(server)
    wider = (*REGISTRAR.registrable_scopes, "admin")
    server.clients.clients["registrar"] = replace(REGISTRAR, registrable_scopes=wider)
    body = {"client_id": answer["client_id"], "audience": [OTHER]}
    refused(manage(server, "PUT", answer, {**body, "scope": "admin"}), 400, "invalid_client_metadata")
    server.clients.clients["registrar"] = replace(
        REGISTRAR, registrable_scopes=("products:read",), registrable_audiences=(AUDIENCE,)
    )
    refused(manage(server, "PUT", answer, {**body, "audience": []} | {"scope": "products:write"}), 400, ANY_METADATA)
    refused(manage(server, "PUT", answer, body), 400, ANY_METADATA)


def test_of_two_updates_at_once_one_is_told_to_try_again(server: Simulator, monkeypatch: pytest.MonkeyPatch) -> None:
    """A client that was changed since it was read is left as it is: 503 with Retry-After."""
    answer = registered(server)

    def changed(*_: object, **__: object) -> Client:
        raise ClientChangedError(answer["client_id"])

    monkeypatch.setattr(server.clients, "update", changed)
    response = manage(server, "PUT", answer, {"client_id": answer["client_id"]})
    refused(response, 503, "temporarily_unavailable")
    assert response["headers"]["Retry-After"] == "1"


@pytest.mark.spec("RFC 7592", "2.3")
def test_a_client_deletes_itself(server: Simulator) -> None:
    """The answer is 204 without a body; client, secret and registration access token are gone."""
    answer = registered(server)
    response = manage(server, "DELETE", answer)
    assert (response["statusCode"], response["body"]) == (204, "")
    assert answer["client_id"] not in server.clients.clients
    refused(manage(server, "GET", answer), 401, "invalid_token")
    assert server.token(answer["client_id"], answer["client_secret"])["statusCode"] == 401


@pytest.mark.spec("RFC 7592", "2")
@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE"])
def test_a_stranger_learns_nothing(server: Simulator, method: str) -> None:
    """Unknown, disabled, an operator's or somebody else's: the answer is the same 401 for every client."""
    mine, theirs = registered(server), registered(server)
    disabled = registered(server)
    server.clients.clients[disabled["client_id"]] = replace(stored(server, disabled), enabled=False)
    token = mine["registration_access_token"]
    targets = [
        (theirs["client_id"], token),
        ("0" * 32, token),
        ("registrar", token),
        ("registrar", ""),
        (mine["client_id"], token[:-1]),
        (mine["client_id"], mine["client_secret"]),
        (mine["client_id"], initial_token(server)),
        (disabled["client_id"], disabled["registration_access_token"]),
        ("", token),
        ("x" * 300, token),
    ]
    answers = {
        json.dumps([response["statusCode"], response["body"], response["headers"]])
        for client_id, presented in targets
        if (response := send(server, method, f"{PATH}/{client_id}", presented or "-", GOOD))
    }
    assert len(answers) == 1
    refused(send(server, method, f"{PATH}/0", token, GOOD), 401, "invalid_token")


@pytest.mark.parametrize(
    ("path", "method", "allowed"),
    [(PATH, "GET", "POST"), (PATH, "DELETE", "POST"), (f"{PATH}/x", "POST", "GET, PUT, DELETE")],
)
def test_other_methods_are_405(server: Simulator, path: str, method: str, allowed: str) -> None:
    """A method that the path has not is answered 405 with Allow (RFC 9110 15.5.6)."""
    response = send(server, method, path, initial_token(server), GOOD)
    refused(response, 405, "invalid_request")
    assert response["headers"]["Allow"] == allowed


def test_the_registration_function_issues_no_token(server: Simulator) -> None:
    """Its routes are registration's alone; those of the token function have none of them."""
    assert server.registration.handle(event("POST", "/oauth/token")).status == 404
    assert server.app.handle(event("POST", PATH)).status == 404


def test_a_store_that_does_not_answer_is_503(server: Simulator) -> None:
    """Where the table does not answer, nothing is decided."""
    answer = registered(server)
    server.clients.failing = True
    refused(register(server), 503, "temporarily_unavailable")
    refused(manage(server, "GET", answer), 503, "temporarily_unavailable")
    server.clients.failing, server.state.failing = False, True
    refused(register(server), 503, "temporarily_unavailable")


def test_audit_lines_tell_who_registered_whom(server: Simulator, capsys: pytest.CaptureFixture[str]) -> None:
    """Each decision names both clients, and holds neither token nor secret."""
    answer = registered(server)
    changed = document(manage(server, "PUT", answer, {"client_id": answer["client_id"]}))
    manage(server, "DELETE", changed)
    refused(manage(server, "GET", changed), 401, "invalid_token")
    out = capsys.readouterr().out
    lines = [json.loads(line) for line in out.splitlines()]
    assert [line["outcome"] for line in lines] == ["registered", "changed", "deleted", "refused"]
    assert {(line["event"], line["client_id"], line["registered_by"]) for line in lines[:3]} == {
        ("registration", answer["client_id"], "registrar")
    }
    for secret in (answer["client_secret"], answer["registration_access_token"], changed["registration_access_token"]):
        assert secret not in out


def test_the_metadata_names_the_endpoint(server: Simulator) -> None:
    """The metadata states where clients are registered (RFC 8414 2)."""
    metadata = document(server.send(event("GET", "/.well-known/oauth-authorization-server")))
    assert metadata["registration_endpoint"] == ISSUER + PATH


SCOPES = ("a", "b", "c", REGISTER_SCOPE)
AUDIENCES = (AUDIENCE, OTHER, ISSUER)
some_scopes = st.lists(st.sampled_from(SCOPES), unique=True).map(tuple)
some_audiences = st.lists(st.sampled_from(AUDIENCES), unique=True).map(tuple)
json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=6,
)
metadata_documents = st.fixed_dictionaries(
    {},
    optional={
        "scope": some_scopes.map(" ".join),
        "audience": some_audiences.map(list),
        "grant_types": st.lists(st.sampled_from((CLIENT_CREDENTIALS, TOKEN_EXCHANGE)), unique=True),
        "token_endpoint_auth_method": st.sampled_from(("client_secret_post", "client_secret_basic")),
        "dpop_bound_access_tokens": st.booleans(),
        "registrable_scopes": some_scopes.map(list),
        "registrable_audiences": some_audiences.map(list),
        "resource_identifiers": some_audiences.map(list),
        "trusted_issuers": json_values,
        "claims": json_values,
    },
)
anything = st.fixed_dictionaries(
    {},
    optional=dict.fromkeys(
        (
            *("client_name", "scope", "audience", "grant_types", "response_types", "redirect_uris", "jwks", "jwks_uri"),
            *("token_endpoint_auth_method", "client_id", "client_secret", *BINDINGS),
        ),
        json_values,
    ),
)


@settings(max_examples=300)
@given(
    may_then=st.tuples(some_scopes, some_audiences),
    may_now=st.tuples(some_scopes, some_audiences),
    first=metadata_documents,
    second=metadata_documents,
)
def test_nothing_is_handed_out_that_the_registrar_may_not_grant(
    may_then: tuple[tuple[str, ...], tuple[str, ...]],
    may_now: tuple[tuple[str, ...], tuple[str, ...]],
    first: dict[str, Any],
    second: dict[str, Any],
) -> None:
    """Whatever is registered and then updated: no scope, audience or power beyond the registrar's, then and now."""
    server = Simulator(clients=MemoryClientStore())
    server.clients.clients["registrar"] = replace(
        REGISTRAR, registrable_scopes=may_then[0], registrable_audiences=may_then[1]
    )
    response = register(server, first)
    if response["statusCode"] != 201:
        refused(response, 400, ANY_METADATA)
        return
    answer = document(response)
    _hold_within(stored(server, answer), set(may_then[0]), set(may_then[1]))
    server.clients.clients["registrar"] = replace(
        REGISTRAR, registrable_scopes=may_now[0], registrable_audiences=may_now[1]
    )
    updated = manage(server, "PUT", answer, {**second, "client_id": answer["client_id"]})
    if updated["statusCode"] != 200:
        refused(updated, 400, ANY_METADATA)
        return
    scopes, audiences = set(may_then[0]) & set(may_now[0]), set(may_then[1]) & set(may_now[1])
    _hold_within(stored(server, answer), scopes, audiences)


def _hold_within(kept: Client, scopes: set[str], audiences: set[str]) -> None:
    """Check that a record is good, and allows nothing beyond these."""
    check(kept)
    assert set(kept.scopes) <= scopes - {REGISTER_SCOPE}
    assert set(kept.audiences) <= audiences
    assert kept.audiences
    assert (kept.registrable_scopes, kept.registrable_audiences, kept.resource_identifiers) == ((), (), ())
    assert (kept.claims, kept.trusted_issuers) == ({}, ())
    assert not {"none", "federated_jwt"} & set(kept.auth_methods)


@given(st.text(max_size=200) | json_values.map(json.dumps) | anything.map(json.dumps))
def test_no_body_breaks_the_endpoint(body: str) -> None:
    """Any body at all, and any value of any member, is answered 201 or 400, at registration and after it."""
    server = Simulator(clients=MemoryClientStore(REGISTRAR))
    assert send(server, "POST", PATH, initial_token(server), body)["statusCode"] in (201, 400)
    assert manage(server, "PUT", registered(server), body)["statusCode"] in (200, 400)
