"""Token exchange (RFC 8693): what it takes, and that nothing ever grows."""

import json
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any
from urllib.parse import urlencode

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from auth_server.access_token import Exchange, Grant, mint
from auth_server.clients import CLIENT_CREDENTIALS, TOKEN_EXCHANGE, ClientSecret, digest_secret
from auth_server.grants.token_exchange import ACCESS_TOKEN_TYPE, JWT_TYPE, MAX_ACTORS
from tests.simulator import (
    AUDIENCE,
    ISSUER,
    NOW,
    SECRET,
    LocalKeySource,
    MemoryClientStore,
    Simulator,
    basic,
    client,
    document,
)

ORDERS = "https://orders.example.com"
BILLING = "https://billing.example.com"
GRANT_TYPES = (CLIENT_CREDENTIALS, TOKEN_EXCHANGE)
LONG_AGO = NOW - 5_000
APP = client(client_id="app", scopes=("orders:read", "billing:read", "billing:write"), audiences=(ORDERS, BILLING))
# An API that is a client too: its id is the audience that it is.
API = client(
    client_id=ORDERS,
    scopes=("billing:read", "billing:write", "orders:admin"),
    audiences=(BILLING,),
    grant_types=GRANT_TYPES,
    claims={"tier": "the API's own"},
)


@pytest.fixture
def server() -> Simulator:
    """Give a server that knows an app, an API that the app calls, and others."""
    return Simulator(clients=MemoryClientStore(APP, API, client(client_id="other", grant_types=GRANT_TYPES)))


def token(server: Simulator, *, key: LocalKeySource | None = None, issuer: str = ISSUER, **changes: Any) -> str:
    """Mint a good subject token, the app's for the API and for billing, with what the test changes about it."""
    usual: dict[str, Any] = {
        "client_id": "app",
        "scopes": ("orders:read", "billing:read"),
        "audience": (ORDERS, BILLING),
        "lifetime": 600,
    }
    at = changes.pop("at", int(server.now))
    minted = mint(Grant(**{**usual, **changes}), issuer=issuer, key=(key or server.keys).load(), now=at)
    return minted.value


def exchange(server: Simulator, client_id: str = ORDERS, **parameters: Any) -> dict[str, Any]:
    """Exchange a good subject token as the API, with what the test changes; None leaves a parameter out."""
    usual: dict[str, Any] = {"grant_type": TOKEN_EXCHANGE, "subject_token_type": ACCESS_TOKEN_TYPE}
    if "subject_token" not in parameters:
        usual["subject_token"] = token(server)
    sent = {name: value for name, value in {**usual, **parameters}.items() if value is not None}
    return server.post(urlencode(sent, doseq=True), headers=basic(client_id, SECRET))


def refused(response: Mapping[str, Any], error: str, status: int = 400) -> str:
    """Check that it was refused, and give the description."""
    assert (response["statusCode"], document(dict(response))["error"]) == (status, error)
    return str(document(dict(response))["error_description"])


@pytest.mark.spec("RFC 8693", "2.2.1")
def test_an_exchange_gets_a_narrower_token(server: Simulator) -> None:
    """The answer holds the token, its type, how long it lives and its scope; and no refresh token."""
    response = exchange(server)
    answer = document(response)
    assert answer.pop("access_token").count(".") == 2
    assert answer == {
        "issued_token_type": ACCESS_TOKEN_TYPE,
        "token_type": "Bearer",
        "expires_in": 600,
        "scope": "billing:read",
    }
    assert response["headers"]["Cache-Control"] == "no-store"


@pytest.mark.spec("RFC 8693", "4.1")
def test_the_subject_stays_and_the_actor_is_told(server: Simulator) -> None:
    """The token is the subject's still, says who it was issued to, and in act who acts."""
    claims = server.claims(exchange(server))
    assert (claims["sub"], claims["client_id"], claims["aud"]) == ("app", ORDERS, BILLING)
    assert claims["act"] == {"sub": ORDERS, "client_id": ORDERS}
    assert (claims["iat"], claims["exp"]) == (NOW, NOW + 600)


@pytest.mark.spec("RFC 8693", "4.1")
def test_actors_before_are_nested(server: Simulator) -> None:
    """The outermost act is who acts now; who acted before is within it. The same party again adds nothing."""
    server.clients.clients["gateway"] = client(client_id="gateway")
    before = {"sub": "gateway", "client_id": "gateway"}
    first = exchange(server, subject_token=token(server, claims={"act": before}))
    assert server.claims(first)["act"] == {"sub": ORDERS, "client_id": ORDERS, "act": before}
    again = exchange(server, subject_token=document(first)["access_token"])
    assert server.claims(again)["act"] == server.claims(first)["act"]


def test_a_chain_of_delegation_ends(server: Simulator) -> None:
    """After MAX_ACTORS parties a token is delegated no further."""
    server.clients.clients.update({str(depth): client(client_id=str(depth)) for depth in range(MAX_ACTORS)})
    act: dict[str, Any] = {"sub": "0", "client_id": "0"}
    for depth in range(1, MAX_ACTORS):
        assert exchange(server, subject_token=token(server, claims={"act": act}))["statusCode"] == 200
        act = {"sub": str(depth), "client_id": str(depth), "act": act}
    too_long = exchange(server, subject_token=token(server, claims={"act": act}))
    assert "was delegated" in refused(too_long, "invalid_request")


@pytest.mark.spec("RFC 8693", "2.1")
def test_the_actor_is_the_client(server: Simulator) -> None:
    """An actor token says what is known without it: that the client acts."""
    actor = token(server, client_id=ORDERS)
    response = exchange(server, actor_token=actor, actor_token_type=ACCESS_TOKEN_TYPE)
    assert server.claims(response)["act"] == {"sub": ORDERS, "client_id": ORDERS}


@pytest.mark.spec("RFC 8693", "2.1")
@pytest.mark.parametrize("token_type", [ACCESS_TOKEN_TYPE, JWT_TYPE])
def test_an_access_token_may_be_called_a_jwt(server: Simulator, token_type: str) -> None:
    """A token of this server is an access token and a JWT."""
    assert exchange(server, subject_token_type=token_type)["statusCode"] == 200


def test_a_client_narrows_its_own_token(server: Simulator) -> None:
    """A client may exchange what was issued to itself, whatever it is for."""
    own = token(server, client_id="other", scopes=("products:read", "products:write"), audience=(AUDIENCE,))
    claims = server.claims(exchange(server, "other", subject_token=own, scope="products:read"))
    assert (claims["sub"], claims["scope"], claims["aud"]) == ("other", "products:read", AUDIENCE)


def test_an_api_exchanges_what_was_sent_to_it(server: Simulator) -> None:
    """A client that is known as an API may exchange tokens for that API, whatever its client id is."""
    api = client(
        client_id="orders",
        scopes=API.scopes,
        audiences=API.audiences,
        grant_types=GRANT_TYPES,
    )
    server.clients.clients["orders"] = api
    refused(exchange(server, "orders"), "invalid_request")
    server.clients.clients["orders"] = replace(api, resource_identifiers=(ORDERS,))
    assert server.claims(exchange(server, "orders"))["act"]["sub"] == "orders"


def test_claims_about_the_subject_stay(server: Simulator) -> None:
    """What the subject token said of its subject is said still, and the client's own claims do not join it."""
    claims = server.claims(exchange(server, subject_token=token(server, claims={"tier": "silver", "tenant": "t1"})))
    assert (claims["tier"], claims["tenant"]) == ("silver", "t1")
    bare = server.claims(exchange(server))
    assert "tier" not in bare


@pytest.mark.parametrize("own", [None, "the-apis-own-usage-key"])
def test_the_usage_plan_is_that_of_whoever_holds_the_token(own: str | None) -> None:
    """The calls of an exchanged token count for the client that makes them, and for no plan of its subject's."""
    app, api = replace(APP, usage_identifier_key="the-apps-own-usage-key"), replace(API, usage_identifier_key=own)
    server = Simulator(clients=MemoryClientStore(app, api))
    subject = token(server, usage_identifier_key=app.usage_identifier_key)
    assert server.claims(exchange(server, subject_token=subject)).get("usage_identifier_key") == own


def _revoked(server: Simulator, **own: Any) -> str:
    text = token(server, **own)
    server.state.revoke_client(own.get("client_id", "app"), not_before=NOW + 1, until=NOW + 9_999)
    return text


def _of_disabled(server: Simulator) -> str:
    server.clients.clients["app"] = client(client_id="app", enabled=False)
    return token(server)


# What is wrong with the one token, in an otherwise good request: with either token, and with one of them.
BAD_TOKENS: dict[str, Callable[..., str]] = {
    "no JWT": lambda _, **own: "abc",  # noqa: ARG005 - whose it is makes no difference
    "not ASCII": lambda _, **own: "ä.b.c",  # noqa: ARG005 - as above
    "expired": lambda s, **own: token(s, at=LONG_AGO, **own),
    "expiring this very second": lambda s, **own: token(s, at=NOW - 600, **own),
    "issued in the future": lambda s, **own: token(s, at=NOW + 10, **own),
    "older than its client": lambda s, **own: token(s, at=NOW - 1001, lifetime=9_999, **own),
    "of another issuer": lambda s, **own: token(s, issuer="https://evil.example.com", **own),
    "changed": lambda s, **own: token(s, **own)[:-8] + "AAAAAAAA",
    "no longer good": _revoked,
    "bound to a key": lambda s, **own: token(s, claims={"cnf": {"jkt": "abc"}}, **own),
}
BAD_SUBJECT_TOKENS: dict[str, Callable[..., str]] = {
    "of a disabled client": _of_disabled,
    "of a client that is gone": lambda s: token(s, client_id="gone"),
    "neither the client's nor for it": lambda s: token(s, audience=(BILLING,)),
}
BAD_ACTOR_TOKENS: dict[str, Callable[..., str]] = {
    "another client's, for the client": lambda s, **_: token(s),
    "acted for": lambda s, **own: token(s, claims={"act": {"sub": "other", "client_id": "other"}}, **own),
}
BAD_CASES = {
    **{f"subject {what}": ("subject", bad, {}) for what, bad in (BAD_TOKENS | BAD_SUBJECT_TOKENS).items()},
    **{f"actor {what}": ("actor", bad, {"client_id": ORDERS}) for what, bad in (BAD_TOKENS | BAD_ACTOR_TOKENS).items()},
}


@pytest.mark.spec("RFC 8693", "2.2.2")
@pytest.mark.parametrize(("role", "bad", "whose"), BAD_CASES.values(), ids=BAD_CASES.keys())
def test_an_unacceptable_token_is_invalid_request(
    server: Simulator, role: str, bad: Callable[..., str], whose: dict[str, str], capsys: pytest.CaptureFixture[str]
) -> None:
    """A subject or actor token that is invalid, or not this client's to present: invalid_request, in one text."""
    own = token(server, client_id=ORDERS)
    good = {"subject_token": token(server), "actor_token": own, "actor_token_type": JWT_TYPE}
    assert exchange(server, **good)["statusCode"] == 200
    text = bad(server, **whose)
    capsys.readouterr()
    response = exchange(server, **{**good, f"{role}_token": text})
    assert refused(response, "invalid_request") == f"The {role}_token cannot be exchanged."
    line = capsys.readouterr().out
    assert json.loads(line)["reason"].startswith(f"{role} token: ")
    assert text not in line


ENDS: dict[str, Callable[[Simulator, str], object]] = {
    "revoked": lambda s, party: s.state.revoke_client(party, not_before=NOW + 1, until=NOW + 9_999),
    "disabled": lambda s, party: s.clients.clients.update({party: client(client_id=party, enabled=False)}),
    "deleted": lambda s, party: s.clients.clients.pop(party),
    "made anew": lambda s, party: s.clients.clients.update({party: client(client_id=party, created_at=NOW + 1)}),
}


@pytest.mark.parametrize("party", ["app", "gateway"])
@pytest.mark.parametrize("end", ENDS.values(), ids=ENDS.keys())
def test_what_came_out_of_an_ended_partys_tokens_is_exchanged_no_further(
    server: Simulator, end: Callable[[Simulator, str], object], party: str
) -> None:
    """The end of a subject, or of one who acted on the way, ends what was exchanged from its tokens."""
    server.clients.clients["gateway"] = client(client_id="gateway", audiences=(ORDERS, BILLING), scopes=APP.scopes)
    server.clients.clients["gateway"] = replace(server.clients.clients["gateway"], grant_types=GRANT_TYPES)
    own = token(server, audience=("gateway", ORDERS, BILLING))
    passed_on = document(exchange(server, "gateway", subject_token=own))["access_token"]
    exchanged = document(exchange(server, subject_token=passed_on))["access_token"]
    assert exchange(server, subject_token=exchanged)["statusCode"] == 200
    end(server, party)
    refused(exchange(server, subject_token=exchanged), "invalid_request")


@pytest.mark.parametrize(("subject", "reads"), [("nobody", 2), ("no client at all: ä", 1), ("x" * 2_000, 1)])
def test_a_subject_that_is_no_client_is_one_that_is_gone(server: Simulator, subject: str, reads: int) -> None:
    """A subject that is not known may have no tokens; one that can be no id is no key of the table, and not read."""
    text = token(server, exchange=Exchange(subject, "j", NOW + 600), client_id=ORDERS)
    server.clients.reads = 0
    refused(exchange(server, subject_token=text), "invalid_request")
    assert server.clients.reads == reads


def test_a_clients_own_token_costs_no_more_to_look_at(server: Simulator) -> None:
    """Where subject and client are one, the state is asked about the token and that client, and nobody else is read."""
    text = token(server, client_id=ORDERS)
    server.clients.reads = server.state.reads = 0
    assert exchange(server, subject_token=text)["statusCode"] == 200
    assert (server.clients.reads, server.state.reads) == (1, 2)


# One parameter changed in an otherwise good request.
BAD_REQUESTS: dict[str, tuple[dict[str, Any], str]] = {
    "no subject_token": ({"subject_token": None}, "invalid_request"),
    "no subject_token_type": ({"subject_token_type": None}, "invalid_request"),
    "another subject_token_type": (
        {"subject_token_type": "urn:ietf:params:oauth:token-type:id_token"},
        "invalid_request",
    ),
    "actor_token_type alone": ({"actor_token_type": ACCESS_TOKEN_TYPE}, "invalid_request"),
    "a refresh token is asked for": (
        {"requested_token_type": "urn:ietf:params:oauth:token-type:refresh_token"},
        "invalid_request",
    ),
    "a scope that the subject token lacks": ({"scope": "billing:write"}, "invalid_scope"),
    "a scope that the client lacks": ({"scope": "orders:read"}, "invalid_scope"),
    "a good scope and one too many": ({"scope": "billing:read orders:admin"}, "invalid_scope"),
    "a malformed scope": ({"scope": "billing:read  billing:read"}, "invalid_scope"),
    "an audience that the subject token lacks": ({"audience": AUDIENCE}, "invalid_target"),
    "an audience that the client lacks": ({"audience": ORDERS}, "invalid_target"),
    "a resource that is none": ({"resource": "billing"}, "invalid_target"),
    "a good resource and one too many": ({"resource": [BILLING, ORDERS]}, "invalid_target"),
}


@pytest.mark.spec("RFC 8693", "2.1")
@pytest.mark.parametrize(("changed", "error"), BAD_REQUESTS.values(), ids=BAD_REQUESTS.keys())
def test_a_bad_request_is_refused(server: Simulator, changed: dict[str, Any], error: str) -> None:
    """A parameter that is missing, unknown or asks for more than there was is refused."""
    good = {"scope": "billing:read", "resource": BILLING, "requested_token_type": ACCESS_TOKEN_TYPE}
    assert exchange(server, **good)["statusCode"] == 200
    if "audience" in changed:
        good.pop("resource")
    refused(exchange(server, **{**good, **changed}), error)


@pytest.mark.spec("RFC 8693", "2.1")
def test_an_actor_token_needs_its_type(server: Simulator) -> None:
    """The actor_token_type is required where there is an actor_token."""
    refused(exchange(server, actor_token=token(server, client_id=ORDERS)), "invalid_request")


def test_a_client_needs_the_grant(server: Simulator) -> None:
    """A client whose grant types lack the exchange is unauthorized_client."""
    refused(exchange(server, "app", subject_token=token(server)), "unauthorized_client")


def test_a_client_needs_to_prove_who_it_is(server: Simulator) -> None:
    """Exchange is for authenticated clients alone: a good subject token proves nothing about the client."""
    body = {"grant_type": TOKEN_EXCHANGE, "subject_token_type": JWT_TYPE, "subject_token": token(server)}
    refused(server.post({**body, "client_id": ORDERS}), "invalid_client", 401)


def test_nothing_in_common_is_refused(server: Simulator) -> None:
    """Where the client shares no scope or no audience with the subject token, there is no token to issue."""
    refused(exchange(server, subject_token=token(server, scopes=("orders:read",))), "invalid_scope")
    refused(exchange(server, subject_token=token(server, audience=(ORDERS,))), "invalid_target")


@pytest.mark.spec("RFC 8693", "4.4")
@pytest.mark.parametrize(
    ("may_act", "acts"),
    [
        ({"sub": ORDERS}, True),
        ({"sub": ORDERS, "client_id": ORDERS, "iss": ISSUER}, True),
        ({"sub": "other"}, False),
        ({"sub": ORDERS, "iss": "https://evil.example.com"}, False),
        ({"sub": ORDERS, "email": "a@example.com"}, False),
        ({}, False),
        ("somebody", False),
    ],
)
def test_may_act_is_honoured(server: Simulator, may_act: object, *, acts: bool) -> None:
    """A token that says who may act is exchanged for that party alone, and says so still afterwards."""
    response = exchange(server, subject_token=token(server, claims={"may_act": may_act}))
    if acts:
        assert server.claims(response)["may_act"] == may_act
    else:
        refused(response, "invalid_request")


def test_state_that_does_not_answer_is_503(server: Simulator) -> None:
    """Where nobody can tell whether the token was revoked, it is not exchanged."""
    server.state.failing = True
    refused(exchange(server), "temporarily_unavailable", 503)


def test_the_audit_line_tells_whose_token_it_was(server: Simulator, capsys: pytest.CaptureFixture[str]) -> None:
    """The line of an exchange tells the client, the subject, and the jti of both tokens; no token."""
    text = token(server)
    response = exchange(server, subject_token=text)
    out = capsys.readouterr().out
    line = json.loads(out)
    assert (line["client_id"], line["subject"], line["grant_type"]) == (ORDERS, "app", TOKEN_EXCHANGE)
    assert line["jti"] == server.claims(response)["jti"] != line["subject_jti"]
    assert text not in out
    assert document(response)["access_token"] not in out


def test_the_clock_may_move_meanwhile(server: Simulator) -> None:
    """A second that passes between the check and the signature does not lengthen the token's life."""
    text = token(server, lifetime=60)
    server.now = NOW + 59
    ticks = iter([NOW + 59, NOW + 59, NOW + 59])
    original = server.keys.load

    def slow() -> Any:
        server.now = next(ticks, NOW + 59) + 0.9
        return original()

    server.keys.load = slow  # type: ignore[method-assign] # a key that takes its time
    assert server.claims(exchange(server, subject_token=text))["exp"] == NOW + 60


SCOPES = ("a", "b", "c", "d")
AUDIENCES = (ORDERS, BILLING, AUDIENCE, "https://x.example.com")
some_scopes = st.lists(st.sampled_from(SCOPES), unique=True, min_size=1).map(tuple)
some_audiences = st.lists(st.sampled_from(AUDIENCES), unique=True, min_size=1).map(tuple)
lifetimes = st.none() | st.integers(60, 86_400)


@settings(max_examples=300)
@given(
    had=some_scopes,
    aud=some_audiences.map(lambda some: tuple(dict.fromkeys((*some, ORDERS)))) | some_audiences,
    lived=st.integers(1, 86_400).flatmap(lambda life: st.tuples(st.just(life), st.integers(0, life))),
    may=some_scopes | st.just(()),
    allowed=some_audiences | st.just(()),
    lifetime=lifetimes,
    asked=st.none() | some_scopes,
    targets=st.just(()) | some_audiences,
    as_resource=st.booleans(),
    own=st.booleans(),
)
def test_nothing_ever_grows(  # noqa: PLR0913 - each is drawn by itself
    *,
    had: tuple[str, ...],
    aud: tuple[str, ...],
    lived: tuple[int, int],
    may: tuple[str, ...],
    allowed: tuple[str, ...],
    lifetime: int | None,
    asked: tuple[str, ...] | None,
    targets: tuple[str, ...],
    as_resource: bool,
    own: bool,
) -> None:
    """Whatever is asked of whatever token: no scope, audience or second that either the token or the client lacks."""
    exchanger = client(
        client_id=ORDERS, scopes=may, audiences=allowed, token_lifetime=lifetime, grant_types=GRANT_TYPES
    )
    server = Simulator(clients=MemoryClientStore(APP, exchanger))
    life, age = lived
    text = token(server, client_id=ORDERS if own else "app", scopes=had, audience=aud, lifetime=life, at=NOW - age)
    parameters: dict[str, Any] = {
        "scope": " ".join(asked) if asked else None,
        ("resource" if as_resource else "audience"): targets,
    }
    response = exchange(server, subject_token=text, **parameters)
    if response["statusCode"] != 200:
        assert response["statusCode"] == 400
        return
    claims = server.claims(response)
    granted = set(claims.get("scope", "").split())
    assert granted <= set(had) & set(may) & set(asked or had)
    given_aud = {claims["aud"]} if isinstance(claims["aud"], str) else set(claims["aud"])
    assert given_aud
    assert given_aud <= set(aud) & set(allowed or (AUDIENCE,)) & set(targets or aud)
    assert NOW < claims["exp"] <= min(NOW - age + life, NOW + (lifetime or 3600))
    assert document(response)["expires_in"] == claims["exp"] - NOW
    assert own or ORDERS in aud


def test_an_exchanger_with_two_secrets_is_known_by_either(server: Simulator) -> None:
    """The client authenticates as for any other grant."""
    rotated = (ClientSecret(digest_secret("x" * 43), NOW), ClientSecret(digest_secret(SECRET), NOW))
    server.clients.clients[ORDERS] = client(
        client_id=ORDERS, scopes=API.scopes, audiences=API.audiences, grant_types=GRANT_TYPES, secrets=rotated
    )
    assert exchange(server)["statusCode"] == 200
