"""The caller: what an event's authorizer says, and nothing where it says nothing."""

import json
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import resource_server.caller
from resource_server.caller import NOBODY, Caller, CallerRefusedError, caller_of

EVENTS = Path(__file__).parents[1] / "events"
EXP, IAT = 1_790_003_600, 1_790_000_000
CLAIMS = {
    "client_id": "shop",
    "sub": "shop",
    "jti": "pX3mC8dR5tK1",
    "iss": "https://auth.example.com",
    "aud": "https://api.example.com https://other.example.com",
    "scope": "products:read products:write",
    "iat": IAT,
    "exp": EXP,
}
CONTEXT = {**CLAIMS, "permissions": CLAIMS["scope"]}
AS_TEXT = {name: str(value) for name, value in CONTEXT.items()}
JWT = {
    **{name: str(value) for name, value in CLAIMS.items()},
    "aud": "[https://api.example.com https://other.example.com]",
}
SHOP = Caller(
    client_id="shop",
    permissions=frozenset({"products:read", "products:write"}),
    expires_at=EXP,
    sub="shop",
    jti="pX3mC8dR5tK1",
    audience=("https://api.example.com", "https://other.example.com"),
    issuer="https://auth.example.com",
    issued_at=IAT,
)

Event = dict[str, Any]


def rest(context: object) -> Event:
    """Give the event of a REST API, with what its authorizer left."""
    return {"httpMethod": "GET", "requestContext": {"authorizer": context}}


def http_1_0(context: object) -> Event:
    """Give the event of an HTTP API in payload format 1.0."""
    return {"version": "1.0", **rest(context)}


def http_2_0(context: object) -> Event:
    """Give the event of an HTTP API in payload format 2.0."""
    return {"version": "2.0", "requestContext": {"http": {"method": "GET"}, "authorizer": context}}


def web_socket(context: object) -> Event:
    """Give the event of a message on a WebSocket API."""
    return {"requestContext": {"routeKey": "send", "eventType": "MESSAGE", "authorizer": context}}


@pytest.mark.parametrize(
    "event",
    [
        pytest.param(rest({**AS_TEXT, "principalId": "shop", "integrationLatency": 31}), id="REST"),
        pytest.param(web_socket({**AS_TEXT, "principalId": "shop", "integrationLatency": 31}), id="WebSocket"),
        pytest.param(http_1_0({**CONTEXT, "principalId": "shop"}), id="HTTP 1.0"),
        pytest.param(http_1_0({"lambda": CONTEXT}), id="HTTP 1.0 nested"),
        pytest.param(http_2_0({"lambda": CONTEXT}), id="HTTP 2.0"),
        pytest.param(http_1_0({"claims": JWT, "scopes": None}), id="JWT 1.0"),
        pytest.param(http_2_0({"jwt": {"claims": JWT, "scopes": ["admin"]}}), id="JWT 2.0"),
    ],
)
def test_an_event_of_every_kind_names_the_same_caller(event: Event) -> None:
    """Strings or numbers, at whatever place: it is the same token, and so the same caller."""
    assert caller_of(event) == SHOP


@pytest.mark.parametrize("name", ["rest_list_products.json", "http_api_list_products.json"])
def test_a_recorded_event_names_its_caller(name: str) -> None:
    """The events that API Gateway sends are read as well."""
    caller = caller_of(json.loads((EVENTS / name).read_text(encoding="utf-8")))
    assert (caller.client_id, caller.sub, caller.jti) == ("demo", "demo", "pX3mC8dR5tK1")
    assert caller.may("products:read")
    assert caller.may("products:write")


@pytest.mark.parametrize("context", [None, {}, [], "products:read", 1, True])
@pytest.mark.parametrize("event_of", [rest, http_1_0, http_2_0, web_socket])
def test_no_context_is_nobody(event_of: Callable[[object], Event], context: object) -> None:
    """Without an authorizer's context there is no client and no permission."""
    assert caller_of(event_of(context)) == NOBODY


@pytest.mark.parametrize("event", [None, [], "", 1, {}, {"requestContext": None}, {"version": 2.0}])
def test_no_event_is_nobody(event: object) -> None:
    """What is no event of API Gateway names nobody."""
    assert caller_of(event) == NOBODY


@pytest.mark.parametrize(
    "event",
    [
        pytest.param(http_2_0(CONTEXT), id="flat in payload format 2.0"),
        pytest.param(rest({"jwt": {"claims": JWT}}), id="a JWT's place in payload format 1.0"),
        pytest.param(http_2_0({"jwt": {"claims": {}, "scopes": ["products:read"]}}), id="the JWT authorizer's scopes"),
        pytest.param(http_2_0({"lambda": {}, "jwt": {"claims": JWT}}), id="two authorizers"),
        pytest.param(http_2_0({"jwt": {"claims": {"permissions": "products:read"}}}), id="a claim of another name"),
        pytest.param({**rest(CONTEXT), "requestContext": [{"authorizer": CONTEXT}]}, id="another requestContext"),
        pytest.param({"headers": CONTEXT, "body": CONTEXT}, id="what the caller itself says"),
    ],
)
def test_another_place_permits_nothing(event: Event) -> None:
    """Only what the gateway puts where it belongs is read."""
    assert caller_of(event) == NOBODY


@pytest.mark.parametrize("permissions", [None, "", " ", 1, True, ["products:read"], {"products:read": True}])
def test_permissions_of_another_type_permit_nothing(permissions: object) -> None:
    """Only a string is a list of permissions."""
    caller = caller_of(rest({**AS_TEXT, "permissions": permissions}))
    assert (caller.client_id, caller.permissions) == ("shop", frozenset())


@pytest.mark.spec("RFC 6749", "3.3")
@pytest.mark.parametrize("separator", ["\t", "\n", ",", "\u00a0", "\u2028"])
def test_only_a_space_separates_permissions(separator: str) -> None:
    """No other character makes two scope tokens out of one."""
    permissions = f"a{separator}products:read"
    assert caller_of(rest({"permissions": permissions})).permissions == {permissions}


def test_the_principal_stands_in_for_a_missing_client_id() -> None:
    """A policy's principalId is the client's id."""
    assert caller_of(rest({"principalId": "shop", "permissions": ""})).client_id == "shop"
    assert caller_of(rest({"client_id": 7, "principalId": ""})).client_id is None


@pytest.mark.parametrize("exp", [None, "", "soon", "NaN", "inf", -1, [EXP], {}, 10**400])
def test_without_an_expiry_a_token_has_expired(exp: object) -> None:
    """An expiry that cannot be read is long past."""
    assert caller_of(rest({**AS_TEXT, "exp": exp})).has_expired(now=IAT)


def test_a_token_expires_with_the_authorizers_tolerance() -> None:
    """The API does not refuse what the authorizer would accept: 60 seconds past `exp`, and none more."""
    assert not SHOP.has_expired(now=EXP + 59.9)
    assert SHOP.has_expired(now=EXP + 60)


def test_a_scope_must_be_the_very_one() -> None:
    """A part of a scope, or one in other letters, permits nothing."""
    assert SHOP.may("products:read")
    assert not any(map(SHOP.may, ("products", "products:", "PRODUCTS:READ", "products:read products:write", "")))


def refused(caller: Caller, *scopes: str, now: float = IAT, **options: str) -> CallerRefusedError:
    """Give the refusal that there must be."""
    with pytest.raises(CallerRefusedError) as caught:
        caller.require(*scopes, now=now, **options)
    return caught.value


def test_a_good_token_with_the_scopes_is_let_through() -> None:
    """None, one or all of the token's scopes may be demanded."""
    for scopes in ((), ("products:read",), ("products:read", "products:write")):
        SHOP.require(*scopes, now=IAT)


@pytest.mark.spec("RFC 6750", "3.1")
def test_a_missing_scope_is_answered_with_what_is_needed() -> None:
    """403, and header and body name all the scopes that were demanded."""
    refusal = refused(SHOP, "products:read", "admin", resource_metadata="https://api.example.com/metadata")
    assert refusal.status == 403
    assert refusal.headers == {
        "WWW-Authenticate": 'Bearer realm="api", error="insufficient_scope", scope="products:read admin", '
        'resource_metadata="https://api.example.com/metadata"'
    }
    assert refusal.body == {
        "error": "insufficient_scope",
        "error_description": "The access token does not carry the scope products:read admin.",
        "scope": "products:read admin",
    }


@pytest.mark.spec("RFC 6750", "3.1")
@pytest.mark.parametrize("scopes", [(), ("products:read",), ("admin",)])
def test_an_expired_token_is_answered_with_401(scopes: tuple[str, ...]) -> None:
    """Whatever its scopes are: a new token is what helps."""
    refusal = refused(SHOP, *scopes, now=EXP + 60)
    assert (refusal.status, refusal.body["error"]) == (401, "invalid_token")
    assert refusal.headers == {"WWW-Authenticate": 'Bearer realm="api", error="invalid_token"'}


@pytest.mark.spec("RFC 6750", "3.1")
def test_nobody_is_asked_for_a_token() -> None:
    """Without a token there is no error code."""
    refusal = refused(NOBODY)
    assert (refusal.status, refusal.headers) == (401, {"WWW-Authenticate": 'Bearer realm="api"'})
    assert "error" not in refusal.body


def test_the_clock_is_this_machines() -> None:
    """Without a time of its own, a demand is held against the clock."""
    with pytest.raises(CallerRefusedError, match="expired"):
        caller_of(rest({**AS_TEXT, "exp": "1"})).require()
    caller_of(rest({**AS_TEXT, "exp": "4102444800"})).require()


def test_the_file_can_be_copied_alone(tmp_path: Path) -> None:
    """A Python without a single package besides its own imports the copy."""
    shutil.copy(resource_server.caller.__file__, tmp_path / "caller.py")
    program = (
        f"import sys; sys.path.insert(0, {str(tmp_path)!r}); import caller; assert not caller.caller_of({{}}).may('a')"
    )
    subprocess.run([sys.executable, "-I", "-S", "-c", program], check=True)  # noqa: S603 - our own program


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text() | st.sampled_from(sorted(CONTEXT)), inner),
    max_leaves=8,
)
PLACES = st.sampled_from([rest, http_1_0, http_2_0, web_socket])
NESTED = st.sampled_from([lambda it: it, lambda it: {"lambda": it}, lambda it: {"jwt": {"claims": it}}])


@given(PLACES, NESTED, JSON)
def test_no_context_is_too_odd(place: Callable[[object], Event], nested: Callable[[object], object], said: Any) -> None:
    """Whatever the context is, the permissions come out of its one string."""
    caller = caller_of(place(nested(said)))
    sources = [said[name] for name in ("permissions", "scope") if name in said] if isinstance(said, dict) else []
    assert all(any(isinstance(text, str) and one in text.split(" ") for text in sources) for one in caller.permissions)
    assert isinstance(caller.client_id, str | None)
