"""CORS: a page of a configured origin may read every answer, and no other page any."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from auth_server import cors
from auth_server.wire import Request
from tests.auth_server.vending.simulator import KINDS, ORIGIN, VendingSimulator, configured, said, tokens_event

ALLOWED = {
    "Vary": "Origin",
    "Access-Control-Allow-Origin": ORIGIN,
    "Access-Control-Expose-Headers": "Retry-After, WWW-Authenticate",
}
FROM_THE_PAGE = {"Origin": ORIGIN}


def cors_headers(response: dict[str, Any]) -> dict[str, str]:
    """Give what an answer says about who may read it."""
    return {
        name: value
        for name, value in response["headers"].items()
        if name == "Vary" or name.startswith("Access-Control-")
    }


def failing(name: str) -> VendingSimulator:
    """Give a function whose dependency does not answer."""
    server = configured()
    getattr(server, name).failing = True
    return server


def disabled() -> VendingSimulator:
    """Give a function whose client is disabled."""
    server = configured()
    server.change_client(enabled=False)
    return server


ANSWERS: list[tuple[int, Any, dict[str, Any]]] = [
    (200, configured, {}),
    (400, configured, {"body": "x" * 70_000}),
    (401, lambda: configured("authorizer"), {}),
    (401, lambda: configured("login"), {}),
    (403, disabled, {}),
    (404, configured, {"path": "/other"}),
    (405, configured, {"method": "POST"}),
    (500, lambda: configured(VENDING_CLIENT_ID="other"), {}),
    (503, lambda: failing("cache"), {}),
    (503, lambda: failing("keys"), {}),
]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(("status", "server", "changes"), ANSWERS)
def test_the_page_may_read_every_answer(kind: str, status: int, server: Any, changes: dict[str, Any]) -> None:
    """Good or bad, the answer says so: otherwise the page could only tell that something went wrong."""
    response = server().send(tokens_event(kind, headers=FROM_THE_PAGE, **changes))
    said(response, status)
    assert cors_headers(response) == ALLOWED
    assert "Access-Control-Allow-Credentials" not in response["headers"]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(("status", "server", "changes"), ANSWERS)
def test_no_other_page_may_read_any(kind: str, status: int, server: Any, changes: dict[str, Any]) -> None:
    """Another origin, or none, is told that the answer depends on it, and no more."""
    for headers in ({"Origin": "https://evil.example.com"}, {"Origin": "null"}, {"Origin": f"{ORIGIN}.evil"}, {}):
        response = server().send(tokens_event(kind, headers=headers, **changes))
        said(response, status)
        assert cors_headers(response) == {"Vary": "Origin"}


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("mode", ["open", "authorizer", "cognito", "login"])
@pytest.mark.parametrize("token", [{}, {"Authorization": "Bearer x"}])
def test_a_preflight_is_answered_with_and_without_a_token(kind: str, mode: str, token: dict[str, str]) -> None:
    """A browser asks before the page may send its token, and without it: 204 in any mode, and no token is vended."""
    server = configured(mode)
    asked = {**FROM_THE_PAGE, "Access-Control-Request-Method": "GET", **token}
    response = server.send(tokens_event(kind, method="OPTIONS", headers=asked))
    assert (response["statusCode"], response["body"]) == (204, "")
    assert cors_headers(response) == {
        **ALLOWED,
        "Access-Control-Allow-Methods": "GET",
        "Access-Control-Allow-Headers": "Authorization, Content-Type",
        "Access-Control-Max-Age": "600",
    }
    assert server.keys.signatures == 0


def test_a_preflight_needs_no_dependency() -> None:
    """Nothing is read for it, so nothing that fails fails it."""
    server = failing("clients")
    assert server.send(tokens_event(method="OPTIONS", headers=FROM_THE_PAGE))["statusCode"] == 204


def test_another_pages_preflight_allows_nothing() -> None:
    """Nor does one for a path where there is nothing."""
    response = configured().send(tokens_event(method="OPTIONS", headers={"Origin": "https://evil.example.com"}))
    assert (response["statusCode"], cors_headers(response)) == (204, {"Vary": "Origin"})
    said(configured().send(tokens_event(method="OPTIONS", path="/other", headers=FROM_THE_PAGE)), 404)


def test_without_origins_there_is_no_cors() -> None:
    """A deployment that names no origin says nothing, and knows no OPTIONS."""
    server = configured(CORS_ORIGINS="")
    assert cors_headers(server.send(tokens_event(headers=FROM_THE_PAGE))) == {}
    response = server.send(tokens_event(method="OPTIONS", headers=FROM_THE_PAGE))
    assert (response["statusCode"], response["headers"]["Allow"]) == (405, "GET")


def test_two_origins_are_none() -> None:
    """A browser sends one; which of two counts is nobody's guess."""
    request = Request("GET", "/tokens", {"origin": (ORIGIN, ORIGIN)})
    assert cors.headers(request, (ORIGIN,)) == {"Vary": "Origin"}


@given(st.text(max_size=60))
def test_an_origin_is_allowed_as_a_whole_or_not_at_all(origin: str) -> None:
    """Neither by a prefix nor by a suffix, and never what the configuration does not name."""
    headers = cors.headers(Request("GET", "/tokens", {"origin": (origin,)}), (ORIGIN,))
    assert ("Access-Control-Allow-Origin" in headers) == (origin == ORIGIN)
