"""`login`: a session is renewed by its own token, until it ends, is ended, or its person is."""

from dataclasses import replace
from typing import Any

import pytest

from auth_server import revocation
from auth_server.access_token import Grant, mint
from auth_server.vending import Identity
from tests.auth_server.vending.simulator import (
    BROWSER,
    KINDS,
    MemoryPeople,
    VendingSimulator,
    claims_of,
    configured,
    person,
    said,
    tokens_event,
    vended,
)
from tests.simulator import AUDIENCE, ISSUER, NOW, MemoryClientStore, Response

READ = ("products:read",)


def logged_in(server: VendingSimulator, subject: str = "alice", scopes: tuple[str, ...] = READ) -> str:
    """Log somebody in now, as POST /login does, and give their token."""
    return server.vending.vend(Identity("login", subject, int(server.now)), scopes, fresh=True).token


def renew(server: VendingSimulator, token: str, kind: str = "REST", **changes: Any) -> Response:
    """Ask with a token."""
    return server.send(tokens_event(kind, headers={"Authorization": f"Bearer {token}"}, **changes))


def minted(server: VendingSimulator, **changes: Any) -> str:
    """Sign a token as it is vended at a log-in, with what the test changes about it."""
    grant = Grant("browser", READ, (AUDIENCE,), 3600, sub="person:alice", identity_provider="login", auth_time=NOW)
    return mint(replace(grant, **changes), issuer=ISSUER, key=server.keys.load(), now=int(server.now)).value


@pytest.mark.parametrize("kind", KINDS)
def test_a_session_goes_from_one_token_to_the_next(kind: str) -> None:
    """The same token until shortly before it expires, then another of the same person and the same log-in."""
    server = configured("login")
    first = logged_in(server)
    assert said(renew(server, first, kind))["token"] == first
    server.now = NOW + 3400
    claims = vended(renew(server, first, kind))
    assert (claims["sub"], claims["identity_provider"], claims["auth_time"]) == ("person:alice", "login", NOW)
    assert claims["iat"] == NOW + 3400


def test_groups_are_read_anew() -> None:
    """What a person may do is what their groups may do now, and not what the presented token could."""
    server = configured("login")
    token = logged_in(server)
    server.people.people["alice"] = person(groups=("writers",))
    assert vended(renew(server, token))["scope"] == "products:read products:write"
    server.people.people["alice"] = person(groups=("readers",))
    assert vended(renew(server, token))["scope"] == "products:read"
    server.people.people["alice"] = person(groups=("others",))
    assert said(renew(server, token), 403)["error"] == "access_denied"


def test_a_session_ends_so_long_after_the_log_in() -> None:
    """However often a token is renewed, a person logs in again after SESSION_SECONDS."""
    server = configured("login", SESSION_SECONDS="7200")
    token = logged_in(server)
    for moment in (3400, 6800):
        server.now = NOW + moment
        token = said(renew(server, token))["token"]
    server.now = NOW + 7199
    said(renew(server, token))
    server.now = NOW + 7200
    assert said(renew(server, token), 401)["error"] == "invalid_token"


def test_a_log_out_ends_the_session_for_its_earlier_tokens_too() -> None:
    """Who kept the token before the last one gets no other with it, once the last one was revoked."""
    server = configured("login")
    first = logged_in(server)
    server.now = NOW + 3301
    second = said(renew(server, first))["token"]
    server.state.revoke_token(claims_of(second)["jti"], client_id="browser", expires_at=NOW + 9_000)
    said(renew(server, second), 401)
    assert said(renew(server, first), 401)["error"] == "invalid_token"
    server.start()
    said(renew(server, first), 401)


@pytest.mark.parametrize("groups", [("readers",), ("writers",)])
def test_a_log_out_with_an_earlier_token_ends_the_later_ones_too(groups: tuple[str, ...]) -> None:
    """Who had got another with a stolen copy does not keep the session, nor gets it back when groups are changed."""
    server = configured("login")
    first = logged_in(server)
    server.now = NOW + 3301
    second = said(renew(server, first))["token"]
    revocation.end_session(server.state, "person:alice", NOW, now=NOW + 3301)
    server.people.people["alice"] = person(groups=groups)
    for token in (first, second):
        assert said(renew(server, token), 401)["error"] == "invalid_token"


def test_a_log_out_leaves_the_persons_other_sessions() -> None:
    """Each log-in has a token of its own, on a phone and on a desk."""
    server = configured("login")
    phone = logged_in(server)
    server.now = NOW + 1
    desk = logged_in(server)
    assert said(renew(server, phone))["token"] == phone
    server.state.revoke_token(claims_of(phone)["jti"], client_id="browser", expires_at=NOW + 9_000)
    said(renew(server, phone), 401)
    assert said(renew(server, desk))["token"] == desk


@pytest.mark.parametrize(
    "somebody", [None, person(enabled=False), person(created_at=NOW + 1)], ids=["gone", "disabled", "another"]
)
def test_a_person_who_is_gone_has_no_session(somebody: Any) -> None:
    """Not one who is disabled or deleted, nor somebody new of the same name."""
    server = configured("login")
    token = logged_in(server)
    server.people = MemoryPeople(*filter(None, [somebody]))
    server.start()
    assert said(renew(server, token), 401)["error"] == "invalid_token"


def test_all_of_a_persons_sessions_are_revoked_by_their_name() -> None:
    """Revoking all that `person:alice` was issued ends her sessions; she may log in again."""
    server = configured("login")
    token = logged_in(server)
    server.state.revoke_client("person:alice", not_before=NOW + 2, until=NOW + 90_000)
    said(renew(server, token), 401)
    server.now = NOW + 2
    said(renew(server, logged_in(server)))


def test_revoking_the_clients_tokens_ends_every_session() -> None:
    """So does disabling it: what is vended in its name is its own."""
    server = configured("login")
    token = logged_in(server)
    server.state.revoke_client("browser", not_before=NOW + 2, until=NOW + 90_000)
    said(renew(server, token), 401)
    server.state.clients.clear()
    said(renew(server, token))
    server.change_client(enabled=False)
    said(renew(server, token), 401)


OTHERS = [
    {"identity_provider": "open", "sub": "address:x"},
    {"identity_provider": "embedded"},
    {"identity_provider": None},
    {"identity_provider": None, "sub": None},
    {"sub": "alice"},
    {"sub": "user:alice"},
    {"client_id": "other"},
    {"audience": ("https://other.example.com",)},
    {"audience": (AUDIENCE, "https://other.example.com")},
    {"auth_time": None},
    {"auth_time": NOW - 43_200},
    {"claims": {"act": {"sub": "other", "client_id": "other"}}},
    {"confirmation": {"jkt": "x"}},
]


@pytest.mark.parametrize("changes", OTHERS, ids=str)
def test_no_other_token_is_a_session(changes: dict[str, Any]) -> None:
    """A token that anything else is said of, or that an API has exchanged, is renewed for nobody."""
    server = configured("login")
    server.clients = MemoryClientStore(BROWSER, replace(BROWSER, client_id="other"))
    server.start()
    said(renew(server, minted(server)))
    assert said(renew(server, minted(server, **changes)), 401)["error"] == "invalid_token"


@pytest.mark.parametrize("authorization", [None, "", "Bearer", "Bearer x", "Basic YWxpY2U6eA==", "Bearer a.b.c"])
def test_without_a_good_token_there_is_none(authorization: str | None) -> None:
    """Nor by what an authorizer in front has said."""
    server = configured("login")
    headers = {} if authorization is None else {"Authorization": authorization}
    context = {"sub": "person:alice", "principalId": "alice", "claims": {"sub": "alice"}}
    response = server.send(tokens_event(headers=headers, authorizer=context))
    assert said(response, 401)["error"] == "invalid_token"


def test_an_expired_token_renews_nothing() -> None:
    """To the second: a page asks before."""
    server = configured("login")
    token = logged_in(server)
    server.now = NOW + 3599
    said(renew(server, token))
    server.now = NOW + 3600
    said(renew(server, token), 401)


def test_nobody_chooses_groups() -> None:
    """What a page sends beside its token says nothing."""
    server = configured("login")
    token = logged_in(server)
    response = renew(
        server, token, query={"groups": "writers", "scope": "products:write"}, body='{"groups":["writers"]}'
    )
    assert vended(response)["scope"] == "products:read"
