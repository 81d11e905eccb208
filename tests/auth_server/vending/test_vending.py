"""Vending itself: one token for one caller, within the record of the client that vends, while that holds."""

import json
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa

from auth_server.errors import AccessDeniedError, DependencyError, VendingError
from auth_server.vending import Identity
from tests.auth_server.vending.simulator import (
    BROWSER,
    ENVIRON,
    VendingSimulator,
    claims_of,
    configured,
    lambda_context,
    said,
    tokens_event,
    vended,
)
from tests.simulator import AUDIENCE, NOW, MemoryClientStore

ALICE = Identity("embedded", "alice")
READ = ("products:read",)


def token_of(server: VendingSimulator, **changes: Any) -> str:
    """Ask as somebody, and give the token."""
    token: str = said(server.send(tokens_event(**changes)))["token"]
    return token


def test_one_caller_gets_one_token_until_shortly_before_it_expires() -> None:
    """The same token from every Lambda until 300 seconds are left; then another, for all."""
    server = configured()
    first = token_of(server)
    for moment in (NOW, NOW + 1, NOW + 3600 - 301):
        server.now = moment
        assert token_of(server) == first
        server.start()
        assert token_of(server) == first
    server.now = NOW + 3600 - 300
    second = token_of(server)
    assert second != first
    assert claims_of(second)["exp"] == server.now + 3600
    server.start()
    assert token_of(server) == second
    assert server.keys.signatures == 2


def test_a_warm_lambda_needs_no_cache_for_what_it_has_just_handed_out() -> None:
    """What was read and decrypted once is not read again."""
    server = configured()
    token_of(server)
    server.start()
    for _ in range(5):
        token_of(server)
    assert server.cache.finds == 2  # one by each Lambda


def test_a_short_life_is_kept_for_half_of_it() -> None:
    """Where a token lives shorter than the margin, it still serves for half of its life."""
    server = configured(VENDING_LIFETIME_SECONDS="200")
    first = token_of(server)
    server.now = NOW + 99
    assert token_of(server) == first
    server.now = NOW + 100
    assert token_of(server) != first


@pytest.mark.parametrize(
    "variables",
    [
        {"VENDING_SCOPE": "products:write"},
        {"VENDING_AUDIENCE": "https://other.example.com"},
        {"VENDING_CLIENT_ID": "b"},
    ],
)
def test_another_scope_audience_or_client_is_another_token(variables: dict[str, str]) -> None:
    """Two functions over one table that vend different things never hand out each other's."""
    both = replace(BROWSER, audiences=(AUDIENCE, "https://other.example.com"))
    one = configured(client_record=both)
    other = VendingSimulator({**ENVIRON, **variables}, cache=one.cache)
    other.clients = one.clients = MemoryClientStore(both, replace(both, client_id="b"))
    one.start()
    other.start()
    first, second = token_of(one), token_of(other)
    assert first != second
    assert (token_of(one), token_of(other)) == (first, second)
    assert len(one.cache.tokens) == 2


def test_another_provider_is_another_person() -> None:
    """The same name by two providers' word is two people, with two tokens."""
    server = configured("authorizer")
    mine = server.vending.vend(Identity("authorizer", "alice"), READ)
    theirs = server.vending.vend(Identity("cognito", "alice"), READ)
    assert claims_of(mine.token)["sub"] != claims_of(theirs.token)["sub"]


def test_another_lifetime_is_another_token() -> None:
    """Whoever asks for a token of a minute is not given one of an hour that is there."""
    vending = configured().vending
    hour, minute = vending.vend(ALICE, READ), vending.vend(ALICE, READ, lifetime=60)
    assert (hour.exp, minute.exp) == (NOW + 3600, NOW + 60)


def test_scopes_in_another_order_are_the_same() -> None:
    """What matters is which scopes there are."""
    vending = configured().vending
    one = vending.vend(ALICE, ("products:read", "products:write"))
    assert vending.vend(ALICE, ["products:write", "products:read", "products:read"]).token == one.token


def test_a_thousand_callers_that_ask_ten_times_cost_a_thousand_signatures() -> None:
    """One address each, ten calls each, many at once, by Lambdas that come and go: 1,000 tokens are signed."""
    server = configured(LOG_LEVEL="ERROR")
    lambdas = []
    for _ in range(2):
        lambdas.append(server.app)
        server.start()
    addresses = [f"10.1.{number // 250}.{number % 250}" for number in range(1_000)]
    calls = [(address, lambdas[turn % 2]) for turn in range(10) for address in addresses]

    def token(call: tuple[str, Any]) -> tuple[str, str]:
        address, app = call
        return address, app.handle(tokens_event(address=address)).document["token"]

    with ThreadPoolExecutor(8) as pool:
        answers = set(pool.map(token, calls[:1_000])) | set(pool.map(token, calls[1_000:]))
    assert len(answers) == 1_000  # one token for each address
    assert server.keys.signatures == 1_000


def test_callers_who_race_get_one_token() -> None:
    """Of many Lambdas that sign for one caller at once, one is first; all hand out its token."""
    server = configured()
    barrier = threading.Barrier(8)
    find = server.cache.find

    def together(item_id: str) -> Any:
        found = find(item_id)
        if found.token is None:
            barrier.wait()
        return found

    server.cache.find = together
    apps = []
    for _ in range(8):
        apps.append(server.app)
        server.start()
    with ThreadPoolExecutor(8) as pool:
        tokens = set(pool.map(lambda app: app.handle(tokens_event()).document["token"], apps))
    assert len(tokens) == 1
    assert server.keys.signatures == 8


def test_threads_of_one_process_share_one_signature() -> None:
    """In a server that answers several requests at once, one caller's cost one signature together."""
    server = configured()
    find = server.cache.find

    def slowly(item_id: str) -> Any:
        found = find(item_id)
        time.sleep(0.02)  # as long as DynamoDB takes, so that all would find nothing
        return found

    server.cache.find = slowly
    with ThreadPoolExecutor(8) as pool:
        tokens = set(pool.map(lambda _: server.vending.vend(ALICE, READ).token, range(40)))
    assert len(tokens) == 1
    assert server.keys.signatures == 1


def test_a_cache_that_never_holds_still_is_a_failure() -> None:
    """Whoever loses race after race gets 503, and no token that the others do not have."""
    server = configured()
    server.cache.keep = lambda *_, **__: False
    response = server.send(tokens_event())
    assert said(response, 503)["error"] == "temporarily_unavailable"


@pytest.mark.parametrize("failing", ["cache", "keys", "state", "clients"])
def test_what_does_not_answer_is_503(failing: str) -> None:
    """Without the cache, KMS or a table there is no token, and a time to ask again."""
    server = configured()
    said(server.send(tokens_event()))
    server.start()
    getattr(server, failing).failing = True
    response = server.send(tokens_event())
    assert said(response, 503)["error"] == "temporarily_unavailable"
    assert response["headers"]["Retry-After"] == "1"
    assert "dynamodb" not in response["body"]
    assert "kms" not in response["body"]
    getattr(server, failing).failing = False
    said(server.send(tokens_event()))


def test_a_disabled_client_vends_nothing() -> None:
    """An operator ends all vending by one switch, whatever is kept, in a warm Lambda and in a cold one."""
    server = configured()
    first = token_of(server)
    server.change_client(enabled=False)
    assert said(server.send(tokens_event()), 403)["error"] == "access_denied"
    server.start()
    said(server.send(tokens_event()), 403)
    server.change_client(enabled=True)
    assert token_of(server) == first


def test_the_tokens_of_a_revoked_client_are_vended_anew() -> None:
    """`latchkey clients revoke-tokens browser` ends every token that is kept."""
    server = configured()
    first = token_of(server)
    server.state.revoke_client("browser", not_before=NOW + 2, until=NOW + 90_000)
    server.now = NOW + 2
    second = token_of(server)
    assert claims_of(second)["iat"] == NOW + 2
    assert second != first
    server.start()
    assert token_of(server) == second


def test_one_persons_tokens_are_revoked_by_their_name() -> None:
    """Revoking all that `sub` was issued ends that person's tokens and nobody else's."""
    server = configured("authorizer")
    first = {name: vended(server.send(_as(name)))["jti"] for name in ("alice", "bob")}
    server.state.revoke_client("user:alice", not_before=NOW + 2, until=NOW + 90_000)
    server.now = NOW + 2
    assert vended(server.send(_as("alice")))["jti"] != first["alice"]
    assert vended(server.send(_as("bob")))["jti"] == first["bob"]


def _as(name: str) -> dict[str, Any]:
    return tokens_event(authorizer=lambda_context("REST", sub=name))


def test_a_revoked_token_is_not_handed_out_again() -> None:
    """One token that was revoked by its `jti` is replaced."""
    server = configured()
    first = vended(server.send(tokens_event()))
    server.state.revoke_token(first["jti"], client_id="browser", expires_at=NOW + 3900)
    assert vended(server.send(tokens_event()))["jti"] != first["jti"]


def test_a_client_made_anew_has_nothing_of_the_earlier_one() -> None:
    """A token of an earlier client of that id is not handed out."""
    server = configured()
    first = token_of(server)
    server.now = NOW + 10
    server.change_client(created_at=NOW + 5)
    assert token_of(server) != first


def test_a_token_of_a_key_that_is_gone_is_vended_anew() -> None:
    """What no verifier could verify any more is not handed out."""
    server = configured()
    first = token_of(server)
    server.keys.private_key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    server.now = NOW + 301  # past KEY_CACHE_SECONDS
    second = token_of(server)
    assert second != first
    assert claims_of(second, server.keys.private_key)["iat"] == NOW + 301


@pytest.mark.parametrize("kept", ["", "garbage", "a.b.c", "\u00e9"])
def test_a_cache_that_holds_no_token_is_written_anew(kept: str) -> None:
    """Whatever stands in a token's place is not handed out, and does not stay."""
    server = configured()
    first = token_of(server)
    (name,) = server.cache.tokens
    server.cache.tokens[name] = kept
    server.start()
    second = token_of(server)
    assert second not in (first, kept)
    assert server.cache.tokens == {name: second}


BAD_RECORDS = [
    {"scopes": ("products:write",)},
    {"audiences": ("https://other.example.com",)},
    {"audiences": ()},
    {"auth_methods": ("client_secret_basic",)},
    {"auth_methods": ("none", "client_secret_basic")},
    {"dpop_bound_access_tokens": True},
    {"tls_client_certificate_bound_access_tokens": True},
    {"claims": {"filler": "x" * 3_000}},
]


@pytest.mark.parametrize("changes", BAD_RECORDS, ids=str)
def test_what_the_clients_record_does_not_hold_is_a_fault(
    changes: dict[str, Any], capsys: pytest.CaptureFixture[str]
) -> None:
    """Configuration beyond the record vends nothing: 500 says nothing of it, the log says what to mend."""
    server = configured()
    server.change_client(**changes)
    response = server.send(tokens_event())
    assert said(response, 500) == {"error": "server_error", "error_description": "Tokens cannot be vended here."}
    line = json.loads(capsys.readouterr().out)
    assert (line["level"], line["outcome"]) == ("ERROR", "fault")
    assert "the client that vends" in line["reason"] or "too long" in line["reason"]


def test_a_record_that_was_narrowed_narrows_what_is_kept() -> None:
    """A scope that an operator took from the client is vended no more, though such a token is kept."""
    server = configured()
    token_of(server)
    server.change_client(scopes=("products:write",))
    said(server.send(tokens_event()), 500)


def test_no_client_is_a_fault() -> None:
    """Before an operator has registered the client, nothing is vended."""
    server = configured(VENDING_CLIENT_ID="other")
    said(server.send(tokens_event()), 500)


def test_the_clients_lifetime_is_the_longest() -> None:
    """A token lives as long as the client's record says, where that is less than is asked for."""
    server = configured()
    server.change_client(token_lifetime=900)
    assert vended(server.send(tokens_event()))["exp"] == NOW + 900
    assert server.vending.vend(ALICE, READ, lifetime=7_200).exp == NOW + 900
    assert server.vending.vend(ALICE, READ, lifetime=100).exp == NOW + 100


def test_the_clients_claims_and_plan_are_in_what_is_vended() -> None:
    """What the record adds to each of the client's tokens is in these as well, and takes no other claim's place."""
    server = configured()
    forged = {"tenant": "acme", "sub": "person:root", "identity_provider": "login", "auth_time": NOW}
    server.change_client(claims=forged, usage_identifier_key="plan-key-1234567890")
    claims = vended(server.send(tokens_event()))
    assert (claims["tenant"], claims["usage_identifier_key"]) == ("acme", "plan-key-1234567890")
    assert claims["identity_provider"] == "open"
    assert "auth_time" not in claims


def test_an_application_vends_to_its_own_people() -> None:
    """Embedded: `vend(identity, scopes, lifetime)`, for a server-side application that has its own sessions."""
    token = configured().vending.vend(ALICE, READ, lifetime=600)
    claims = claims_of(token.token)
    assert (claims["sub"], claims["identity_provider"]) == ("embedded:alice", "embedded")
    assert (token.exp, token.scope, claims["exp"]) == (NOW + 600, READ, NOW + 600)
    assert token.token not in repr(token)


def test_an_application_is_told_what_is_wrong() -> None:
    """Each refusal is an exception of its own."""
    server = configured()
    with pytest.raises(AccessDeniedError):
        server.vending.vend(ALICE, ())
    with pytest.raises(VendingError):
        server.vending.vend(ALICE, ("admin",))
    for lifetime in (0, -1):
        with pytest.raises(VendingError):
            server.vending.vend(ALICE, READ, lifetime=lifetime)
    server.cache.failing = True
    with pytest.raises(DependencyError):
        server.vending.vend(ALICE, READ)


@pytest.mark.parametrize(
    ("provider", "subject"), [("other", "alice"), ("embedded", ""), ("embedded", "x" * 201), ("embedded", "a\tb")]
)
def test_an_identity_is_of_a_known_provider_and_printable(provider: str, subject: str) -> None:
    """Who cannot be in a token is no identity."""
    with pytest.raises(ValueError, match=r"provider|subject"):
        Identity(provider, subject)


def test_a_log_in_gets_a_token_of_its_own() -> None:
    """`fresh` begins a session: no token that is kept is handed out for it, and the next call gets its own."""
    vending = configured().vending
    alice = Identity("login", "alice", NOW)
    one, two = vending.vend(alice, READ, fresh=True), vending.vend(alice, READ, fresh=True)
    assert one.token != two.token
    assert vending.vend(alice, READ).token == two.token
    assert claims_of(one.token)["auth_time"] == NOW
    later = vending.vend(Identity("login", "alice", NOW + 1), READ)
    assert later.token not in (one.token, two.token)


def test_the_warm_memory_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    """A Lambda that serves everybody remembers so many of them, and the cache the rest."""
    monkeypatch.setattr("auth_server.vending.token_cache.KEPT_IN_MEMORY", 2)
    server = configured()
    tokens = [token_of(server, address=f"192.0.2.{number}") for number in range(3)]
    finds = server.cache.finds
    assert [token_of(server, address=f"192.0.2.{number}") for number in (2, 1)] == [tokens[2], tokens[1]]
    assert server.cache.finds == finds
    assert token_of(server, address="192.0.2.0") == tokens[0]
    assert server.cache.finds == finds + 1


def test_the_log_tells_who_got_what_and_holds_no_token(capsys: pytest.CaptureFixture[str]) -> None:
    """One line for each request: signed or kept, for whom, by its `jti`; neither a token nor a header's text."""
    server = configured("authorizer")
    event = tokens_event(
        authorizer=lambda_context("REST", sub="alice"), headers={"Authorization": "Bearer secret-of-theirs"}
    )
    answers = [said(server.send(event)) for _ in range(2)]
    output = capsys.readouterr().out
    issued, kept = map(json.loads, output.splitlines())
    assert (issued["outcome"], kept["outcome"]) == ("issued", "vended")
    for line in (issued, kept):
        assert line["event"] == "vending"
        assert line["subject"] == "user:alice"
        assert line["jti"] == claims_of(answers[0]["token"])["jti"]
        assert (line["client_id"], line["scope"], line["audience"]) == ("browser", "products:read", [AUDIENCE])
    assert "eyJ" not in output
    assert "secret-of-theirs" not in output


def test_no_name_stands_in_the_cache() -> None:
    """The id of an item is a digest."""
    server = configured("authorizer")
    server.send(_as("alice"))
    (name,) = server.cache.tokens
    assert len(name) == 43
    assert "alice" not in name
