"""`latchkey tokens revoke` and `latchkey clients revoke-tokens`: what is revoked, and what is not."""

import time
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from auth_server.access_token import MAX_LIFETIME_SECONDS, Grant, mint
from auth_server.aws.state_table import DynamoDBStateStore
from auth_server.revocation import MAX_CLOCK_SKEW_SECONDS
from tests.latchkey.command import Command
from tests.latchkey.issuer import Issuer
from tests.simulator import SECRET, LocalKeySource, document

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

JTI = "kQ9vX2mPq9sTw4zB7cE1fA"


@pytest.fixture
def state(dynamodb: "DynamoDBClient", state_table: str) -> DynamoDBStateStore:
    """Return the table as the authorization server sees it."""
    return DynamoDBStateStore(dynamodb, state_table)


def revoked(state: DynamoDBStateStore) -> dict[str, int]:
    """Give the revoked tokens, and until when that is remembered."""
    return state.revocations(0).tokens


def token_of(issuer: Issuer) -> tuple[str, dict[str, Any]]:
    """Get a token, and what it says."""
    response = issuer.simulator.token("demo", SECRET)
    return document(response)["access_token"], issuer.simulator.claims(response)


def timestamp(at: float) -> str:
    """Give a Unix time as JSON documents have it."""
    return datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


@pytest.mark.parametrize("by_stdin", [False, True])
def test_a_token_is_revoked_until_it_can_be_accepted_no_more(
    latchkey: Command, issuer: Issuer, state: DynamoDBStateStore, by_stdin: bool
) -> None:
    """A token that verifies is revoked until its expiry, and the time that clocks may be apart."""
    token, claims = token_of(issuer)
    arguments = ("tokens", "revoke", "-" if by_stdin else token, "--issuer", issuer.url, "--json")
    until = claims["exp"] + MAX_CLOCK_SKEW_SECONDS
    assert latchkey.run(*arguments, stdin=token + "\n").json == {
        "jti": claims["jti"],
        "client_id": "demo",
        "revoked": True,
        "remembered_until": timestamp(until),
    }
    assert revoked(state) == {claims["jti"]: until}
    assert state.is_revoked(jti=claims["jti"], client_ids=("demo",), issued_at=claims["iat"])


def test_a_person_is_told_what_was_revoked(latchkey: Command, issuer: Issuer) -> None:
    """Without --json: the jti, whose it was, until when."""
    token, claims = token_of(issuer)
    printed = latchkey.run("tokens", "revoke", token, "--issuer", issuer.url).stdout
    for text in (claims["jti"], "'demo'", " UTC (in "):
        assert text in printed
    assert token not in printed


def test_a_jti_is_revoked_for_the_longest_life(latchkey: Command, state: DynamoDBStateStore) -> None:
    """A jti alone is revoked for as long as a token issued now could be accepted; no issuer is asked."""
    before = int(time.time()) - 1
    document = latchkey.run("tokens", "revoke", JTI, "--json").json
    assert (document["jti"], document["client_id"], document["revoked"]) == (JTI, None, True)
    lives = revoked(state)[JTI] - MAX_LIFETIME_SECONDS - MAX_CLOCK_SKEW_SECONDS
    assert before <= lives <= time.time()


def test_a_jti_may_start_with_a_dash(latchkey: Command, state: DynamoDBStateStore) -> None:
    """One jti in 64 does, and goes after --."""
    assert latchkey.run("tokens", "revoke", "--json", "--", "-" + JTI[1:]).status == 0
    assert set(revoked(state)) == {"-" + JTI[1:]}


def test_a_jti_of_the_server_is_one(issuer: Issuer, latchkey: Command) -> None:
    """What the token endpoint makes is what this command takes."""
    for _ in range(3):
        assert latchkey.run("tokens", "revoke", "--", token_of(issuer)[1]["jti"]).status == 0


def signed(url: str, *, ago: int = 0) -> str:
    """Sign a token that lives for a minute with the issuer's key."""
    grant = Grant("demo", (), ("https://api.example.com",), 60)
    return mint(grant, issuer=url, key=LocalKeySource().load(), now=int(time.time()) - ago).value


def refused_tokens(issuer: Issuer) -> dict[str, str]:
    """Give tokens that are none of the issuer's good ones."""
    good, other = token_of(issuer)[0], token_of(issuer)[0]
    return {
        "another signature": good.rpartition(".")[0] + "." + other.rpartition(".")[2],
        "another issuer's": signed("https://auth.example.com"),
        "expired": signed(issuer.url, ago=60 + MAX_CLOCK_SKEW_SECONDS),
        "nonsense": "a.b.c",
        "a file name": "token.txt",
    }


def test_a_token_that_does_not_verify_is_refused(latchkey: Command, issuer: Issuer, state: DynamoDBStateStore) -> None:
    """What the issuer did not sign, or what has expired, revokes nothing, and the line says so."""
    for token in refused_tokens(issuer).values():
        latchkey.run("tokens", "revoke", token, "--issuer", issuer.url, "--json").refused(1, "nothing was revoked")
    assert revoked(state) == {}


@settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.text(st.characters(codec="ascii", exclude_characters="\0."), min_size=1, max_size=40).filter(
    lambda text: not text.startswith("-") and len(text.strip()) != 22
))  # fmt: skip
def test_what_is_neither_is_wrong_usage(latchkey: Command, text: str) -> None:
    """A mistyped or cut jti revokes nothing, and is told apart from one that was revoked."""
    latchkey.run("tokens", "revoke", text).refused(2, "neither a token")


def test_without_an_issuer_to_ask_no_token_is_believed(latchkey: Command, issuer: Issuer) -> None:
    """Where the issuer does not answer, or its keys cannot be had, nothing is revoked: status 3."""
    token = token_of(issuer)[0]
    latchkey.run("tokens", "revoke", token, "--issuer", "http://127.0.0.1:9").refused(3, "does not answer")
    issuer.instead["/.well-known/jwks.json"] = (503, b"{}")
    latchkey.run("tokens", "revoke", token, "--issuer", issuer.url).refused(3, "keys")


@pytest.mark.parametrize("arguments", [("tokens", "revoke", JTI), ("clients", "revoke-tokens", "x", "--deleted")])
def test_a_table_that_is_not_there_is_not_found(latchkey: Command, arguments: tuple[str, ...]) -> None:
    """A wrong table is not found: status 1, and the option that names it."""
    latchkey.run(*arguments, "--state-table", "none", "--json").refused(1, "--state-table")


def test_every_token_of_a_client_up_to_now_is_revoked(latchkey: Command, state: DynamoDBStateStore) -> None:
    """Whatever was issued up to now is revoked; what is issued seconds later is not, nor is another client's."""
    latchkey.run("clients", "create", "demo")
    before = int(time.time())
    said = latchkey.run("clients", "revoke-tokens", "demo", "--json").json
    not_before = state.revocations(0).clients["demo"]
    assert said == {"client_id": "demo", "not_before": timestamp(not_before)}
    assert before + 1 <= not_before <= time.time() + 2
    assert state.is_revoked(jti="j", client_ids=("demo",), issued_at=before)
    assert not state.is_revoked(jti="j", client_ids=("demo",), issued_at=not_before)
    assert not state.is_revoked(jti="j", client_ids=("other",), issued_at=before)


def test_a_person_is_told_before_when(latchkey: Command) -> None:
    """Without --json a line says which tokens are revoked."""
    latchkey.run("clients", "create", "demo")
    assert "Every token issued to 'demo' before " in latchkey.run("clients", "revoke-tokens", "demo").stdout


def test_a_client_that_is_not_there_is_refused(latchkey: Command, state: DynamoDBStateStore) -> None:
    """A mistyped id revokes nothing; for a client that was deleted, --deleted says so."""
    latchkey.run("clients", "revoke-tokens", "demo", "--json").refused(1, "there is no client 'demo'")
    assert state.revocations(0).clients == {}
    assert latchkey.run("clients", "revoke-tokens", "demo", "--deleted", "--json").status == 0
    assert set(state.revocations(0).clients) == {"demo"}
    latchkey.run("clients", "revoke-tokens", "naïve", "--deleted").refused(1, "there is no client")


def test_the_time_is_that_of_aws(latchkey: Command, issuer: Issuer, monkeypatch: pytest.MonkeyPatch) -> None:
    """A machine whose clock is slow does not leave the newest tokens as they are: the time is what DynamoDB says."""
    aws_time = datetime.now(UTC).replace(microsecond=0) + timedelta(minutes=10)
    date = format_datetime(aws_time, usegmt=True)
    monkeypatch.setattr("tests.latchkey.issuer._Handler.date_time_string", lambda *_: date)
    issuer.instead["/"] = (200, b'{"ConsumedCapacity": {"TableName": "x", "CapacityUnits": 1.0}}')
    said = latchkey.but(AWS_ENDPOINT_URL=issuer.url).run("clients", "revoke-tokens", "demo", "--deleted", "--json").json
    assert said["not_before"] == timestamp((aws_time + timedelta(seconds=2)).timestamp())


def test_an_api_is_registered_with_the_audiences_that_it_is(latchkey: Command) -> None:
    """--is-audience names the audiences of an API, replaces them all, and "" clears them."""
    created = latchkey.run("clients", "create", "api", "--is-audience", "https://a.example", "--is-audience", "b").json
    assert created["is_audience"] == ["https://a.example", "b"]
    updated = latchkey.run("clients", "update", "api", "--is-audience", "https://c.example", "--json").json
    assert updated["is_audience"] == ["https://c.example"]
    assert latchkey.run("clients", "show", "api", "--json").json["is_audience"] == ["https://c.example"]
    assert "https://c.example" in latchkey.run("clients", "show", "api").stdout
    assert latchkey.run("clients", "update", "api", "--is-audience", "", "--json").json["is_audience"] == []
    latchkey.run("clients", "update", "api", "--is-audience", "a b").refused(1, "an API is at most")
