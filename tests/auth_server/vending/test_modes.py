"""Who may ask: each mode over the events of each kind of API, and what nobody can choose."""

import json
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from auth_server.vending.identity import PREFIXES
from tests.auth_server.vending.simulator import (
    HTTP_2,
    KINDS,
    REST,
    VendingSimulator,
    configured,
    lambda_context,
    pool_claims,
    said,
    tokens_event,
    vended,
)
from tests.simulator import AUDIENCE, ISSUER, NOW

Claims = dict[str, Any]


@pytest.mark.parametrize("kind", KINDS)
def test_anybody_is_known_by_their_address(kind: str) -> None:
    """In open mode everybody gets the configured scope; who they are is a digest of their address, and not that."""
    server = configured()
    answer = said(server.send(tokens_event(kind)))
    claims = vended(server.send(tokens_event(kind)))
    assert answer == {
        "token": answer["token"],
        "exp": NOW + 3600,
        "token_type": "Bearer",
        "scope": "products:read",
    }
    assert claims == {
        "iss": ISSUER,
        "sub": claims["sub"],
        "client_id": "browser",
        "aud": AUDIENCE,
        "iat": NOW,
        "exp": NOW + 3600,
        "jti": claims["jti"],
        "identity_provider": "open",
        "scope": "products:read",
    }
    assert claims["sub"].startswith("address:")
    assert len(claims["sub"]) == len("address:") + 22
    assert "203.0.113.7" not in answer["token"]


@pytest.mark.parametrize("kind", KINDS)
def test_an_address_is_what_the_gateway_saw(kind: str) -> None:
    """Whatever a header says about where a request comes from, its address decides."""
    server = configured()
    subject = vended(server.send(tokens_event(kind)))["sub"]
    for name in ("X-Forwarded-For", "Forwarded", "X-Real-Ip", "True-Client-Ip"):
        assert vended(server.send(tokens_event(kind, headers={name: "192.0.2.9"})))["sub"] == subject
    assert vended(server.send(tokens_event(kind, address="192.0.2.9")))["sub"] != subject


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("2001:db8:1:2::1", "2001:db8:1:2:ffff::9", True),
        ("2001:db8:1:2::1", "2001:db8:1:3::1", False),
        ("203.0.113.7", "::ffff:203.0.113.7", True),
        ("203.0.113.7", "203.0.113.8", False),
    ],
)
def test_the_addresses_of_one_site_are_one_caller(one: str, other: str, *, same: bool) -> None:
    """A machine has a /64 of IPv6 to itself, and changes its address within it all the time."""
    server = configured()
    subjects = {vended(server.send(tokens_event(address=each)))["sub"] for each in (one, other)}
    assert len(subjects) == (1 if same else 2)


@pytest.mark.parametrize("address", ["", "not-an-address", None])
def test_an_event_without_an_address_is_a_fault(address: str | None) -> None:
    """Without an address nobody is told apart from anybody: nothing is vended."""
    event = tokens_event()
    event["requestContext"]["identity"]["sourceIp"] = address
    assert said(configured().send(event), 500)["error"] == "server_error"


@pytest.mark.parametrize("kind", KINDS)
def test_somebody_is_known_by_a_lambda_authorizers_word(kind: str) -> None:
    """Whom a Lambda authorizer let in gets a token of their own, with the configured scope and no other."""
    context = lambda_context(kind, sub="alice", client_id="app", scope="admin", permissions="admin")
    claims = vended(configured("authorizer").send(tokens_event(kind, authorizer=context)))
    assert (claims["sub"], claims["identity_provider"]) == ("user:alice", "authorizer")
    assert claims["scope"] == "products:read"


@pytest.mark.parametrize(
    ("context", "subject"),
    [
        ({"principalId": "bob"}, "user:bob"),
        ({"principalId": "bob", "client_id": "app"}, "user:bob"),
        ({"client_id": "app"}, "user:app"),
        ({"principalId": "app", "sub": "person:bob", "client_id": "app"}, "user:person:bob"),
        ({"principalId": "bob", "sub": ""}, "user:bob"),
    ],
)
def test_the_most_telling_name_counts(context: Claims, subject: str) -> None:
    """`sub` before the policy's principal, which for Latchkey's own authorizer is the client."""
    assert vended(configured("authorizer").send(tokens_event(authorizer=context)))["sub"] == subject


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("provider", PREFIXES)
def test_what_was_vended_gets_no_other_token(kind: str, provider: str) -> None:
    """Behind Latchkey's own authorizer it would be renewed for ever, under a name that nobody has revoked."""
    token = {"sub": "user:alice", "client_id": "browser", "iss": ISSUER}
    server = configured("authorizer")
    vended(server.send(tokens_event(kind, authorizer=lambda_context(kind, **token))))
    context = lambda_context(kind, **token, identity_provider=provider)
    assert said(server.send(tokens_event(kind, authorizer=context)), 403)["error"] == "access_denied"
    elsewhere = {**token, "iss": "https://idp.example.com", "identity_provider": provider}
    vended(server.send(tokens_event(kind, authorizer=lambda_context(kind, **elsewhere))))


SAID: tuple[Any, ...] = (
    None,
    {},
    {"lambda": {}},
    {"lambda": None},
    {"principalId": ""},
    {"principalId": 7},
    {"sub": ["alice"]},
    {"claims": None, "scopes": None},
    {"claims": "sub"},
    {"jwt": None},
    {"jwt": {"claims": {}}},
    {"iam": {"userId": "AIDA"}},
)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("authorizer", SAID)
@pytest.mark.parametrize("mode", ["authorizer", "cognito"])
def test_without_an_authorizers_word_there_is_no_token(mode: str, kind: str, authorizer: Any) -> None:
    """A route that was deployed without its authorizer gives nothing to anybody: 401."""
    response = configured(mode).send(tokens_event(kind, authorizer=authorizer, headers={"Authorization": "Bearer x"}))
    assert said(response, 401)["error"] == "invalid_token"
    assert response["headers"]["WWW-Authenticate"] == 'Bearer realm="oauth"'


@pytest.mark.parametrize("kind", KINDS)
def test_one_authorizers_word_is_not_the_others(kind: str) -> None:
    """Behind a user pool's authorizer the mode `authorizer` knows nobody, nor `cognito` behind a Lambda authorizer."""
    claims, context = pool_claims(kind, groups=("writers",)), lambda_context(kind, sub="alice")
    said(configured("authorizer").send(tokens_event(kind, authorizer=claims)), 401)
    said(configured("cognito").send(tokens_event(kind, authorizer=context)), 401)
    flat = lambda_context(kind, sub="alice", claims='{"sub": "alice"}', **{"cognito:groups": "writers"})
    said(configured("cognito").send(tokens_event(kind, authorizer=flat)), 401)


@pytest.mark.parametrize("name", ["x" * 201, "a\nb", "\ud800"])
def test_a_name_that_no_token_could_hold_is_refused(name: str) -> None:
    """What an authorizer calls somebody is 1 to 200 printable characters."""
    response = configured("authorizer").send(tokens_event(authorizer={"sub": name}))
    assert said(response, 403)["error"] == "access_denied"


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(
    ("groups", "scope"),
    [
        (("readers",), "products:read"),
        (("writers",), "products:read products:write"),
        (("others", "readers"), "products:read"),
        (("readers", "writers"), "products:read products:write"),
    ],
)
def test_a_user_pools_groups_get_their_scopes(kind: str, groups: tuple[str, ...], scope: str) -> None:
    """Configuration says what a group may do; the token's own scope says nothing here."""
    claims = vended(configured("cognito").send(tokens_event(kind, authorizer=pool_claims(kind, groups=groups))))
    assert (claims["sub"], claims["identity_provider"]) == ("cognito:5e1a", "cognito")
    assert claims["scope"] == scope


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("groups", [None, (), ("others",), ("Writers",), ("writers ",), ("writers2",)])
def test_no_group_that_configuration_names_is_no_token(kind: str, groups: tuple[str, ...] | None) -> None:
    """Somebody who may do nothing gets no token, and is told so: 403."""
    response = configured("cognito").send(tokens_event(kind, authorizer=pool_claims(kind, groups=groups)))
    expected = 200 if groups == ("writers ",) and kind != REST else 403  # brackets part at spaces: no group has one
    assert response["statusCode"] == expected


@pytest.mark.parametrize(
    ("kind", "written"),
    [
        (HTTP_2, "writers"),
        (HTTP_2, "readers,writers"),
        (HTTP_2, "[[writers]]"),
        (HTTP_2, ["writers"]),
        (REST, "[writers]"),
        (REST, "readers writers"),
        (REST, {"writers": True}),
    ],
)
def test_groups_are_read_as_that_api_writes_them(kind: str, written: Any) -> None:
    """No other reading of the text is tried: one more would be one more way to a group."""
    authorizer = pool_claims(kind)
    claims = authorizer["jwt"]["claims"] if kind == HTTP_2 else authorizer["claims"]
    claims["cognito:groups"] = written
    said(configured("cognito").send(tokens_event(kind, authorizer=authorizer)), 403)


TEXT = st.text(st.characters(min_codepoint=0x21, max_codepoint=0x7E), max_size=30)
WORDS = ("scope", "groups", "cognito:groups", "X-Scope", "Authorization", "audience", "resource", "lifetime", "sub")
NAMES = st.sampled_from(WORDS)
MORE = dict.fromkeys(WORDS, "products:read products:write")
VALUES = st.sampled_from(["products:write", "writers", "[writers]", "admin", "86400", "Bearer x"]) | TEXT
CHOICES = st.dictionaries(NAMES | TEXT.filter(bool), VALUES, max_size=4)
READ_ONLY: dict[str, Callable[[str], Any]] = {
    "open": lambda _: None,
    "authorizer": lambda kind: lambda_context(kind, sub="reader"),
    "cognito": lambda kind: pool_claims(kind, groups=("readers",)),
}


@st.composite
def requests(draw: st.DrawFn) -> Claims:
    """Give what a caller can choose of a request."""
    segments = draw(st.lists(st.sampled_from(["admin", "writers", "products:write", "tokens", "%2e%2e"]), max_size=3))
    return {
        "path": "/" + "/".join([*segments, "tokens"]),
        "headers": draw(CHOICES),
        "query": draw(CHOICES),
        "body": json.dumps(draw(CHOICES)),
    }


@pytest.mark.parametrize("mode", sorted(READ_ONLY))
@settings(max_examples=150)
@given(kind=st.sampled_from(KINDS), request=requests())
@example(kind=REST, request={"path": "/admin/tokens", "headers": MORE, "query": MORE, "body": json.dumps(MORE)})
def test_nobody_chooses_what_they_get(mode: str, kind: str, request: Claims) -> None:
    """Whatever a request says, in header, parameter, path or body, scope, audience and lifetime are configuration's."""
    event = tokens_event(kind, authorizer=READ_ONLY[mode](kind), **request)
    claims = vended(READ_ONLY_SERVERS[mode].send(event))
    assert (claims["scope"], claims["aud"], claims["exp"]) == ("products:read", AUDIENCE, NOW + 3600)
    assert claims["client_id"] == "browser"


READ_ONLY_SERVERS = {mode: configured(mode, LOG_LEVEL="ERROR") for mode in READ_ONLY}


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("path", ["/tokens", "/admin/tokens", "/v1/orders/tokens", "/prod/tokens"])
def test_it_answers_wherever_it_is_attached(kind: str, path: str) -> None:
    """Any path that ends in /tokens is this one, and no other is."""
    assert said(configured().send(tokens_event(kind, path=path)))
    for other in (f"{path}/", f"{path}x", path[:-1], "/"):
        said(configured().send(tokens_event(kind, path=other)), 404)


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "PATCH"])
def test_other_methods_are_refused(method: str) -> None:
    """A token is asked for by GET, or HEAD."""
    server = configured()
    response = server.send(tokens_event(method=method))
    assert said(response, 405)["error"] == "invalid_request"
    assert response["headers"]["Allow"] == "GET"
    assert said(server.send(tokens_event(method="HEAD")))


@pytest.mark.parametrize("event", [{}, {"version": "2.0"}, {"requestContext": []}, [], None, {"headers": 7}])
def test_what_is_no_event_gets_an_answer(event: Any) -> None:
    """Garbage is refused, and never raises."""
    assert VendingSimulator().send(event)["statusCode"] in (400, 404, 500)
