"""A browser for each module, and visitors, who are held to an errorless visit when it is over."""

import uuid
from collections.abc import Callable, Iterator
from typing import Any

import httpx
import pytest
from playwright.sync_api import Browser, expect

from tests.browser import chromium
from tests.web.visitor import Visitor

Arrive = Callable[..., Visitor]

# A busy machine takes its time, and the page asks for messages every four seconds.
expect.set_options(timeout=15_000)


# For each module: while Playwright runs, no other test of this process can run an event loop of its own.
@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """Give a browser; skips where there is none."""
    with chromium() as running:
        yield running


@pytest.fixture
def arrive(browser: Browser, local_stack: dict[str, Any]) -> Iterator[Arrive]:
    """Give what lets a visitor arrive at the page of the local stack; none may meet a fault of the page."""
    visitors: list[Visitor] = []

    def arrive(url: str = local_stack["web"], **options: Any) -> Visitor:
        visitors.append(Visitor.arriving(browser, url, **options))
        return visitors[-1]

    yield arrive
    for visitor in visitors:
        visitor.context.close()
    assert [fault for visitor in visitors for fault in visitor.faults] == []


@pytest.fixture
def name() -> str:
    """Give the name of a person whom no other test knows."""
    return f"p-{uuid.uuid4().hex[:12]}"


@pytest.fixture(scope="module")
def posting(local_stack: dict[str, Any]) -> Callable[[str], dict[str, Any]]:
    """Give what posts a message as the demo client does, by the API alone."""
    form = {"grant_type": "client_credentials", "scope": "messages:write"}
    basic = (local_stack["client_id"], local_stack["client_secret"])
    token = httpx.post(f"{local_stack['issuer']}/oauth/token", data=form, auth=basic).json()["access_token"]
    headers = {"Authorization": f"Bearer {token}"}

    def post(text: str) -> dict[str, Any]:
        answer = httpx.post(f"{local_stack['api']}/messages", json={"text": text}, headers=headers)
        assert answer.status_code == 201, answer.text
        document: dict[str, Any] = answer.json()
        return document

    return post
