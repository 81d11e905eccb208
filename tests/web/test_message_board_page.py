"""The page itself: what its policy lets it do, and that everybody can use it."""

import os
import re
from pathlib import Path
from typing import Any

import httpx
import pytest
from playwright.sync_api import Page, expect

from tests.web.conftest import Arrive
from tests.web.visitor import PASSWORD

WEB = Path(__file__).parents[2] / "resource_server" / "web"
AXE = Path(__file__).parent / "node_modules" / "axe-core" / "axe.min.js"
SCRIPTS = sorted(WEB.glob("*.js"))
# Where text could become markup or code (Trusted Types, "injection sinks"), and where anything could stay unasked.
SINKS = r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\b|new Function|srcdoc|setHTML|DOMParser|cookie"


def policy(text: str) -> dict[str, set[str]]:
    """Give a policy's directives."""
    return {name: set(sources) for name, *sources in (directive.split() for directive in text.split(";"))}


def test_the_policy_lets_the_page_run_its_own_files_and_call_its_servers(local_stack: dict[str, Any]) -> None:
    """Nothing inline, nothing evaluated, nothing framed, no form sent, and no server but the two in config.json."""
    answer = httpx.get(local_stack["web"])
    told = policy(answer.headers["Content-Security-Policy"])
    servers = {local_stack["issuer"], local_stack["api"]}
    assert {source.rstrip("/") for source in told.pop("connect-src")} == {"'self'", *servers}
    assert told == {
        "default-src": {"'none'"},
        "script-src": {"'self'"},
        "style-src": {"'self'"},
        "img-src": {"'self'"},
        "base-uri": {"'none'"},
        "form-action": {"'none'"},
        "frame-ancestors": {"'none'"},
        "require-trusted-types-for": {"'script'"},
        "trusted-types": {"'none'"},
    }
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert answer.headers["Referrer-Policy"] == "no-referrer"


def test_the_page_brings_the_same_policy_where_no_header_does(local_stack: dict[str, Any]) -> None:
    """What a page can say of itself it says: all but who may frame it, and which two servers there are."""
    (content,) = re.findall(r'http-equiv="Content-Security-Policy" content="([^"]+)"', (WEB / "index.html").read_text())
    own, told = policy(content), policy(httpx.get(local_stack["web"]).headers["Content-Security-Policy"])
    assert own.pop("connect-src") == {"'self'", "https:", "http://127.0.0.1:*", "http://localhost:*"}
    del told["connect-src"], told["frame-ancestors"]
    assert own == told


def test_nothing_is_inline_and_nothing_comes_from_elsewhere() -> None:
    """Scripts and styles are files of the page's own, without a build and without a package."""
    html = (WEB / "index.html").read_text()
    assert not re.search(r"<style|\sstyle=|\son[a-z]+=|javascript:", html)
    assert re.findall(r"<script[^>]*>(.*?)</script>", html, re.DOTALL) == [""]
    assert not re.search(r'(?:src|href)="(?:[a-z]+:|//)', html)
    assert not re.search(r"@import|url\(", (WEB / "style.css").read_text())
    for script in SCRIPTS:
        assert all(name.startswith("./") for name in re.findall(r'(?:from|import)\s*\(?"([^"]+)"', script.read_text()))


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda script: script.name)
def test_no_script_can_make_markup_or_code_of_text(script: Path) -> None:
    """None of the ways to do it is there; the policy would stop them as well."""
    assert re.findall(SINKS, script.read_text()) == []


def test_one_place_sends_and_one_attaches_the_token() -> None:
    """All of the page's requests but that for its configuration are sent by one function."""
    calls = [line for script in SCRIPTS for line in script.read_text().splitlines() if re.search(r"\bfetch\(", line)]
    assert len(calls) == 2
    assert sum(script.read_text().count("Authorization") for script in SCRIPTS) == 1


def test_the_policy_is_one_that_works(arrive: Arrive) -> None:
    """Markup made of text, a script from elsewhere and a call to a stranger are stopped: the browser says so."""
    visitor = arrive()
    stopped = visitor.page.evaluate(
        """async () => {
             const tried = [];
             try { document.body.innerHTML = "<b>x</b>"; } catch (error) { tried.push(error.name); }
             try { await fetch("http://127.0.0.2:9/"); } catch (error) { tried.push(error.name); }
             return [...tried, document.querySelectorAll("b").length];
           }"""
    )
    assert stopped == ["TypeError", "TypeError", 0]
    assert [fault for fault in visitor.faults if "Content Security Policy" in fault or "TrustedHTML" in fault]
    visitor.faults.clear()


def axe(page: Page) -> list[str]:
    """Give what axe-core finds, each with its rule and the element."""
    if not AXE.exists():
        assert os.environ.get("CI") != "true", "a CI job has axe-core: npm install --prefix tests/web"
        pytest.skip("needs axe-core: npm install --prefix tests/web")
    page.evaluate(AXE.read_text(encoding="utf-8"))
    tags = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
    found = page.evaluate("tags => axe.run({runOnly: tags})", tags)
    return [f"{each['id']}: {node['html']}" for each in found["violations"] for node in each["nodes"]]


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_every_state_of_the_page_is_accessible(arrive: Arrive, posting: Any, name: str, scheme: str) -> None:
    """Labels, roles, names, contrast and sizes, by the rules of axe-core for WCAG 2.2 AA."""
    posting("Tea at four?")
    visitor = arrive(color_scheme=scheme, reduced_motion="reduce")
    expect(visitor.messages.first).to_be_visible()
    assert axe(visitor.page) == []
    visitor.log_in(name)
    expect(visitor.alert).not_to_be_empty()
    assert axe(visitor.page) == []
    visitor.sign_up(name, "too short")
    assert axe(visitor.page) == []
    form = visitor.form("Create an account")
    form.get_by_label("Password", exact=True).fill(PASSWORD)
    form.get_by_role("button", name="Create the account").click()
    visitor.is_in(name)
    visitor.post("Gladly.")
    expect(visitor.text).to_have_value("")
    visitor.post("")
    assert axe(visitor.page) == []


def test_the_whole_story_by_keyboard_alone(arrive: Arrive, name: str) -> None:
    """Tab, Enter and letters: an account, a message and a log-out, with the focus always seen and never lost."""
    visitor = arrive()
    page, press = visitor.page, visitor.page.keyboard.press

    def focused() -> str:
        page.wait_for_timeout(50)
        is_seen = "el => getComputedStyle(el).outlineStyle !== 'none' || el.matches(':focus:not(:focus-visible)')"
        label = "el => el.ariaLabel || el.labels?.[0]?.textContent || el.textContent.trim().slice(0, 40)"
        on = page.evaluate_handle("document.activeElement")
        assert on.evaluate(is_seen)
        text: str = on.evaluate(label)
        return text

    def tab_to(label: str) -> None:
        for _ in range(12):
            press("Tab")
            if focused() == label:
                return
        pytest.fail(f"no way to {label}")

    expect(visitor.form("Log in")).to_be_visible()
    press("Tab")
    assert focused() == "Skip to the messages"
    tab_to("Create an account")
    press("Enter")
    assert focused() == "Name"
    page.keyboard.type(name)
    tab_to("Password")
    page.keyboard.type(PASSWORD)
    press("Enter")
    visitor.is_in(name)
    assert focused() == "Write a message"
    page.keyboard.type(f"By hand, {name}.")
    press("Control+Enter")
    expect(visitor.message(f"By hand, {name}.")).to_be_visible()
    page.keyboard.type("Second.")
    tab_to("Post")
    press("Enter")
    expect(visitor.message("Second.").first).to_be_visible()
    assert focused() == "Write a message"
    press("Shift+Tab")
    assert focused() == "Log out"
    press("Enter")
    visitor.is_out()
    expect(page.get_by_role("heading", name="Log in")).to_be_focused()


def test_a_password_manager_and_the_clipboard_are_welcome(arrive: Arrive) -> None:
    """Fields say what they hold (WCAG 2.2, 1.3.5), and a password can be pasted (3.3.8) and looked at."""
    visitor = arrive(permissions=["clipboard-read", "clipboard-write"])
    for title, purpose in (("Log in", "current-password"), ("Create an account", "new-password")):
        form = visitor.form(title)
        if title != "Log in":
            visitor.page.get_by_role("button", name=title).click()
        expect(form.get_by_label("Name")).to_have_attribute("autocomplete", "username")
        password = form.get_by_label("Password", exact=True)
        expect(password).to_have_attribute("autocomplete", purpose)
        visitor.page.evaluate("text => navigator.clipboard.writeText(text)", PASSWORD)
        password.focus()
        visitor.page.keyboard.press("Control+V")
        expect(password).to_have_value(PASSWORD)
        expect(password).to_have_attribute("type", "password")
        form.get_by_role("button", name="Show the password").click()
        expect(password).to_have_attribute("type", "text")
    expect(password).to_have_accessible_description(re.compile("At least 15 characters"))


@pytest.mark.parametrize("width", [320, 360, 390, 800, 1280])
def test_the_page_fits(arrive: Arrive, name: str, width: int) -> None:
    """Nothing is to be scrolled sideways (WCAG 2.2, 1.4.10), and what is to be touched is large enough (2.5.8)."""
    visitor = arrive(viewport={"width": width, "height": 700})
    page = visitor.page
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    visitor.page.get_by_role("button", name="Create an account").click()
    for control in page.get_by_role("button").or_(page.get_by_role("textbox")).all():
        box = control.bounding_box()
        assert box is not None
        assert min(box["width"], box["height"]) >= 24, name
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")


@pytest.mark.parametrize(("wish", "animation"), [("reduce", "none"), ("no-preference", "arrive")])
def test_nothing_moves_for_who_does_not_want_it(arrive: Arrive, posting: Any, wish: str, animation: str) -> None:
    """A message slides in, unless the reader has asked for less motion."""
    posting("Tea?")
    row = arrive(reduced_motion=wish).messages.first
    expect(row).to_be_visible()
    assert row.evaluate("element => getComputedStyle(element).animationName") == animation
