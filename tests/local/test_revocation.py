"""Revocation, from the revoking client to the gateway, over real HTTP and with short times."""

import time
from collections.abc import Callable, Iterator

import httpx
import pytest

from infra.local.stack import Addresses, LocalStack, running

# Seconds: how long the server keeps its feed, how long the authorizer goes by it, how long the gateway keeps a result.
FEED, POLL, CACHE = 1, 1, 1
SLACK = 5  # for a busy machine


@pytest.fixture(scope="module")
def stack() -> Iterator[LocalStack]:
    """Give a stack with short times."""
    settings = {"REVOCATION_FEED_SECONDS": str(FEED), "REVOCATIONS_POLL_SECONDS": str(POLL)}
    parameters = {"AuthorizerCacheSeconds": str(CACHE)}
    addresses = Addresses(issuer_port=0, api_port=0, aws_port=0, web_port=0)
    with running(addresses, name="revocation", parameters=parameters, settings=settings) as started:
        yield started


def token(stack: LocalStack) -> str:
    """Ask for a token."""
    form = {"grant_type": "client_credentials"}
    answer = httpx.post(f"{stack.issuer}/oauth/token", data=form, auth=("demo", stack.client_secret))
    return str(answer.json()["access_token"])


def products(stack: LocalStack, bearer: str) -> httpx.Response:
    """Ask for the products."""
    return httpx.get(f"{stack.api}/products", headers={"Authorization": f"Bearer {bearer}"})


def seconds_until(happened: Callable[[], bool]) -> float:
    """Tell how long something takes to happen."""
    begun = time.monotonic()
    while not happened():
        assert time.monotonic() - begun < FEED + POLL + CACHE + SLACK
        time.sleep(0.05)
    return time.monotonic() - begun


@pytest.mark.spec("RFC 7009", "2.2")
def test_a_revoked_token_stops_working_and_others_do_not(stack: LocalStack) -> None:
    """A client revokes its token: the API answers 401 to it after the three times at most, and 200 to the next one."""
    revoked, other = token(stack), token(stack)
    assert [products(stack, each).status_code for each in (revoked, other)] == [200, 200]
    auth = ("demo", stack.client_secret)
    assert httpx.post(f"{stack.issuer}/oauth/revoke", data={"token": revoked}, auth=auth).status_code == 200
    seconds_until(lambda: products(stack, revoked).status_code == 401)
    answer = products(stack, revoked)
    assert answer.headers["WWW-Authenticate"].startswith("Bearer ")
    assert products(stack, other).status_code == 200
    assert products(stack, token(stack)).status_code == 200
