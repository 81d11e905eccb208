"""The introspection endpoint, section by section of RFC 7662 and RFC 9701."""

import json
from dataclasses import replace
from typing import Any
from urllib.parse import urlencode

import jwt
import pytest
from hypothesis import given
from hypothesis import strategies as st

from auth_server import jws
from auth_server.endpoints.introspection_endpoint import JWT_MEDIA_TYPE
from tests.auth_server.client_requests import API, ask, simulator, token_of
from tests.simulator import (
    AUDIENCE,
    ENVIRON,
    ISSUER,
    NOW,
    SECRET,
    LocalKeySource,
    MemoryClientStore,
    Simulator,
    basic,
    client,
    document,
    event,
)

PATH = "/oauth/introspect"
INACTIVE = {"active": False}


@pytest.fixture
def server() -> Simulator:
    """Give a server that knows `demo`, `api` and `other`."""
    return simulator()


def introspect(server: Simulator, token: str, client_id: str = "demo", **headers: Any) -> dict[str, Any]:
    """Introspect a token, and give the JSON document of a good answer."""
    response = ask(server, PATH, {"token": token}, client_id, **headers)
    assert (response["statusCode"], response["headers"]["Content-Type"]) == (200, "application/json")
    return document(response)


@pytest.mark.spec("RFC 7662", "2.2")
def test_an_active_token_is_described(server: Simulator) -> None:
    """The answer holds active, and what the token says of itself."""
    response = server.token(scope="products:read")
    claims = server.claims(response)
    assert introspect(server, document(response)["access_token"]) == {
        "active": True,
        "scope": "products:read",
        "client_id": "demo",
        "token_type": "Bearer",
        "exp": NOW + 3600,
        "iat": NOW,
        "sub": "demo",
        "aud": AUDIENCE,
        "iss": ISSUER,
        "jti": claims["jti"],
    }


def test_the_usage_plans_key_is_no_secret() -> None:
    """Whoever may introspect a token is told its usage identifier key, as the client reads it in the token."""
    server = simulator(usage_identifier_key="k" * 20)
    text = token_of(server)
    for asking in ("demo", "api"):
        assert introspect(server, text, asking)["usage_identifier_key"] == "k" * 20
    assert introspect(server, text, "other") == INACTIVE


@pytest.mark.spec("RFC 7662", "2.2")
def test_the_answer_holds_the_tokens_further_claims() -> None:
    """Claims beyond those of the standard, such as a client's own, are members of the answer."""
    server = simulator(claims={"tier": "gold", "limits": {"a": [1]}})
    answer = introspect(server, token_of(server), "api")
    assert (answer["tier"], answer["limits"]) == ("gold", {"a": [1]})


def test_what_the_server_says_no_claim_of_a_client_says() -> None:
    """Even a claim that was registered before it was reserved cannot say that a token is active, or of which type."""
    server = simulator(claims={"active": False, "token_type": "N_A"})
    answer = introspect(server, token_of(server))
    assert (answer["active"], answer["token_type"]) == (True, "Bearer")


def signed(**changed: Any) -> str:
    """Sign an access token with the server's key, with other claims than a good one's; None takes one away."""
    good = {"iss": ISSUER, "sub": "demo", "client_id": "demo", "aud": AUDIENCE, "iat": NOW, "exp": NOW + 60, "jti": "j"}
    claims = {name: value for name, value in {**good, **changed}.items() if value is not None}
    return jws.sign(claims, typ="at+jwt", key=LocalKeySource().load())


@pytest.mark.spec("RFC 9449", "6.2")
@pytest.mark.parametrize(
    ("cnf", "token_type"), [({"jkt": "0ZcOCORZNYy"}, "DPoP"), ({"x5t#S256": "bwcK0esc3ACC3DB2"}, "Bearer")]
)
def test_a_bound_token_says_what_it_is_bound_to(server: Simulator, cnf: dict[str, str], token_type: str) -> None:
    """The confirmation and the actor are part of the answer, and a token bound by DPoP is of that type."""
    act = {"sub": "gateway", "act": {"sub": "edge"}}
    answer = introspect(server, signed(cnf=cnf, act=act, nbf=NOW))
    assert (answer["cnf"], answer["act"], answer["nbf"], answer["token_type"]) == (cnf, act, NOW, token_type)


@pytest.mark.spec("RFC 7662", "2.2")
def test_an_answer_is_not_stored_by_caches(server: Simulator) -> None:
    """What is true of a token now need not be in a moment."""
    headers = ask(server, PATH, {"token": token_of(server)})["headers"]
    assert (headers["Cache-Control"], headers["Pragma"]) == ("no-store", "no-cache")


@pytest.mark.spec("RFC 7662", "2.1")
@pytest.mark.parametrize("hint", ["access_token", "refresh_token", "nonsense"])
def test_a_hint_changes_nothing(server: Simulator, hint: str) -> None:
    """The server may ignore token_type_hint, and a wrong one does not hide a token."""
    response = ask(server, PATH, {"token": token_of(server), "token_type_hint": hint})
    assert document(response)["active"] is True


@pytest.mark.spec("RFC 7662", "4")
@pytest.mark.parametrize("asker", ["demo", "api"])
def test_a_token_is_shown_to_its_client_and_to_its_audience(server: Simulator, asker: str) -> None:
    """The client that a token was issued to, and the API that it is for, are told about it."""
    assert introspect(server, token_of(server), asker)["active"] is True


@pytest.mark.spec("RFC 7662", "4")
def test_an_audience_that_is_a_client_id_is_that_client(server: Simulator) -> None:
    """A token for an audience that is the caller's client id is the caller's business, one of several audiences too."""
    assert introspect(server, signed(aud=["https://elsewhere.example", "other"]), "other")["active"] is True
    assert introspect(server, signed(aud=["https://elsewhere.example", "another"]), "other") == INACTIVE


REFUSED_TOKENS: dict[str, Any] = {
    "nonsense": lambda _: "nonsense",
    "no signature": lambda s: token_of(s).rpartition(".")[0] + ".",
    "another signature": lambda s: token_of(s).rpartition(".")[0] + "." + token_of(s).rpartition(".")[2],
    "not ASCII": lambda _: "é.é.é",
    "too long": lambda _: "a" * 9000,
    "another server's": lambda _: signed(iss="https://other.example.com"),
    "without an expiry": lambda _: signed(exp=None),
    "expired": lambda _: signed(iat=NOW - 60, exp=NOW),
    "not valid yet": lambda _: signed(nbf=NOW + 6),
    "from the future": lambda _: signed(iat=NOW + 6),
    "another kind of JWT": lambda s: jws.sign(s.claims(s.token()), typ="JWT", key=LocalKeySource().load()),
    "of a client that is none": lambda _: signed(client_id="nobody"),
}


@pytest.mark.spec("RFC 7662", "2.2")
@pytest.mark.parametrize("token", REFUSED_TOKENS.values(), ids=REFUSED_TOKENS.keys())
def test_a_token_that_is_not_good_is_inactive_and_nothing_more(server: Simulator, token: Any) -> None:
    """A token that does not exist, has expired or is not this server's: active is false, and nothing else is said."""
    assert introspect(server, token(server), "api") == INACTIVE


def test_a_token_is_active_at_once(server: Simulator) -> None:
    """A Lambda whose clock is seconds behind the one that issued the token does not call it inactive."""
    token = token_of(server)
    server.now -= 5
    assert introspect(server, token)["active"] is True


def test_a_token_is_inactive_from_the_second_of_its_expiry(server: Simulator) -> None:
    """What is allowed for clocks does not make a token live longer."""
    token = token_of(server)
    server.now += 3599
    assert introspect(server, token)["active"] is True
    server.now += 1
    assert introspect(server, token) == INACTIVE


@pytest.mark.spec("RFC 7662", "2.2")
@pytest.mark.parametrize("asker", ["demo", "api"])
def test_a_revoked_token_is_inactive_at_once(server: Simulator, asker: str) -> None:
    """The answer to the very next question is that the token is not active; another token of the client still is."""
    token, another = token_of(server), token_of(server)
    assert ask(server, "/oauth/revoke", {"token": token})["statusCode"] == 200
    assert introspect(server, token, asker) == INACTIVE
    assert introspect(server, another, asker)["active"] is True


def test_everything_a_client_was_issued_before_it_was_revoked_is_inactive(server: Simulator) -> None:
    """Revoking what a client was issued makes its earlier tokens inactive, and later ones active."""
    token = token_of(server)
    server.state.revoke_client("demo", not_before=NOW + 1, until=NOW + 10_000)
    assert introspect(server, token, "api") == INACTIVE
    server.now += 1
    assert introspect(server, token_of(server), "api")["active"] is True


def test_a_token_of_a_client_that_is_disabled_or_deleted_is_inactive(server: Simulator) -> None:
    """Whoever may get no token any more is not vouched for by one that it got earlier."""
    token = token_of(server)
    server.clients.clients["demo"] = replace(server.clients.clients["demo"], enabled=False)
    assert introspect(server, token, "api") == INACTIVE
    del server.clients.clients["demo"]
    assert introspect(server, token, "api") == INACTIVE


ENDS: dict[str, Any] = {
    "revoked": lambda s: s.state.revoke_client("demo", not_before=NOW + 1, until=NOW + 10_000),
    "disabled": lambda s: s.clients.clients.update(demo=client(enabled=False)),
    "deleted": lambda s: s.clients.clients.pop("demo"),
}


@pytest.mark.parametrize("asker", ["other", "api"])
@pytest.mark.parametrize("end", ENDS.values(), ids=ENDS.keys())
@pytest.mark.parametrize(
    "exchanged",
    [{"sub": "demo"}, {"sub": "api", "act": {"client_id": "other", "act": {"sub": "demo", "client_id": "demo"}}}],
    ids=["subject", "actor"],
)
def test_what_came_out_of_an_ended_partys_tokens_is_inactive(
    server: Simulator, asker: str, end: Any, exchanged: dict[str, Any]
) -> None:
    """A token of an exchange ends with its subject, and with one who acted on the way, whosever client asks."""
    token = signed(client_id="other", **exchanged)
    assert introspect(server, token, asker)["active"] is True
    end(server)
    assert introspect(server, token, asker) == INACTIVE


@pytest.mark.parametrize("subject", ["nobody", "ä", "x" * 2_000])
def test_a_subject_that_is_no_client_is_one_that_is_gone(server: Simulator, subject: str) -> None:
    """Nobody vouches for a token whose subject is not known here."""
    assert introspect(server, signed(sub=subject)) == INACTIVE


def test_a_token_of_one_party_costs_one_read_of_each_kind(server: Simulator) -> None:
    """Where subject and client are one, and it is the caller, the client is read once, the state twice."""
    token = token_of(server)
    server.clients.reads = server.state.reads = 0
    assert introspect(server, token)["active"] is True
    assert (server.clients.reads, server.state.reads) == (1, 2)


@pytest.mark.spec("RFC 7662", "4")
def test_another_clients_token_is_inactive_and_nothing_is_asked_about_it(server: Simulator) -> None:
    """A client without business with a token learns nothing, and the state is not even asked."""
    server.state.failing = True
    assert introspect(server, token_of(server), "other") == INACTIVE


audiences = st.lists(st.sampled_from(["api", "other", "demo", AUDIENCE, "https://b.example"]), min_size=1, unique=True)
kinds = st.sampled_from(["good", "expired", "revoked", "client revoked", "disabled", "broken"])


@pytest.mark.spec("RFC 7662", "4")
@given(
    owner=st.sampled_from(["api", "other", "demo"]),
    asker=st.sampled_from(["api", "other", "demo"]),
    aud=audiences,
    identifiers=st.lists(st.sampled_from([AUDIENCE, "https://b.example", "https://c.example"]), unique=True),
    kind=kinds,
    accept=st.sampled_from(["application/json", JWT_MEDIA_TYPE]),
)
def test_a_client_never_sees_anything_about_anothers_token(  # noqa: PLR0913 - each is one dimension of the question
    *, owner: str, asker: str, aud: list[str], identifiers: list[str], kind: str, accept: str
) -> None:
    """Whatever state a token is in, a caller that it neither belongs to nor is for gets the very answer to nonsense."""
    server = simulator()
    server.clients.clients[asker] = client(client_id=asker, resource_identifiers=tuple(identifiers))
    exp = NOW if kind == "expired" else NOW + 60
    token = signed(client_id=owner, sub=owner, aud=aud, iat=NOW - 60, exp=exp) + ("A" if kind == "broken" else "")
    if kind == "revoked":
        server.state.revoke_token("j", client_id=owner, expires_at=exp)
    if kind == "client revoked":
        server.state.revoke_client(owner, not_before=NOW, until=NOW + 60)
    if kind == "disabled" and owner != asker:
        server.clients.clients[owner] = replace(server.clients.clients[owner], enabled=False)
    answer = ask(server, PATH, {"token": token}, asker, Accept=accept)
    active = kind == "good" or (kind == "disabled" and owner == asker)
    if active and (owner == asker or {asker, *identifiers} & set(aud)):
        assert answer != ask(server, PATH, {"token": "nonsense"}, asker, Accept=accept)
    else:
        assert answer == ask(server, PATH, {"token": "nonsense"}, asker, Accept=accept)


@given(st.text(st.characters(exclude_characters="\0", codec="utf-8"), min_size=1))
def test_any_text_is_answered(token: str) -> None:
    """Whatever is sent as a token, it is inactive."""
    assert introspect(simulator(), token) == INACTIVE


@pytest.mark.spec("RFC 7662", "2.1")
@pytest.mark.parametrize("parameters", [{}, {"token": ""}, {"token_type_hint": "access_token"}])
def test_a_request_without_a_token_is_invalid(server: Simulator, parameters: dict[str, str]) -> None:
    """The token is required."""
    response = ask(server, PATH, parameters)
    assert (response["statusCode"], document(response)["error"]) == (400, "invalid_request")


@pytest.mark.spec("RFC 7662", "2.1")
def test_a_token_sent_twice_is_invalid(server: Simulator) -> None:
    """A parameter sent more than once is refused, as everywhere."""
    response = ask(server, PATH, "token=a&token=b")
    assert (response["statusCode"], document(response)["error"]) == (400, "invalid_request")


@pytest.mark.spec("RFC 7662", "2.3")
@pytest.mark.parametrize(
    "headers", [{}, basic("demo", "wrong"), basic("nobody", SECRET), {"Authorization": "Bearer x"}], ids=repr
)
def test_a_caller_that_does_not_authenticate_is_refused(server: Simulator, headers: dict[str, str]) -> None:
    """Without good credentials the answer is 401, with a good token and without one."""
    for parameters in ({"token": token_of(server)}, {}):
        response = server.send(event("POST", PATH, body=urlencode(parameters), headers=headers))
        assert (response["statusCode"], document(response)["error"]) == (401, "invalid_client")
        assert ("WWW-Authenticate" in response["headers"]) == bool(headers)


def test_a_disabled_caller_is_refused(server: Simulator) -> None:
    """Nobody who is disabled is told anything."""
    server.clients.clients["api"] = replace(API, enabled=False)
    assert ask(server, PATH, {"token": token_of(server)}, "api")["statusCode"] == 401


@pytest.mark.parametrize("broken", ["state", "keys", "clients"])
def test_what_cannot_be_known_is_503(server: Simulator, broken: str) -> None:
    """Where the state, the keys or the clients cannot be read, nothing is said about the token."""
    token = token_of(server)
    if broken == "keys":
        server.now += 3_601  # for an hour, what is known of them serves
    setattr(getattr(server, broken), "failing", True)  # noqa: B010 - one of three
    response = ask(server, PATH, {"token": token}, "api")
    assert (response["statusCode"], response["headers"]["Retry-After"]) == (503, "1")
    assert "active" not in response["body"]


def test_the_endpoint_takes_post_alone(server: Simulator) -> None:
    """A token has no place in a URL: any other method is answered 405 with Allow."""
    response = server.send(event("GET", PATH))
    assert (response["statusCode"], response["headers"]["Allow"]) == (405, "POST")


def signed_answer(response: dict[str, Any], audience: str) -> dict[str, Any]:
    """Verify a signed answer with PyJWT as its receiver, and give its claims."""
    assert (response["statusCode"], response["headers"]["Content-Type"]) == (200, JWT_MEDIA_TYPE)
    assert response["headers"]["Cache-Control"] == "no-store"
    assert jwt.get_unverified_header(response["body"])["typ"] == "token-introspection+jwt"
    options: Any = {"verify_iat": False, "require": ["iss", "aud", "iat"]}
    key = LocalKeySource().private_key.public_key()
    claims: dict[str, Any] = jwt.decode(
        response["body"], key, algorithms=["RS256"], audience=audience, issuer=ISSUER, options=options
    )
    return claims


@pytest.mark.spec("RFC 9701", "5")
@pytest.mark.parametrize("asker", ["demo", "api"])
def test_an_answer_is_signed_for_who_asks_for_that(server: Simulator, asker: str) -> None:
    """The JWT names issuer, receiver and time, holds the same answer, and nothing by which it passes for a token."""
    token = token_of(server)
    response = ask(server, PATH, {"token": token}, asker, Accept=JWT_MEDIA_TYPE)
    assert signed_answer(response, asker) == {
        "iss": ISSUER,
        "aud": asker,
        "iat": NOW,
        "token_introspection": introspect(server, token, asker),
    }


@pytest.mark.spec("RFC 9701", "5")
def test_of_an_inactive_token_a_signed_answer_says_no_more(server: Simulator) -> None:
    """The member token_introspection of an inactive token holds active alone."""
    response = ask(server, PATH, {"token": token_of(server)}, "other", Accept=JWT_MEDIA_TYPE)
    assert signed_answer(response, "other")["token_introspection"] == INACTIVE


@pytest.mark.spec("RFC 8725", "3.11")
def test_a_signed_answer_is_no_access_token(server: Simulator) -> None:
    """What the server signed about a token is not a token."""
    answer = ask(server, PATH, {"token": token_of(server)}, Accept=JWT_MEDIA_TYPE)["body"]
    assert introspect(server, answer) == INACTIVE


@pytest.mark.spec("RFC 9701", "4")
@pytest.mark.spec("RFC 9110", "12.4.2")
@pytest.mark.spec("RFC 9110", "12.5.1")
@pytest.mark.parametrize(
    ("accept", "is_signed"),
    [
        (JWT_MEDIA_TYPE, True),
        (f"application/json;q=0.5, {JWT_MEDIA_TYPE}", True),
        (f"  {JWT_MEDIA_TYPE.upper()} ;q=0.9,*/*;q=0.8", True),
        (f"{JWT_MEDIA_TYPE}, */*", True),
        (f"{JWT_MEDIA_TYPE};q=0.5, application/json;q=0.1, */*", True),
        (["application/json", JWT_MEDIA_TYPE], True),
        (f"{JWT_MEDIA_TYPE};q=0.001", True),
        (f"{JWT_MEDIA_TYPE}; Q=1.000", True),
        (f"{JWT_MEDIA_TYPE};version=1;q=0.5,application/json;q=0.5", True),
        (f"{JWT_MEDIA_TYPE};q=0,{JWT_MEDIA_TYPE};q=0.5", True),
        (f"{JWT_MEDIA_TYPE};q=0", False),
        (f"{JWT_MEDIA_TYPE} ; q=0.000, */*", False),
        (f"{JWT_MEDIA_TYPE};version=1;q=0", False),
        (f"{JWT_MEDIA_TYPE};q=0.5, application/json", False),
        (f"{JWT_MEDIA_TYPE};q=0.5;q=1, application/json;q=0.8", False),
        (f"{JWT_MEDIA_TYPE};q=0.9, */*", False),
        (f"{JWT_MEDIA_TYPE};q=0.5, application/*;q=0.8, */*;q=0.1", False),
        (f"{JWT_MEDIA_TYPE};q=1.5", False),
        (f"{JWT_MEDIA_TYPE};q=-1", False),
        (f"{JWT_MEDIA_TYPE};q=nan", False),
        (f"{JWT_MEDIA_TYPE};q=", False),
        ("application/jwt", False),
        ("application/*", False),
        ("*/*", False),
        ("application/json", False),
        ("text/html", False),
        (JWT_MEDIA_TYPE + "2", False),
        ("", False),
        (None, False),
    ],
)
def test_the_answer_is_json_unless_the_signed_one_is_named(server: Simulator, accept: Any, is_signed: bool) -> None:
    """The signed answer has to be named, with a weight above 0 and not below JSON's, whatever range that comes from."""
    response = ask(server, PATH, {"token": token_of(server)}, Accept=accept)
    assert (response["headers"]["Content-Type"] == JWT_MEDIA_TYPE) is is_signed


def test_a_refusal_is_json_whatever_is_accepted(server: Simulator) -> None:
    """An error is an OAuth error."""
    response = ask(server, PATH, {}, Accept=JWT_MEDIA_TYPE)
    assert (response["statusCode"], response["headers"]["Content-Type"]) == (400, "application/json")


@pytest.mark.spec("RFC 9110", "15.5.7")
def test_an_answer_that_is_too_long_to_sign_is_not_acceptable() -> None:
    """What KMS would not sign is not sent unsigned to who asked for a signature, and not a fault: 406."""
    issuer = "https://auth.example.com/" + "a" * 200
    long = client(claims={"note": "x" * 2400})
    server = Simulator(clients=MemoryClientStore(long), environ={**ENVIRON, "ISSUER": issuer})
    token = token_of(server)
    response = ask(server, PATH, {"token": token}, Accept=JWT_MEDIA_TYPE)
    assert (response["statusCode"], document(response)["error"]) == (406, "invalid_request")
    assert introspect(server, token)["active"] is True


AUDITED: dict[str, tuple[Any, str, str | None]] = {
    "active": (token_of, "api", None),
    "nonsense": (lambda _: "nonsense", "api", "no token of this server, or one that has expired"),
    "foreign": (token_of, "other", "neither the client's own token nor one for an audience that it is"),
}


@pytest.mark.parametrize(("token", "asker", "reason"), AUDITED.values(), ids=AUDITED.keys())
def test_the_audit_line_tells_who_asked_and_why_not(
    server: Simulator, capsys: pytest.CaptureFixture[str], token: Any, asker: str, reason: str | None
) -> None:
    """A line holds the caller, the outcome and the reason, and never the token."""
    text = token(server)
    capsys.readouterr()
    introspect(server, text, asker)
    printed = capsys.readouterr().out
    line = json.loads(printed)
    assert (line["event"], line["level"], line["client_id"]) == ("introspection", "INFO", asker)
    assert (line["outcome"], line.get("reason")) == ("inactive" if reason else "active", reason)
    assert text not in printed
    assert SECRET not in printed
