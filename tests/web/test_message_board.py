"""The message board as its people use it, in a real browser over the local stack."""

import re
from typing import Any

import httpx
import pytest
from playwright.sync_api import expect

from tests.web.conftest import Arrive
from tests.web.visitor import PASSWORD


def test_the_whole_story(arrive: Arrive, local_stack: dict[str, Any], name: str) -> None:
    """One signs up and posts, others see it appear without a word, one of them answers, and logging out ends it all."""
    guest, alice = arrive(), arrive()
    expect(guest.form("Log in")).to_be_visible()
    alice.sign_up(name)
    alice.is_in(name)
    expect(alice.text).to_be_focused()
    alice.post(f"Tea at four, says {name}?")
    own = alice.message(f"Tea at four, says {name}?")
    expect(own).to_contain_text("you")
    expect(alice.text).to_have_value("")
    expect(alice.text).to_be_focused()
    seen = guest.message(f"Tea at four, says {name}?")
    expect(seen).to_be_visible()
    expect(seen.locator(".author")).to_have_text(name)
    expect(seen.locator(".you")).to_be_hidden()
    guest.sign_up(f"{name}-2")
    guest.is_in(f"{name}-2")
    guest.post(f"Gladly, {name}.")
    expect(alice.message(f"Gladly, {name}.")).to_be_visible()
    expect(alice.messages.first).to_contain_text(f"Gladly, {name}.")
    expect(alice.messages.nth(1)).to_contain_text("Tea at four")

    url, headers = f"{local_stack['issuer']}/tokens", {"Authorization": f"Bearer {alice.token()}"}
    assert httpx.get(url, headers=headers).status_code == 200
    with alice.page.expect_response(f"{local_stack['issuer']}/logout") as answer:
        alice.log_out()
    assert answer.value.status == 200
    alice.is_out()
    expect(alice.page.get_by_role("heading", name="Log in")).to_be_focused()
    assert httpx.get(url, headers=headers).status_code == 401
    alice.log_in(name)
    alice.is_in(name)


@pytest.mark.parametrize(
    "markup",
    [
        "<script>alert(1)</script>",
        "<img src=x onerror=alert(1)>",
        "<a href='javascript:alert(1)'>here</a>",
        "</p></li><iframe src=/app.js></iframe>",
        "<svg><style><img src=/x onerror=alert(1)></style></svg>",
        "{{constructor.constructor('alert(1)')()}} ${alert(1)}",
    ],
)
def test_markup_in_a_message_stays_text(arrive: Arrive, posting: Any, markup: str) -> None:
    """It is shown to the letter: no dialog, no element, and no request that the page would not make without it."""
    posting(markup)
    guest = arrive()
    text = guest.messages.first.locator(".text")
    expect(text).to_have_text(markup)
    assert text.evaluate("element => element.childElementCount") == 0
    guest.page.wait_for_timeout(500)
    assert {re.sub(r".*/", "", request.url) for request in guest.requests} <= {
        *("", "app.js", "api.js", "session.js", "messages.js", "words.js", "style.css", "icon.svg", "config.json"),
        *("messages", "favicon.ico"),
    }


def test_an_author_is_text_too(arrive: Arrive, local_stack: dict[str, Any]) -> None:
    """A name out of a token is no more trusted than a message: a stand-in answers, as no token has such a name."""
    guest = arrive("about:blank")
    message = {"id": "f", "text": "Tea?", "author": "<img src=x onerror=alert(1)>", "created_at": "soon"}
    guest.page.route(f"{local_stack['api']}/messages", lambda route: route.fulfill(json={"messages": [message]}))
    guest.page.goto(local_stack["web"])
    expect(guest.messages.first.locator(".author")).to_have_text(message["author"])
    assert guest.page.locator("img").count() == 0


def test_a_message_of_any_length_fits_a_phone(arrive: Arrive, posting: Any) -> None:
    """Neither a word of 500 letters nor marks piled upon each other reach beyond their message (WCAG 2.2, 1.4.10)."""
    posting("m" * 500)
    posting("e" + "\u0301" * 300)
    guest = arrive(viewport={"width": 320, "height": 640})
    expect(guest.message("mmmm")).to_be_visible()
    assert guest.page.evaluate("document.documentElement.scrollWidth <= innerWidth")


def test_a_wrong_password_is_told_in_plain_words(arrive: Arrive, name: str) -> None:
    """The alert says what is wrong, the name stays, and the next attempt may succeed."""
    visitor = arrive()
    visitor.log_in(name)
    expect(visitor.alert).to_have_text("The name or the password is wrong.")
    expect(visitor.form("Log in").get_by_label("Name")).to_have_value(name)
    visitor.sign_up(name)
    visitor.is_in(name)
    expect(visitor.alert).to_be_empty()


def test_what_an_account_needs_is_told_where_it_is_missing(arrive: Arrive, name: str) -> None:
    """A short password, a taken name and one that cannot be: each error is at its field or in the alert."""
    visitor = arrive()
    form = visitor.form("Create an account")
    password, username = form.get_by_label("Password", exact=True), form.get_by_label("Name")
    visitor.sign_up("", PASSWORD)
    expect(username).to_have_accessible_description(re.compile(r"Choose a name\.$"))
    expect(username).to_be_focused()
    create = form.get_by_role("button", name="Create the account")
    username.fill(name)
    password.fill("14 characters!")
    create.click()
    expect(password).to_have_accessible_description(re.compile(r"needs at least 15 characters\.$"))
    expect(password).to_have_attribute("aria-invalid", "true")
    expect(password).to_be_focused()
    password.fill(name * 2)
    create.click()
    expect(visitor.alert).not_to_be_empty()  # the server's own rule: nothing of the name
    password.fill(PASSWORD)
    create.click()
    visitor.is_in(name)
    other = arrive()
    other.sign_up(name)
    expect(other.form("Create an account").get_by_label("Name")).to_have_accessible_description(
        re.compile("That name is taken")
    )


def test_a_message_that_cannot_be_is_refused_and_stays_in_its_box(arrive: Arrive, name: str) -> None:
    """Blank, too long, or refused by the API: told, and nothing that was written is lost."""
    visitor = arrive()
    visitor.sign_up(name)
    visitor.is_in(name)
    visitor.post("  ")
    expect(visitor.text).to_have_accessible_description(re.compile(r"Write something first\.$"))
    visitor.post("👩" * 502)
    expect(visitor.text).to_have_accessible_description(re.compile(r"2 characters too long\.$"))
    visitor.post("Tea \u202efor two")
    expect(visitor.alert).to_contain_text("bidirectional controls")
    expect(visitor.text).to_have_value("Tea \u202efor two")
    visitor.post("👩" * 500)
    expect(visitor.text).to_have_value("")


def test_the_latest_twenty_are_shown_and_no_more(arrive: Arrive, posting: Any) -> None:
    """What is no longer among them goes, and the order is that of the board."""
    for number in range(21):
        posting(f"Number {number:02}.")
    guest = arrive()
    expect(guest.messages).to_have_count(20)
    expect(guest.messages.first).to_contain_text("Number 20.")
    expect(guest.messages.last).to_contain_text("Number 01.")
    posting("Number 21.")
    expect(guest.messages.first).to_contain_text("Number 21.")
    expect(guest.messages).to_have_count(20)


def test_a_page_that_nobody_sees_asks_for_nothing(arrive: Arrive) -> None:
    """Hidden, it stops asking; seen again, it asks at once. A stand-in hides it: a browser without windows cannot."""
    guest = arrive()
    page = guest.page
    expect(page.locator("#messages[data-loaded]")).to_be_attached()
    page.evaluate(
        "() => { Object.defineProperty(document, 'hidden', { get: () => globalThis.isHidden }); isHidden = true; }"
    )
    page.evaluate("document.dispatchEvent(new Event('visibilitychange'))")
    asked = len(guest.requests)
    page.wait_for_timeout(6_000)
    assert len(guest.requests) == asked
    page.evaluate("isHidden = false; document.dispatchEvent(new Event('visibilitychange'))")
    page.wait_for_timeout(500)
    assert len(guest.requests) == asked + 1


def test_what_arrives_is_announced(arrive: Arrive, posting: Any) -> None:
    """A polite live region says who wrote what; what was there from the start is not read out."""
    guest = arrive()
    status = guest.page.get_by_role("status")
    expect(guest.page.locator("#messages[data-loaded]")).to_be_attached()
    expect(status).to_have_attribute("aria-live", "polite")
    expect(status).to_be_empty()
    posting("Is anybody there?")
    expect(status).to_have_text(re.compile(r"New message from .*: Is anybody there\?"))
