"""Signing up, logging in and logging out: who may, what they get, and what nobody can find out."""

import base64
import functools
import json
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from threading import Barrier
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from hypothesis import given
from hypothesis import strategies as st

from auth_server.access_token import Grant, mint
from auth_server.people.login_endpoint import MAX_SECONDS_AHEAD
from auth_server.people.password_hash import Parameters, PasswordHasher
from auth_server.people.people import may_have_logged_in
from auth_server.revocation import MAX_CLOCK_SKEW_SECONDS, MAX_OWN_REVOCATIONS, is_session_ended
from auth_server.wire import MAX_BODY_BYTES
from tests.auth_server.people.simulator import BROWSER, ORIGIN, PASSWORD, QUICK, CountingHasher, PeopleSimulator
from tests.simulator import AUDIENCE, ISSUER, NOW, PRIVATE_KEY, LocalKeySource, Response, document, event

WRONG = "eight herons on the jetty"


@pytest.fixture
def server() -> PeopleSimulator:
    """Give a function that nobody has signed up at."""
    return PeopleSimulator()


@pytest.fixture
def alices(server: PeopleSimulator) -> PeopleSimulator:
    """Give a function that Alice has signed up at, with nothing counted yet."""
    assert server.sign_up()["statusCode"] == 201
    server.state.counts.clear()
    return server


def refused(response: Response, status: int, error: str) -> str:
    """Check that this is a refusal, in JSON, never cached, which its page may read; give its description."""
    assert (response["statusCode"], document(response)["error"]) == (status, error), response
    assert response["headers"]["Content-Type"] == "application/json"
    assert response["headers"]["Cache-Control"] == "no-store"
    assert response["headers"]["Access-Control-Allow-Origin"] == ORIGIN
    return str(document(response)["error_description"])


def change(server: PeopleSimulator, **changes: Any) -> None:
    """Change Alice's record."""
    server.people.people["alice"] = replace(server.people.people["alice"], **changes)


def token_of(server: PeopleSimulator) -> str:
    """Log Alice in, and give her token."""
    response = server.log_in()
    assert response["statusCode"] == 200, response
    return str(document(response)["token"])


def claims_of(token: str) -> dict[str, Any]:
    """Verify a token with PyJWT, and give its claims."""
    options: Any = {"verify_exp": False, "verify_iat": False}
    claims: dict[str, Any] = jwt.decode(
        token, PRIVATE_KEY.public_key(), algorithms=["RS256"], audience=AUDIENCE, options=options
    )
    return claims


def test_a_person_signs_up(server: PeopleSimulator) -> None:
    """201 with the username as it is kept; the record has the default groups, and no password in clear."""
    response = server.sign_up("Alice")
    assert (response["statusCode"], document(response)) == (201, {"username": "alice"})
    assert response["headers"]["Cache-Control"] == "no-store"
    person = server.people.people["alice"]
    assert (person.groups, person.enabled, person.created_at) == (("members",), True, NOW)
    assert PASSWORD not in person.password_hash
    assert PasswordHasher(QUICK).verify(PASSWORD, person.password_hash)


@pytest.mark.parametrize("more", [{"groups": ["admins"]}, {"scope": "products:write"}, {"enabled": False}])
def test_nobody_chooses_what_they_may_do(server: PeopleSimulator, more: dict[str, Any]) -> None:
    """Whatever else a body says of groups or scopes, nothing listens to it."""
    body = {"username": "alice", "password": PASSWORD, **more}
    assert server.post("/signup", body)["statusCode"] == 201
    assert server.people.people["alice"].groups == ("members",)
    assert document(server.post("/login", body))["scope"] == "products:read messages:write"


@pytest.mark.parametrize("username", ["alice", "ALICE"])
def test_a_name_is_given_once(alices: PeopleSimulator, username: str) -> None:
    """409 for a name that is taken, in whatever case, and whoever has it keeps the password."""
    before = dict(alices.people.people)
    refused(alices.sign_up(username, WRONG), 409, "username_taken")
    assert alices.people.people == before


@pytest.mark.parametrize("username", ["al", "alice@example.com", "\u0430lice", "alice\n"])
def test_what_is_no_username_is_refused_with_the_rule(server: PeopleSimulator, username: str) -> None:
    """400 says what a username is; nothing is hashed or written."""
    assert "3 to 64" in refused(server.sign_up(username), 400, "invalid_request")
    assert (server.hasher.computed, server.people.calls, server.state.calls) == ([], [], 0)


@pytest.mark.parametrize(
    ("password", "rule"),
    [("short", "at least 15"), ("h e r o n s . " * 19, "at most 256"), ("auth.example.com", "tried first")],
)
def test_what_is_no_password_is_refused_with_the_rule(server: PeopleSimulator, password: str, rule: str) -> None:
    """400 says which rule it breaks, before anything is hashed or counted."""
    told = refused(server.sign_up(password=password), 400, "invalid_request")
    assert rule in told
    assert password not in told
    assert (server.hasher.computed, server.people.calls, server.state.calls) == ([], [], 0)


def test_nobody_signs_up_where_that_is_off() -> None:
    """403 before anything is read, with SIGNUP off; who is there already logs in."""
    server = PeopleSimulator()
    server.sign_up()
    closed = PeopleSimulator(people=server.people, environ={"SIGNUP": "off"})
    refused(closed.sign_up("bob"), 403, "access_denied")
    assert closed.log_in()["statusCode"] == 200


def test_a_person_logs_in(alices: PeopleSimulator) -> None:
    """The answer has a token of the person, for what their groups may do, and says what is in it."""
    response = alices.log_in("Alice")
    answer = document(response)
    claims = claims_of(answer.pop("token"))
    assert response["statusCode"] == 200
    assert (response["headers"]["Cache-Control"], response["headers"]["Access-Control-Allow-Origin"]) == (
        "no-store",
        ORIGIN,
    )
    assert answer == {
        "exp": NOW + 3600,
        "token_type": "Bearer",
        "scope": "products:read messages:write",
        "username": "alice",
        "groups": ["members"],
    }
    told = {name: claims[name] for name in ("iss", "sub", "client_id", "identity_provider", "auth_time", "scope")}
    assert told == {
        "iss": ISSUER,
        "sub": "person:alice",
        "client_id": "browser",
        "identity_provider": "login",
        "auth_time": NOW,
        "scope": answer["scope"],
    }


@pytest.mark.parametrize(
    ("groups", "scope"),
    [
        (("readers",), "products:read"),
        (("readers", "members"), "products:read messages:write"),
        (("x", "readers"), "products:read"),
    ],
)
def test_groups_are_worth_what_configuration_says(alices: PeopleSimulator, groups: tuple[str, ...], scope: str) -> None:
    """The scopes of all groups together, each once; a group that is not configured has none."""
    change(alices, groups=groups)
    assert document(alices.log_in())["scope"] == scope


@pytest.mark.parametrize("groups", [(), ("nobody",)])
def test_who_may_do_nothing_gets_no_token(alices: PeopleSimulator, groups: tuple[str, ...]) -> None:
    """Without any scope there is nothing to be vended: 403."""
    change(alices, groups=groups)
    refused(alices.log_in(), 403, "access_denied")


def test_each_log_in_has_a_token_of_its_own(alices: PeopleSimulator) -> None:
    """Two devices share no token, so that logging out at one leaves the other."""
    assert claims_of(token_of(alices))["jti"] != claims_of(token_of(alices))["jti"]


def test_a_log_in_is_of_this_holder_of_the_name(alices: PeopleSimulator) -> None:
    """Also where the clock of the log-in is behind that of the sign-up."""
    alices.now -= 2
    auth_time = claims_of(token_of(alices))["auth_time"]
    person = alices.people.people["alice"]
    assert may_have_logged_in(person, auth_time)
    assert not may_have_logged_in(person, auth_time - 1)
    assert not may_have_logged_in(replace(person, enabled=False), auth_time)
    assert not may_have_logged_in(None, auth_time)


NO_GOOD: tuple[tuple[str, str, dict[str, Any]], ...] = (
    ("bob", PASSWORD, {}),
    ("alice", WRONG, {}),
    ("alice", PASSWORD, {"enabled": False}),
    ("alice", WRONG, {"enabled": False}),
    ("no name at all", PASSWORD, {}),
    ("alice\n", PASSWORD, {}),
    ("", PASSWORD, {}),
    ("x" * 60_000, PASSWORD, {}),
    ("alice", "", {}),
    ("alice", "h" * 60_000, {}),
    ("alice", PASSWORD + "\ud800", {}),
)


@pytest.mark.parametrize(("username", "password", "changes"), NO_GOOD)
def test_every_failure_looks_alike(username: str, password: str, changes: dict[str, Any]) -> None:
    """One answer, one computation of Argon2id, and as many calls of the stores, whatever it was that did not fit."""
    server = PeopleSimulator()
    server.sign_up()
    change(server, **changes)
    server.hasher.computed.clear()
    server.people.calls.clear()
    server.state.calls = 0
    response = server.log_in(username, password)
    assert response["statusCode"] == 401
    assert document(response) == {
        "error": "invalid_credentials",
        "error_description": "The username or the password is wrong.",
    }
    assert server.hasher.computed == ["verify"]
    assert server.people.calls == ["get"]
    assert server.state.calls == 4


def test_a_hash_is_renewed_when_the_parameters_change(alices: PeopleSimulator) -> None:
    """The next good log-in hashes the password with the new parameters; a wrong password changes nothing."""
    alices.hasher = CountingHasher(Parameters(memory_kib=64, passes=2, lanes=1))
    later = PeopleSimulator(people=alices.people, hasher=alices.hasher)
    before = alices.people.people["alice"]
    assert later.log_in(password=WRONG)["statusCode"] == 401
    assert alices.people.people["alice"] == before
    assert later.log_in()["statusCode"] == 200
    renewed = alices.people.people["alice"]
    assert renewed.password_hash.startswith("$argon2id$v=19$m=64,t=2,p=1$")
    assert (renewed.version, renewed.groups) == (before.version + 1, before.groups)
    assert later.log_in()["statusCode"] == 200
    assert alices.people.people["alice"] == renewed


def test_a_person_who_changes_meanwhile_is_left_as_they_are(
    alices: PeopleSimulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A hash that cannot be renewed now is renewed another time."""
    later = PeopleSimulator(people=alices.people, hasher=CountingHasher(Parameters(64, 2, 1)))
    read, updated = alices.people.get, []

    def get(username: str) -> Any:
        person = read(username)
        change(alices, version=person.version + 1)  # type: ignore[union-attr] # Alice is there
        updated.append(alices.people.people["alice"])
        return person

    monkeypatch.setattr(alices.people, "get", get)
    assert later.log_in()["statusCode"] == 200
    assert alices.people.people["alice"] == updated[-1]


def test_logging_out_revokes_the_token_and_no_other(alices: PeopleSimulator) -> None:
    """The token that is presented is revoked until no authorizer could take it; another log-in goes on."""
    token, other = token_of(alices), token_of(alices)
    response = alices.log_out(token)
    assert (response["statusCode"], document(response)) == (200, {})
    assert response["headers"]["Access-Control-Allow-Origin"] == ORIGIN
    assert alices.state.tokens == {claims_of(token)["jti"]: NOW + 3600 + MAX_CLOCK_SKEW_SECONDS}
    assert claims_of(other)["jti"] not in alices.state.tokens
    assert alices.log_out(token)["statusCode"] == 200


def test_logging_out_ends_the_session_whichever_token_says_so(alices: PeopleSimulator) -> None:
    """It is remembered of the log-in, for as long as any token of it could be presented; other log-ins go on."""
    token = token_of(alices)
    alices.now = NOW + 1
    token_of(alices)
    ended = functools.partial(is_session_ended, alices.state, "person:alice", now=NOW + 86_400)
    assert not ended(NOW)
    alices.log_out(token)
    assert (ended(NOW), ended(NOW + 1)) == (True, False)


def minted(server: PeopleSimulator, **changes: Any) -> str:
    """Mint a token as vending does, with what the test changes about it."""
    usual: dict[str, Any] = {
        "client_id": "browser",
        "scopes": ("products:read",),
        "audience": (AUDIENCE,),
        "lifetime": 3600,
        "sub": "person:alice",
        "identity_provider": "login",
    }
    issuer, at = changes.pop("issuer", ISSUER), changes.pop("at", NOW)
    return mint(Grant(**{**usual, **changes}), issuer=issuer, key=server.keys.load(), now=at).value


@pytest.mark.parametrize(
    "changes",
    [
        {"at": NOW - 4000},
        {"issuer": "https://elsewhere.example.com"},
        {"identity_provider": None, "sub": None},
        {"identity_provider": "cognito"},
    ],
)
def test_what_is_no_token_of_a_log_in_is_ignored(server: PeopleSimulator, changes: dict[str, Any]) -> None:
    """200, and nothing is written: it has expired, is another issuer's, a client's, or another provider's."""
    assert server.log_out(minted(server, **changes))["statusCode"] == 200
    assert server.state.tokens == {}
    assert server.log_out(minted(server))["statusCode"] == 200
    assert len(server.state.tokens) == 1


def test_a_log_in_right_after_a_log_out_begins_another_session(alices: PeopleSimulator) -> None:
    """Within one second too; who goes on like that is told to wait for the next."""
    for second in range(MAX_SECONDS_AHEAD + 1):
        token = token_of(alices)
        assert claims_of(token)["auth_time"] == NOW + second
        alices.log_out(token)
    response = alices.log_in()
    refused(response, 429, "too_many_attempts")
    assert response["headers"]["Retry-After"] == "1"
    alices.now = NOW + MAX_SECONDS_AHEAD + 1
    assert claims_of(token_of(alices))["auth_time"] == alices.now


def test_what_was_exchanged_for_a_token_ends_no_session(server: PeopleSimulator) -> None:
    """An API that a person called can end what it got itself, and log nobody out."""
    exchanged = minted(server, client_id="api", auth_time=NOW, claims={"act": {"sub": "api", "client_id": "api"}})
    assert server.log_out(exchanged)["statusCode"] == 200
    assert list(server.state.tokens) == [claims_of(exchanged)["jti"]]
    assert not is_session_ended(server.state, "person:alice", NOW, now=NOW)


@pytest.mark.parametrize("token", [None, "x", "a.b.c", "\u00e9", "x" * 10_000])
def test_logging_out_without_a_token_is_no_failure(server: PeopleSimulator, token: str | None) -> None:
    """Whoever is logged out already may say so again."""
    response = server.log_out(token)
    assert (response["statusCode"], document(response)) == (200, {})


def test_two_tokens_at_once_are_none(server: PeopleSimulator) -> None:
    """Which of them to end cannot be told: 400, and not a 200 that would have ended neither."""
    header: Any = [f"Bearer {minted(server)}", f"Bearer {minted(server)}"]
    refused(server.post("/logout", Authorization=header), 400, "invalid_request")


def test_what_could_not_be_revoked_is_not_said_to_be(server: PeopleSimulator) -> None:
    """503 where the state, or the keys, do not answer: the token is good still."""
    token = minted(server)
    server.state.failing = True
    assert refused(server.log_out(token), 503, "temporarily_unavailable")
    server.state.failing, server.keys.failing = False, True
    assert refused(PeopleSimulator(keys=server.keys).log_out(token), 503, "temporarily_unavailable")


def test_nobody_fills_the_feed_of_revocations(server: PeopleSimulator) -> None:
    """Beyond a number of log-outs an hour, one entry ends all that this person was issued, and nobody else's."""
    server.state.counts["revocations person:alice", str((NOW + 3600) // 3600)] = MAX_OWN_REVOCATIONS
    server.log_out(minted(server))
    assert (server.state.tokens, server.state.clients) == ({}, {"person:alice": NOW + 2})
    server.log_out(minted(server, sub="person:bob"))
    assert len(server.state.tokens) == 1


@pytest.mark.parametrize("path", ["/signup", "/login"])
@pytest.mark.parametrize(
    "body",
    [
        None,
        "",
        "{",
        "[]",
        "null",
        '"alice"',
        "{}",
        '{"username": "alice"}',
        '{"password": "seven herons on the jetty"}',
        '{"username": "alice", "password": null}',
        '{"username": ["alice"], "password": "seven herons on the jetty"}',
        '{"username": "alice", "username": "bob", "password": "seven herons on the jetty"}',
        '{"username": "alice", "password": "seven herons\non the jetty"}',
        '{"username": "alice", "password": "seven herons on the jetty", "n": NaN}',
        "username=alice&password=x",
        json.dumps({"username": "alice", "password": "x" * MAX_BODY_BYTES}),
    ],
)
def test_a_body_that_is_no_good_json_is_refused(server: PeopleSimulator, path: str, body: str | None) -> None:
    """400, which its page may read, and nothing is counted, hashed or looked up."""
    told = refused(server.post(path, body), 400, "invalid_request")
    assert "alice" not in told
    assert (server.hasher.computed, server.people.calls, server.state.calls) == ([], [], 0)


@pytest.mark.parametrize("content_type", [None, "text/plain", "application/x-www-form-urlencoded"])
def test_a_form_of_another_site_cannot_log_anybody_in(alices: PeopleSimulator, content_type: str | None) -> None:
    """A body that no preflight was needed for is refused: the Content-Type must be JSON's."""
    sent: dict[str, Any] = {"Content-Type": content_type}
    refused(alices.post("/login", {"username": "alice", "password": PASSWORD}, **sent), 400, "invalid_request")


def test_bytes_that_are_no_utf_8_are_refused(server: PeopleSimulator) -> None:
    """A base64 body is decoded, and must be text then."""
    body = base64.b64encode(b'{"username": "alice", "password": "\xff\xfe"}').decode()
    headers = {"Content-Type": "application/json", "Origin": ORIGIN}
    sent = event("POST", "/login", body=body, headers=headers, isBase64Encoded=True)
    refused(server.send(sent), 400, "invalid_request")


@given(
    st.one_of(
        st.binary(max_size=200),
        st.recursive(
            st.none() | st.booleans() | st.floats() | st.text(),
            lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
        ).map(lambda value: json.dumps(value).encode()),
        st.fixed_dictionaries({"username": st.text(), "password": st.text()}).map(
            lambda value: json.dumps(value).encode()
        ),
    ),
    st.sampled_from(["/signup", "/login"]),
)
def test_no_body_is_a_fault(body: bytes, path: str) -> None:
    """Whatever the bytes, the answer is one of those that are designed."""
    headers = {"Content-Type": "application/json"}
    sent = event("POST", path, body=base64.b64encode(body).decode(), headers=headers, isBase64Encoded=True)
    assert PeopleSimulator().send(sent)["statusCode"] in {201, 400, 401}


@pytest.mark.parametrize("path", ["/signup", "/login", "/logout"])
def test_a_page_may_ask_first(server: PeopleSimulator, path: str) -> None:
    """A preflight is answered 204 for a configured origin, and another origin gets no permission."""
    sent = {"Origin": ORIGIN, "Access-Control-Request-Method": "POST"}
    response = server.send(event("OPTIONS", path, headers=sent))
    assert response["statusCode"] == 204
    assert response["headers"]["Access-Control-Allow-Methods"] == "POST"
    other = server.send(event("OPTIONS", path, headers={**sent, "Origin": "https://elsewhere.example.com"}))
    assert "Access-Control-Allow-Origin" not in other["headers"]


@pytest.mark.parametrize("path", ["/signup", "/login", "/logout"])
def test_other_methods_are_refused(server: PeopleSimulator, path: str) -> None:
    """A password or a token belongs in no URL: POST alone."""
    response = server.send(event("GET", path, headers={"Origin": ORIGIN}))
    assert (response["statusCode"], response["headers"]["Allow"]) == (405, "POST")
    refused(response, 405, "invalid_request")


@pytest.mark.parametrize("part", ["people", "state", "clients", "keys"])
def test_a_part_that_does_not_answer_lets_nobody_in(alices: PeopleSimulator, part: str) -> None:
    """503, and no token."""
    getattr(alices, part).failing = True
    refused(alices.log_in(), 503, "temporarily_unavailable")
    assert refused(alices.sign_up("bob"), 503, "temporarily_unavailable") if part in {"people", "state"} else True


def test_a_client_that_vends_no_more_ends_log_in(alices: PeopleSimulator) -> None:
    """Where an operator disables it: 403 for everybody, with the right password."""
    alices.clients.clients["browser"] = replace(BROWSER, enabled=False)
    refused(alices.log_in(), 403, "access_denied")


def test_of_many_who_want_a_name_one_gets_it(server: PeopleSimulator, monkeypatch: pytest.MonkeyPatch) -> None:
    """All find it free; one is 201, the others 409, and the record is the one's."""
    barrier, create = Barrier(4), server.people.create

    def together(person: Any) -> None:
        barrier.wait(timeout=30)
        create(person)

    monkeypatch.setattr(server.people, "create", together)
    sent = [f"{number} herons on the jetty" for number in ("seven", "eight", "nine", "twelve")]
    with ThreadPoolExecutor(4) as pool:
        answers = list(pool.map(lambda password: server.sign_up(password=password)["statusCode"], sent))
    assert sorted(answers) == [201, 409, 409, 409]
    assert server.log_in(password=sent[answers.index(201)])["statusCode"] == 200


def test_no_password_and_no_token_is_ever_written(
    server: PeopleSimulator, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Neither the audit lines nor any answer but the token's own has them, in every way that a request can end."""
    secret = "tidal-cormorant-pier-58"
    answers = [server.sign_up(password=secret), server.sign_up(password=secret), server.sign_up(secret, secret)]
    answers += [server.log_in(password=secret + "."), server.log_in(secret, secret), server.log_in("bob", secret)]
    answers += [server.post("/login", f'{{"username": "alice", "password": "{secret}"'), server.sign_up("!", secret)]
    login = server.log_in(password=secret)
    token = document(login)["token"]
    answers.append(server.log_out(token))
    server.people.failing = True
    answers.append(server.log_in(password=secret))
    monkeypatch.setattr(server.hasher, "verify", lambda password, _: password.fault)
    server.people.failing = False
    answers.append(server.log_in(password=secret))
    assert [each["statusCode"] for each in answers] == [201, 409, 400, 401, 401, 401, 400, 400, 200, 503, 500]
    written = capsys.readouterr().out
    assert len(written.splitlines()) == len(answers) + 1
    told = written + json.dumps(answers)
    assert secret not in told
    assert token not in told


def test_a_name_is_logged_once_it_is_known(alices: PeopleSimulator, capsys: pytest.CaptureFixture[str]) -> None:
    """What an unknown caller types may be a secret in the wrong field."""
    alices.log_in("my-secret-thing-of-old")
    alices.log_in(password=WRONG)
    alices.log_in()
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()[-3:]]
    assert [line.get("subject") for line in lines] == [None, "person:alice", "person:alice"]
    assert [line["outcome"] for line in lines] == ["refused", "refused", "issued"]
    assert [line.get("reason") for line in lines] == ["no such person", "wrong password", None]
    assert lines[-1]["jti"]
    assert {line["event"] for line in lines} == {"login"}


def test_the_keys_are_this_servers(alices: PeopleSimulator) -> None:
    """A token that somebody else signed ends no session."""
    stranger = PeopleSimulator(keys=LocalKeySource(rsa.generate_private_key(public_exponent=65537, key_size=2048)))
    assert alices.log_out(minted(stranger))["statusCode"] == 200
    assert alices.state.tokens == {}
