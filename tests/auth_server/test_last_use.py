"""When a secret was used last: noted at most once an hour, beside the decision and never part of it."""

import json

import pytest

from auth_server.clients import ClientSecret, digest_secret
from auth_server.last_use import (
    EVERY_SECONDS,
    KIND,
    RETRY_SECONDS,
    WARNING_SECONDS,
    expires_soon,
    name_of,
    still_needed,
)
from tests.auth_server.client_requests import ask, token_of
from tests.simulator import NOW, SECRET, MemoryStateStore, Simulator, client

OLD = ClientSecret(digest_secret("the old secret"), NOW - 1_000, NOW + 600)
NEW = ClientSecret(digest_secret(SECRET), NOW - 500)


def used_at(server: Simulator, secret: str = SECRET) -> int | None:
    """Give the time that is noted."""
    return server.state.seen(KIND, name_of(digest_secret(secret)))


def test_a_use_is_noted_once_an_hour() -> None:
    """One write for however many tokens, and none by this Lambda before an hour has passed."""
    server = Simulator()
    for _ in range(5):
        token_of(server)
    assert (used_at(server), server.state.sights) == (NOW, 1)
    server.now += EVERY_SECONDS - 1
    token_of(server)
    assert (used_at(server), server.state.sights) == (NOW, 1)
    server.now += 1
    token_of(server)
    assert (used_at(server), server.state.sights) == (NOW + EVERY_SECONDS, 2)


def test_another_lambda_leaves_what_is_noted() -> None:
    """Of two Lambdas within an hour, the later one changes nothing."""
    state = MemoryStateStore()
    token_of(Simulator(state=state))
    other = Simulator(state=state, now=NOW + 60)
    token_of(other)
    assert used_at(other) == NOW


def test_each_secret_has_its_own() -> None:
    """The old and the new secret of a rotation are told apart."""
    server = Simulator()
    server.clients.clients["demo"] = client(secrets=(OLD, NEW))
    assert server.token(secret="the old secret")["statusCode"] == 200
    assert (used_at(server, "the old secret"), used_at(server)) == (NOW, None)


def test_the_audit_line_tells_when_the_secret_ends(capsys: pytest.CaptureFixture[str]) -> None:
    """Whoever watches the lines sees a client that still uses what is about to end; of one without an end, nothing."""
    server = Simulator()
    server.clients.clients["demo"] = client(secrets=(OLD, NEW))
    server.token(secret="the old secret")
    server.token()
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [line.get("secret_expires_at") for line in lines] == [NOW + 600, None]


def test_what_cannot_be_noted_is_logged_and_no_more(capsys: pytest.CaptureFixture[str]) -> None:
    """The client gets its token, the line says why, and the write is not tried again before a minute has passed."""
    server = Simulator()
    server.state.failing = True
    assert [server.token()["statusCode"] for _ in range(3)] == [200] * 3
    assert server.state.sights == 1
    line = json.loads(capsys.readouterr().out.splitlines()[0])
    assert (line["outcome"], line["last_use"]) == ("issued", "not written: dynamodb:PutItem: ThrottlingException")
    server.state.failing = False
    server.now += RETRY_SECONDS
    token_of(server)
    assert used_at(server) == server.now


def test_a_wrong_secret_is_no_use() -> None:
    """Nothing is noted of what was refused."""
    server = Simulator()
    server.token(secret="wrong")
    assert server.state.sights == 0


def test_introspection_is_a_use() -> None:
    """Every endpoint at which a client proves itself counts."""
    server = Simulator()
    assert ask(server, "/oauth/introspect", {"token": "x"})["statusCode"] == 200
    assert used_at(server) == NOW


def test_nothing_kept_can_be_checked_against() -> None:
    """The name is neither the secret nor the digest that a secret is checked with."""
    digest = digest_secret(SECRET)
    assert name_of(digest) not in {SECRET, digest.hex()}
    assert digest_secret(SECRET) == digest


@pytest.mark.parametrize(
    ("left", "soon"), [(None, False), (WARNING_SECONDS, True), (WARNING_SECONDS + 1, False), (1, True), (0, False)]
)
def test_an_expiry_within_a_week_is_soon(left: int | None, soon: bool) -> None:
    """What has ended is not about to, and what never ends is neither."""
    secret = ClientSecret(OLD.digest, NOW, None if left is None else NOW + left)
    assert expires_soon(secret, NOW) is soon


@pytest.mark.parametrize(
    ("secrets", "old_used", "needed"),
    [
        ((OLD, NEW), NEW.created_at, True),
        ((OLD, NEW), NEW.created_at - 1, False),
        ((OLD, NEW), None, False),
        ((OLD,), None, True),
    ],
    ids=["used since", "not used since", "never used", "the only one"],
)
def test_an_old_secret_is_needed_where_it_was_used_since(
    secrets: tuple[ClientSecret, ...],
    old_used: int | None,
    needed: bool,
) -> None:
    """A client that has moved to its new secret is warned of to nobody."""
    found = still_needed(client(secrets=secrets), lambda secret: old_used if secret == OLD else NOW, NOW)
    assert list(found) == ([OLD] if needed else [])
