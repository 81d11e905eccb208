"""What a person is told when something is not there, and that it passes."""

from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Route, expect

from tests.conftest import running_stack
from tests.web.conftest import Arrive

UNREACHABLE = "The messages cannot be loaded at the moment. The page goes on trying."
NO_CONNECTION = "There is no connection to the server. Check your network and try again."


def answering(body: str) -> Callable[[Route], None]:
    """Give what answers every request with a body."""
    return lambda route: route.fulfill(body=body)


def test_servers_that_go_away_and_come_back(arrive: Arrive, name: str) -> None:
    """Told once on the board and at each attempt to do something; when they are back, so are the messages.

    They come back without a memory, as another installation would: the session is over, and what was written is not.
    """
    with running_stack() as stack:
        visitor = arrive(stack["web"])
        visitor.sign_up(name)
        visitor.is_in(name)
        visitor.post("Before.")
        expect(visitor.message("Before.")).to_be_visible()
    trouble = visitor.page.locator("#trouble")
    expect(trouble).to_have_text(UNREACHABLE, timeout=15_000)
    expect(visitor.message("Before.")).to_be_visible()
    visitor.post("After.")
    expect(visitor.alert).to_have_text(NO_CONNECTION)
    expect(visitor.text).to_have_value("After.")
    with running_stack(*_ports(stack)):
        visitor.page.evaluate("dispatchEvent(new Event('online'))")
        expect(trouble).to_be_empty(timeout=70_000)
        expect(visitor.message("Before.")).to_have_count(0)
        expect(visitor.page.get_by_text("There is no message yet.")).to_be_visible()
        visitor.page.get_by_role("button", name="Post").click()
        expect(visitor.alert).to_contain_text("your session has ended")
        visitor.sign_up(name)
        visitor.is_in(name)
        visitor.page.get_by_role("button", name="Post").click()
        expect(visitor.message("After.")).to_be_visible()


def _ports(stack: dict[str, Any]) -> Iterator[str]:
    for option, key in (("issuer", "issuer"), ("api", "api"), ("aws", "aws_endpoint_url"), ("web", "web")):
        yield from (f"--{option}-port", str(urlsplit(stack[key]).port))


def test_a_page_without_a_configuration_says_so(arrive: Arrive, local_stack: dict[str, Any]) -> None:
    """Where config.json is gone or nonsense, there is a sentence instead of a form that does nothing."""
    for body in ("", "{}", '{"issuer": "here", "api": "there"}', "null"):
        visitor = arrive("about:blank")
        visitor.page.route("**/config.json", answering(body))
        visitor.page.goto(local_stack["web"])
        expect(visitor.alert).to_have_text("This page could not be set up. Reload it in a moment.")
        expect(visitor.page.get_by_role("form")).to_have_count(0)


@pytest.mark.parametrize("body", ["", "<html>", "null", "[]", '{"messages": 5}', '{"error": "server_error"}'])
def test_an_answer_that_is_none_is_trouble_and_no_fault_of_the_page(
    arrive: Arrive, local_stack: dict[str, Any], body: str
) -> None:
    """A proxy in between may answer anything: a stand-in does."""
    visitor = arrive("about:blank")
    visitor.page.route(f"{local_stack['api']}/messages", answering(body))
    visitor.page.goto(local_stack["web"])
    expect(visitor.page.locator("#trouble")).to_have_text(UNREACHABLE)


@pytest.mark.parametrize(
    ("error", "told"),
    [
        ({"status": 0}, NO_CONNECTION),
        ({"status": 409, "code": "username_taken"}, "That name is taken. Choose another."),
        ({"status": 401, "code": "invalid_credentials"}, "The name or the password is wrong."),
        ({"status": 429, "retryAfterSeconds": 1}, "That was too often. Try again in a second."),
        ({"status": 429, "retryAfterSeconds": 89}, "That was too often. Try again in 89 seconds."),
        ({"status": 429, "retryAfterSeconds": 600}, "That was too often. Try again in 10 minutes."),
        ({"status": 429, "retryAfterSeconds": None}, "That was too often. Try again in a moment."),
        ({"status": 403, "code": "insufficient_scope"}, "Your account may read messages and not write them."),
        ({"status": 403, "code": "access_denied"}, "That is not allowed here."),
        ({"status": 401, "code": "invalid_token"}, "The server does not know you any more. Log out, and log in again."),
        ({"status": 400, "code": "invalid_request", "description": "No.", "retryAfterSeconds": None}, "No."),
        ({"status": 503, "code": "temporarily_unavailable", "retryAfterSeconds": 2},
         "The server cannot answer at the moment. Try again in 2 seconds."),
        ({"status": 500, "code": "toString"}, "The server cannot answer at the moment. Try again in a moment."),
        ({"status": 418}, "That did not work. Reload the page and try again."),
        ({}, "That did not work. Reload the page and try again."),
    ],
)  # fmt: skip
def test_each_error_has_its_words(arrive: Arrive, error: dict[str, object], told: str) -> None:
    """No error reaches a person as a number or a code."""
    page = arrive().page
    assert page.evaluate("async error => (await import('./words.js')).words(error)", error) == told
