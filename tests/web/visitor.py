"""Somebody at the page, in a browser context of their own: what they do, and what their browser had to say."""

from dataclasses import dataclass, field
from typing import Any

from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Dialog, Locator, Page, Request, expect

PASSWORD = "four wet boots by the door"
# What a browser writes to its console where a request was refused or found nobody: those are answers, and no faults.
OF_THE_NETWORK = "Failed to load resource"


@dataclass
class Visitor:
    """A visitor of the page at `url`; whatever the page does wrong on the way is collected."""

    context: BrowserContext
    page: Page
    url: str
    faults: list[str] = field(default_factory=list)
    requests: list[Request] = field(default_factory=list)

    @classmethod
    def arriving(cls, browser: Browser, url: str, **options: Any) -> "Visitor":
        """Open the page in a context of its own; `options` are the context's."""
        context = browser.new_context(**options)
        visitor = cls(context, context.new_page(), url)
        visitor.watch(visitor.page)
        visitor.page.goto(url)
        return visitor

    def watch(self, page: Page) -> None:
        """Collect a page's requests and faults: errors, dialogs, and violations of its policy."""
        page.on("request", self._sent)
        page.on("pageerror", lambda error: self.faults.append(f"exception: {error}"))
        page.on("dialog", self._asked)
        page.on("console", self._heard)

    def _sent(self, request: Request) -> None:
        self.requests.append(request)

    def _asked(self, dialog: Dialog) -> None:
        self.faults.append(f"dialog: {dialog.message}")
        dialog.dismiss()

    def _heard(self, message: ConsoleMessage) -> None:
        if message.type in {"error", "warning"} and not message.text.startswith(OF_THE_NETWORK):
            self.faults.append(f"console: {message.text}")

    # Parts of the page, found as a person finds them.

    @property
    def alert(self) -> Locator:
        """What went wrong, said at the top."""
        return self.page.locator("#alert")

    @property
    def messages(self) -> Locator:
        """The messages, newest first."""
        return self.page.get_by_role("list", name="Latest messages").get_by_role("listitem")

    @property
    def text(self) -> Locator:
        """Where a message is written."""
        return self.page.get_by_role("textbox", name="Write a message")

    def message(self, text: str) -> Locator:
        """Give the message with a text in it."""
        return self.messages.filter(has_text=text)

    def form(self, name: str) -> Locator:
        """Give a form by its title."""
        return self.page.get_by_role("form", name=name, exact=True)

    # What they do.

    def sign_up(self, name: str, password: str = PASSWORD, *, keep: bool = False) -> None:
        """Make an account, which logs in as well."""
        self.page.get_by_role("button", name="Create an account").click()
        self._fill(self.form("Create an account"), name, password, keep=keep)
        self.form("Create an account").get_by_role("button", name="Create the account").click()

    def log_in(self, name: str, password: str = PASSWORD, *, keep: bool = False) -> None:
        """Log in."""
        self._fill(self.form("Log in"), name, password, keep=keep)
        self.form("Log in").get_by_role("button", name="Log in").click()

    def _fill(self, form: Locator, name: str, password: str, *, keep: bool) -> None:
        form.get_by_label("Name").fill(name)
        form.get_by_label("Password", exact=True).fill(password)
        form.get_by_label("Keep me signed in").set_checked(keep)

    def post(self, text: str) -> None:
        """Post a message."""
        self.text.fill(text)
        self.page.get_by_role("button", name="Post").click()

    def log_out(self) -> None:
        """Log out."""
        self.page.get_by_role("button", name="Log out").click()

    def is_in(self, name: str) -> None:
        """Wait until the page says that they are logged in."""
        expect(self.page.get_by_text("Logged in as").locator("strong")).to_have_text(name)

    def is_out(self) -> None:
        """Wait until the page offers to log in."""
        expect(self.form("Log in")).to_be_visible()

    def token(self) -> str:
        """Give the token that the page sent last."""
        sent = [request.headers["authorization"] for request in self.requests if "authorization" in request.headers]
        return sent[-1].removeprefix("Bearer ")
