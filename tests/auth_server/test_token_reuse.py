"""The same token again: for whom, for how long, and what ends it."""

import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa

from auth_server import revocation
from auth_server.clients import TOKEN_EXCHANGE, ClientSecret, digest_secret
from auth_server.grants.token_exchange import ACCESS_TOKEN_TYPE
from auth_server.token_reuse import CHECK_SECONDS, MARGIN_SECONDS, MAX_KEPT
from tests.auth_server.client_requests import ask, token_of
from tests.authorizer.proofs import proof
from tests.simulator import (
    ENVIRON,
    NOW,
    SECRET,
    LocalKeySource,
    MemoryClientStore,
    MemoryStateStore,
    Simulator,
    basic,
    client,
    document,
)

REUSING = {"token_reuse": True, "audiences": ("https://one.example.com", "https://two.example.com")}


def server(**changes: Any) -> Simulator:
    """Give a server whose client gets its token again."""
    return Simulator(clients=MemoryClientStore(client(**{**REUSING, **changes})))


def change(one: Simulator, **changes: Any) -> None:
    """Change the client's record, as whoever can write the table might."""
    one.clients.clients["demo"] = replace(one.clients.clients["demo"], **changes)


@pytest.mark.spec("RFC 6749", "5.1")
def test_a_client_that_asks_again_gets_the_same_token_and_what_is_left_of_it() -> None:
    """One signature for both, and `expires_in` is that of the token, and not of a new one."""
    one = server()
    first = document(one.token())
    one.now += 1_000
    again = document(one.token())
    assert again == {**first, "expires_in": 2_600}
    assert one.claims(one.token())["exp"] == NOW + 3_600


@pytest.mark.parametrize(
    ("setting", "record", "same"),
    [("off", None, False), ("on", None, True), ("off", True, True), ("on", False, False)],
)
def test_it_is_off_unless_switched_on(setting: str, record: bool | None, same: bool) -> None:
    """The client's record decides, and where it says nothing the setting; the default is off."""
    clients = MemoryClientStore(client(token_reuse=record))
    one = Simulator(clients=clients, environ={**ENVIRON, "TOKEN_REUSE": setting})
    assert (token_of(one) == token_of(one)) is same
    assert token_of(Simulator()) != token_of(Simulator())


@pytest.mark.parametrize(
    ("lifetime", "last"),
    [(None, 3_600 - MARGIN_SECONDS - 1), (400, 199), (60, 29), (86_400, 86_400 - MARGIN_SECONDS - 1)],
)
def test_near_its_end_it_is_replaced(lifetime: int | None, last: int) -> None:
    """With 300 s left, or half of a shorter life, a new token is made; a second earlier it is given still."""
    one = server(token_lifetime=lifetime)
    first = token_of(one)
    one.now = NOW + last
    assert token_of(one) == first
    one.now += 1
    assert token_of(one) != first


@pytest.mark.parametrize(
    "asked",
    [{"scope": "products:read"}, {"resource": "https://two.example.com"}, {"audience": "https://two.example.com"}],
)
def test_what_is_asked_differently_is_another_token(asked: dict[str, str]) -> None:
    """Scope and audience are part of what is asked; each has its own token, given again."""
    one = server()
    usual, other = token_of(one), token_of(one, **asked)
    assert usual != other
    assert (token_of(one), token_of(one, **asked)) == (usual, other)


@pytest.mark.parametrize(
    "changes",
    [
        {"claims": {"tier": "gold"}},
        {"token_lifetime": 600},
        {"scopes": ("products:read",)},
        {"audiences": ("https://two.example.com",)},
        {"usage_identifier_key": "k" * 20},
        {"allow_from": ("203.0.113.0/24",)},
        {"version": 7},
        {"secrets": (ClientSecret(digest_secret(SECRET), NOW), ClientSecret(digest_secret("new"), NOW))},
        {"created_at": NOW - 1},
    ],
    ids=lambda changes: next(iter(changes)),
)
def test_a_changed_record_makes_a_new_token(changes: dict[str, Any]) -> None:
    """Whatever was changed, and whether or not the version was: nothing is given by a record that is no more."""
    one = server()
    first = token_of(one)
    change(one, **changes)
    assert token_of(one) != first


@pytest.mark.parametrize(
    "end",
    [
        lambda one: change(one, enabled=False),
        lambda one: one.clients.clients.clear(),
        lambda one: change(one, secrets=(ClientSecret(digest_secret("another"), NOW),)),
        lambda one: change(one, allow_from=("192.0.2.0/24",)),
    ],
    ids=["disabled", "deleted", "another secret", "elsewhere"],
)
def test_who_may_not_have_a_token_gets_none_again(end: Callable[[Simulator], None]) -> None:
    """Authentication comes first, each time."""
    one = server()
    token_of(one)
    end(one)
    assert one.token()["statusCode"] == 401


def test_a_grant_that_was_taken_away_is_refused() -> None:
    """So does everything else that is decided about a request."""
    one = server()
    token_of(one)
    change(one, grant_types=(TOKEN_EXCHANGE,))
    assert document(one.token())["error"] == "unauthorized_client"


def test_another_client_never_gets_it() -> None:
    """Two clients with the same rights have tokens of their own."""
    one = server()
    one.clients.clients["other"] = client(client_id="other", **REUSING)
    assert token_of(one) != token_of(one, "other")
    assert one.claims(one.token("other"))["client_id"] == "other"


def test_a_client_that_revokes_its_token_gets_another() -> None:
    """At once, from the server that it revoked it at."""
    one = server()
    first = token_of(one)
    assert ask(one, "/oauth/revoke", {"token": first})["statusCode"] == 200
    assert token_of(one) != first


@pytest.mark.parametrize("what", ["token", "client"])
def test_what_was_revoked_elsewhere_is_found_out_within_seconds(what: str) -> None:
    """Another Lambda, or the command line, has revoked it: it is given for five seconds more at most."""
    one = server()
    answer = one.token()
    first, jti = document(answer)["access_token"], one.claims(answer)["jti"]
    one.now += 100
    assert token_of(one) == first
    if what == "token":
        revocation.revoke_jti(one.state, jti, now=int(one.now))
    else:
        revocation.revoke_tokens_of(one.state, "demo", now=int(one.now))
    one.now += CHECK_SECONDS
    assert token_of(one) != first


def test_whether_it_is_revoked_is_asked_once_in_a_while() -> None:
    """Within five seconds nothing is asked; after them, once, and the answer holds for five seconds more."""
    one = server()
    token_of(one)
    reads = []
    for seconds in (0, CHECK_SECONDS - 1, 1, 1, CHECK_SECONDS):
        one.now += seconds
        token_of(one)
        reads.append(one.state.reads)
    assert reads == [0, 0, 2, 2, 4]


def test_where_revocation_cannot_be_known_a_new_token_is_made() -> None:
    """It is issued as it would be without reuse, and that needs no state."""
    one = server()
    first = token_of(one)
    one.now += CHECK_SECONDS
    one.state.failing = True
    assert token_of(one) != first


def test_a_new_signing_key_signs_a_new_token() -> None:
    """What a key signed that signs no more is not given again."""
    one = server()
    first = token_of(one)
    one.keys.private_key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    one.now += 301  # the key is kept for five minutes
    assert token_of(one) != first
    assert one.claims(one.token())["client_id"] == "demo"


def test_a_bound_token_is_given_again_to_its_key_alone() -> None:
    """With a new proof of the same key; without one, or by another key, there is no such token."""
    one = server()
    form = {"grant_type": "client_credentials"}

    def asked(**changes: Any) -> dict[str, Any]:
        return one.post(form, headers={**basic("demo", SECRET), "DPoP": proof(**changes)})

    first = document(asked(claims={"jti": "one"}))
    assert document(asked(claims={"jti": "two"})) == first
    assert first["token_type"] == "DPoP"
    assert document(asked(claims={"jti": "two"}))["error"] == "invalid_dpop_proof"  # a proof is good once, still
    assert token_of(one) != first["access_token"]


def test_an_exchanged_token_is_made_anew() -> None:
    """It is made out of another token each time, and ends with it."""
    one = server(grant_types=("client_credentials", TOKEN_EXCHANGE))
    form = {"grant_type": TOKEN_EXCHANGE, "subject_token": token_of(one), "subject_token_type": ACCESS_TOKEN_TYPE}
    first, again = (document(ask(one, "/oauth/token", form))["access_token"] for _ in range(2))
    assert first != again


def test_a_token_that_is_given_again_is_not_counted() -> None:
    """A quota is one of tokens."""
    one = server(tokens_per_hour=1)
    assert [one.token()["statusCode"] for _ in range(3)] == [200] * 3
    assert one.token(scope="products:read")["statusCode"] == 429


def test_the_audit_line_tells_it_from_an_issue(capsys: pytest.CaptureFixture[str]) -> None:
    """The outcome is another, and the `jti` that of the issue."""
    one = server()
    token_of(one)
    token_of(one)
    issued, reused = (json.loads(line) for line in capsys.readouterr().out.splitlines())
    assert (issued["outcome"], reused["outcome"]) == ("issued", "reused")
    assert {**issued, "outcome": "", "time": 0} == {**reused, "outcome": "", "time": 0}


def test_no_more_than_a_thousand_are_kept() -> None:
    """Of too many the one that was not asked for the longest is forgotten."""
    one = server(scopes=tuple(f"s{number}" for number in range(MAX_KEPT + 1)))
    kept, forgotten = token_of(one, scope="s0"), token_of(one, scope="s1")
    for number in range(2, MAX_KEPT):
        token_of(one, scope=f"s{number}")
    assert token_of(one, scope="s0") == kept
    token_of(one, scope=f"s{MAX_KEPT}")
    assert token_of(one, scope="s0") == kept
    assert token_of(one, scope="s1") != forgotten


def test_another_lambda_has_tokens_of_its_own() -> None:
    """What one keeps is nowhere but in its memory."""
    state, keys = MemoryStateStore(), LocalKeySource()
    both = [Simulator(clients=MemoryClientStore(client(**REUSING)), state=state, keys=keys) for _ in range(2)]
    assert token_of(both[0]) != token_of(both[1])
