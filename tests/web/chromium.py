"""The browser of the tests: a Chromium that is installed already, driven by Playwright.

Debian's and Ubuntu's package is `chromium`; `CHROMIUM` names another executable.
"""

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from playwright.sync_api import Browser, sync_playwright

NAMES = ("chromium", "chromium-browser", "google-chrome")


def is_ci() -> bool:
    """Whether this run may leave nothing out."""
    return os.environ.get("CI", "").lower() == "true"


def skip_or_fail(reason: str) -> None:
    """Skip a test with a reason, and fail it in CI, where everything is there."""
    if is_ci():
        pytest.fail(reason)
    pytest.skip(reason)


@contextmanager
def running() -> Iterator[Browser]:
    """Give a browser without a window; skips the test where there is none."""
    executable = os.environ.get("CHROMIUM") or next(filter(None, map(shutil.which, NAMES)), None)
    if executable is None:
        skip_or_fail("needs a Chromium, for example apt-get install chromium")
    with sync_playwright() as playwright:
        # Chromium's own sandbox does not start as root, nor in most containers; it opens no pages here but ours.
        yield playwright.chromium.launch(executable_path=executable, args=["--no-sandbox"])
