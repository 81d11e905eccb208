"""The token in a person's browser: where it lies, where it goes, when it is renewed, and how it ends."""

import json
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from playwright.sync_api import Route, expect

from infra.local import stack
from infra.local.stack import Addresses
from tests.web.conftest import Arrive
from tests.web.visitor import Visitor

BRIEF = {"VENDING_LIFETIME_SECONDS": "60", "SESSION_SECONDS": "60"}
KEPT = "() => JSON.stringify([{...localStorage}, {...sessionStorage}, document.cookie])"
ENDED = "You have been logged out, because your session has ended. Log in again to go on."
# The page renews four minutes before a token of an hour expires.
UNTIL_RENEWAL = "56:30"


@pytest.fixture
def brief_web() -> Iterator[str]:
    """Give the page of a stack whose tokens and sessions are over after a minute."""
    anywhere = Addresses(issuer_port=0, api_port=0, aws_port=0, web_port=0)
    with stack.running(anywhere, name="brief", settings=BRIEF) as running:
        yield running.web


def kept(visitor: Visitor) -> Any:
    """Give what the page has put into the browser's storage."""
    return json.loads(visitor.page.evaluate(KEPT))


def test_the_token_is_in_memory_alone_unless_asked(arrive: Arrive, name: str) -> None:
    """Neither storage nor a cookie holds anything, and after a reload nobody is logged in."""
    visitor = arrive()
    visitor.sign_up(name)
    visitor.is_in(name)
    assert kept(visitor) == [{}, {}, ""]
    visitor.page.reload()
    visitor.is_out()


def test_who_asks_for_it_stays_signed_in_until_log_out(arrive: Arrive, name: str) -> None:
    """The session is there after a reload and in another tab; logging out in one is logging out in both."""
    visitor = arrive()
    visitor.sign_up(name, keep=True)
    visitor.is_in(name)
    (local, session, cookie) = kept(visitor)
    assert (list(local), session, cookie) == (["latchkey.session"], {}, "")
    assert json.loads(local["latchkey.session"]).keys() == {"token", "exp", "username"}
    visitor.page.reload()
    visitor.is_in(name)
    tab = Visitor(visitor.context, visitor.context.new_page(), visitor.url)
    tab.page.goto(visitor.url)
    tab.is_in(name)
    visitor.log_out()
    visitor.is_out()
    tab.is_out()
    expect(tab.alert).to_have_text(ENDED)
    assert kept(visitor) == [{}, {}, ""]


@pytest.mark.parametrize(
    "stored",
    ["{", "null", "[]", '{"token": 1}', '{"token": "a", "username": "b", "exp": 1}', '{"token": "a", "exp": 9e9}'],
)
def test_a_stored_session_that_is_none_is_dropped(arrive: Arrive, stored: str) -> None:
    """Garbage, or a token whose time is over, is no session, and does not stay."""
    visitor = arrive()
    visitor.page.evaluate("stored => localStorage.setItem('latchkey.session', stored)", stored)
    visitor.page.reload()
    visitor.is_out()
    expect(visitor.page.locator("#messages[data-loaded]")).to_be_attached()
    assert kept(visitor) == [{}, {}, ""]


def test_the_token_goes_where_it_belongs_and_nowhere_else(
    arrive: Arrive, local_stack: dict[str, Any], name: str
) -> None:
    """Only posting, renewing and logging out carry it; the password is in bodies of two requests, and in no URL."""
    visitor = arrive()
    visitor.sign_up(name)
    visitor.is_in(name)
    visitor.post("Tea?")
    expect(visitor.text).to_have_value("")
    with visitor.page.expect_response(f"{local_stack['issuer']}/logout"):
        visitor.log_out()
    with_token = [f"{each.method} {each.url}" for each in visitor.requests if "authorization" in each.headers]
    assert with_token == [f"POST {local_stack['api']}/messages", f"POST {local_stack['issuer']}/logout"]
    assert {each.url for each in visitor.requests if "boots" in (each.post_data or "")} == {
        f"{local_stack['issuer']}/signup",
        f"{local_stack['issuer']}/login",
    }
    assert not [each.url for each in visitor.requests if "?" in each.url or "#" in each.url]
    sent = [each.headers for each in visitor.requests if not each.url.startswith(local_stack["web"])]
    assert not [headers for headers in sent if headers.get("cookie") or headers.get("referer")]


def test_the_token_is_renewed_before_it_expires(arrive: Arrive, local_stack: dict[str, Any], name: str) -> None:
    """Shortly before the hour is over the page asks for another, nobody having touched anything, and uses that."""
    visitor = arrive("about:blank")
    visitor.page.clock.install()
    visitor.page.goto(local_stack["web"])
    visitor.sign_up(name, keep=True)
    visitor.is_in(name)
    with visitor.page.expect_response(f"{local_stack['issuer']}/tokens") as renewal:
        visitor.page.clock.fast_forward(UNTIL_RENEWAL)
    assert renewal.value.status == 200
    renewed = renewal.value.json()["token"]
    stored = "() => JSON.parse(localStorage.getItem('latchkey.session')).token"
    visitor.page.wait_for_function(f"token => ({stored})() === token", arg=renewed)
    visitor.post("Still here.")
    expect(visitor.message("Still here.").first).to_be_visible()
    assert visitor.token() == renewed


def test_a_session_that_is_ended_elsewhere_says_so_and_loses_no_word(
    arrive: Arrive, local_stack: dict[str, Any], name: str
) -> None:
    """The token is revoked behind the page's back: at its renewal the person is told, and the draft is still there."""
    visitor = arrive("about:blank")
    visitor.page.clock.install()
    visitor.page.goto(local_stack["web"])
    with visitor.page.expect_response(f"{local_stack['issuer']}/login") as answer:
        visitor.sign_up(name)
    visitor.is_in(name)
    visitor.text.fill("Where was I?")
    headers = {"Authorization": f"Bearer {answer.value.json()['token']}"}
    assert httpx.post(f"{local_stack['issuer']}/logout", headers=headers).status_code == 200
    visitor.page.clock.fast_forward(UNTIL_RENEWAL)
    visitor.is_out()
    expect(visitor.alert).to_have_text(ENDED)
    expect(visitor.alert).to_be_focused()
    visitor.log_in(name)
    visitor.is_in(name)
    expect(visitor.alert).to_be_empty()
    expect(visitor.text).to_have_value("Where was I?")


def test_a_token_that_has_expired_in_the_middle_is_told(arrive: Arrive, brief_web: str, name: str) -> None:
    """A computer that slept past the end of the session: posting says that it is over, and keeps what was written.

    The server's tokens live for a minute here, and its sessions as long; nothing else of the stack is changed.
    """
    visitor = arrive(brief_web)
    visitor.sign_up(name)
    visitor.is_in(name)
    visitor.post("In time.")
    expect(visitor.text).to_have_value("")
    visitor.text.fill("Too late.")
    visitor.context.set_offline(offline=True)  # what sleep does: nothing is renewed in the meantime
    visitor.page.wait_for_timeout(61_000)
    visitor.context.set_offline(offline=False)
    visitor.page.get_by_role("button", name="Post").click()
    visitor.is_out()
    expect(visitor.alert).to_have_text(ENDED)
    visitor.log_in(name)
    visitor.is_in(name)
    expect(visitor.text).to_have_value("Too late.")
    visitor.page.get_by_role("button", name="Post").click()
    expect(visitor.message("Too late.")).to_be_visible()


@pytest.mark.parametrize("refusals", [1, 2])
def test_a_refused_token_is_renewed_once_and_the_message_sent_again(
    arrive: Arrive, local_stack: dict[str, Any], name: str, refusals: int
) -> None:
    """After one 401 of the API the message is posted all the same; after a second one the person is told.

    A stand-in refuses: the API of the local stack accepts what its issuer renews.
    """
    visitor = arrive()
    visitor.sign_up(name)
    visitor.is_in(name)
    refused: list[str] = []

    def refuse(route: Route) -> None:
        if route.request.method != "POST" or len(refused) == refusals:
            return route.continue_()
        refused.append(route.request.headers["authorization"])
        headers = {"Access-Control-Allow-Origin": "*"}
        return route.fulfill(status=401, headers=headers, json={"error": "invalid_token"})

    visitor.page.route(f"{local_stack['api']}/messages", refuse)
    with visitor.page.expect_response(f"{local_stack['issuer']}/tokens") as renewal:
        visitor.post(f"Once more, {name}.")
    assert renewal.value.status == 200
    if refusals == 1:
        expect(visitor.message(f"Once more, {name}.")).to_be_visible()
        expect(visitor.text).to_have_value("")
    else:
        expect(visitor.alert).to_contain_text("Log out, and log in again.")
        expect(visitor.text).to_have_value(f"Once more, {name}.")
    renewals = [each for each in visitor.requests if each.url.endswith("/tokens")]
    assert (len(refused), len(renewals)) == (refusals, 1)


def test_logging_out_without_a_connection_is_logging_out_here(arrive: Arrive, name: str) -> None:
    """The page forgets the token at once, and says until when it stays good."""
    visitor = arrive()
    visitor.sign_up(name, keep=True)
    visitor.is_in(name)
    visitor.context.set_offline(offline=True)
    visitor.log_out()
    visitor.is_out()
    expect(visitor.alert).to_contain_text("your token stays good until")
    assert kept(visitor) == [{}, {}, ""]
