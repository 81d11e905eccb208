"""The page at the local issuer's root, in a browser, against the running local stack."""

import base64
import json
import re
import subprocess
import sys
from collections.abc import Iterator
from itertools import pairwise
from typing import Any

import httpx
import pytest
from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Page, Route, expect

from tests.browser import chromium

Stack = dict[str, Any]
PHONE, DESKTOP = (390, 844), (1280, 800)
CHECKS = ["signature", "typ", "iss", "aud", "exp"]
# What Chromium itself writes about each answer from 400 on: the page asks for them.
REFUSED_BY_INTENT = re.compile(r"Failed to load resource: the server responded with a status of 40[013] ")


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """Give a running browser."""
    with chromium() as running:
        yield running


@pytest.fixture
def context(browser: Browser) -> Iterator[BrowserContext]:
    """Give a browser's profile of its own."""
    profile = browser.new_context(viewport={"width": PHONE[0], "height": PHONE[1]})
    profile.set_default_timeout(20_000)
    profile.grant_permissions(["clipboard-read", "clipboard-write"])
    yield profile
    profile.close()


@pytest.fixture
def page(context: BrowserContext, local_stack: Stack) -> Iterator[Page]:
    """Give the loaded page. Fails where it wrote an error to the console, or raised one."""
    errors: list[str] = []

    def on_console(message: ConsoleMessage) -> None:
        if message.type in {"error", "warning"} and not REFUSED_BY_INTENT.match(message.text):
            errors.append(message.text)

    opened = context.new_page()
    opened.on("console", on_console)
    opened.on("pageerror", lambda error: errors.append(str(error)))
    opened.goto(f"{local_stack['issuer']}/")
    expect(opened.get_by_label("Client id")).to_have_value("demo")
    yield opened
    assert errors == []


def ask(page: Page) -> None:
    """Ask for a token, and wait until it is verified."""
    page.get_by_role("button", name="Ask for a token").click()
    expect(page.get_by_role("heading", name="Verified in this page")).to_be_visible()


def send(page: Page, call: str) -> str:
    """Send a call, and give what the page says about the answer, the status first."""
    page.locator(f"#call-{call}").get_by_role("button", name=re.compile("^Send")).click()
    because = page.locator(f"#call-{call} .because")
    because.wait_for()
    return because.inner_text()


def shown_checks(page: Page) -> dict[str, str]:
    """Give what is shown of each check: true, false or null, by name."""
    expect(page.locator("#checks li").first).to_be_visible()
    rows = page.locator("#checks li").all()
    return {str(row.get_attribute("data-check")): str(row.get_attribute("data-ok")) for row in rows}


def claims_of(token: str) -> dict[str, Any]:
    """Read the claims of a token."""
    part = token.split(".")[1]
    claims: dict[str, Any] = json.loads(base64.urlsafe_b64decode(part + "=" * (-len(part) % 4)))
    return claims


def resigned(token: str, **claims: Any) -> str:
    """Change claims of a token and leave its signature."""
    header, _, signature = token.split(".")
    payload = base64.urlsafe_b64encode(json.dumps(claims_of(token) | claims).encode()).decode().rstrip("=")
    return f"{header}.{payload}.{signature}"


def test_the_whole_story(page: Page, local_stack: Stack) -> None:
    """A developer asks for a token, reads it claim by claim, sees it verified, and calls the API with it."""
    ask(page)
    assert shown_checks(page) == dict.fromkeys(CHECKS, "true")
    claims = claims_of(page.locator("#token").inner_text())
    for name, value in claims.items():
        row = page.locator(f"[data-claim={name}]")
        expect(row).to_contain_text(str(value))
        assert len(row.locator(".meaning").inner_text()) > 10
    assert [page.locator(f"#token .part-{part}").count() for part in range(3)] == [1, 1, 1]
    expect(page.locator("[data-claim=exp] .away")).to_have_text(re.compile(r"in (59 min \d+ s|1 h)"))
    assert (
        send(page, "list")
        == "200 Allowed: the token is good, and its scope has products:read, which GET /products needs."
    )
    assert send(page, "add").startswith("201 Allowed")
    page.locator("#call-list summary").click()
    expect(page.locator("#call-list pre").first).to_contain_text(f"Host: {local_stack['api'].partition('//')[2]}")
    expect(page.locator("#call-list pre").last).to_contain_text('"Kettle"')


def test_the_request_for_the_token_is_shown(page: Page, local_stack: Stack) -> None:
    """Request and answer stand there as they are, but for the secret: dots in its place, wherever text is shown."""
    ask(page)
    request, answer = page.locator("#exchange pre").all_inner_texts()
    assert request.startswith("POST /oauth/token HTTP/1.1\nHost: ")
    assert "scope=products%3Aread+products%3Awrite" in request
    assert answer.startswith("HTTP/1.1 200 OK\n")
    assert json.loads(answer.partition("\n\n")[2])["token_type"] == "Bearer"
    assert local_stack["client_secret"] not in page.locator("body").inner_text()
    assert base64.b64encode(f"demo:{local_stack['client_secret']}".encode()).decode() not in page.content()


@pytest.mark.parametrize(
    ("call", "status", "words"),
    [
        ("none", "401", "there was no token. The challenge names the scopes"),
        ("tampered", "401", "because of the token: the issuer's key did not sign this"),
        ("expired", "401", "because of the token: it expired 1 h"),
        ("narrow", "403", "its scope is messages:write, and GET /products needs products:read"),
    ],
)
def test_a_refused_call_is_explained(page: Page, call: str, status: str, words: str) -> None:
    """Each call that the API refuses is explained in plain words, with the challenge that came."""
    said = send(page, call)
    assert said.startswith(f"{status} Refused")
    assert words in said
    expect(page.get_by_role("status")).to_contain_text(words)
    page.locator(f"#call-{call} summary").click()
    expect(page.locator(f"#call-{call} pre").last).to_contain_text('WWW-Authenticate: Bearer realm="api"')
    expect(page.locator(f"#call-{call} [class=claims]")).to_contain_text("products:read products:write")


def test_a_token_that_lacks_the_scope_asked_for_is_explained(page: Page) -> None:
    """The page's own token is held to the scopes that were chosen for it."""
    page.get_by_label("products:write").uncheck()
    ask(page)
    assert "its scope is products:read, and POST /products needs products:write" in send(page, "add")


def test_a_tampered_token_is_not_verified(page: Page) -> None:
    """A token that says more than was signed is shown as what it is, and yours comes back."""
    ask(page)
    page.get_by_role("button", name="Tamper with it").click()
    expect(page.get_by_role("heading", name="Not verified")).to_be_visible()
    assert shown_checks(page) == dict.fromkeys(CHECKS, "true") | {"signature": "false"}
    expect(page.locator("[data-claim=scope]")).to_contain_text("products:read products:write admin")
    page.get_by_role("button", name="Back to yours").click()
    expect(page.get_by_role("heading", name="Verified in this page")).to_be_visible()


@pytest.mark.parametrize(
    ("claim", "value", "words"),
    [
        ("iss", "https://issuer.example", "it names another issuer"),
        ("aud", "https://api.example", "it is for another API than this one"),
        ("exp", 1_700_000_000, "it expired"),
        ("exp", "tomorrow", "it does not say when it ends"),
    ],
)
def test_each_check_can_fail(page: Page, claim: str, value: object, words: str) -> None:
    """A changed claim fails its own check, and the signature's."""
    ask(page)
    token = resigned(page.locator("#token").inner_text(), **{claim: value})
    page.get_by_text("Paste or change a token").click()
    page.get_by_label("Token", exact=True).fill(token)
    expect(page.locator("#checks")).to_contain_text(words)
    assert shown_checks(page) == dict.fromkeys(CHECKS, "true") | {"signature": "false", claim: "false"}


def test_another_kind_of_jwt_is_not_verified(page: Page) -> None:
    """A JWT of another type, or signed in another way, fails these checks."""
    ask(page)
    _, payload, signature = page.locator("#token").inner_text().split(".")
    header = base64.urlsafe_b64encode(b'{"alg":"none","typ":"JWT"}').decode().rstrip("=")
    page.get_by_text("Paste or change a token").click()
    page.get_by_label("Token", exact=True).fill(f"{header}.{payload}.{signature}")
    expect(page.locator("#checks")).to_contain_text("it is not signed with RS256")
    assert shown_checks(page) == dict.fromkeys(CHECKS, "true") | {"signature": "false", "typ": "false"}


@pytest.mark.parametrize("text", ["not a token", "a.b.c", "....", "e30.W10.", "é.é.é"])
def test_what_is_no_token_is_called_that(page: Page, text: str) -> None:
    """Anything may be pasted: what is no JWT fails, and nothing breaks."""
    page.get_by_text("Paste or change a token").click()
    page.get_by_label("Token", exact=True).fill(text)
    expect(page.get_by_role("heading", name="Not verified")).to_be_visible()
    expect(page.locator("#claims-card")).to_contain_text("This cannot be read as a JWT.")


def test_a_claim_is_text_and_never_markup(page: Page) -> None:
    """Markup in a token is shown as the text that it is."""
    ask(page)
    markup = "<img src=x onerror=\"document.title='run'\">"
    token = resigned(page.locator("#token").inner_text(), sub=markup, **{markup: markup})
    page.get_by_text("Paste or change a token").click()
    page.get_by_label("Token", exact=True).fill(token)
    expect(page.locator("[data-claim=sub] .value")).to_have_text(markup)
    assert page.locator("main img").count() == 0
    assert page.title() == "Latchkey on this machine"


@pytest.mark.parametrize(
    ("field", "value", "status", "words"),
    [
        ("Client secret", "wrong", "401", "No client of this id has this secret."),
        ("Client id", "nobody", "401", "No client of this id has this secret."),
        ("Another scope", "admin", "400", "Nothing is narrowed silently."),
        ("Resource", "https://api.example", "400", "may not ask for tokens for this resource"),
    ],
)
def test_a_refused_token_request_is_explained(page: Page, field: str, value: str, status: str, words: str) -> None:
    """Each error of the token endpoint is explained, and calls say that there is no token."""
    page.get_by_label(field).fill(value)
    page.get_by_role("button", name="Ask for a token").click()
    expect(page.locator("#exchange .because")).to_contain_text(words)
    expect(page.locator("#exchange .badge")).to_have_text(status)
    page.get_by_role("button", name="Send: List the products").click()
    expect(page.locator("#call-list")).to_contain_text("Not sent: there is no token to call with.")


def test_a_token_that_expires_under_the_reader_is_no_longer_verified(page: Page) -> None:
    """The countdown runs, and what was verified is not any more once it ends."""
    page.clock.install()  # an hour is longer than a test
    ask(page)
    page.clock.fast_forward(3_590_000)
    expect(page.locator("[data-claim=exp] .away")).to_have_text(re.compile(r"in \d+ s"))
    page.clock.run_for(15_000)
    expect(page.get_by_role("heading", name="Not verified")).to_be_visible()
    assert shown_checks(page) == dict.fromkeys(CHECKS, "true") | {"exp": "false"}


def test_an_api_that_does_not_answer_is_said_to_be_so(context: BrowserContext, local_stack: Stack) -> None:
    """Where the API is down, the page says so, and blames no token."""
    page = context.new_page()

    def down(route: Route) -> None:
        route.abort("connectionrefused")  # the stack is shared by other tests, and stays up

    page.route("**/products", down)
    page.goto(f"{local_stack['issuer']}/")
    assert send(page, "list") == "no answer The API did not answer. Is the stack still running?"


def test_the_copied_commands_run_as_they_are(page: Page) -> None:
    """What the buttons copy is a curl command that a shell runs, with the same answer."""
    ask(page)
    for call, status in (("list", 200), ("add", 201), ("none", 401), ("expired", 401), ("narrow", 403)):
        send(page, call)
        page.locator(f"#call-{call}").get_by_role("button", name="Copy as curl").click()
        assert status_of_the_copied_command(page) == status
    page.locator("#exchange").get_by_role("button", name="Copy as curl").click()
    assert status_of_the_copied_command(page) == 200


def status_of_the_copied_command(page: Page) -> int:
    """Run what is in the clipboard; give the status that the server answered with."""
    expect(page.get_by_role("status")).to_have_text("Copied.")
    command = page.evaluate("() => navigator.clipboard.readText()")
    shell = ["/bin/sh", "-c", command.replace("curl -i", "curl -s -i", 1)]
    result = subprocess.run(shell, capture_output=True, text=True, check=True)  # noqa: S603 - the page's own command
    return int(result.stdout.split()[1])


def test_a_command_is_quoted_for_the_shell(page: Page) -> None:
    """A quote in what was typed stays inside the word that it is in."""
    page.get_by_label("Another scope").fill("it's $HOME `id`")
    page.get_by_role("button", name="Ask for a token").click()
    expect(page.locator("#exchange .badge")).to_have_text("400")
    page.locator("#exchange").get_by_role("button", name="Copy as curl").click()
    command = page.evaluate("() => navigator.clipboard.readText()")
    assert r"'scope=products:read products:write it'\''s $HOME `id`'" in command


def test_the_keyboard_is_enough(page: Page) -> None:
    """The whole story without a mouse: skip link, form, calls; what has focus can be seen."""
    page.keyboard.press("Tab")
    expect(page.get_by_role("link", name="Skip to the token form")).to_be_focused()
    page.keyboard.press("Enter")
    page.keyboard.press("Tab")
    expect(page.get_by_label("Client id")).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="Verified in this page")).to_be_visible()
    expect(page.get_by_role("status")).to_have_text("The token is verified: every check passed.")
    tab_to(page, "Send all six")
    page.keyboard.press("Enter")
    expect(page.locator(".outcome .badge")).to_have_text(["200", "201", "401", "401", "401", "403"])
    tab_to(page, "Read this token")
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="Read the token")).to_be_focused()


def tab_to(page: Page, name: str) -> None:
    """Press Tab until the element with this text has focus; fails where it never has, or where focus is not seen."""
    for _ in range(60):
        page.keyboard.press("Tab")
        focused = page.locator(":focus")
        assert focused.evaluate("each => getComputedStyle(each).outlineStyle") != "none"
        if focused.inner_text() == name:
            return
    pytest.fail(f"no Tab leads to {name}")


def test_every_control_has_a_name(page: Page) -> None:
    """A screen reader names every control, and every heading stands below one of the level above."""
    ask(page)
    page.get_by_role("button", name="Send all six").click()
    expect(page.locator(".outcome .badge")).to_have_count(6)
    for control in page.locator("button, input, textarea, summary").all():
        named = control.evaluate("each => each.ariaLabel || (each.labels?.[0] ?? each).textContent")
        assert named.strip(), control.evaluate("each => each.outerHTML")
    levels = [int(each.evaluate("each => each.tagName[1]")) for each in page.locator("h1, h2, h3, h4").all()]
    assert levels[0] == 1
    assert all(below - above <= 1 for above, below in pairwise(levels))


@pytest.mark.parametrize("size", [PHONE, DESKTOP, (320, 640)])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_nothing_is_wider_than_the_screen(
    browser: Browser, local_stack: Stack, size: tuple[int, int], scheme: Any
) -> None:
    """On a phone and on a desk, light and dark, nothing is scrolled sideways, and text can be told from paper."""
    viewport = {"width": size[0], "height": size[1]}
    with browser.new_context(viewport=viewport, color_scheme=scheme) as profile:  # type: ignore[arg-type] # a TypedDict
        page = profile.new_page()
        page.goto(f"{local_stack['issuer']}/")
        page.get_by_role("button", name="Send all six").click()
        expect(page.locator(".outcome .badge")).to_have_count(6)
        for summary in page.locator("summary").all():
            summary.click()
        assert page.evaluate("() => document.documentElement.scrollWidth") == size[0]
        assert page.evaluate(FAINT_TEXT) == []


# WCAG 2.2, 1.4.3: the contrast of each text with the first paper behind it, where it is below 4.5.
FAINT_TEXT = """() => {
  const rgba = (colour) => colour.match(/[\\d.]+/g).map(Number);
  const linear = (c) => (c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4);
  const light = (colour) => colour.slice(0, 3).map((c) => linear(c / 255))
    .reduce((sum, c, i) => sum + c * [0.2126, 0.7152, 0.0722][i], 0);
  const paper = (each) => {
    for (let at = each; at; at = at.parentElement) {
      const colour = rgba(getComputedStyle(at).backgroundColor);
      if (colour.length === 3 || colour[3] > 0) return colour;
    }
    throw new Error("no paper");
  };
  const texts = [...document.querySelectorAll("body *")].filter((each) => !["SCRIPT", "NOSCRIPT"].includes(each.tagName)
    && [...each.childNodes].some((node) => node.nodeType === 3 && node.data.trim()));
  return texts.flatMap((each) => {
    const [a, b] = [light(rgba(getComputedStyle(each).color)), light(paper(each))].sort((x, y) => y - x);
    const contrast = (a + 0.05) / (b + 0.05);
    return contrast < 4.5 ? [`${contrast.toFixed(2)} ${each.outerHTML.slice(0, 80)}`] : [];
  });
}"""


def test_the_banner_names_the_page_first() -> None:
    """What `make run` prints begins with where the page is."""
    command = [sys.executable, "-m", "latchkey", "local", "--issuer-port", "0", "--api-port", "0", "--aws-port", "0"]
    command += ["--web-port", "0"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as process:  # noqa: S603 - our own arguments
        assert process.stdout is not None
        lines = [process.stdout.readline() for _ in range(6)]
        process.terminate()
    page, sample, issuer = (re.split(r"  +", line.strip()) for line in lines[3:])
    assert (page, issuer[0]) == (["Open in a browser", f"{issuer[1]}/"], "Authorization server")
    assert sample[0] == "Page of the sample"


def test_the_page_runs_nothing_but_its_own_files(local_stack: Stack) -> None:
    """The page comes with a policy that lets it call the issuer and the API, and run nothing inline."""
    answer = httpx.get(f"{local_stack['issuer']}/")
    policy = answer.headers["content-security-policy"]
    assert policy.startswith("default-src 'none'; script-src 'self'; style-src 'self'")
    assert f"connect-src 'self' {local_stack['api']};" in policy
    assert not re.search(r"<script(?![^>]* src=)|<style|\sstyle=|\son\w+=", answer.text)


def test_the_secret_is_told_to_the_page_alone(local_stack: Stack) -> None:
    """config.json is kept nowhere, readable to no other origin, and another Host gets none of it (DNS rebinding)."""
    url = f"{local_stack['issuer']}/config.json"
    answer = httpx.get(url, headers={"Origin": "https://attacker.example"})
    assert answer.json()["client_secret"] == local_stack["client_secret"]
    assert answer.headers["cache-control"] == "no-store"
    assert answer.headers["cross-origin-resource-policy"] == "same-origin"
    assert not [name for name in answer.headers if name.startswith("access-control-")]
    rebound = httpx.get(url, headers={"Host": "attacker.example"})
    assert (rebound.status_code, rebound.content) == (307, b"")


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/.well-known/jwks.json", 200),
        ("POST", "/", 404),
        ("GET", "/absent", 404),
        ("POST", "/oauth/token", 400),
    ],
)
def test_all_else_is_the_gateways(local_stack: Stack, method: str, path: str, status: int) -> None:
    """The page takes nothing of the issuer, which answers as before, and without CORS at the token endpoint."""
    answer = httpx.request(method, f"{local_stack['issuer']}{path}", headers={"Origin": "https://web.example"})
    assert (answer.status_code, "x-amzn-requestid" in answer.headers) == (status, True)
    assert path != "/oauth/token" or "access-control-allow-origin" not in answer.headers
